"""The worker against real receivers on sockets: it delivers, retries, survives and stops well."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock, DatabaseClock, FixedClock
from app.database import Database
from app.deliver import courier
from app.deliver.send import Sender
from app.deliver.settle import Ended, settle_all
from app.models import Attempt, DeliveryStatus, Endpoint
from app.problems import Unavailable
from app.settings import Settings
from app.worker import Step, WorkerContext, deliver_next, install_stop_signals, run_worker
from tests import postgres
from tests.deliver.factories import LOOPBACK, SEALER, load_deliveries, set_scene
from tests.receiver import Answer, DepartmentReceiver

pytestmark = pytest.mark.alone


@pytest.fixture
def receiver(clock: FixedClock) -> Iterator[DepartmentReceiver]:
    with DepartmentReceiver(clock=clock) as running:
        yield running


def make_context(database: Database, clock: Clock, *, total_seconds: float = 1.0) -> WorkerContext:
    settings = Settings(delivery_allow_loopback=True, worker_poll_seconds=0.02)
    return WorkerContext(database, settings, clock, SEALER, sender=Sender(LOOPBACK, total_seconds=total_seconds))


@asynccontextmanager
async def working(context: WorkerContext, steps: tuple[Step, ...] | None = None) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(context, stop, steps))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.01)


async def settled(database: Database, count: int) -> None:
    """Wait until that many attempts are written."""

    async def are_written() -> bool:
        async with database.read() as session:
            return len((await session.scalars(select(Attempt.id))).all()) >= count

    await until(are_written)


async def test_every_attempt_carries_the_same_bytes_and_id_at_its_scheduled_time(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    scene = await set_scene(database, clock.now(), [receiver.url])
    receiver.script(500, 503, Answer(429, headers={"Retry-After": "600"}), Answer(instead="reset"), 200)
    async with working(make_context(database, clock)):
        for attempt, most in enumerate([5, 30, 600, 600], start=1):
            await settled(database, attempt)
            clock.advance(seconds=most * 1.2)
        await settled(database, 5)
    assert len(receiver.requests) == 5
    assert {r.webhook_id for r in receiver.requests} == {scene.events[0].id}
    assert {r.body for r in receiver.requests} == {(scene.events[0].body or "").encode()}
    assert all(r.verified for r in receiver.requests)
    assert len({r.headers["webhook-timestamp"] for r in receiver.requests}) == 5
    [row] = await load_deliveries(database)
    assert (row.status, row.attempts) == (DeliveryStatus.DELIVERED, 5)


async def test_nothing_is_tried_before_it_is_due(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    await set_scene(database, clock.now(), [receiver.url])
    receiver.script(500)
    async with working(make_context(database, clock)):
        await settled(database, 1)
        clock.advance(seconds=4.9)
        await asyncio.sleep(0.2)
        assert len(receiver.requests) == 1
        clock.advance(seconds=1.1)
        await receiver.arrived(2)


async def test_two_workers_deliver_each_row_exactly_once_and_in_order(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    scene = await set_scene(database, clock.now(), [receiver.url], cases=20, events_each=5)
    async with working(make_context(database, clock)), working(make_context(database, clock)):
        await settled(database, 100)
    arrived = [r.event for r in receiver.requests]
    assert sorted(e["id"] for e in arrived) == sorted(e.id for e in scene.events)
    for case in scene.cases:
        assert [e["seq"] for e in arrived if e["data"]["case"] == case.number] == [1, 2, 3, 4, 5]


async def test_a_hanging_address_delays_no_other(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    with DepartmentReceiver(clock=clock) as hanging:
        hanging.default = Answer(instead="hang")
        await set_scene(database, clock.now(), [receiver.url, hanging.url], cases=20)
        context = make_context(database, clock, total_seconds=3)
        context.drain_seconds = 0.1
        started = time.monotonic()
        async with working(context):
            await receiver.arrived(20)
            assert time.monotonic() - started < 2.5
            assert len(hanging.requests) <= context.settings.delivery_endpoint_cap


async def test_a_stop_lets_calls_under_way_finish_and_takes_nothing_new(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    await set_scene(database, clock.now(), [receiver.url], cases=10)
    receiver.default = Answer(delay=0.3)
    async with working(make_context(database, clock)) as stop:
        await receiver.arrived(4)
        stop.set()
    rows = await load_deliveries(database)
    assert [r.status for r in rows].count(DeliveryStatus.DELIVERED) == 4
    assert all(r.lease_token is None for r in rows)
    assert len(receiver.requests) == 4


async def test_a_call_that_outlasts_the_stop_keeps_its_lease_and_is_taken_over(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    await set_scene(database, clock.now(), [receiver.url])
    receiver.script(Answer(instead="hang"))
    context = make_context(database, clock, total_seconds=10)
    context.drain_seconds = 0.1
    async with working(context):
        await receiver.arrived(1)
    [row] = await load_deliveries(database)
    assert row.lease_token is not None
    clock.advance(seconds=45)
    async with working(make_context(database, clock)):
        await settled(database, 1)
    [row] = await load_deliveries(database)
    assert (row.status, row.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert len({r.webhook_id for r in receiver.requests}) == 1


async def test_an_unreachable_database_stops_the_worker_only_for_as_long_as_it_lasts(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    await set_scene(database, clock.now(), [receiver.url])
    tries = 0

    async def fail_twice(_: WorkerContext) -> bool:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise Unavailable
        return False

    async def break_always(_: WorkerContext) -> bool:
        raise RuntimeError("a defect")

    async with working(make_context(database, clock), (fail_twice, break_always, deliver_next)):
        await receiver.arrived(1)
        await until(lambda: asyncio.sleep(0, tries > 2))


async def test_cut_database_connections_do_not_stop_the_worker(clock: FixedClock, receiver: DepartmentReceiver) -> None:
    with postgres.new_database() as url:
        database = Database(url)
        await set_scene(database, clock.now(), [receiver.url], cases=60)
        receiver.default = Answer(delay=0.02)
        async with working(make_context(database, clock)):
            for count in (5, 20, 35):
                await receiver.arrived(count)
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            await receiver.arrived(60)
            await until(lambda: all_are(database, DeliveryStatus.DELIVERED))
        await database.dispose()
    assert len({r.webhook_id for r in receiver.requests}) == 60


async def all_are(database: Database, status: DeliveryStatus) -> bool:
    try:
        return {row.status for row in await load_deliveries(database)} == {status}
    except Unavailable:
        return False


async def test_a_settlement_waits_out_a_database_failure_and_causes_no_second_sending(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_scene(database, clock.now(), [receiver.url])
    write, failures = courier.Courier._write, 0

    async def fail_thrice(self: courier.Courier, batch: Any) -> None:
        nonlocal failures
        failures += 1
        if failures <= 3:
            raise Unavailable
        await write(self, batch)

    monkeypatch.setattr(courier.Courier, "_write", fail_thrice)
    async with working(make_context(database, clock)):
        await settled(database, 1)
    assert failures == 4
    assert len(receiver.requests) == 1


async def test_a_row_whose_outcome_cannot_be_written_does_not_hold_up_the_others(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_scene(database, clock.now(), [receiver.url], cases=4)
    poisoned = (await load_deliveries(database))[0].id

    async def refuse_one(session: AsyncSession, ended: Sequence[Ended], now: datetime) -> list[int]:
        if any(each.claimed.delivery_id == poisoned for each in ended):
            raise ValueError("cannot be written")
        return await settle_all(session, ended, now)

    monkeypatch.setattr(courier, "settle_all", refuse_one)
    async with working(make_context(database, clock)):
        await settled(database, 3)
        await receiver.arrived(4)
    states = {r.id: r.status for r in await load_deliveries(database)}
    assert states.pop(poisoned) is DeliveryStatus.PENDING
    assert set(states.values()) == {DeliveryStatus.DELIVERED}


async def test_a_secret_that_cannot_be_opened_and_an_erased_body_are_told_in_the_log(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    scene = await set_scene(database, clock.now(), [receiver.url], cases=1)
    async with database.write() as session:
        await session.execute(update(Endpoint).values(secret=b"sealed with a lost key"))
    async with working(make_context(database, clock)):
        await settled(database, 1)
    async with database.read() as session:
        assert await session.scalar(select(Attempt.error)) == "stored secret cannot be opened"
    assert receiver.requests == []
    assert scene.events


async def test_a_worker_goes_by_the_database_s_clock_and_keeps_its_heartbeat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine a day ahead would otherwise sign, lease and retry a day wrong."""
    with DepartmentReceiver() as receiver:
        clock = DatabaseClock()
        monkeypatch.setattr(clock, "_zero", clock._zero + timedelta(days=1))
        now = await database.now()
        await set_scene(database, now, [receiver.url])
        context = make_context(database, clock)
        async with working(context):
            [request] = await receiver.arrived(1)
            await settled(database, 1)
            beat = context.heartbeat
            await until(lambda: asyncio.sleep(0.01, context.heartbeat > beat))
    assert request.verified
    [row] = await load_deliveries(database)
    assert row.finished_at is not None
    assert abs((row.finished_at - now).total_seconds()) < 30


async def test_sigterm_sets_the_stop_event() -> None:
    stop = asyncio.Event()
    install_stop_signals(stop)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 2)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
