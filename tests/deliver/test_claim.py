"""Claiming: leases, crashes, order per address and case, the cap, fairness, speed with a great backlog."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.clock import FixedClock
from app.database import Database
from app.deliver.claim import LEASE, Claim, claim_due, has_due
from app.deliver.claimed import MOST_CRASHES, Claimed
from app.deliver.endpoints import activate, deactivate, redeliver, register_endpoint
from app.deliver.send import Fault, Outcome
from app.deliver.settle import settle
from app.models import Attempt, Delivery, DeliveryStatus, Event
from tests.deliver.factories import (
    LOOPBACK,
    SEALER,
    add_event,
    load_deliveries,
    make_case,
    make_department,
    make_event,
    multiply,
    queue,
    set_scene,
)

DELIVERED = Outcome(milliseconds=12, http_status=200, answer="ok")
FAILED = Outcome(milliseconds=12, http_status=500, fault=Fault.STATUS, answer="no")
GONE = Outcome(milliseconds=12, http_status=410, fault=Fault.GONE)


async def claim(database: Database, now: datetime, *, limit: int = 16, cap: int = 4) -> Claim:
    async with database.write() as session:
        return await claim_due(session, now, limit=limit, cap=cap)


async def end(database: Database, claimed: Claimed, outcome: Outcome, now: datetime, chance: float = 0.0) -> bool:
    async with database.write() as session:
        return await settle(session, claimed, outcome, now, chance)


async def attempts(database: Database) -> list[Attempt]:
    async with database.read() as session:
        return list(await session.scalars(select(Attempt).order_by(Attempt.id)))


async def test_a_claimed_row_carries_what_sending_needs(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    [taken] = (await claim(database, clock.now())).taken
    assert (taken.event_id, taken.body) == (scene.events[0].id, scene.events[0].body)
    assert (taken.url, taken.endpoint_id, taken.attempts) == ("http://127.0.0.1/a", scene.endpoint_ids[0], 0)
    assert taken.lease_until == clock.now() + LEASE


async def test_a_row_in_hand_is_not_claimed_again_until_its_lease_runs_out(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    [first] = (await claim(database, clock.now())).taken
    assert not (await claim(database, clock.advance(seconds=44))).found_work
    [second] = (await claim(database, clock.advance(seconds=1))).taken
    assert second.delivery_id == first.delivery_id
    assert second.lease_token != first.lease_token
    assert not await end(database, first, DELIVERED, clock.now())
    assert await attempts(database) == []
    assert await end(database, second, DELIVERED, clock.now())
    [row] = await load_deliveries(database)
    assert (row.status, row.due_at, row.lease_token) == (DeliveryStatus.DELIVERED, None, None)


async def test_a_row_that_kills_its_worker_three_times_is_quarantined_and_others_flow(
    database: Database, clock: FixedClock
) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], events_each=2)
    for _ in range(MOST_CRASHES):
        [taken] = (await claim(database, clock.now())).taken
        assert taken.seq == 1
        clock.advance(seconds=45)
    assert (await claim(database, clock.now())).quarantined == [taken.delivery_id]
    poisoned, _ = await load_deliveries(database)
    assert (poisoned.status, poisoned.crashes, poisoned.due_at) == (DeliveryStatus.QUARANTINED, 3, None)
    assert poisoned.finished_at == clock.now()
    [following] = (await claim(database, clock.advance(seconds=1))).taken
    assert following.event_id == scene.events[1].id


async def test_an_attempt_that_ends_shows_that_the_row_kills_nobody(database: Database, clock: FixedClock) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    for _ in range(4):
        await claim(database, clock.now())
        [taken] = (await claim(database, clock.advance(seconds=45))).taken
        await end(database, taken, FAILED, clock.now())
        [row] = await load_deliveries(database)
        assert row.crashes == 0
        assert row.due_at is not None
        clock.set(row.due_at)


async def test_failed_attempts_come_back_on_schedule_and_end_dead_after_14_days(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    start, waits = clock.now(), []
    while (taken := (await claim(database, clock.now())).taken) != []:
        await end(database, taken[0], FAILED, clock.now())
        [row] = await load_deliveries(database)
        if row.due_at is None:
            break
        waits.append((row.due_at - clock.now()).total_seconds())
        assert not (await claim(database, row.due_at - timedelta(milliseconds=1))).found_work
        clock.set(row.due_at)
    assert waits[:10] == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200]
    assert set(waits[10:]) == {43200}
    assert (row.status, row.finished_at, row.attempts) == (DeliveryStatus.DEAD, clock.now(), 36)
    assert timedelta(days=13) < clock.now() - start < timedelta(days=14)
    written = await attempts(database)
    assert [a.number for a in written] == list(range(1, 37))
    assert {(a.http_status, a.error, a.answer) for a in written} == {(500, "answered with an error", "no")}


async def test_retry_after_and_jitter_move_the_next_attempt(database: Database, clock: FixedClock) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a", "http://127.0.0.1/b"])
    first, second = (await claim(database, clock.now())).taken
    asked = Outcome(http_status=429, fault=Fault.STATUS, retry_after=timedelta(hours=1))
    await end(database, first, asked, clock.now())
    await end(database, second, FAILED, clock.now(), chance=1.0)
    due = {row.id: row.due_at for row in await load_deliveries(database)}
    assert due[first.delivery_id] == clock.now() + timedelta(hours=1)
    assert due[second.delivery_id] == clock.now() + timedelta(seconds=6)


async def test_gone_ends_the_delivery_and_pauses_the_address_visibly(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=2)
    first, other = (await claim(database, clock.now())).taken
    await end(database, first, GONE, clock.now())
    await end(database, other, FAILED, clock.now())
    clock.advance(hours=1)
    assert not (await claim(database, clock.now())).found_work
    states = {row.id: row.status for row in await load_deliveries(database)}
    assert states == {first.delivery_id: DeliveryStatus.DEAD, other.delivery_id: DeliveryStatus.PENDING}
    async with database.write() as session:
        await activate(session, scene.endpoint_ids[0], clock.now())
    assert [t.delivery_id for t in (await claim(database, clock.now())).taken] == [other.delivery_id]


async def test_a_paused_address_keeps_what_is_queued(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    async with database.write() as session:
        await deactivate(session, scene.endpoint_ids[0], clock.now())
    async with database.read() as session:
        assert not await has_due(session, clock.now())
    assert not (await claim(database, clock.now())).found_work
    assert (await load_deliveries(database))[0].status is DeliveryStatus.PENDING


async def test_no_address_has_more_in_hand_than_the_cap(database: Database, clock: FixedClock) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a", "http://127.0.0.1/b"], cases=10)
    first = (await claim(database, clock.now(), limit=100)).taken
    assert sorted(len([t for t in first if t.url.endswith(x)]) for x in "ab") == [4, 4]
    assert not (await claim(database, clock.now(), limit=100)).found_work
    await end(database, first[0], DELIVERED, clock.now())
    [next_one] = (await claim(database, clock.now(), limit=100)).taken
    assert next_one.url == first[0].url


async def test_an_address_with_a_backlog_delays_no_other(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/busy"], cases=300)
    quiet = clock.advance(seconds=1)
    async with database.write() as session:
        await session.execute(update(Delivery).values(due_at=quiet))
    second = await add_endpoint(database, "CS-JY", "http://127.0.0.1/quiet", clock.now())
    event = await add_addressed(database, "CS-JY", clock.now())
    served = {t.endpoint_id for t in (await claim(database, clock.now(), limit=8)).taken}
    assert served == {scene.endpoint_ids[0], second}
    assert event.department_code == "CS-JY"


async def add_endpoint(database: Database, code: str, url: str, now: datetime) -> str:
    async with database.write() as session:
        session.add(make_department(code))
    async with database.write() as session:
        endpoint, _ = await register_endpoint(session, code, url, SEALER, LOOPBACK, now)
    return endpoint.id


async def add_addressed(database: Database, code: str, now: datetime) -> Event:
    async with database.write() as session:
        case = make_case(now)
        event = make_event(case, now, code)
        session.add_all([case, event])
        await queue(session, [event], now)
    return event


async def test_only_the_earliest_unfinished_of_a_case_is_taken_and_the_end_of_it_frees_the_next(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], events_each=3)
    for seq in (1, 2, 3):
        [taken] = (await claim(database, clock.now())).taken
        assert taken.seq == seq
        assert (await claim(database, clock.now())).taken == []
        await end(database, taken, DELIVERED, clock.now())
    assert not (await claim(database, clock.now())).found_work


async def test_a_failing_one_delays_its_own_case_at_its_own_address_only(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a", "http://127.0.0.1/b"], cases=2, events_each=2)
    bad = scene.cases[0].id
    for _ in range(10):
        for taken in (await claim(database, clock.now())).taken:
            failing = taken.case_id == bad and taken.url.endswith("a")
            await end(database, taken, FAILED if failing else DELIVERED, clock.now())
    open_rows = [r for r in await load_deliveries(database) if r.status is DeliveryStatus.PENDING]
    assert [(r.case_id, r.endpoint_id, r.seq) for r in open_rows] == [
        (bad, scene.endpoint_ids[0], 1),
        (bad, scene.endpoint_ids[0], 2),
    ]
    late = await add_event(database, scene.cases[0], clock.now())
    assert {t.event_id for t in (await claim(database, clock.now())).taken} == {late.id}
    [first] = [t for t in (await claim(database, clock.advance(seconds=6))).taken if t.url.endswith("a")]
    assert first.seq == 1


async def test_many_rows_that_wait_for_others_are_looked_at_once_and_not_again(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=3, events_each=120)
    for _ in range(20):
        taken = (await claim(database, clock.now())).taken
        for each in taken:
            await end(database, each, FAILED, clock.now())
    claimed = await claim(database, clock.now())
    assert not claimed.found_work
    async with database.read() as session:
        assert not await has_due(session, clock.now())
    clock.advance(minutes=30)
    assert [t.seq for t in (await claim(database, clock.now())).taken] == [1, 1, 1]


async def test_an_early_one_queued_last_goes_before_the_later_ones_that_tie_with_it(
    database: Database, clock: FixedClock
) -> None:
    """As a replay of a missing one would be: first of its case, but with the highest row number."""
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], events_each=150)
    async with database.write() as session:
        await session.execute(update(Delivery).where(Delivery.seq == 1).values(id=1_000_000))
    taken: list[Claimed] = []
    for _ in range(5):
        taken += (await claim(database, clock.now())).taken
    assert [t.seq for t in taken] == [1]


async def test_redelivering_sends_a_finished_one_again(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    [first] = (await claim(database, clock.now())).taken
    await end(database, first, DELIVERED, clock.now())
    clock.advance(days=20)
    async with database.write() as session:
        await redeliver(session, first.delivery_id, clock.now())
    [again] = (await claim(database, clock.now())).taken
    assert (again.event_id, again.body, again.attempts) == (scene.events[0].id, first.body, 1)
    await end(database, again, FAILED, clock.now())
    [row] = await load_deliveries(database)
    assert row.status is DeliveryStatus.DEAD
    assert [a.number for a in await attempts(database)] == [1, 2]


async def test_two_workers_never_take_the_same_row_nor_exceed_the_cap(database: Database, clock: FixedClock) -> None:
    urls = [f"http://127.0.0.1/{n}" for n in range(3)]
    await set_scene(database, clock.now(), urls, cases=20, events_each=2)
    taken: list[int] = []
    in_hand: dict[str, int] = {}

    async def work() -> None:
        for _ in range(40):
            for each in (await claim(database, clock.now(), limit=5, cap=2)).taken:
                in_hand[each.endpoint_id] = in_hand.get(each.endpoint_id, 0) + 1
                assert in_hand[each.endpoint_id] <= 2
                taken.append(each.delivery_id)
                await asyncio.sleep(0)
                in_hand[each.endpoint_id] -= 1
                assert await end(database, each, DELIVERED, clock.now())

    await asyncio.gather(*(work() for _ in range(4)))
    assert len(taken) == len(set(taken)) == 120


@pytest.mark.alone
@pytest.mark.parametrize(("number", "each"), [(100_000, 1), (20_000, 2)], ids=["100000-cases", "10000-heads-retrying"])
async def test_claiming_stays_fast_with_a_great_backlog_at_one_address(
    database: Database, clock: FixedClock, number: int, each: int
) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], events_each=each)
    await multiply(database, scene, number // each, retry_heads=each > 1)
    seconds = []
    for _ in range(30):
        started = time.perf_counter()
        taken = (await claim(database, clock.now())).taken
        seconds.append(time.perf_counter() - started)
        assert len(taken) == 4 or each > 1
        for one in taken:
            await end(database, one, DELIVERED, clock.now())
    # Generous, for a loaded machine; `make bench` measures.
    assert sorted(seconds)[-2] < 0.25, seconds
