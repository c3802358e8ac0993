"""The clocks of a case as they are read: each with its party, and what a paused one waits for. Reads only."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Assignment, Case, Deadline, Pause


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock; of the office's clock that runs during a pause, also why."""

    deadline: Deadline
    pause: Pause | None


async def clocks_of(session: AsyncSession, case: Case, department: str | None = None) -> list[ClockRow]:
    """The clocks of a case in the order in which they started; for a department those of its own duties."""
    statement = select(Deadline, Pause).outerjoin(Pause, Pause.id == Deadline.id).where(Deadline.case_id == case.id)
    if department is not None:
        own = select(Assignment.id).where(Assignment.case_id == case.id, Assignment.department_code == department)
        statement = statement.where(Deadline.assignment_id.in_(own))
    rows = await session.execute(statement.order_by(Deadline.started_at, Deadline.id))
    return [ClockRow(*row) for row in rows]
