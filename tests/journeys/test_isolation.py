"""A dead and a slow department do not delay the others; a queue that is merely first in, first out does."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import DatabaseClock
from app.database import Database
from app.deliver import courier
from app.deliver.claim import LEASE, Claim, _lease
from app.deliver.claimed import load_claimed
from app.deliver.endpoints import register_endpoint
from app.deliver.send import Sender
from app.models import Delivery, Endpoint, new_id
from app.settings import Settings
from app.worker import WorkerContext, deliver_next, run_worker
from tests.deliver.factories import LOOPBACK, SEALER, make_case, make_department, make_event, multiply, queue, set_scene
from tests.receiver import TEST_SECRET, Answer, DepartmentReceiver

pytestmark = pytest.mark.alone

BACKLOG = 10_000
HEALTHY, EVENTS, PER_SECOND = 4, 120, 40


@dataclass(frozen=True)
class Waits:
    """Seconds from an event's commit to its first attempt, sorted; `missing` had none in time."""

    seconds: list[float]
    missing: int

    def at(self, share: float) -> float:
        return self.seconds[min(int(len(self.seconds) * share), len(self.seconds) - 1)]


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that nobody answers at: connections are neither taken nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", listener.getsockname()[1]))
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


async def fall_ill(database: Database, now: datetime, urls: list[str]) -> None:
    """Give each of these addresses a backlog of due rows, older than anything that comes after; nobody sends it yet."""
    scene = await set_scene(database, now - timedelta(hours=1), urls)
    await multiply(database, scene, BACKLOG - 1, retry_heads=False)
    async with database.write() as session:
        await session.execute(update(Endpoint).values(active=False))


async def begin_to_send(database: Database) -> None:
    async with database.write() as session:
        await session.execute(update(Endpoint).values(active=True))


async def make_healthy(database: Database, now: datetime, url: str) -> list[str]:
    """Departments with one address each; their codes."""
    codes = [f"FR-{n}" for n in range(HEALTHY)]
    async with database.write() as session:
        session.add_all(make_department(code) for code in codes)
    async with database.write() as session:
        for code in codes:
            await register_endpoint(session, code, f"{url}/{code}", SEALER, LOOPBACK, now, TEST_SECRET)
    return codes


@asynccontextmanager
async def at_work(database: Database, clock: DatabaseClock) -> AsyncIterator[None]:
    """A worker with the settings of an ordinary deployment."""
    settings = Settings(_env_file=None, delivery_allow_loopback=True)
    context = WorkerContext(database, settings, clock, SEALER, sender=Sender(LOOPBACK), drain_seconds=0.1)
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(context, stop, (deliver_next,)))
    try:
        yield
    finally:
        stop.set()
        await task


async def measure(
    database: Database, clock: DatabaseClock, codes: list[str], receiver: DepartmentReceiver, patience: float
) -> Waits:
    """Queue events for the healthy, one after another, and take the time until each arrives first."""
    committed: dict[str, float] = {}
    for number in range(EVENTS):
        due = time.monotonic() + 1 / PER_SECOND
        async with database.write() as session:
            now = clock.now()
            case = make_case(now)
            event = make_event(case, now, codes[number % len(codes)])
            session.add_all([case, event])
            await queue(session, [event], now)
        committed[event.id] = time.monotonic()
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(all_arrived(receiver, set(committed)), patience)
    first: dict[str, float] = {}
    for request in list(receiver.requests):
        first.setdefault(request.webhook_id, request.at)
    waits = sorted(max(0.0, first[event] - at) for event, at in committed.items() if event in first)
    return Waits(waits, EVENTS - len(waits))


async def all_arrived(receiver: DepartmentReceiver, events: set[str]) -> None:
    while True:
        if not events - {request.webhook_id for request in list(receiver.requests)}:
            return
        await asyncio.sleep(0.05)


async def claim_in_order_of_arrival(session: AsyncSession, now: datetime, *, limit: int, cap: int, **_: Any) -> Claim:
    """The control: what is due longest goes first, whoever it is for."""
    oldest = (
        select(Delivery.id)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(Endpoint.active, Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    ids = list(await session.scalars(oldest))
    if not ids:
        return Claim([], [])
    token = new_id()
    await _lease(session, ids, now, token, now + LEASE)
    return Claim(await load_claimed(session, ids, token), [])


@pytest.mark.parametrize("claiming", ["ours", "control"])
async def test_a_dead_and_a_slow_address_with_10000_due_rows_each_do_not_delay_the_others(
    database: Database, claiming: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = DatabaseClock()
    clock.anchor(await database.now())
    with DepartmentReceiver() as receiver, DepartmentReceiver() as slow, deaf_port() as dead:
        slow.default = Answer(delay=15)
        await fall_ill(database, clock.now(), [slow.url, f"http://127.0.0.1:{dead}/"])
        codes = await make_healthy(database, clock.now(), receiver.url)
        if claiming == "control":
            monkeypatch.setattr(courier, "claim_due", claim_in_order_of_arrival)
            await begin_to_send(database)
            async with at_work(database, clock):
                waits = await measure(database, clock, codes, receiver, patience=5)
            assert waits.missing == EVENTS
            return
        async with at_work(database, clock):
            baseline = await measure(database, clock, codes, receiver, patience=20)
        assert baseline.missing == 0
        await begin_to_send(database)
        async with at_work(database, clock):
            waits = await measure(database, clock, codes, receiver, patience=20)
        assert slow.requests, "the slow one was not even tried"
        assert waits.missing == 0
        assert waits.at(0.99) <= baseline.at(0.99) + 2
        assert waits.at(0.95) <= 1.0


async def test_the_backlog_of_a_dead_address_waits_as_rows_while_it_rests(database: Database) -> None:
    clock = DatabaseClock()
    clock.anchor(await database.now())
    with deaf_port() as dead:
        await set_scene(database, clock.now(), [f"http://127.0.0.1:{dead}/"], cases=40)
        async with at_work(database, clock):
            end = time.monotonic() + 20
            while await resting(database) is None:
                assert time.monotonic() < end, "it was never given a rest"
                await asyncio.sleep(0.1)
        async with database.read() as session:
            rows = list(await session.scalars(select(Delivery)))
    # Two rounds of four calls at once: the fifth failure ended it.
    assert sum(row.attempts for row in rows) in range(5, 9)
    assert all(row.due_at is not None and row.attempts <= 1 for row in rows)


async def resting(database: Database) -> datetime | None:
    async with database.read() as session:
        return await session.scalar(select(Endpoint.rests_until))
