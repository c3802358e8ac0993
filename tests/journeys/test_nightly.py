"""夜间对账: one worker sweeps the ledger once a night; what it finds stands in the metrics and on the first page."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from app.clock import FixedClock
from app.flow.nightly import Reconciler
from app.ledger import reconcile
from app.models import AuditSeal, Role, Sweep
from app.sealing import Sealer
from app.supervise.sweep import LEASE, claim, day_of
from tests.api.scenes import assigned
from tests.city import CityUnderTest
from tests.dashboard.office import at_work

ZONE = ZoneInfo("Asia/Shanghai")


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


def reconciler_of(city: CityUnderTest) -> Reconciler:
    return Reconciler(city.runtime.database, city.clock, ZONE, city.runtime.sealer)


async def sweep(city: CityUnderTest) -> bool:
    """One worker's look, and the sweep that it began; whether there was one."""
    reconciler = reconciler_of(city)
    taken = await reconciler.take()
    await reconciler.aclose(60)
    return taken


async def sweeps(city: CityUnderTest) -> list[Sweep]:
    async with city.runtime.database.read() as session:
        return list(await session.scalars(select(Sweep).order_by(Sweep.day)))


async def home(city: CityUnderTest, role: Role) -> str:
    """The first page, as somebody with that role sees it who has just signed in."""
    return (await (await at_work(city, role)).get("/dashboard/")).text


async def metrics(city: CityUnderTest) -> dict[str, float]:
    async with city.anonymous() as nobody:
        lines = (await nobody.get("/metrics")).text.splitlines()
    pairs = (line.split(" ") for line in lines if line.startswith(("yilong_reconcile", "yilong_audit_broken")))
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02T01:59:59", "2026-03-01"),
        ("2026-03-02T02:00:00", "2026-03-02"),
        ("2026-03-02T23:59:59", "2026-03-02"),
        ("2026-03-03T00:30:00", "2026-03-02"),
    ],
)
def test_a_nights_sweep_begins_at_two_in_the_morning(moment: str, day: str) -> None:
    assert day_of(local(moment), ZONE).isoformat() == day


