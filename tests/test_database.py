"""What the engines promise: no lost update, no early 201, a problem for every failure."""

import asyncio

from sqlalchemy import make_url, select, text, update

from app.database import Database
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.models import Delivery, Event, Serial
from tests import postgres
from tests.api.scenes import assigned
from tests.city import CityUnderTest


async def test_concurrent_read_then_write_loses_no_update(database: Database) -> None:
    async with database.write() as session:
        session.add(Serial(series="counter", next_value=0))

    async def increment() -> None:
        for _ in range(10):
            async with database.write() as session:
                row = await session.scalar(select(Serial).where(Serial.series == "counter").with_for_update())
                assert row is not None
                value = row.next_value
                await asyncio.sleep(0)
                await session.execute(update(Serial).values(next_value=value + 1))

    await asyncio.gather(*(increment() for _ in range(16)))
    async with database.read() as session:
        assert await session.scalar(select(Serial.next_value)) == 160


async def test_numbers_the_database_gives_out_follow_the_order_of_the_batch(city: CityUnderTest) -> None:
    """A consultation of many departments: one event each, and one delivery each, in one batch."""
    departments = [code for code in sorted(city.runtime.cities.current.departments) if code.startswith("FR-")][:20]
    async with city.runtime.database.write() as session:
        for code in departments:
            await register_endpoint(
                session, code, "http://127.0.0.1:9/", city.runtime.sealer, Guard.of([], allow_loopback=True),
                city.clock.now(),
            )  # fmt: skip
    scene = await assigned(city)
    body = {"cases": [scene.case], "departments": departments}
    assert (await scene.office.post("/v1/consultations", json=body)).status_code == 201
    async with city.runtime.database.read() as session:
        events = list(await session.scalars(select(Event.seq).order_by(Event.position)))
        deliveries = list(await session.scalars(select(Delivery.seq).order_by(Delivery.id)))
    assert events == sorted(events)
    assert len(events) > 20
    assert deliveries == sorted(deliveries)
    assert len(deliveries) > 20


async def test_what_reads_on_postgresql_has_room_for_a_search_and_keeps_more_where_it_was_given() -> None:
    with postgres.new_database(None) as url:
        for given, room in (("64MB", "64MB"), ("1MB", "32MB")):
            database = Database(url)
            async with database.write() as session:
                name = make_url(url).database
                await session.execute(text(f"ALTER DATABASE \"{name}\" SET work_mem = '{given}'"))
            await database.dispose()
            opened = Database(url)
            async with opened.read() as session:
                assert await session.scalar(text("SHOW work_mem")) == room
            async with opened.write() as session:
                assert await session.scalar(text("SHOW work_mem")) == given
            await opened.dispose()
