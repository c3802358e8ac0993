"""Numbers people read out over the telephone: `YL-2026-000123`. A process takes a block at a time, so gaps occur.

Official documents have gapless ones: `take_gapless`, inside the transaction that issues.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, insert_if_absent
from app.models import Serial
from app.problems import AppError

BLOCK = 200
RESERVE = 100
CASE, REPORT, CONSULTATION, PRECEDENT = "YL", "BG", "HS", "XL"


# Intake may need each of these: their blocks are fetched together.
INTAKE = (REPORT, CASE, CONSULTATION)


async def take_gapless(session: AsyncSession, series: str) -> int:
    """The next number of a series from 1, without gaps: it is taken back where the transaction is.

    Whoever else wants one waits until this transaction has ended, so it is the last thing to lock.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(insert(Serial).values(series=series, next_value=1).on_conflict_do_nothing())
    taken = update(Serial).where(Serial.series == series).values(next_value=Serial.next_value + 1)
    return (await session.execute(taken.returning(Serial.next_value))).scalar_one() - 1


class Numbers:
    """Hands out numbers of each series; blocks are taken in a transaction of their own, never inside another.

    The next ones are fetched while there are still some at hand, so that nobody queues for the database twice.
    """

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database, self._zone = database, zone
        self._blocks: dict[str, deque[range]] = {}
        self._lock = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None

    async def take(self, series: str, now: datetime) -> str:
        """The next number of a series in the year of `now`. Call it before the transaction has touched the database."""
        year = now.astimezone(self._zone).year
        key = f"{series}-{year}"
        if not self._at_hand(key):
            await self._fill(series, year, 1)
        # No wait between here and the return: whoever holds the writer gets its number without the lock, which
        # another may hold while waiting for the writer.
        blocks = self._blocks[key]
        value = blocks[0].start
        blocks[0] = blocks[0][1:]
        if not blocks[0]:
            blocks.popleft()
        if self._at_hand(key) < RESERVE and (self._ahead is None or self._ahead.done()):
            self._ahead = asyncio.create_task(self._fill_ahead(series, year))
        return f"{key}-{value:06d}"

    async def reserve(self, series: str, now: datetime, least: int = RESERVE) -> None:
        """Make sure that some numbers are at hand, so that `take` will not need the database."""
        await self._fill(series, now.astimezone(self._zone).year, least)

    async def reserve_for(self, reports: int, now: datetime) -> None:
        """Make sure that intake of so many reports will not need the database for numbers."""
        for series in INTAKE:
            await self.reserve(series, now, least=reports)

    async def close(self) -> None:
        """Let what is being fetched arrive."""
        if self._ahead is not None:
            await self._ahead

    async def _fill_ahead(self, series: str, year: int) -> None:
        with contextlib.suppress(AppError):  # whoever takes the last number will try again, and say what is wrong
            await self._fill(series, year, RESERVE)

    async def _fill(self, series: str, year: int, least: int) -> None:
        if self._at_hand(f"{series}-{year}") >= least:
            return
        keys = [f"{name}-{year}" for name in (INTAKE if series in INTAKE else (series,))]
        async with self._lock:
            while missing := [key for key in keys if self._at_hand(key) < least]:
                for key, block in zip(missing, await self._take_blocks(missing), strict=True):
                    self._blocks.setdefault(key, deque()).append(block)

    def _at_hand(self, key: str) -> int:
        return sum(map(len, self._blocks.get(key, ())))

    async def _take_blocks(self, keys: Sequence[str]) -> list[range]:
        async with self._database.write() as session:
            return [await self._take_block(session, key) for key in keys]

    async def _take_block(self, session: AsyncSession, key: str) -> range:
        row = await session.scalar(select(Serial).where(Serial.series == key).with_for_update())
        if row is None:
            await session.execute(insert_if_absent(self._database, Serial).values(series=key, next_value=1))
            row = (await session.scalars(select(Serial).where(Serial.series == key).with_for_update())).one()
        first = row.next_value
        row.next_value = first + BLOCK
        return range(first, first + BLOCK)
