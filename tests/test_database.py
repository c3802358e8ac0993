"""What the engines promise: no lost update, no early 201, a problem for every failure."""

import asyncio

from sqlalchemy import select, update

from app.database import Database
from app.models import Serial


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
