"""A ledger of years: 100,000 cases with all that belongs to them, written straight into either database.

The rows are what the stream would have left: texts and decisions of the labelled reports, chains that verify, clocks
that fit the states, words that a search finds. Nothing is played, so that it takes minutes.
"""

import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final

import psycopg
from sqlalchemy import create_engine

from app.access.people import create_user, open_session
from app.audit import append
from app.batch import prepare_insert
from app.bigrams import to_words
from app.classify import ReportText, Thresholds, classify
from app.database import Database
from app.directory.city import City
from app.intake.accept import Submission, summarize
from app.models import (
    Act,
    ActKind,
    AdminAct,
    AdminActKind,
    AgendaItem,
    AgendaOutcome,
    Assignment,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Attempt,
    Base,
    Case,
    CaseOutcome,
    CaseStatus,
    Channel,
    Consultation,
    ConsultationStatus,
    Deadline,
    DeadlineKind,
    Delivery,
    DeliveryStatus,
    Endpoint,
    Event,
    Invitation,
    Party,
    Reply,
    ReplyKind,
    Report,
    ReportWords,
    Role,
    Ruling,
    VerificationStatus,
    new_id,
)
from tests.bench.clusters import CORPUS

EVENTS_EACH: Final = 10
CHUNK: Final = 2_000
# How the years end: nine of ten cases are struck off.
STATES: Final = (
    (CaseStatus.CLOSED, None, 900), (CaseStatus.TRIAGE, Party.OFFICE, 15),
    (CaseStatus.DISPATCHED, Party.DEPARTMENT, 20),
    (CaseStatus.IN_PROGRESS, Party.DEPARTMENT, 30), (CaseStatus.AWAITING_PROVINCE, Party.DEPARTMENT, 5),
    (CaseStatus.IN_REVIEW, Party.OFFICE, 10), (CaseStatus.VERIFYING, Party.POINT, 12),
    (CaseStatus.UNRESOLVED, Party.OFFICE, 3), (CaseStatus.CONSULTING, Party.OFFICE, 5),
)  # fmt: skip
KIND: Final = {
    CaseStatus.TRIAGE: DeadlineKind.TRIAGE, CaseStatus.DISPATCHED: DeadlineKind.ACCEPTANCE,
    CaseStatus.IN_REVIEW: DeadlineKind.REVIEW, CaseStatus.VERIFYING: DeadlineKind.VERIFICATION,
    CaseStatus.UNRESOLVED: DeadlineKind.REVISIT, CaseStatus.CONSULTING: DeadlineKind.CONSULTATION,
}  # fmt: skip
FIRST: Final = ("case.opened", "case.classified", "assignment.created", "assignment.accepted", "assignment.reminded")
LATER: Final = ("assignment.progress", "assignment.overdue", "assignment.responded", "assignment.approved")
NOTICES: Final = ("湘政办发〔{year}〕{n}号", "长减负办〔{year}〕{n}号", "芙民发〔{year}〕{n}号")


