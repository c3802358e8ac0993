"""What supervision has come to: promises kept or broken, clocks that nobody looks at. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deadlines import HIGHEST_LEVEL
from app.models import Act, ActKind, Assignment, Case, Deadline, Instruction

ANSWERS: Final = frozenset({ActKind.FEEDBACK, ActKind.FORWARDING, ActKind.UPSTREAM_REPLY})
# Spelt out for the partial index, which a bound number would not match.
SUPERVISED: Final = text("deadlines.level > 0 AND deadlines.ended_at IS NULL")
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


@dataclass(frozen=True, slots=True)
class SupervisedRow:
    """A duty that stands under supervision: its case, the clock that ran out, and the newest instruction since."""

    case: Case
    duty: Assignment
    clock: Deadline
    instruction: Instruction | None

    def waits_for_leader(self, now: datetime) -> bool:
        """Whether it stands at the highest level and does not rest by an instruction."""
        return self.clock.level >= HIGHEST_LEVEL and not (self.clock.rests_until and self.clock.rests_until > now)


async def page_supervised(
    session: AsyncSession, now: datetime, *, level: int | None, undecided: bool, offset: int, limit: int
) -> tuple[list[SupervisedRow], int]:
    """Duties under supervision, departments in the order of their codes, and how many there are; of one level, or only
    what waits for a leader, where asked for."""
    conditions: list[Any] = [SUPERVISED]
    if level is not None:
        conditions.append(Deadline.level == level)
    if undecided:
        conditions.append(Deadline.level == HIGHEST_LEVEL)
        conditions.append(or_(Deadline.rests_until.is_(None), Deadline.rests_until <= now))
    total = await session.scalar(select(func.count()).select_from(Deadline).where(*conditions)) or 0
    rows = (
        select(Case, Assignment, Deadline)
        .join(Assignment, Assignment.id == Deadline.assignment_id)
        .join(Case, Case.id == Deadline.case_id)
        .where(*conditions)
        .order_by(Deadline.department_code, Case.number, Deadline.id)
        .offset(offset)
        .limit(limit)
    )
    found = list(await session.execute(rows))
    made = select(Instruction).where(Instruction.case_id.in_([case.id for case, *_ in found]))
    newest = {each.case_id: each for each in await session.scalars(made.order_by(Instruction.decided_at))}
    return [SupervisedRow(case, duty, clock, _since(newest.get(case.id), clock)) for case, duty, clock in found], total


def _since(instruction: Instruction | None, clock: Deadline) -> Instruction | None:
    """An instruction that is about this clock, not about one before it."""
    return instruction if instruction and instruction.decided_at >= clock.started_at else None
