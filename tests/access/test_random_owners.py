"""Whatever belongs to whom: each reads exactly what a small model of ownership says, and finds nothing else there."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit
from app.access.principal import Principal
from app.clock import FixedClock
from app.database import Database
from app.feedback.evidence import get_evidence
from app.ledger import search
from app.ledger.clocks import clocks_of
from app.ledger.digests import read_digests
from app.ledger.feed import read_feed
from app.ledger.reports import get_report
from app.ledger.sessions import find_consultations, read_consultation
from app.models import (
    AgendaItem,
    Assignment,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Case,
    Consultation,
    ConsultationStatus,
    Deadline,
    DeadlineKind,
    Digest,
    Evidence,
    Invitation,
    Party,
    Report,
    Role,
    VerificationStatus,
    new_id,
)
from app.problems import NotFound
from tests.deliver.factories import make_case

POINTS, DEPARTMENTS = ("FR-01", "FR-02", "FR-03"), ("CS-JY", "FR-MZ", "FR-WJ")
PRINCIPALS = (
    *(Principal(Role.REPORTER, f"key:{code}", observation_point=code) for code in POINTS),
    *(Principal(Role.DEPARTMENT, f"key:{code}", department=code) for code in DEPARTMENTS),
    # Of the office's roles one stands for all. Who has no point or department of his own has nothing.
    *(Principal(role, f"user:{role}") for role in (Role.AUDITOR, Role.REPORTER, Role.DEPARTMENT)),
)
DAY = date(2026, 3, 2)


@dataclass(frozen=True, slots=True)
class Matter:
    """One case as it is drawn: who reported it, who has duties on it, who is invited, and who was let go."""

    points: list[str]
    duties: list[str]
    invited: set[str]
    let_go: set[str]
    told: list[str]

    def concerns(self, principal: Principal) -> bool:
        return principal.is_office or principal.department in {*self.duties, *(self.invited - self.let_go)}


MATTERS = st.lists(
    st.builds(
        Matter,
        points=st.lists(st.sampled_from(POINTS), min_size=1, max_size=2),
        duties=st.lists(st.sampled_from(DEPARTMENTS), max_size=2),
        invited=st.sets(st.sampled_from(DEPARTMENTS)),
        let_go=st.sets(st.sampled_from(DEPARTMENTS)),
        told=st.lists(st.sampled_from(DEPARTMENTS), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@dataclass
class Kept:
    """A matter in the database; ids and numbers with their owners."""

    matter: Matter
    case: Case
    consultation: Consultation | None = None
    reports: dict[str, str] = field(default_factory=dict)
    duties: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)


@pytest.fixture
async def store(city_url: str) -> AsyncIterator[Database]:
    opened = Database(city_url)
    yield opened
    await opened.dispose()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(matters=MATTERS, digests=st.sets(st.sampled_from((*DEPARTMENTS, "office"))), limit=st.integers(1, 4))
async def test_every_read_yields_exactly_what_is_ones_own(
    store: Database, clock: FixedClock, matters: list[Matter], digests: set[str], limit: int
) -> None:
    async with store.write() as session:
        undone = await session.begin_nested()
        kept = [await keep(session, n, matter, clock.now()) for n, matter in enumerate(matters)]
        session.add_all(Digest(recipient=r, day=DAY, content={"text": r}, made_at=clock.now()) for r in digests)
        await session.flush()
        for principal in PRINCIPALS:
            await check_lists(session, principal, kept, limit)
            for one in kept:
                await check_one(session, principal, one)
        for code in DEPARTMENTS:
            rows = await read_digests(session, code, after=None, limit=9)
            assert [r.recipient for r in rows] == ([code] if code in digests else [])
        await undone.rollback()


async def keep(session: AsyncSession, serial: int, matter: Matter, now: datetime) -> Kept:
    """Store a matter with one duty, clock and file for each department drawn, and an event for each that is told."""
    case = make_case(now + timedelta(minutes=serial // 2))
    session.add(case)
    await session.flush()
    kept = Kept(matter, case)
    for n, point in enumerate(matter.points):
        number = f"{case.number}-{n}"
        kept.reports[number] = point
        session.add(
            Report(
                id=new_id(), number=number, case_id=case.id, observation_point_code=point, text="台账", decision={},
                verification=VerificationStatus.NOT_ASKED, received_at=now,
            )
        )  # fmt: skip
    for code in matter.duties:
        _add_duty(session, kept, code, now)
    for code in matter.told:
        event = audit.append(case, "test.told", actor="-", now=now, facts={}, department_code=code, message={})
        kept.events[event.id] = code
        session.add(event)
    if matter.invited:
        await _add_session(session, kept, now)
    await session.flush()
    return kept


def _add_duty(session: AsyncSession, kept: Kept, code: str, now: datetime) -> None:
    duty, file = new_id(), new_id()
    kept.duties[duty], kept.files[file] = code, code
    session.add(
        Assignment(
            id=duty, case_id=kept.case.id, department_code=code, kind=AssignmentKind.ASSIGNMENT,
            role=AssignmentRole.LEAD, status=AssignmentStatus.DISPATCHED, obligation="答复", due_at=now,
            dispatched_at=now, version=0,
        )
    )  # fmt: skip
    session.add(
        Deadline(
            id=new_id(), case_id=kept.case.id, assignment_id=duty, kind=DeadlineKind.FEEDBACK, party=Party.DEPARTMENT,
            department_code=code, started_at=now, due_at=now, basis="-", calendar_version="-",
        )
    )  # fmt: skip
    session.add(
        Evidence(
            id=file, assignment_id=duty, name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64,
            uploaded_by="-", uploaded_at=now,
        )
    )  # fmt: skip


async def _add_session(session: AsyncSession, kept: Kept, now: datetime) -> None:
    kept.consultation = Consultation(
        id=new_id(), number=f"H{kept.case.number}", status=ConsultationStatus.CONVENED, convened_at=now, due_at=now,
        version=0,
    )  # fmt: skip
    session.add(kept.consultation)
    await session.flush()
    session.add(AgendaItem(consultation_id=kept.consultation.id, case_id=kept.case.id))
    for code in kept.matter.invited:
        gone = now if code in kept.matter.let_go else None
        seat = Invitation(id=new_id(), consultation_id=kept.consultation.id, department_code=code, invited_at=now)
        seat.withdrawn_at = gone
        session.add(seat)


async def finds(reading: Awaitable[Any]) -> bool:
    try:
        await reading
    except NotFound:
        return False
    return True


async def check_lists(session: AsyncSession, principal: Principal, kept: list[Kept], limit: int) -> None:
    """Cases and sessions page by page, in whatever portions; the feed of a department."""
    own = sorted(k.case.number for k in kept if k.matter.concerns(principal))
    found, cursor = [], None
    while True:
        page = await search.find_cases(session, principal, search.CaseFilter(), cursor=cursor, limit=limit)
        found += [case.number for case in page.cases]
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(found) == own
    assert await search.count_cases(session, principal, search.CaseFilter()) == len(own)
    sessions, cursor = [], None
    while True:
        records, cursor = await find_consultations(session, principal, (), cursor=cursor, limit=limit)
        sessions += [record.consultation.number for record in records]
        if cursor is None:
            break
    assert sorted(sessions) == sorted(k.consultation.number for k in kept if k.consultation and sits(principal, k))
    if principal.department:
        told = [e for k in kept for e, code in k.events.items() if code == principal.department]
        # Within one transaction nothing is too new to be read, which only another's would be.
        assert len((await read_feed(session, principal.department, 0, 99, is_sqlite=True)).bodies) == len(told)


def sits(principal: Principal, kept: Kept) -> bool:
    return principal.is_office or principal.department in kept.matter.invited - kept.matter.let_go


async def check_one(session: AsyncSession, principal: Principal, kept: Kept) -> None:
    """One matter and each of its parts."""
    assert await finds(search.get_case(session, principal, kept.case.number)) is kept.matter.concerns(principal)
    for number, point in kept.reports.items() if principal.role is not Role.DEPARTMENT else ():
        mine = principal.is_office or principal.observation_point == point
        assert await finds(get_report(session, principal, number)) is mine
    if principal.role is Role.REPORTER:
        # What follows is for departments and the office; the doors let no reporter so far.
        return
    for file, code in kept.files.items():
        mine = principal.is_office or principal.department == code
        assert await finds(get_evidence(session, principal, file)) is mine
    if kept.consultation is not None:
        for name in (kept.consultation.id, kept.consultation.number):
            assert await finds(read_consultation(session, name, principal)) is sits(principal, kept)
    department = None if principal.is_office else principal.department or ""

    def own(owners: dict[str, str]) -> set[str]:
        return {name for name, code in owners.items() if department in {None, code}}

    assert {a.id for a in await search.assignments_of(session, kept.case, department)} == own(kept.duties)
    assert {r.deadline.assignment_id for r in await clocks_of(session, kept.case, department)} == own(kept.duties)
    assert {e.id for e in await search.list_events(session, kept.case, department)} == own(kept.events)
