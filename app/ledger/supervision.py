"""What supervision has come to: promises kept or broken, clocks that nobody looks at. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Act, ActKind, Assignment, Case, Deadline

ANSWERS: Final = frozenset({ActKind.FEEDBACK, ActKind.FORWARDING, ActKind.UPSTREAM_REPLY})
# Spelt out for the partial index, which a bound number would not match.
QUARANTINED: Final = select(Deadline.case_id).where(text("failures >= 5 AND ended_at IS NULL"))


class PromiseState(StrEnum):
    """What became of a promised answer; it lapses when the duty ends before the day without an answer."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Promise:
    """One reply to supervision: at which level, for which day, and what became of it."""

    assignment: str
    level: int
    promised_on: str
    explanation: str
    made_at: datetime
    state: PromiseState


def promises_of(acts: Sequence[Act], clocks: Sequence[Deadline], now: datetime) -> list[Promise]:
    """Every promise among some duties' acts, oldest first; `clocks` are the same duties'."""
    by_id = {clock.id: clock for clock in clocks}
    answered = {(act.assignment_id, act.done_at) for act in acts if act.kind in ANSWERS and act.applied}
    return [
        Promise(
            assignment=act.assignment_id,
            level=act.content["level"],
            promised_on=act.content["promised_on"],
            explanation=act.content["explanation"],
            made_at=act.done_at,
            state=_state_of(act, by_id[act.content["clock"]], answered, now),
        )
        for act in acts
        if act.kind is ActKind.SUPERVISION_REPLY
    ]


def _state_of(act: Act, clock: Deadline, answered: set[tuple[str, datetime]], now: datetime) -> PromiseState:
    until = datetime.fromisoformat(act.content["until"])
    if (clock.ended_at or now) > until:
        return PromiseState.BROKEN
    if clock.ended_at is None:
        return PromiseState.OPEN
    return PromiseState.KEPT if (act.assignment_id, clock.ended_at) in answered else PromiseState.LAPSED


async def list_promises(session: AsyncSession, duties: Sequence[Assignment], now: datetime) -> list[Promise]:
    """The promises made on these duties."""
    ids = [duty.id for duty in duties]
    acts = await session.scalars(select(Act).where(Act.assignment_id.in_(ids)).order_by(Act.done_at, Act.id))
    clocks = await session.scalars(select(Deadline).where(Deadline.assignment_id.in_(ids)))
    return promises_of(list(acts), list(clocks), now)


async def list_quarantined(session: AsyncSession) -> list[str]:
    """The numbers of the cases with such clocks."""
    return list(await session.scalars(select(Case.number).where(Case.id.in_(QUARANTINED)).order_by(Case.number)))


async def count_quarantined(session: AsyncSession) -> int:
    """How many running clocks nobody looks at any more."""
    counted = select(func.count()).select_from(Deadline).where(text("failures >= 5 AND ended_at IS NULL"))
    return await session.scalar(counted) or 0
