"""Rows for the delivery tests, put into the database directly: departments, cases, events, addresses, deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import String, cast, func, insert, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit
from app.batch import Batch
from app.database import Database
from app.deliver.endpoints import register_endpoint
from app.deliver.fan_out import enqueue
from app.deliver.guard import Guard
from app.models import Case, CaseStatus, Delivery, Department, Event, Party, new_id
from app.sealing import Sealer
from tests.receiver import TEST_SECRET

LOOPBACK = Guard(allow_loopback=True)
SEALER = Sealer(b"a secret key for the tests alone")
_numbers = count(1)


def make_department(code: str = "CS-MZ") -> Department:
    return Department(
        code=code,
        name=f"部门{code}",
        short_names=[],
        tier="city",
        district=None,
        line="民政",
        vertical=False,
        active=True,
    )


def make_case(now: datetime) -> Case:
    number = next(_numbers)
    return Case(
        id=new_id(),
        number=f"JF-{number:08d}",
        summary="重复填报表格",
        status=CaseStatus.DISPATCHED,
        owner=Party.DEPARTMENT,
        category="municipal_district",
        route="assignment",
        sources=[],
        burden_types=[],
        districts=[],
        fingerprint=f"{number:064d}",
        opened_at=now,
        last_seq=0,
        last_hash="",
    )


def make_event(case: Case, now: datetime, department_code: str | None = "CS-MZ", text: str = "交办") -> Event:
    """The next event of a case, addressed and with a body unless `department_code` is None."""
    message: dict[str, Any] | None = {"case": case.number, "text": text} if department_code else None
    return audit.append(
        case,
        "assignment.created",
        actor="office:test",
        now=now,
        facts={},
        department_code=department_code,
        message=message,
    )


@dataclass
class Scene:
    """A department with addresses and cases whose events are queued."""

    endpoint_ids: list[str] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


async def set_scene(
    database: Database, now: datetime, urls: Iterable[str], *, cases: int = 1, events_each: int = 1
) -> Scene:
    """Register each URL (with the test secret) for a department of its own kind, then queue events for all of them.

    One department has all the URLs, so that each event goes to each.
    """
    scene = Scene()
    async with database.write() as session:
        session.add(make_department())
    async with database.write() as session:
        for url in urls:
            endpoint, _ = await register_endpoint(session, "CS-MZ", url, SEALER, LOOPBACK, now, TEST_SECRET)
            scene.endpoint_ids.append(endpoint.id)
    async with database.write() as session:
        for _ in range(cases):
            case = make_case(now)
            session.add(case)
            scene.cases.append(case)
            scene.events += await _add_events(session, case, events_each, now)
    return scene


async def queue(session: AsyncSession, events: list[Event], now: datetime) -> None:
    """Queue the deliveries of events that the session writes itself."""
    batch = Batch()
    enqueue(batch, events, now)
    await batch.write(session)


async def _add_events(session: AsyncSession, case: Case, number: int, now: datetime) -> list[Event]:
    events = [make_event(case, now, text=f"第 {n + 1} 件") for n in range(number)]
    session.add_all(events)
    await queue(session, events, now)
    return events


async def add_event(database: Database, case: Case, now: datetime) -> Event:
    """One more event of a case, queued."""
    async with database.write() as session:
        events = await _add_events(session, case, 1, now)
        await session.execute(
            update(Case).where(Case.id == case.id).values(last_seq=case.last_seq, last_hash=case.last_hash)
        )
    return events[0]


async def load_deliveries(database: Database) -> list[Delivery]:
    """All deliveries, in order of their ids."""
    async with database.read() as session:
        return list(await session.scalars(select(Delivery).order_by(Delivery.id)))


async def multiply(database: Database, scene: Scene, copies: int, *, retry_heads: bool) -> None:
    """Copy the scene's one case with its events and deliveries, inside the database.

    With `retry_heads`, each first event is to be retried in an hour and its second waits for it.
    """
    number = select(literal(1).label("i")).cte("n", recursive=True)
    number = number.union_all(select(number.c.i + 1).where(number.c.i < copies))
    tail = func.substr(cast(number.c.i + 1_000_000, String), 2)
    case_id = literal("c", String) + tail
    async with database.write() as session:
        for model, changed in (
            (Case, {"id": case_id, "number": literal("X", String) + tail}),
            (Event, {"id": literal("e", String) + cast(Event.seq, String) + tail, "case_id": case_id}),
            (
                Delivery,
                {"event_id": literal("e", String) + cast(Delivery.seq, String) + tail, "case_id": case_id},
            ),
        ):
            source = [c for c in model.__table__.c if not (c.primary_key and c.autoincrement is True)]
            rows = select(*(changed.get(c.name, c) for c in source)).select_from(model).join(number, true())
            await session.execute(insert(model).from_select([c.name for c in source], rows, include_defaults=False))
        if retry_heads:
            later = scene.events[0].happened_at + timedelta(hours=1)
            await session.execute(update(Delivery).where(Delivery.seq == 1).values(due_at=later))
