"""The ledger in figures, for the whole city: how much, how fast, how often on time. It compares no departments.

Reads only; a handful of queries whatever the size.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Act,
    ActKind,
    AgendaItem,
    Assignment,
    Attempt,
    Case,
    CaseOutcome,
    Consultation,
    Deadline,
    Digest,
    Event,
    Evidence,
    Instruction,
    LookBack,
    Manner,
    Pause,
    Reply,
    Report,
    Sweep,
)

SECONDS_A_DAY = 86_400
ROUND = ""  # the digest that only says that a day's round is over


@dataclass(frozen=True, slots=True)
class Account:
    """What the ledger holds. Days are calendar days; counts by the words of `vocabulary`.

    Attributes:
        relief_days: median from opening to striking off as relieved; None where nothing was.
        clocks: clocks that stopped in time and too late, by kind; replaced and running ones are in neither.
        sessions: by how they stand; `ruled` and `dissenting`: conclusions without agreement, and with a dissent.
        levels: clocks that reached each level of supervision, or a higher one.
        happened: events by type.
        nights: nightly reconciliations that ended; `bad_nights` those that found something.
    """

    reports: int
    categories: Mapping[str, int]
    outcomes: Mapping[str, int]
    relief_days: float | None
    clocks: Mapping[str, tuple[int, int]]
    returns: int
    sessions: Mapping[str, int]
    ruled: int
    dissenting: int
    extensions: Mapping[str, int]
    levels: Mapping[int, int]
    replies: Mapping[str, int]
    attempts: int
    urgencies: Mapping[str, int]
    pauses: Mapping[str, int]
    files: int
    look_backs: Mapping[str, int]
    instructions: Mapping[str, int]
    digests: int
    nights: int
    bad_nights: int
    happened: Mapping[str, int]


async def read_account(session: AsyncSession) -> Account:
    """Add up the ledger as it is now."""
    conclusions = [c for c in await session.scalars(select(AgendaItem.conclusion)) if c]
    return Account(
        reports=await session.scalar(select(func.count()).select_from(Report)) or 0,
        categories=await _count(session, Case.category),
        outcomes=await _count(session, Case.outcome),
        relief_days=await _relief_days(session),
        clocks=await _clocks(session),
        returns=await session.scalar(select(func.count()).where(Act.kind == ActKind.RETURN, Act.applied)) or 0,
        sessions=await _count(session, Consultation.status),
        ruled=sum(c.get("manner") == Manner.RULED for c in conclusions),
        dissenting=sum(bool(c.get("dissent")) for c in conclusions),
        extensions=await _count(session, Assignment.extension),
        levels=await _levels(session),
        replies=await _count(session, Reply.kind),
        attempts=await session.scalar(select(func.count()).select_from(Attempt)) or 0,
        urgencies=await _count(session, Case.urgency),
        pauses=await _count(session, Pause.blocker),
        files=await session.scalar(select(func.count()).select_from(Evidence)) or 0,
        look_backs=await _count(session, LookBack.answer),
        instructions=await _count(session, Instruction.decision),
        digests=await session.scalar(select(func.count()).where(Digest.recipient != ROUND)) or 0,
        nights=await session.scalar(select(func.count()).where(Sweep.finished_at.is_not(None))) or 0,
        bad_nights=await session.scalar(select(func.count()).where(Sweep.offenders + Sweep.broken_chains > 0)) or 0,
        happened=await _count(session, Event.type),
    )


async def _count(session: AsyncSession, column: Any) -> dict[str, int]:
    rows = await session.execute(select(column, func.count()).where(column.is_not(None)).group_by(column))
    return {str(value): count for value, count in rows}


async def _relief_days(session: AsyncSession) -> float | None:
    rows = await session.execute(select(Case.opened_at, Case.closed_at).where(Case.outcome == CaseOutcome.RELIEVED))
    days = [(closed - opened).total_seconds() / SECONDS_A_DAY for opened, closed in rows if closed]
    return median(days) if days else None


async def _clocks(session: AsyncSession) -> dict[str, tuple[int, int]]:
    rows = await session.execute(
        select(Deadline.kind, Deadline.met, func.count())
        .where(Deadline.met.is_not(None))
        .group_by(Deadline.kind, Deadline.met)
    )
    counts = Counter({(str(kind), bool(met)): count for kind, met, count in rows})
    return {kind: (counts[kind, True], counts[kind, False]) for kind in sorted({kind for kind, _ in counts})}


async def _levels(session: AsyncSession) -> dict[int, int]:
    levels = select(Deadline.level, func.count()).where(Deadline.level > 0).group_by(Deadline.level)
    reached: Counter[int] = Counter()
    for level, count in await session.execute(levels):
        for lower in range(1, level + 1):
            reached[lower] += count
    return dict(sorted(reached.items()))
