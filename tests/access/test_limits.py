"""Budgets that hold over all processes: nobody gets more, the wait that is told is true, others are not held up."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select
from starlette.requests import Request

from app.access import limiter as limiting
from app.access.buckets import Budget
from app.access.keys import make_key
from app.access.limiter import Kind, Limiter, TooManyRequests
from app.api.address import client_address
from app.clock import FixedClock
from app.database import Database
from app.flow.tidying import Tidier
from app.models import RateBucket
from app.problems import MEDIA_TYPE
from app.runtime import budgets_of
from app.settings import Settings
from tests.city import CityUnderTest, open_city
from tests.conftest import Say

REPLICAS = 3
LOOK, CALLBACK = "/v1/departments", "/v1/callbacks/FR-MZ"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, a draw that comes is waited for."""
    monkeypatch.setattr(limiting, "SLOWEST_DRAW_SECONDS", 60.0)


@asynccontextmanager
async def processes(
    url: str, clock: FixedClock, per_minute: int, number: int = REPLICAS
) -> AsyncIterator[list[Limiter]]:
    """What so many processes have of it: engines, leases and memory of their own."""
    databases = [Database(url) for _ in range(number)]
    limiters = [Limiter(database, clock, {Kind.KEY: Budget(per_minute)}) for database in databases]
    try:
        yield limiters
    finally:
        for limiter in limiters:
            await limiter.close()
            await limiter.database.dispose()


async def gets_through(limiter: Limiter, name: str = "a") -> bool:
    try:
        await limiter.spend(Kind.KEY, name)
    except TooManyRequests:
        return False
    return True


async def wait_told(limiter: Limiter) -> int:
    """The seconds that somebody is told to wait; 0 for whoever is let through. What is drawn ahead has arrived."""
    try:
        await limiter.spend(Kind.KEY, "a")
    except TooManyRequests as refusal:
        return int(refusal.headers["Retry-After"])
    finally:
        await limiter.close()
    return 0


async def test_many_at_once_in_three_processes_get_the_budget_and_no_more(database_url: str, clock: FixedClock) -> None:
    async with processes(database_url, clock, 60) as limiters:
        through = await asyncio.gather(*(gets_through(limiter) for limiter in limiters for _ in range(60)))
        assert sum(through) == 60
        clock.advance(seconds=10)
        through = await asyncio.gather(*(gets_through(limiter) for limiter in limiters for _ in range(50)))
        assert sum(through) == 10
        assert await gets_through(limiters[0], "somebody else")


