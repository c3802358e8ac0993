"""The trend that pages and the interface show. That of a unit with a great ledger is counted every ten minutes.

Counting a hundred thousand cases takes a second or two; whoever reads is told of which moment the figures are.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from app.database import Database
from app.deadlines import Calendar
from app.ledger.trends import Trend, Unit, read_trend

KEPT: Final = timedelta(minutes=10)
# Reports in the months that are shown; with less, every reader gets the figures of that moment.
GREAT: Final = 2_000


@dataclass(slots=True)
class _Kept:
    """What was counted of a unit last, by which calendar; one counts, and who comes meanwhile waits for it."""

    trend: Trend | None = None
    calendar: Calendar | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


_kept: WeakKeyDictionary[Database, defaultdict[Unit, _Kept]] = WeakKeyDictionary()


async def find_trend(database: Database, unit: Unit, calendar: Calendar, now: datetime) -> Trend:
    """A unit's trend, all of one moment: `counted_at`, which is now but for a unit with a great ledger."""
    kept = _kept.setdefault(database, defaultdict(_Kept))[unit]
    async with kept.turn:
        known = kept.trend
        if known and known.counted_at and kept.calendar is calendar and now - KEPT < known.counted_at <= now:
            return known
        async with database.snapshot() as session:
            found = await read_trend(session, unit, calendar, now)
        great = sum(month.reports for month in found.months) >= GREAT
        kept.trend, kept.calendar = (found, calendar) if great else (None, None)
        return found