@dataclass(slots=True)
class Sample:
    """A labelled report with the machine's decision on it."""

    text: str
    decision: dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """What makes the rows: the city, its labelled reports, dice that fall alike each time."""

    city: City
    now: datetime
    cases: int
    samples: list[Sample]
    addresses: dict[str, str] = field(default_factory=dict)
    dice: random.Random = field(default_factory=partial(random.Random, 7))
    deliveries: int = 0
    departments: list[str] = field(init=False)
    points: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.departments, self.points = sorted(self.city.departments), sorted(self.city.points)

    def chunks(self) -> Iterator[dict[type[Base], list[Base]]]:
        """The rows of some cases at a time, by table, oldest first."""
        yield {Endpoint: self._endpoints()}
        for start in range(0, self.cases, CHUNK):
            rows: dict[type[Base], list[Base]] = {}
            for number in range(start, min(start + CHUNK, self.cases)):
                for row in self._case(number):
                    rows.setdefault(type(row), []).append(row)
            yield rows
        yield {AdminAct: [self._admin_act(n) for n in range(self.cases // 10)]}

    def _endpoints(self) -> list[Base]:
        rows: list[Base] = []
        for code in self.departments:
            endpoint = Endpoint(
                id=new_id(), department_code=code, channel=Channel.WEBHOOK, url=f"https://{code.lower()}.example/in",
                secret=b"x", created_at=self.now, confirmed_at=self.now,
            )  # fmt: skip
            self.addresses[code] = endpoint.id
            rows.append(endpoint)
        return rows

    def _case(self, number: int) -> Iterator[Base]:
        dice, sample = self.dice, self.dice.choice(self.samples)
        opened = self.now - timedelta(days=900) * (1 - number / self.cases) - timedelta(hours=2)
        [(status, owner, _)] = dice.choices(STATES, [weight for *_, weight in STATES])
        notice = dice.choice(NOTICES).format(year=opened.year, n=dice.randint(1, 200))
        submission = Submission(text=f"{sample.text}依据{notice}，第{number}次。" if number % 4 == 0 else sample.text)
        codes = [r["code"] for r in sample.decision["receivers"]] or [dice.choice(self.departments)]
        closed = opened + timedelta(days=dice.randint(2, 30)) if status is CaseStatus.CLOSED else None
        points = [dice.choice(self.points) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
        case = Case(
            id=new_id(), number=f"YL-{opened.year}-{number:06d}", summary=summarize(submission), status=status,
            outcome=CaseOutcome.RELIEVED if closed else None, owner=owner,
            owner_department=codes[0] if owner is Party.DEPARTMENT else None,
            due_at=None if closed else self.now + timedelta(days=dice.randint(-3, 20)),
            category=sample.decision["category"], route=sample.decision["route"],
            sources=[s["code"] for s in sample.decision["sources"]],
            burden_types=[b["code"] for b in sample.decision["burden_types"]],
            districts=sorted({self.city.points[p].district for p in points}), fingerprint=f"{number:064x}",
            opened_at=opened, closed_at=closed, last_seq=0, last_hash="", relapses=int(dice.random() < 0.02),
        )  # fmt: skip
        yield from self._reports(case, number, points, submission, sample)
        if status is not CaseStatus.TRIAGE:
            yield from self._duties(case, codes)
        yield from self._clocks(case)
        if number % 50 == 0 or status is CaseStatus.CONSULTING:
            yield from self._session(case, number, codes)
        yield from self._events(case, codes[0])
        yield case

    def _reports(
        self, case: Case, number: int, points: list[str], submission: Submission, sample: Sample
    ) -> Iterator[Base]:
        for place, point in enumerate(points):
            serial = number * 4 + place
            report = Report(
                id=new_id(), number=f"BG-{case.opened_at.year}-{serial:06d}", case_id=case.id,
                observation_point_code=point, title=None, text=submission.text if place == 0 else sample.text,
                decision=sample.decision, declared_departments=[], verification=VerificationStatus.NOT_ASKED,
                received_at=case.opened_at, hours_per_month=self.dice.choice((None, None, 2.0, 7.5)),
            )  # fmt: skip
            yield report
            # As `accept.to_be_found` has it; texts that occur again are not cut again.
            numbers = to_words([report.number, report.number[-6:]])
            yield ReportWords(
                id=serial + 1, report_id=report.id, case_id=case.id, words=f"{numbers} {words_of(report.text)}"
            )
            kind = ReplyKind.FINAL if case.closed_at else ReplyKind.INTERIM
            sent = case.closed_at or case.opened_at
            yield Reply(
                id=new_id(), report_id=report.id, case_id=case.id, kind=kind, text="已取消重复填报。", sent_at=sent
            )

    def _duties(self, case: Case, codes: list[str]) -> Iterator[Base]:
        ended = case.closed_at is not None
        yield Ruling(
            id=new_id(), case_id=case.id, ruled_by="user:x", category=case.category,
            receivers=[{"code": codes[0], "role": "lead"}], reason="按职责分工。", overrules=False,
            ruled_at=case.opened_at,
        )  # fmt: skip
        for place, code in enumerate(codes[:2]):
            duty = Assignment(
                id=new_id(), case_id=case.id, department_code=code, kind=AssignmentKind.ASSIGNMENT,
                role=AssignmentRole.SUPPORTING if place else AssignmentRole.LEAD,
                status=AssignmentStatus.CLOSED if ended else AssignmentStatus.ACCEPTED, on_behalf_of=[],
                obligation="核实并取消重复填报。", due_at=case.opened_at + timedelta(days=20),
                dispatched_at=case.opened_at, version=2,
            )  # fmt: skip
            yield duty
            for kind in (ActKind.ACCEPTANCE, ActKind.FEEDBACK):
                content = {"measures": "已取消。"} if kind is ActKind.FEEDBACK else {}
                yield Act(id=new_id(), assignment_id=duty.id, kind=kind, content=content, done_at=case.opened_at)

    def _clocks(self, case: Case) -> Iterator[Base]:
        kinds = [DeadlineKind.TRIAGE, DeadlineKind.FEEDBACK]
        if not case.closed_at:
            kinds.append(KIND.get(case.status, DeadlineKind.FEEDBACK))
        for place, kind in enumerate(kinds):
            running = place == len(kinds) - 1 and case.closed_at is None
            due = case.due_at if running and case.due_at else case.opened_at + timedelta(days=10)
            yield Deadline(
                id=new_id(), case_id=case.id, kind=kind, party=case.owner or Party.OFFICE,
                department_code=case.owner_department, started_at=case.opened_at, due_at=due, working_days=10,
                basis="默认", calendar_version="2026", provisional=running and self.dice.random() < 0.1,
                level=3 if running and self.dice.random() < 0.01 else 0,
                look_at=None, ended_at=None if running else case.opened_at + timedelta(days=5),
                met=None if running else True,
            )  # fmt: skip

    def _session(self, case: Case, number: int, codes: list[str]) -> Iterator[Base]:
        waits = case.status is CaseStatus.CONSULTING
        held = Consultation(
            id=new_id(), number=f"HS-{case.opened_at.year}-{number:06d}", convener="user:x", convened_at=case.opened_at,
            status=ConsultationStatus.CONVENED if waits else ConsultationStatus.CONCLUDED,
            due_at=case.due_at or case.opened_at, concluded_at=None if waits else case.closed_at, version=1,
        )  # fmt: skip
        yield held
        outcome = None if waits else AgendaOutcome.CONCLUDED
        yield AgendaItem(consultation_id=held.id, case_id=case.id, outcome=outcome)
        for code in dict.fromkeys([*codes, "FR-MZ", "FR-WJ"]):
            yield Invitation(id=new_id(), consultation_id=held.id, department_code=code, invited_at=case.opened_at)

    def _events(self, case: Case, code: str) -> Iterator[Base]:
        for place in range(EVENTS_EACH):
            kind = FIRST[place] if place < len(FIRST) else LATER[place % len(LATER)]
            told = place in {2, 4, 7}
            moment = case.opened_at + timedelta(hours=place)
            event = append(
                case, kind, actor="user:x", now=moment, facts={"department": code},
                department_code=code if told else None,
                message={"case": case.number, "summary": case.summary} if told else None,
            )  # fmt: skip
            yield event
            if told:
                yield from self._delivery(event, self.addresses[code])

    def _delivery(self, event: Event, endpoint_id: str) -> Iterator[Base]:
        self.deliveries += 1
        dead = self.dice.random() < 0.0005
        yield Delivery(
            id=self.deliveries, event_id=event.id, endpoint_id=endpoint_id, case_id=event.case_id, seq=event.seq,
            status=DeliveryStatus.DEAD if dead else DeliveryStatus.DELIVERED, attempts=1, created_at=event.happened_at,
            finished_at=event.happened_at,
        )  # fmt: skip
        yield Attempt(
            delivery_id=self.deliveries, number=1, started_at=event.happened_at, milliseconds=80,
            http_status=500 if dead else 204,
        )  # fmt: skip

    def _admin_act(self, number: int) -> Base:
        moment, kinds = self.now - timedelta(minutes=number), tuple(AdminActKind)
        return AdminAct(
            id=new_id(), happened_at=moment, actor="operator", kind=kinds[number % len(kinds)], subject="user:x",
            facts={"role": "clerk"},
        )  # fmt: skip


@lru_cache(maxsize=10_000)
def words_of(text: str) -> str:
    return to_words([text])


def read_samples(city: City) -> list[Sample]:
    """Every labelled report with the machine's decision on it."""
    samples = []
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            asked = ReportText(text=row["text"], district=row["district"], unit=row["unit"])
            samples.append(Sample(row["text"], classify(asked, city.knowledge, Thresholds()).to_dict()))
    return samples


def fill(url: str, ledger: Ledger) -> None:
    """Write all of it, and let the database look at what it has got."""
    engine = create_engine(Database(url).url.set(drivername=_driver_of(url)))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        write = _write_sqlite if isinstance(driver, sqlite3.Connection) else _copy_postgresql
        for rows in ledger.chunks():
            write(driver, rows, engine.dialect)
            driver.commit()
        _settle(driver)
    engine.dispose()


def _driver_of(url: str) -> str:
    return "sqlite+pysqlite" if url.startswith("sqlite") else "postgresql+psycopg"


def _write_sqlite(driver: sqlite3.Connection, rows: dict[type[Base], list[Base]], dialect: Any) -> None:
    for model, entries in rows.items():
        names = _named_columns(model, entries)
        sql = f"INSERT INTO {model.__tablename__} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
        driver.executemany(sql, _bound(model, entries, names, dialect))


def _copy_postgresql(driver: psycopg.Connection[Any], rows: dict[type[Base], list[Base]], dialect: Any) -> None:
    for model, entries in rows.items():
        names = _named_columns(model, entries)
        with driver.cursor().copy(f"COPY {model.__tablename__} ({', '.join(names)}) FROM STDIN".encode()) as copy:
            for values in _bound(model, entries, names, dialect):
                copy.write_row(values)


def _named_columns(model: type[Base], entries: list[Base]) -> list[str]:
    """The columns that an INSERT of ours names, and a number that these rows bring along."""
    slots = [slot.name for slot in _slots(model)]
    return slots + [name for name in ("id",) if name not in slots and name in entries[0].__dict__]


def _slots(model: type[Base]) -> Any:
    from sqlalchemy.dialects import sqlite

    return prepare_insert(model, sqlite.dialect()).slots


def _bound(model: type[Base], entries: list[Base], names: list[str], dialect: Any) -> Iterator[tuple[Any, ...]]:
    slots = {slot.name: slot for slot in prepare_insert(model, dialect).slots}
    for entry in entries:
        ready = []
        for name in names:
            slot = slots.get(name)
            value = entry.__dict__.get(name, slot.fallback if slot else None)
            value = value() if callable(value) else value
            ready.append(slot.processor(value) if slot and slot.processor else value)
        yield tuple(ready)


def _settle(driver: Any) -> None:
    """Numbers that go on behind the rows; PostgreSQL would gather statistics by itself in a while."""
    if isinstance(driver, sqlite3.Connection):
        # No ANALYZE: an operator's has none either, and plans must be good without.
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    for table in ("deliveries", "report_words"):
        driver.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))".encode())  # noqa: S608
    driver.commit()
    driver.autocommit = True
    driver.execute(b"VACUUM ANALYZE")


async def open_door(database: Database, now: datetime) -> str:
    """Somebody who may see every page; the token of their session."""
    name = f"bench-{new_id()[-8:]}"
    async with database.write() as session:
        user = await create_user(
            session, name, "correct horse battery", role=Role.ADMINISTRATOR, display_name="量", now=now
        )
        await session.flush()
        return open_session(session, user, now)


def make_ledger(city: City, cases: int) -> Ledger:
    return Ledger(city, datetime.now(UTC), cases, read_samples(city))