@pytest.mark.parametrize("per_minute", [1, 3, 100])
async def test_no_stretch_of_time_sees_more_than_the_budget_and_every_wait_told_is_true(
    database_url: str, clock: FixedClock, per_minute: int
) -> None:
    """Random processes at random moments: after bursts and pauses, with leases left over, ended and renewed."""
    chance, told = random.Random(per_minute), 0
    async with processes(database_url, clock, per_minute) as limiters:
        let_through = []
        for _ in range(8):
            clock.advance(seconds=chance.choice((0, 0, 0.2, 3, 30, 61, 400)))
            limiter = chance.choice(limiters)
            for _ in range(chance.choice((1, 2, per_minute // 2, per_minute))):
                limiter = chance.choice((limiter, *limiters))
                if wait := await wait_told(limiter):
                    told += 1
                    clock.advance(seconds=wait)
                    assert await wait_told(limiter) == 0, f"not after the {wait} s it was told"
                let_through.append(clock.now())
    minutes = [moment.timestamp() / 60 for moment in let_through]
    for first, start in enumerate(minutes):
        for last in range(first, len(minutes)):
            assert last - first + 1 <= per_minute * (1 + minutes[last] - start) + 1e-6
    assert told > 1
    assert len(let_through) > 7


async def test_what_a_process_leaves_unspent_comes_back(database_url: str, clock: FixedClock) -> None:
    async with processes(database_url, clock, 40) as [first, second, _]:
        assert await gets_through(first)
        left = sum([await gets_through(second) for _ in range(60)])
        assert 38 <= left <= 39
        clock.advance(minutes=2)
        assert sum([await gets_through(second) for _ in range(60)]) == 40


async def test_within_the_budget_one_write_serves_many_and_a_refusal_needs_none(
    database_url: str, clock: FixedClock
) -> None:
    async with processes(database_url, clock, 200, number=1) as [limiter]:
        writes = 0

        @event.listens_for(limiter.database.writer.sync_engine, "begin")
        def note(_: Any) -> None:
            nonlocal writes
            writes += 1

        assert all([await gets_through(limiter) for _ in range(200)])
        assert writes <= 200 // Budget(200).lease + 2
        assert not await gets_through(limiter)
        before = writes
        assert not any([await gets_through(limiter) for _ in range(500)])
        assert writes == before
        assert limiter.refused == {Kind.KEY: 501}


async def test_a_database_that_cannot_say_holds_nobody_up_and_is_paid_afterwards(
    database_url: str, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(database_url, clock, 60, number=2) as [limiter, other]:
        assert await gets_through(other)
        async with other.database.write() as session:
            await session.scalar(select(RateBucket).with_for_update())
            monkeypatch.setattr(limiting, "SLOWEST_DRAW_SECONDS", 0.2)
            began = time.monotonic()
            through = [await gets_through(limiter) for _ in range(10)]
            assert time.monotonic() - began < 5
            monkeypatch.setattr(limiting, "SLOWEST_DRAW_SECONDS", 60.0)
        assert through == [True] * 3 + [False] * 7
        await limiter.close()
        clock.advance(seconds=3)
        # One was spent elsewhere and two are still out there, three were given unasked; three have come since.
        assert sum([await gets_through(limiter) for _ in range(70)]) == 60 - 3


@pytest.mark.parametrize("seconds_between", [1, 30], ids=["at-the-budgets-pace", "seldom"])
async def test_who_kept_to_the_budget_while_the_database_was_slow_owes_nothing_afterwards(
    database_url: str, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, seconds_between: int
) -> None:
    async with processes(database_url, clock, 60, number=2) as [limiter, other]:
        assert await gets_through(other)
        async with other.database.write() as session:
            await session.scalar(select(RateBucket).with_for_update())
            monkeypatch.setattr(limiting, "SLOWEST_DRAW_SECONDS", 0.01)
            for _ in range(100):
                clock.advance(seconds=seconds_between)
                assert await gets_through(limiter)
            monkeypatch.setattr(limiting, "SLOWEST_DRAW_SECONDS", 60.0)
        for _ in range(30):
            clock.advance(seconds=seconds_between)
            assert await gets_through(limiter)


async def test_old_buckets_are_cleared_away(database_url: str, clock: FixedClock) -> None:
    async with processes(database_url, clock, 60, number=1) as [limiter]:
        await gets_through(limiter, "old")
        clock.advance(minutes=61)
        await gets_through(limiter, "new")
        await Tidier(limiter.database, clock, timedelta(days=1)).tidy()
        async with limiter.database.read() as session:
            assert list(await session.scalars(select(RateBucket.name))) == ["key:new"]


@pytest.mark.parametrize(("per_minute", "limited"), [(600, True), (0, False)])
def test_zero_takes_a_limit_away(per_minute: int, limited: bool) -> None:
    settings = Settings(_env_file=None, rate_per_key_per_minute=per_minute, rate_failed_keys_per_minute=per_minute)
    assert (Kind.KEY in budgets_of(settings)) is (Kind.FAILED_KEY in budgets_of(settings)) is limited


# ── through the door ──


@asynccontextmanager
async def replicas(
    url: str, folder: Path, clock: FixedClock, number: int = REPLICAS, **limits: int
) -> AsyncIterator[list[CityUnderTest]]:
    """So many applications over one database."""
    async with AsyncExitStack() as stack:
        settings = {"trusted_proxy": True} | limits
        yield [await stack.enter_async_context(open_city(url, folder, clock, **settings)) for _ in range(number)]


def with_key_of(client: httpx.AsyncClient, replica: CityUnderTest) -> httpx.AsyncClient:
    return replica.anonymous(headers={"Authorization": client.headers["Authorization"]})


async def test_a_key_that_asks_too_much_is_told_how_long_to_wait_by_every_replica(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with replicas(city_url, tmp_path, clock, rate_per_key_per_minute=20) as towns:
        mine, others = await towns[0].reporter("FR-01"), await towns[0].reporter("FR-02")
        doors = [with_key_of(mine, town) for town in towns]
        answers = [await doors[n % REPLICAS].get(LOOK) for n in range(24)]
        assert [a.status_code for a in answers].count(200) == 20
        refused = answers[-1]
        assert (refused.status_code, refused.headers["content-type"]) == (429, MEDIA_TYPE)
        problem, wait = refused.json(), int(refused.headers["Retry-After"])
        assert problem["code"] == "too_many_requests"
        assert f"请在 {wait} 秒后重试" in problem["detail"]
        english = await doors[2].get(LOOK, headers={"Accept-Language": "en"})
        assert f"Try again in {wait} s" in english.json()["detail"]
        assert (await others.get(LOOK)).status_code == 200
        clock.advance(seconds=wait)
        assert (await doors[0].get(LOOK)).status_code == 200
        metrics = (await towns[2].anonymous().get("/metrics")).text
        assert 'yilong_refusals_total{kind="key"} 3.0' in metrics
        assert 'yilong_refusals_total{kind="sign_in"} 0.0' in metrics
        assert "yilong_refusals_created" not in metrics


async def test_wrong_keys_and_signatures_are_slowed_where_they_come_from_and_good_ones_go_on(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with replicas(city_url, tmp_path, clock, 1, rate_failed_keys_per_minute=20) as [town]:
        good = (await town.reporter("FR-01")).headers["Authorization"].removeprefix("Bearer ")
        client, writes = town.anonymous(), list[object]()
        event.listen(town.runtime.database.writer.sync_engine, "begin", writes.append)

        async def send(key: str, path: str = LOOK, place: str = "203.0.113.9") -> int:
            headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"10.0.0.1, {place}"}
            return (await client.request("POST" if path == CALLBACK else "GET", path, headers=headers)).status_code

        assert {await send("yl_no_key", place=f"198.51.100.{n}") for n in range(10)} == {401}
        assert writes == []
        wrong = [(make_key(), LOOK), ("yl_no_key", LOOK), ("", CALLBACK)]
        answers = [await send(*wrong[n % 3]) for n in range(30)]
        assert answers == [401] * 25 + [429] * 5
        assert await send(good) == 200
        assert await send("yl_no_key", place="203.0.113.10") == 401
        clock.advance(seconds=3)
        assert await send("yl_no_key") == 401
        async with town.runtime.database.read() as session:
            names = list(await session.scalars(select(RateBucket.name)))
        assert [name for name in names if "203.0.113" in name] == []


async def test_the_flood_of_one_key_does_not_hold_up_another(
    city_url: str, tmp_path: Path, clock: FixedClock, say: Say
) -> None:
    """How much work is done before a report is answered that comes with thirty of another key, and without them."""

    async def work_for(keys: list[httpx.AsyncClient], flood: int) -> float:
        flooding, calm = keys
        text = "区民政局要求每周报一次台账。"
        pouring = [asyncio.create_task(flooding.post("/v1/reports", json={"text": text})) for _ in range(flood)]
        await asyncio.sleep(0)
        began = time.process_time()
        assert (await calm.post("/v1/reports", json={"text": text})).status_code == 201
        work = time.process_time() - began
        await asyncio.gather(*pouring)
        return work

    async with replicas(city_url, tmp_path, clock, 1, rate_per_key_per_minute=20) as [limited]:
        keys = [await limited.reporter("FR-01"), await limited.reporter("FR-02")]
        async with replicas(city_url, tmp_path, clock, 1, rate_per_key_per_minute=0) as [free]:
            unlimited_keys = [with_key_of(key, free) for key in keys]
            await work_for(unlimited_keys, 1)
            await work_for(keys, 20)
            alone = min([await work_for(unlimited_keys, 0) for _ in range(3)])
            limits = min([await work_for(keys, 30) for _ in range(2)])
            none = min([await work_for(unlimited_keys, 30) for _ in range(2)])
    say(f"flood of another key: a report takes {limits / alone:.1f} of its work; {none / alone:.1f} unlimited")
    assert limits < none / 2


# ── addresses ──


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "place"),
    [
        ("192.0.2.7", [], False, "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], False, "192.0.2.7"),
        ("192.0.2.7", [], True, "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], True, "198.51.100.1"),
        ("192.0.2.7", ["1.2.3.4, 198.51.100.1"], True, "198.51.100.1"),
        ("192.0.2.7", ["1.2.3.4", "198.51.100.1"], True, "198.51.100.1"),
        ("192.0.2.7", ["1.2.3.4, nonsense"], True, "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", [], False, "2001:db8:1:2::/64"),
        ("192.0.2.7", ["2001:db8:1:2:ffff::1"], True, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", [], False, "192.0.2.7"),
        ("fe80::1%eth0", [], False, "fe80::/64"),
        (None, [], False, "unknown"),
    ],
)
def test_an_address_is_the_peer_or_what_the_trusted_proxy_wrote_last(
    peer: str | None, forwarded: list[str], trusted: bool, place: str
) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    request = Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})
    assert client_address(request, trusted_proxy=trusted) == place
