"""What the nightly reconciliations found: for the metrics and for the office's first page. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import BrokenLink
from app.models import Case, Sweep

TOO_OLD: Final = timedelta(hours=48)
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the office has to know of the last sweep: what did not hold, or that none has ended for two days.

    `since` is when the last one ended, None where none ever has.
    """

    since: datetime | None
    offenders: int
    broken_chains: int
    named: Sequence[Sequence[str]]
    late: bool


async def last_sweep(session: AsyncSession) -> Sweep | None:
    """The last sweep that ended."""
    found: Sweep | None = await session.scalar(
        select(Sweep).where(Sweep.finished_at.is_not(None)).order_by(Sweep.day.desc()).limit(1)
    )
    return found


async def find_alarm(session: AsyncSession, now: datetime) -> Alarm | None:
    """None where the last sweep is recent and everything held, or the ledger itself is younger than two days."""
    last = await last_sweep(session)
    if last is None or last.finished_at is None:
        first = await session.scalar(select(func.min(Case.opened_at)))
        return Alarm(None, 0, 0, (), late=True) if first is not None and first < now - TOO_OLD else None
    late = last.finished_at < now - TOO_OLD
    if not (last.offenders or last.broken_chains or late):
        return None
    return Alarm(last.finished_at, last.offenders, last.broken_chains, last.named[:SHOWN], late)


def name_chains(broken: Sequence[BrokenLink]) -> list[tuple[str, str]]:
    """Broken chains by the number of their case, each with its first fault."""
    return [(b.number or b.case_id, f"审计链在第 {b.seq} 个事件处断开 {b.fault}") for b in broken]
