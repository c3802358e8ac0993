"""夜间对账, its book: which worker has the day's sweep in hand, and what came of it. It checks nothing itself."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, insert_if_absent
from app.models import Sweep, new_id

FROM_LOCAL_TIME: Final = time(2, 0)
# A sweep that has not ended by then was lost with its worker.
LEASE: Final = timedelta(hours=2)


def day_of(now: datetime, zone: ZoneInfo) -> date:
    """The local day whose sweep is the latest that may have begun; before two in the morning it is yesterday's."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= FROM_LOCAL_TIME else local.date() - timedelta(days=1)


async def is_due(session: AsyncSession, day: date, now: datetime) -> bool:
    """Whether nobody has swept that day, nor is about to; takes no lock."""
    found = await session.get(Sweep, day)
    return found is None or (found.finished_at is None and found.started_at <= now - LEASE)


async def claim(session: AsyncSession, database: Database, day: date, now: datetime) -> str | None:
    """Take the day's sweep in hand; the token with which to settle it, None where somebody else has it or had it."""
    token = new_id()
    row = {"day": day, "token": token, "started_at": now, "reports": 0, "opened": 0, "closed": 0, "events": 0}
    row |= {"offenders": 0, "broken_chains": 0, "named": []}
    await session.execute(insert_if_absent(database, Sweep).values(row))
    await session.execute(
        update(Sweep)
        .where(Sweep.day == day, Sweep.finished_at.is_(None), Sweep.started_at <= now - LEASE)
        .values(token=token, started_at=now)
    )
    return token if await session.scalar(select(Sweep.token).where(Sweep.day == day)) == token else None


async def settle(
    session: AsyncSession,
    token: str,
    now: datetime,
    *,
    counts: dict[str, int],
    named: Sequence[tuple[str, str]],
) -> bool:
    """Write down what the sweep found; False where it was taken over meanwhile.

    Args:
        counts: `reports`, `opened`, `closed`, `events`, `offenders`, `broken_chains`.
        named: the first offenders, each its number and what is wrong.
    """
    done = await session.execute(
        update(Sweep)
        .where(Sweep.token == token, Sweep.finished_at.is_(None))
        .values(finished_at=now, named=[list(pair) for pair in named], **counts)
        .returning(Sweep.day)
    )
    return done.first() is not None


async def give_up(session: AsyncSession, token: str, now: datetime) -> None:
    """Let another worker have it at once."""
    await session.execute(
        update(Sweep).where(Sweep.token == token, Sweep.finished_at.is_(None)).values(started_at=now - LEASE)
    )
