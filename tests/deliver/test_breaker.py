"""The breaker: when an address rests, how it is probed, and that all of it lives in the database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.clock import FixedClock
from app.database import Database
from app.deliver.breaker import LONGEST_REST, Breaker, after_call, after_limit, rest_after, room
from app.deliver.claim import claim_due, has_due
from app.deliver.endpoints import activate
from app.deliver.send import Fault, Outcome
from app.deliver.settle import Ended, settle_all
from app.models import Delivery, DeliveryStatus, Endpoint
from tests.deliver.factories import load_deliveries, set_scene

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DELIVERED = Outcome(http_status=200)
FAILED = Outcome(http_status=500, fault=Fault.STATUS)
REFUSED = Outcome(http_status=422, fault=Fault.STATUS)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 960), (11, 1800), (10**9, 1800)]
)
def test_the_rest_doubles_from_30_seconds_to_30_minutes(failures: int, seconds: int) -> None:
    assert rest_after(failures) == timedelta(seconds=seconds)


def test_too_many_messages_is_a_rest_and_no_failure() -> None:
    minute = timedelta(minutes=1)
    resting = after_limit(Breaker(failures=4), rest=minute, now=NOW)
    assert resting == Breaker(rests_until=NOW + minute)
    assert after_limit(resting, rest=minute / 2, now=NOW) == resting
    silent = Breaker(9, NOW + 2 * minute, 0)
    assert after_limit(silent, rest=minute, now=NOW) == silent
    assert after_limit(Breaker(), rest=timedelta(days=1), now=NOW) == Breaker(rests_until=NOW + LONGEST_REST)
    assert after_call(resting, answered=True, now=NOW) == resting
    assert after_call(resting, answered=True, now=NOW + minute) == Breaker()
    assert after_call(resting, answered=False, now=NOW + minute).failures == 1


@pytest.mark.parametrize(
    ("breaker", "cap", "calls"),
    [
        (Breaker(), 4, 4),
        (Breaker(failures=4), 4, 4),
        (Breaker(5, NOW, 0), 4, 1),
        (Breaker(5, NOW, 1), 4, 2),
        (Breaker(5, NOW, 2), 4, 2),
        (Breaker(5, NOW, 3), 4, 4),
        (Breaker(5, NOW, 6), 4, 4),
        (Breaker(5, NOW, 3), 2, 2),
        (Breaker(5, NOW, 3), 16, 4),
        (Breaker(5, NOW, 7), 16, 16),
    ],
)
def test_after_a_rest_one_call_probes_then_two_then_four(breaker: Breaker, cap: int, calls: int) -> None:
    assert room(breaker, cap) == calls


@pytest.mark.parametrize(
    ("before", "answered", "after"),
    [
        (Breaker(), False, Breaker(1)),
        (Breaker(3), True, Breaker()),
        (Breaker(4), False, Breaker(5, NOW + timedelta(seconds=30))),
        # Calls that were under way when it opened tell nothing new.
        (Breaker(5, NOW + timedelta(seconds=1)), False, Breaker(5, NOW + timedelta(seconds=1))),
        (Breaker(5, NOW + timedelta(seconds=1)), True, Breaker(5, NOW + timedelta(seconds=1))),
        (Breaker(5, NOW), False, Breaker(6, NOW + timedelta(seconds=60))),
        (Breaker(5, NOW, 6), False, Breaker(6, NOW + timedelta(seconds=60))),
        (Breaker(5, NOW), True, Breaker(5, NOW, 1)),
        (Breaker(5, NOW, 5), True, Breaker(5, NOW, 6)),
        (Breaker(5, NOW, 6), True, Breaker()),
    ],
)
def test_each_call_moves_the_breaker_one_step(before: Breaker, answered: bool, after: Breaker) -> None:
    assert after_call(before, answered=answered, now=NOW) == after


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [
        (DELIVERED, True),
        (REFUSED, True),
        (Outcome(http_status=404, fault=Fault.STATUS), True),
        (Outcome(http_status=410, fault=Fault.GONE), True),
        (FAILED, False),
        (Outcome(http_status=503, fault=Fault.STATUS), False),
        (Outcome(http_status=429, fault=Fault.STATUS), False),
        (Outcome(http_status=408, fault=Fault.STATUS), False),
        (Outcome(http_status=302, fault=Fault.REDIRECT), False),
        *[(Outcome(fault=f), False) for f in (Fault.TIMEOUT, Fault.CONNECT, Fault.NAME, Fault.TLS, Fault.BROKEN)],
        (Outcome(fault=Fault.REFUSED), False),
        *[(Outcome(fault=f), None) for f in (Fault.SECRET, Fault.ERASED, Fault.DEFECT)],
    ],
)
def test_a_refusal_of_one_event_shows_that_the_system_is_alive(outcome: Outcome, answered: bool | None) -> None:
    assert outcome.answered is answered


class Office:
    """Claims and settles as workers do, each step by a process of its own: only the database remembers."""

    def __init__(self, url: str, clock: FixedClock) -> None:
        self.url, self.clock = url, clock

    async def work(self, outcome: Outcome, *, most: int = 16) -> int:
        """One claim after a restart; all that it took ends with that outcome. How many there were."""
        database = Database(self.url)
        async with database.write() as session:
            taken = (await claim_due(session, self.clock.now(), limit=most, cap=4)).taken
        await database.dispose()
        database = Database(self.url)
        async with database.write() as session:
            await settle_all(session, [Ended(claimed, outcome, 0.0) for claimed in taken], self.clock.now())
        await database.dispose()
        return len(taken)

    async def breaker(self) -> Breaker:
        database = Database(self.url)
        async with database.read() as session:
            row = (await session.execute(select(Endpoint.failures, Endpoint.rests_until, Endpoint.proven))).one()
        await database.dispose()
        return Breaker(row.failures, row.rests_until, row.proven)


async def make_due(database: Database, now: datetime) -> None:
    async with database.write() as session:
        pending = Delivery.status == DeliveryStatus.PENDING
        await session.execute(update(Delivery).where(pending).values(due_at=now))


async def test_the_breaker_goes_through_all_its_states_with_a_restart_in_each(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=60)
    office = Office(database_url, clock)
    assert await office.work(FAILED, most=2) == 2
    assert await office.work(FAILED, most=2) == 2
    assert await office.breaker() == Breaker(failures=4)
    # Four calls under way at once: the first opens it, the other three tell nothing new.
    assert await office.work(FAILED) == 4
    assert await office.breaker() == Breaker(5, clock.now() + timedelta(seconds=30))
    clock.advance(seconds=29)
    assert await office.work(FAILED) == 0
    async with database.read() as session:
        assert not await has_due(session, clock.now())
    clock.advance(seconds=1)
    assert await office.work(FAILED) == 1
    assert await office.breaker() == Breaker(6, clock.now() + timedelta(seconds=60))
    clock.advance(seconds=59)
    assert await office.work(DELIVERED) == 0
    clock.advance(seconds=1)
    assert [await office.work(DELIVERED) for _ in range(4)] == [1, 2, 4, 4]
    assert await office.breaker() == Breaker()


async def test_nothing_is_disabled_by_failures_and_every_row_stays_visible(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=30)
    office = Office(database_url, clock)
    for _ in range(40):
        await make_due(database, clock.now())
        await office.work(FAILED)
        clock.advance(minutes=30)
    async with database.read() as session:
        assert await session.scalar(select(Endpoint.active)) is True
    rows = await load_deliveries(database)
    assert {row.status for row in rows} == {DeliveryStatus.PENDING}
    assert all(row.due_at is not None for row in rows)


async def test_a_refused_event_does_not_make_the_others_wait(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=40)
    office = Office(database_url, clock)
    assert [await office.work(REFUSED) for _ in range(8)] == [4] * 8
    assert await office.breaker() == Breaker()


async def test_an_address_that_rests_delays_no_other(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a", "http://127.0.0.1/b"], cases=10)
    async with database.write() as session:
        rest = clock.now() + timedelta(seconds=30)
        of_first = Endpoint.id == scene.endpoint_ids[0]
        await session.execute(update(Endpoint).where(of_first).values(failures=5, rests_until=rest))
    async with database.write() as session:
        taken = (await claim_due(session, clock.now(), limit=16, cap=4)).taken
    assert {claimed.endpoint_id for claimed in taken} == {scene.endpoint_ids[1]}


async def test_a_person_who_activates_an_address_ends_its_rest(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    async with database.write() as session:
        rest = clock.now() + timedelta(minutes=30)
        await session.execute(update(Endpoint).values(active=False, failures=12, rests_until=rest, proven=3))
    async with database.write() as session:
        await activate(session, scene.endpoint_ids[0], clock.now())
    async with database.write() as session:
        assert len((await claim_due(session, clock.now(), limit=16, cap=4)).taken) == 1


async def test_what_kills_workers_is_tried_alone_and_those_that_died_with_it_are_not_quarantined(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=4)
    poison = (await load_deliveries(database))[2].id
    in_hand: list[int] = []
    for _ in range(12):
        async with database.write() as session:
            claim = await claim_due(session, clock.now(), limit=16, cap=4)
        in_hand.append(len(claim.taken))
        if any(claimed.delivery_id == poison for claimed in claim.taken):
            clock.advance(seconds=45)  # the worker is dead, with all that it had in hand
            continue
        async with database.write() as session:
            await settle_all(session, [Ended(claimed, DELIVERED, 0.0) for claimed in claim.taken], clock.now())
    states = {row.id: row.status for row in await load_deliveries(database)}
    assert states.pop(poison) is DeliveryStatus.QUARANTINED
    assert set(states.values()) == {DeliveryStatus.DELIVERED}
    assert in_hand[:2] == [4, 4]
    assert max(in_hand[2:]) == 1
