"""The clocks of a case as they are read: each with its party, and what a paused one waits for. And what a notice moves:
the clocks that rest on days not announced, and those that were worked out anew. Reads only.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Assignment, Case, CaseStatus, Deadline, Event, Pause
from app.models.events import DEADLINE_CHANGED

CASES_AT_A_TIME = 200


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock; of the office's clock that runs during a pause, also why."""

    deadline: Deadline
    pause: Pause | None


@dataclass(frozen=True, slots=True)
class MovedClock:
    """A date that a notice moved: of which case and department, which kind of clock, from when to when."""

    case: str
    department: str | None
    facts: dict[str, Any]
    happened_at: datetime


async def clocks_of(session: AsyncSession, case: Case, department: str | None = None) -> list[ClockRow]:
    """The clocks of a case in the order in which they started; for a department those of its own duties."""
    statement = select(Deadline, Pause).outerjoin(Pause, Pause.id == Deadline.id).where(Deadline.case_id == case.id)
    if department is not None:
        own = select(Assignment.id).where(Assignment.case_id == case.id, Assignment.department_code == department)
        statement = statement.where(Deadline.assignment_id.in_(own))
    rows = await session.execute(statement.order_by(Deadline.started_at, Deadline.id))
    return [ClockRow(*row) for row in rows]


async def read_provisional(session: AsyncSession) -> AsyncIterator[Sequence[tuple[datetime | None, list[Deadline]]]]:
    """Of each open case with a clock that rests on assumed days: the promise to its reporters and all its clocks in the
    order in which they started. Some cases at a time."""
    last = ""
    while True:
        found = select(Case.id).join(Deadline, Deadline.case_id == Case.id)
        found = found.where(Deadline.provisional, Case.status != CaseStatus.CLOSED, Case.id > last).distinct()
        ids = list(await session.scalars(found.order_by(Case.id).limit(CASES_AT_A_TIME)))
        if not ids:
            return
        last = ids[-1]
        rows = await session.execute(
            select(Deadline, Case.answer_due_at)
            .join(Case, Case.id == Deadline.case_id)
            .where(Deadline.case_id.in_(ids))
            .order_by(Deadline.case_id, Deadline.started_at, Deadline.id)
        )
        cases: dict[str, tuple[datetime | None, list[Deadline]]] = {}
        for deadline, promised in rows:
            cases.setdefault(deadline.case_id, (promised, []))[1].append(deadline)
        yield list(cases.values())
        session.expunge_all()


async def count_stale(session: AsyncSession, version: str) -> int:
    """How many running clocks of open cases still rest on assumptions made under another calendar."""
    counted = (
        select(func.count(Deadline.id))
        .join(Case, Case.id == Deadline.case_id)
        .where(
            Deadline.provisional,
            Deadline.calendar_version != version,
            Deadline.ended_at.is_(None),
            Case.status != CaseStatus.CLOSED,
        )
    )
    return await session.scalar(counted) or 0


async def read_moved(session: AsyncSession, since: datetime, limit: int) -> tuple[list[MovedClock], int]:
    """The newest dates that a notice moved since then, and how many there are."""
    conditions = text(DEADLINE_CHANGED), Event.happened_at >= since
    total = await session.scalar(select(func.count()).select_from(Event).where(*conditions)) or 0
    rows = await session.execute(
        select(Case.number, Event.department_code, Event.facts, Event.happened_at)
        .join(Case, Case.id == Event.case_id)
        .where(*conditions)
        .order_by(Event.position.desc())
        .limit(limit)
    )
    return [MovedClock(case, department, json.loads(facts), at) for case, department, facts, at in rows], total
