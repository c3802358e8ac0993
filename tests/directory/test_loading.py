"""Loading a pack: once, again without change, and with changes that are named; numbers; the feed's cursor."""

import asyncio

from sqlalchemy import func, select

from app.clock import FixedClock
from app.database import Database
from app.directory.loading import load_into_database, read_files
from app.directory.pack import BUNDLED_PACK
from app.directory.serials import CASE, Numbers
from app.models import CalendarDay, Department, ObservationPoint
from app.runtime import make_runtime
from tests.city import CityUnderTest, settings_for


async def load(database: Database, clock: FixedClock, files: dict[str, str]) -> tuple[bool, int, int, list[str]]:
    async with database.write() as session:
        report = await load_into_database(session, files, clock.now())
    return report.is_empty, len(report.added), len(report.changed), report.retired


async def test_loading_twice_changes_nothing_the_second_time(database: Database, clock: FixedClock) -> None:
    files = read_files(BUNDLED_PACK)
    empty, added, _, _ = await load(database, clock, files)
    assert not empty
    async with database.read() as session:
        departments = await session.scalar(select(func.count()).select_from(Department)) or 0
        points = await session.scalar(select(func.count()).select_from(ObservationPoint))
        days = await session.scalar(select(func.count()).select_from(CalendarDay)) or 0
    assert points == 45
    assert added == departments + 45
    assert days > 1000
    assert await load(database, clock, files) == (True, 0, 0, [])


async def test_a_point_that_left_the_pack_is_retired_and_keeps_its_name(database: Database, clock: FixedClock) -> None:
    files = read_files(BUNDLED_PACK)
    await load(database, clock, files)
    lines = files["observation_points.csv"].splitlines(keepends=True)
    gone = next(line for line in lines if line.startswith("FR-01,"))
    renamed = next(line for line in lines if line.startswith("FR-02,"))
    lines.remove(gone)
    lines[lines.index(renamed)] = "FR-02,新名社区," + ",".join(renamed.split(",")[2:])
    _, added, changed, retired = await load(database, clock, files | {"observation_points.csv": "".join(lines)})
    assert (added, changed, retired) == (0, 1, ["FR-01"])
    async with database.read() as session:
        point = await session.get(ObservationPoint, "FR-01")
    assert point is not None
    assert not point.active
    assert point.name == gone.split(",")[1]


async def test_another_process_sees_a_new_pack_after_a_refresh(city: CityUnderTest, clock: FixedClock) -> None:
    other = make_runtime(settings_for(city.url, city.folder), clock)
    await other.start()
    files = read_files(BUNDLED_PACK)
    files["observation_points.csv"] = files["observation_points.csv"].replace("FR-02,", "FR-92,")
    async with city.runtime.database.write() as session:
        await load_into_database(session, files, clock.now())
    assert "FR-92" not in other.cities.current.points
    assert await other.cities.refresh()
    assert "FR-92" in other.cities.current.points
    assert not await other.cities.refresh()
    await other.close()


async def test_numbers_of_several_processes_never_meet(city: CityUnderTest, clock: FixedClock) -> None:
    zone = city.runtime.cities.current.calendar.zone
    processes = [Numbers(city.runtime.database, zone) for _ in range(3)]
    taken = await asyncio.gather(*(process.take(CASE, clock.now()) for process in processes for _ in range(250)))
    assert len(set(taken)) == 750
    assert all(number.startswith("YL-2026-") for number in taken)


async def test_numbers_begin_anew_with_the_local_year(city: CityUnderTest, clock: FixedClock) -> None:
    zone = city.runtime.cities.current.calendar.zone
    numbers = Numbers(city.runtime.database, zone)
    clock.set(clock.now().replace(year=2026, month=12, day=31, hour=15, minute=59))
    assert (await numbers.take(CASE, clock.now())).startswith("YL-2026-")
    clock.advance(minutes=2)
    assert await numbers.take(CASE, clock.now()) == "YL-2027-000001"
