"""Numbers people read out over the telephone: `YL-2026-000123`. A process takes a block at a time, so gaps occur."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.database import Database, insert_if_absent
from app.models import Serial

BLOCK = 200
RESERVE = 100
CASE, REPORT, CONSULTATION, PRECEDENT = "YL", "BG", "HS", "XL"


class Numbers:
    """Hands out numbers of each series; a block is taken in a transaction of its own, never inside another."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database, self._zone = database, zone
        self._blocks: dict[str, tuple[int, int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, series: str, now: datetime) -> str:
        """The next number of a series in the year of `now`. Call it before the transaction has touched the database."""
        key = self._key(series, now)
        if not self._at_hand(key):
            await self.reserve(series, now, least=1)
        # No wait between here and the return: whoever holds the writer gets its number without the lock, which
        # another may hold while waiting for the writer.
        value, end = self._blocks[key]
        self._blocks[key] = (value + 1, end)
        return f"{key}-{value:06d}"

    async def reserve(self, series: str, now: datetime, least: int = RESERVE) -> None:
        """Make sure that some numbers are at hand, so that `take` will not need the database."""
        key = self._key(series, now)
        if self._at_hand(key) >= least:
            return
        async with self._lock:
            while self._at_hand(key) < least:
                self._blocks[key] = await self._take_block(key)

    def _key(self, series: str, now: datetime) -> str:
        return f"{series}-{now.astimezone(self._zone).year}"

    def _at_hand(self, key: str) -> int:
        value, end = self._blocks.get(key, (0, 0))
        return end - value

    async def _take_block(self, key: str) -> tuple[int, int]:
        async with self._database.write() as session:
            row = await session.scalar(select(Serial).where(Serial.series == key).with_for_update())
            if row is None:
                await session.execute(insert_if_absent(self._database, Serial).values(series=key, next_value=1))
                row = (await session.scalars(select(Serial).where(Serial.series == key).with_for_update())).one()
            first = row.next_value
            row.next_value = first + BLOCK
        return first, first + BLOCK
