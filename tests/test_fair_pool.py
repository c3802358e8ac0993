"""First come, first served: who waits for a connection gets it before who comes later."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.fair_pool import FairPool, going_ahead


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncEngine:
    url = f"sqlite+aiosqlite:///{tmp_path}/pool.db"
    return create_async_engine(url, poolclass=FairPool, pool_size=1, max_overflow=0, pool_timeout=0.5)


async def test_who_waits_is_served_before_who_comes_just_then(engine: AsyncEngine) -> None:
    order: list[int] = []

    async def take(number: int) -> None:
        async with engine.connect():
            order.append(number)
            await asyncio.sleep(0)
        if number < 6:  # comes again in the very moment in which the connection is given back
            await take(number + 100)

    await asyncio.gather(*(take(number) for number in range(6)))
    assert order == [*range(6), *range(100, 106)]
    await engine.dispose()


async def test_one_that_is_called_off_while_it_is_served_passes_its_turn_on(engine: AsyncEngine) -> None:
    async def take() -> None:
        async with engine.connect():
            pass

    for _ in range(20):
        async with engine.connect():
            waiting = [asyncio.create_task(take()) for _ in range(3)]
            await asyncio.sleep(0.001)
        waiting[0].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    async with engine.connect():
        pass
    await engine.dispose()


async def test_who_has_waited_too_long_is_told(engine: AsyncEngine) -> None:
    async with engine.connect():
        with pytest.raises(PoolTimeout):
            async with engine.connect():
                pass
    async with engine.connect():
        pass
    await engine.dispose()


async def test_who_goes_ahead_gets_every_other_turn_at_most(engine: AsyncEngine) -> None:
    order: list[str] = []

    async def take(name: str) -> None:
        async with engine.connect():
            order.append(name)
            await asyncio.sleep(0)

    async def take_ahead(name: str) -> None:
        with going_ahead():
            await take(name)

    async with engine.connect():
        waiting = [asyncio.create_task(take(f"plain {number}")) for number in range(3)]
        ahead = [asyncio.create_task(take_ahead(f"ahead {number}")) for number in range(5)]
        await asyncio.sleep(0.01)
    await asyncio.gather(*waiting, *ahead)
    assert order == ["ahead 0", "plain 0", "ahead 1", "plain 1", "ahead 2", "plain 2", "ahead 3", "ahead 4"]
    await engine.dispose()
