"""Claiming what goes to people: one message at a time for all that waits, the same on every attempt, by day only."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from app.clock import FixedClock
from app.database import Database
from app.deliver.channels import Described
from app.deliver.claim import LEASE, Claim, claim_due, has_due
from app.deliver.claimed import MOST_CRASHES, ClaimedMessage
from app.deliver.endpoints import redeliver, register_channel, register_endpoint
from app.deliver.send import Fault, Outcome
from app.deliver.settle import Ended, settle_all
from app.models import Attempt, Case, Channel, Delivery, DeliveryStatus, Endpoint
from tests.deliver.factories import (
    LOOPBACK,
    SEALER,
    add_event,
    load_deliveries,
    make_case,
    make_department,
    make_event,
    queue,
)

DELIVERED = Outcome(milliseconds=12, http_status=200, answer="ok")
FAILED = Outcome(milliseconds=12, http_status=500, fault=Fault.STATUS)
TEN_MINUTES = timedelta(minutes=10)
LIMITED = Outcome(http_status=200, fault=Fault.LIMITED, retry_after=TEN_MINUTES, rest=TEN_MINUTES)
ROBOT = "http://127.0.0.1:9/robot/send?access_token=0123456789abcdef"


async def set_group(
    database: Database, now: datetime, *, cases: int, events_each: int = 1, channel: Channel = Channel.DINGTALK
) -> list[Case]:
    """A department with a robot in its group, and cases whose events are queued for it."""
    async with database.write() as session:
        session.add(make_department())
    async with database.write() as session:
        await register_channel(
            session, "CS-MZ", Described(channel, ROBOT), SEALER, LOOPBACK, now, has_mail_server=False
        )
    return [await add_case(database, now, events_each) for _ in range(cases)]


async def add_case(database: Database, now: datetime, events: int = 1) -> Case:
    async with database.write() as session:
        case = make_case(now)
        session.add(case)
        made = [make_event(case, now) for _ in range(events)]
        session.add_all(made)
        await queue(session, made, now)
    return case


async def claim(database: Database, now: datetime, *, opens_at: datetime | None = None, limit: int = 16) -> Claim:
    async with database.write() as session:
        return await claim_due(session, now, limit=limit, cap=4, opens_at=opens_at)


async def take(database: Database, now: datetime) -> ClaimedMessage:
    """The one message that a claim finds."""
    found = await claim(database, now)
    assert found.taken == []
    [message] = found.messages
    return message


async def end(database: Database, message: ClaimedMessage, outcome: Outcome, now: datetime) -> list[int]:
    async with database.write() as session:
        return await settle_all(session, [Ended(row, outcome, 0.0) for row in message.rows], now)


async def endpoint(database: Database) -> Endpoint:
    async with database.read() as session:
        return (await session.scalars(select(Endpoint).where(Endpoint.channel != Channel.WEBHOOK))).one()


def numbers(message: ClaimedMessage) -> list[str]:
    return [notice.case_number for notice in message.notices]


def ids(rows: Sequence[Delivery]) -> set[str | None]:
    return {row.message_id for row in rows}


async def test_all_that_waits_for_a_group_is_one_message_in_order(database: Database, clock: FixedClock) -> None:
    cases = await set_group(database, clock.now(), cases=3, events_each=2)
    message = await take(database, clock.now())
    assert numbers(message) == [case.number for case in cases for _ in range(2)]
    assert (message.channel, message.department) == (Channel.DINGTALK, "部门CS-MZ")
    assert message.id == message.rows[0].event_id
    assert {row.lease_until for row in message.rows} == {clock.now() + LEASE}
    await end(database, message, DELIVERED, clock.now())
    rows = await load_deliveries(database)
    assert {(row.status, row.attempts, row.message_id) for row in rows} == {(DeliveryStatus.DELIVERED, 1, message.id)}
    async with database.read() as session:
        logged = (await session.scalars(select(Attempt.delivery_id).order_by(Attempt.delivery_id))).all()
    assert list(logged) == [row.id for row in rows]
    assert not (await claim(database, clock.now())).found_work


async def test_a_group_gets_one_message_at_a_time_whichever_worker_asks(database: Database, clock: FixedClock) -> None:
    await set_group(database, clock.now(), cases=2)
    claims = await asyncio.gather(*(claim(database, clock.now()) for _ in range(3)))
    [message] = [message for found in claims for message in found.messages]
    await add_case(database, clock.now())
    assert (await claim(database, clock.now())).messages == []
    await end(database, message, DELIVERED, clock.now())
    following = await take(database, clock.now())
    assert (len(following.rows), following.id != message.id) == (1, True)


async def test_more_than_a_vendor_takes_goes_into_the_next_message(database: Database, clock: FixedClock) -> None:
    cases = await set_group(database, clock.now(), cases=12, channel=Channel.WECOM)
    first = await take(database, clock.now())
    await end(database, first, DELIVERED, clock.now())
    second = await take(database, clock.now())
    assert (numbers(first), numbers(second)) == (
        [case.number for case in cases[:10]], [case.number for case in cases[10:]],
    )  # fmt: skip


async def test_a_failed_message_stays_as_it_is_and_delays_only_its_own_cases(
    database: Database, clock: FixedClock
) -> None:
    cases = await set_group(database, clock.now(), cases=2)
    first = await take(database, clock.now())
    await end(database, first, FAILED, clock.now())
    await add_event(database, cases[0], clock.now())
    other = await add_case(database, clock.now())
    second = await take(database, clock.now())
    assert numbers(second) == [other.number]
    await end(database, second, DELIVERED, clock.now())
    assert (await claim(database, clock.now())).messages == []
    again = await take(database, clock.advance(seconds=5))
    assert (again.id, again.notices, again.written_at) == (first.id, first.notices, first.written_at)
    assert [row.delivery_id for row in again.rows] == [row.delivery_id for row in first.rows]
    await end(database, again, DELIVERED, clock.now())
    behind = await take(database, clock.now())
    assert (numbers(behind), behind.rows[0].seq) == ([cases[0].number], 2)


async def test_a_message_whose_worker_is_lost_is_taken_over_as_it_was_and_the_third_time_shown(
    database: Database, clock: FixedClock
) -> None:
    await set_group(database, clock.now(), cases=2)
    first = await take(database, clock.now())
    for _ in range(MOST_CRASHES - 1):
        again = await take(database, clock.advance(seconds=45))
        assert (again.id, again.notices) == (first.id, first.notices)
    assert again.rows[0].on_last_chance
    assert await end(database, first, DELIVERED, clock.now()) == [row.delivery_id for row in first.rows]
    await add_case(database, clock.advance(seconds=45))
    found = await claim(database, clock.now())
    assert found.quarantined == [row.delivery_id for row in first.rows]
    following = await take(database, clock.now())
    assert (len(following.rows), following.id != first.id) == (1, True)


async def test_at_night_people_are_left_in_peace_and_systems_are_not(database: Database, clock: FixedClock) -> None:
    evening, morning = clock.now(), clock.now() + timedelta(hours=11)
    cases = await set_group(database, evening, cases=2)
    async with database.write() as session:
        await register_endpoint(session, "CS-MZ", "http://127.0.0.1:9/a", SEALER, LOOPBACK, evening)
    later = await add_case(database, evening)
    found = await claim(database, evening, opens_at=morning)
    assert (len(found.taken), found.messages) == (1, [])
    group = (await endpoint(database)).id
    waiting = [row for row in await load_deliveries(database) if row.endpoint_id == group]
    assert {(row.due_at, row.attempts, row.crashes) for row in waiting} == {(morning, 0, 0)}
    [webhook] = found.taken
    async with database.write() as session:
        await settle_all(session, [Ended(webhook, DELIVERED, 0.0)], evening)
    async with database.read() as session:
        looks = [await has_due(session, moment) for moment in (morning - timedelta(seconds=1), morning)]
    assert looks == [False, True]
    await add_event(database, later, evening + timedelta(hours=1))
    assert (await claim(database, evening + timedelta(hours=1), opens_at=morning)).messages == []
    clock.set(morning)
    [message] = (await claim(database, morning)).messages
    assert numbers(message) == [cases[0].number, cases[1].number, later.number, later.number]


async def test_one_that_is_sent_again_by_hand_is_the_same_message_under_the_same_id(
    database: Database, clock: FixedClock
) -> None:
    await set_group(database, clock.now(), cases=3)
    first = await take(database, clock.now())
    await end(database, first, DELIVERED, clock.now())
    async with database.write() as session:
        await redeliver(session, first.rows[1].delivery_id, clock.now())
    again = await take(database, clock.now())
    assert (again.id, again.notices) == (first.id, first.notices)
    assert [row.delivery_id for row in again.rows] == [first.rows[1].delivery_id]
    await end(database, again, DELIVERED, clock.now())
    assert [row.attempts for row in await load_deliveries(database)] == [1, 2, 1]


async def test_what_comes_after_an_unfinished_event_of_its_case_waits_for_it(
    database: Database, clock: FixedClock
) -> None:
    [case] = await set_group(database, clock.now(), cases=1, events_each=3)
    async with database.write() as session:
        second = (await session.scalars(select(Delivery).where(Delivery.seq == 2))).one()
        second.due_at = clock.now() + timedelta(minutes=1)
    message = await take(database, clock.now())
    assert [row.seq for row in message.rows] == [1]
    await end(database, message, DELIVERED, clock.now())
    rest = await take(database, clock.now())
    assert [row.seq for row in rest.rows] == [2, 3]
    assert numbers(rest) == [case.number] * 2


async def test_a_group_that_had_too_many_messages_rests_as_long_as_it_asked_and_is_well(
    database: Database, clock: FixedClock
) -> None:
    await set_group(database, clock.now(), cases=4)
    message = await take(database, clock.now())
    await end(database, message, LIMITED, clock.now())
    group = await endpoint(database)
    assert (group.failures, group.rests_until) == (0, clock.now() + TEN_MINUTES)
    other = await add_case(database, clock.now())
    assert not (await claim(database, clock.advance(seconds=599))).found_work
    clock.advance(seconds=1)
    for expected in ([other.id], [row.case_id for row in message.rows]):
        found = await take(database, clock.now())
        assert {row.case_id for row in found.rows} == set(expected)
        assert len(found.rows) == len(expected)
        await end(database, found, DELIVERED, clock.now())
        assert (await endpoint(database)).rests_until is None


async def test_a_message_that_fails_is_one_failure_however_many_events_it_tells_of(
    database: Database, clock: FixedClock
) -> None:
    await set_group(database, clock.now(), cases=8)
    for failures in range(1, 5):
        await end(database, await take(database, clock.now()), FAILED, clock.now())
        group = await endpoint(database)
        assert (group.failures, group.rests_until) == (failures, None)
        clock.advance(hours=1)
    await end(database, await take(database, clock.now()), FAILED, clock.now())
    assert (await endpoint(database)).rests_until == clock.now() + timedelta(seconds=30)
    assert len(ids(await load_deliveries(database))) == 1