async def test_a_fault_made_by_hand_is_found_at_night_and_shown(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    assert await metrics(city) == {}
    assert await sweep(city)
    assert await metrics(city) == {
        "yilong_reconcile_offenders": 0.0,
        "yilong_reconcile_reports": 1.0,
        "yilong_audit_broken_chains": 0.0,
        "yilong_reconcile_last_success_timestamp_seconds": clock.now().timestamp(),
    }
    assert "夜间对账" not in await home(city, Role.CLERK)
    async with city.runtime.database.write() as session:
        await session.execute(text("UPDATE cases SET owner = NULL, last_hash = 'changed'"))
    assert not await sweep(city)
    clock.set(local("2026-03-03T01:59"))
    assert not await sweep(city)
    clock.set(local("2026-03-03T02:00"))
    assert await sweep(city)
    found = await metrics(city)
    assert found["yilong_reconcile_offenders"] == 2.0
    assert found["yilong_audit_broken_chains"] == 1.0
    assert found["yilong_reconcile_last_success_timestamp_seconds"] == clock.now().timestamp()
    _, last = await sweeps(city)
    assert {number for number, _ in last.named} == {scene.case}
    assert any("without an owner" in fault for _, fault in last.named)
    assert any("审计链" in fault for _, fault in last.named)
    page = await home(city, Role.LEADER)
    assert "夜间对账有不符" in page
    assert scene.case in page


async def test_every_night_the_chains_are_sealed_and_a_key_that_is_gone_is_shown(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await assigned(city)
    assert await sweep(city)
    clock.set(local("2026-03-03T02:00"))
    assert await sweep(city)
    database = city.runtime.database
    async with database.read() as session:
        made = (await session.execute(select(AuditSeal.number, AuditSeal.heads).order_by(AuditSeal.number))).all()
    assert [tuple(row) for row in made] == [(1, 1), (2, 0)]
    assert (await metrics(city))["yilong_audit_broken_chains"] == 0.0
    stranger = Reconciler(database, clock, ZONE, Sealer(b"another secret key, long enough for it"))
    clock.set(local("2026-03-04T02:00"))
    assert await stranger.take()
    await stranger.aclose(60)
    assert (await metrics(city))["yilong_audit_broken_chains"] == 3.0
    *_, last = await sweeps(city)
    assert ["封存 seals", "存储的密文无法解开 A stored secret cannot be opened"] in last.named


async def test_a_sweep_that_has_not_come_for_two_days_is_shown(city: CityUnderTest, clock: FixedClock) -> None:
    await assigned(city)
    assert "夜间对账" not in await home(city, Role.CLERK)
    clock.advance(hours=49)
    assert "夜间对账从未完成" in await home(city, Role.LEADER)
    assert await sweep(city)
    assert "夜间对账" not in await home(city, Role.AUDITOR)
    clock.advance(hours=49)
    assert "夜间对账已超过两天没有完成" in await home(city, Role.ADMINISTRATOR)


async def test_of_several_workers_one_sweeps(city: CityUnderTest) -> None:
    await assigned(city)
    reconcilers = [reconciler_of(city) for _ in range(4)]
    taken = await asyncio.gather(*(reconciler.take() for reconciler in reconcilers))
    assert sorted(taken) == [False, False, False, True]
    for reconciler in reconcilers:
        await reconciler.aclose(60)
    [row] = await sweeps(city)
    assert (row.reports, row.opened, row.closed, row.offenders) == (1, 1, 0, 0)
    assert row.events > 1


async def test_a_sweep_lost_with_its_worker_is_begun_anew(city: CityUnderTest, clock: FixedClock) -> None:
    await assigned(city)
    database = city.runtime.database
    async with database.write() as session:
        assert await claim(session, database, day_of(clock.now(), ZONE), clock.now())
    assert not await sweep(city)
    clock.advance(seconds=LEASE.total_seconds())
    assert await sweep(city)
    [row] = await sweeps(city)
    assert row.finished_at == clock.now()


async def test_a_sweep_that_fails_or_is_stopped_is_left_to_the_next(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assigned(city)
    with monkeypatch.context() as broken:
        broken.setattr("app.flow.nightly.reconcile", None)
        assert await sweep(city)
    [row] = await sweeps(city)
    assert row.finished_at is None
    never = asyncio.Event()

    async def wait(*_: object, **__: object) -> None:
        await never.wait()

    with monkeypatch.context() as broken:
        broken.setattr("app.flow.nightly.reconcile", wait)
        reconciler = reconciler_of(city)
        assert await reconciler.take()
        await asyncio.sleep(0.05)
        await reconciler.aclose()
    assert await sweep(city)
    [row] = await sweeps(city)
    assert row.finished_at == clock.now()


async def test_a_sweep_holds_no_transaction_while_it_reads(
    city: CityUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assigned(city)
    reading, go_on = asyncio.Event(), asyncio.Event()
    real = reconcile.reconcile

    async def slowly(*args: object, **options: object) -> object:
        found = await real(*args, **options)  # type: ignore[arg-type]
        reading.set()
        await go_on.wait()
        return found

    monkeypatch.setattr("app.flow.nightly.reconcile", slowly)
    reconciler = reconciler_of(city)
    assert await reconciler.take()
    await asyncio.wait_for(reading.wait(), 10)
    answer = await (await city.reporter("FR-02")).post("/v1/reports", json={"text": "区民政局要求天天报甲表。"})
    assert answer.status_code == 201
    go_on.set()
    await reconciler.aclose(60)
    [row] = await sweeps(city)
    assert (row.offenders, row.broken_chains) == (0, 0)
    assert row.finished_at is not None
    assert row.finished_at - row.started_at < timedelta(minutes=1)
