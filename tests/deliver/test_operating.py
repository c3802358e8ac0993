"""Operating the addresses: health over a day, alerts each once, replays of what failed and of what was never queued."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from app.clock import FixedClock
from app.database import Database
from app.deliver.alerts import GONE, Watchman, count_alerts, list_alerts
from app.deliver.claim import claim_due
from app.deliver.endpoints import EndpointInactive, activate, deactivate, register_endpoint
from app.deliver.health import Health, Standing, read_health
from app.deliver.log import list_endpoints
from app.deliver.replay import BadSpan, Span, What, replay, replay_many
from app.deliver.send import Fault, Outcome
from app.deliver.settle import settle
from app.models import Attempt, Delivery, DeliveryStatus, Endpoint, EndpointAlert
from app.problems import NotFound
from tests.api.scenes import assigned
from tests.city import CityUnderTest
from tests.deliver.factories import LOOPBACK, SEALER, Scene, add_event, load_deliveries, set_scene

OK = Outcome(milliseconds=40, http_status=200)
REFUSED = Outcome(milliseconds=10, http_status=401, fault=Fault.STATUS)
SILENT = Outcome(milliseconds=15_000, fault=Fault.TIMEOUT)
ERASED = Outcome(fault=Fault.ERASED)
GONE_410 = Outcome(milliseconds=5, http_status=410, fault=Fault.GONE)


async def deliver(database: Database, now: datetime, outcome: Outcome, *, most: int = 1) -> int:
    """Claim and settle up to `most` due deliveries with that outcome; how many there were."""
    async with database.write() as session:
        taken = (await claim_due(session, now, limit=most, cap=most)).taken
    for claimed in taken:
        async with database.write() as session:
            assert await settle(session, claimed, outcome, now, 0.0)
    return len(taken)


async def health_of(database: Database, now: datetime) -> list[Health]:
    async with database.read() as session:
        return await read_health(session, await list_endpoints(session), now)


async def alerts_of(database: Database) -> list[tuple[str, int]]:
    async with database.read() as session:
        return [(alert.endpoint.id, alert.hours) for alert in await list_alerts(session)]


# ── health ──


async def test_health_counts_the_last_day_and_ranks_its_times(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a", "http://127.0.0.1/b"], cases=3)
    one, other = scene.endpoint_ids
    [first, *_] = await load_deliveries(database)
    old, recent = clock.now() - timedelta(hours=25), clock.now() - timedelta(hours=1)
    async with database.write() as session:
        session.add_all(
            Attempt(delivery_id=first.id, number=n, started_at=recent, milliseconds=n * 10, http_status=200)
            for n in range(1, 21)
        )
        session.add(Attempt(delivery_id=first.id, number=0, started_at=old, milliseconds=99_999, error="timeout"))
        session.add(Attempt(delivery_id=first.id, number=21, started_at=recent, milliseconds=1, error="timeout"))
    found = {health.endpoint.id: health for health in await health_of(database, clock.now())}
    well = found[first.endpoint_id]
    assert (well.delivered, well.failed) == (20, 1)
    # Of 21 attempts in order the 11th and the 20th: the first took 1 ms, the second 10.
    assert (well.p50, well.p95) == (100, 190)
    quiet = found[other if first.endpoint_id == one else one]
    assert (quiet.delivered, quiet.failed, quiet.p50, quiet.p95) == (0, 0, None, None)
    assert (quiet.waiting, quiet.oldest, quiet.given_up) == (3, clock.now(), 0)
    assert {h.standing for h in found.values()} == {Standing.WELL}


@pytest.mark.parametrize("total", [1, 2, 3, 19, 20, 100])
async def test_a_percentile_is_the_nearest_rank(database: Database, clock: FixedClock, total: int) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    [row] = await load_deliveries(database)
    async with database.write() as session:
        session.add_all(
            Attempt(delivery_id=row.id, number=n, started_at=clock.now(), milliseconds=n, http_status=200)
            for n in range(1, total + 1)
        )
    [health] = await health_of(database, clock.now())
    assert (health.p50, health.p95) == (-(-total * 50 // 100), -(-total * 95 // 100))


async def test_standing_follows_an_address_through_failing_rest_and_recovery(
    database: Database, clock: FixedClock
) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=30)

    async def standing() -> Standing:
        [health] = await health_of(database, clock.now())
        return health.standing

    assert await deliver(database, clock.now(), SILENT)
    assert await standing() is Standing.FAILING
    assert await deliver(database, clock.now(), SILENT, most=4) == 4
    assert await standing() is Standing.RESTING
    clock.advance(seconds=31)
    assert await standing() is Standing.PROBING
    while await standing() is Standing.PROBING:
        assert await deliver(database, clock.now(), OK, most=4)
    assert await standing() is Standing.WELL
    async with database.write() as session:
        await session.execute(update(Endpoint).values(confirmed_at=None))
    assert await standing() is Standing.UNCONFIRMED
    async with database.write() as session:
        await session.execute(update(Endpoint).values(active=False))
    assert await standing() is Standing.INACTIVE


# ── alerts ──


async def test_each_step_is_told_once_by_one_of_many_workers_and_ends_with_a_delivery(
    database: Database, clock: FixedClock
) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=4)
    [endpoint_id] = scene.endpoint_ids
    watchmen = [Watchman(database, clock) for _ in range(3)]
    began = clock.now()
    # A system that answers, and refuses everything, fails too: nothing gets through.
    await deliver(database, began, REFUSED)
    told = []
    for hours in (0.9, 1.0, 1.1, 23.9, 24.0, 24.1, 71.9, 72.0, 100.0):
        clock.set(began + timedelta(hours=hours))
        found = [await watchman.look() for watchman in watchmen]
        assert sum(found) <= 1
        told += [hours] if any(found) else []
    assert told == [1.0, 24.0, 72.0]
    assert await alerts_of(database) == [(endpoint_id, 72)]
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(EndpointAlert)) == 3
        assert await count_alerts(session) == {0: 0, 1: 0, 24: 0, 72: 1}
    assert await deliver(database, clock.now(), OK)
    assert await alerts_of(database) == []
    # Failing anew is another failing, told from its own beginning.
    await deliver(database, clock.now(), SILENT)
    clock.advance(hours=1)
    assert await watchmen[0].look()
    assert await alerts_of(database) == [(endpoint_id, 1)]


async def test_many_workers_at_once_tell_it_once(database: Database, clock: FixedClock) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    await deliver(database, clock.now(), SILENT)
    clock.advance(hours=80)
    looks = await asyncio.gather(*(Watchman(database, clock).look() for _ in range(8)))
    assert sum(looks) >= 1
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(EndpointAlert)) == 3
        assert [a.hours for a in await list_alerts(session)] == [72]


async def test_what_was_erased_neither_starts_nor_ends_a_failing(database: Database, clock: FixedClock) -> None:
    await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=3)

    async def failing_since() -> datetime | None:
        [health] = await health_of(database, clock.now())
        return health.endpoint.failing_since

    await deliver(database, clock.now(), ERASED)
    assert await failing_since() is None
    began = clock.now()
    await deliver(database, began, SILENT)
    clock.advance(seconds=1)
    await deliver(database, clock.now(), ERASED)
    assert await failing_since() == began


async def test_an_address_that_says_it_is_gone_is_told_at_once_and_until_a_person_takes_it_up(
    database: Database, clock: FixedClock
) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=3)
    [endpoint_id] = scene.endpoint_ids
    # Three calls were under way: the second and the third say the same.
    assert await deliver(database, clock.now(), GONE_410, most=3) == 3
    assert await alerts_of(database) == [(endpoint_id, GONE)]
    clock.advance(hours=100)
    assert not await Watchman(database, clock).look()
    async with database.write() as session:
        await activate(session, endpoint_id, clock.now())
    assert await alerts_of(database) == []


async def test_a_person_who_pauses_or_activates_an_address_ends_its_alerts(
    database: Database, clock: FixedClock
) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=2)
    [endpoint_id] = scene.endpoint_ids
    await deliver(database, clock.now(), SILENT)
    clock.advance(hours=2)
    assert await Watchman(database, clock).look()
    async with database.write() as session:
        await deactivate(session, endpoint_id, clock.now())
    assert await alerts_of(database) == []
    clock.advance(hours=30)
    assert not await Watchman(database, clock).look()
    async with database.write() as session:
        endpoint = await activate(session, endpoint_id, clock.now())
        assert endpoint.failing_since is None


# ── replays ──


async def give_up(database: Database, ids: list[int], status: DeliveryStatus, now: datetime) -> None:
    async with database.write() as session:
        await session.execute(
            update(Delivery).where(Delivery.id.in_(ids)).values(status=status, due_at=None, finished_at=now)
        )


async def two_failed(database: Database, clock: FixedClock) -> tuple[Scene, list[int]]:
    """Two deliveries given up an hour apart, and one that was delivered."""
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=3)
    rows = await load_deliveries(database)
    await give_up(database, [rows[0].id], DeliveryStatus.DEAD, clock.now())
    await give_up(database, [rows[1].id], DeliveryStatus.QUARANTINED, clock.now())
    await give_up(database, [rows[2].id], DeliveryStatus.DELIVERED, clock.now())
    async with database.write() as session:
        earlier = clock.now() - timedelta(hours=1)
        await session.execute(update(Delivery).where(Delivery.id == rows[0].id).values(created_at=earlier))
    return scene, [row.id for row in rows]


@pytest.mark.parametrize(("hours", "places"), [(2, [0, 1]), (0.5, [1])])
async def test_what_failed_since_a_moment_is_queued_again_and_nothing_else(
    database: Database, clock: FixedClock, hours: float, places: list[int]
) -> None:
    scene, ids = await two_failed(database, clock)
    clock.advance(minutes=1)
    async with database.write() as session:
        span = Span.of(clock.now() - timedelta(hours=hours), None, clock.now())
        assert await replay(session, scene.endpoint_ids[0], What.FAILED, span, clock.now()) == len(places)
        assert await replay(session, scene.endpoint_ids[0], What.FAILED, span, clock.now()) == 0
    pending = [row.id for row in await load_deliveries(database) if row.status is DeliveryStatus.PENDING]
    assert pending == [ids[place] for place in places]
    assert await deliver(database, clock.now(), OK, most=9) == len(places)


async def test_what_an_address_never_got_is_queued_in_the_order_it_happened(
    database: Database, clock: FixedClock
) -> None:
    """Registered later, or paused meanwhile: both have gaps. What is there already is not doubled."""
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=2, events_each=3)
    began = clock.now()
    clock.advance(hours=1)
    async with database.write() as session:
        late, _ = await register_endpoint(session, "CS-MZ", "http://127.0.0.1/b", SEALER, LOOPBACK, clock.now())
        await session.execute(delete(Delivery).where(Delivery.event_id == scene.events[1].id))
    await add_event(database, scene.cases[0], clock.now())
    clock.advance(minutes=1)
    span = Span.of(began, None, clock.now())
    async with database.write() as session:
        assert await replay(session, late.id, What.MISSING, span, clock.now()) == 6
        assert await replay_many(session, What.MISSING, span, clock.now(), department="CS-JY") == 0
        assert await replay_many(session, What.MISSING, span, clock.now()) == 1
        assert await replay_many(session, What.MISSING, span, clock.now()) == 0
    rows = [row for row in await load_deliveries(database) if row.endpoint_id == late.id]
    assert len({row.event_id for row in rows}) == len(rows) == 7
    sent: dict[str | None, list[int]] = {}
    for _ in range(20):
        async with database.write() as session:
            taken = (await claim_due(session, clock.now(), limit=20, cap=20)).taken
        for claimed in taken:
            if claimed.endpoint_id == late.id:
                sent.setdefault(claimed.case_id, []).append(claimed.seq)
            async with database.write() as session:
                assert await settle(session, claimed, OK, clock.now(), 0.0)
    assert sorted(map(tuple, sent.values())) == [(1, 2, 3), (1, 2, 3, 4)]


async def test_a_replay_that_cannot_be_is_refused(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    now = clock.now()
    for since, until in ((now, None), (now + timedelta(days=1), None), (now, now - timedelta(hours=1))):
        with pytest.raises(BadSpan):
            Span.of(since, until, now)
    span = Span.of(now - timedelta(hours=1), None, now)
    async with database.write() as session:
        with pytest.raises(NotFound):
            await replay(session, "0" * 32, What.FAILED, span, now)
        await deactivate(session, scene.endpoint_ids[0], now)
        with pytest.raises(EndpointInactive):
            await replay(session, scene.endpoint_ids[0], What.FAILED, span, now)


async def test_the_api_operates_the_addresses(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    office, database = scene.office, city.runtime.database
    clock.advance(minutes=5)
    made = (await office.post("/v1/endpoints", json={"department": "FR-MZ", "url": "http://127.0.0.1:9/in"})).json()
    path = f"/v1/endpoints/{made['id']}"
    assert (made["confirmed_at"], made["failing_since"]) == (None, None)
    [challenge] = (await office.get(f"{path}/checks")).json()
    assert (challenge["kind"], challenge["status"]) == ("challenge", "pending")
    assert (await office.post(f"{path}/challenge")).json()["id"] == challenge["id"]
    assert (await office.post(f"{path}/test")).status_code == 201
    [health] = (await office.get("/v1/endpoints/health?department=FR-MZ")).json()
    assert (health["standing"], health["waiting"], health["endpoint"]["id"]) == ("unconfirmed", 0, made["id"])
    missing = {"what": "missing", "since": "2026-03-01T00:00:00+08:00"}
    assert (await office.post(f"{path}/replay", json=missing)).json() == {"queued": 1}
    async with database.write() as session:
        await session.execute(update(Endpoint).values(confirmed_at=clock.now()))
    assert (await office.post(f"{path}/challenge")).json()["code"] == "endpoint_already_confirmed"
    assert await deliver(database, clock.now(), SILENT)
    clock.advance(hours=25)
    assert await Watchman(database, clock).look()
    [alert] = (await office.get("/v1/endpoints/alerts")).json()
    assert (alert["department"], alert["hours"], alert["url"]) == ("FR-MZ", 24, "http://127.0.0.1:9/in")
    async with city.anonymous() as nobody:
        metrics = (await nobody.get("/metrics")).text
    assert 'yilong_endpoints_failing{hours="24"} 1.0' in metrics
    assert f'yilong_endpoint_oldest_due_seconds{{department="FR-MZ",endpoint="{made["id"]}"}} 89995.0' in metrics
    for wrong in ({"what": "all", "since": "2026-03-01T00:00:00Z"}, {"what": "failed", "since": "2026-03-01T00:00:00"}):
        assert (await office.post(f"{path}/replay", json=wrong)).status_code == 422
    for word in ("challenge", "test", "replay"):
        assert (await scene.department.post(f"{path}/{word}", json=missing)).status_code == 403
    assert (await office.get("/v1/endpoints/none/checks")).status_code == 404
