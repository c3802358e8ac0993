"""How a clock is shown: whose it is, since and until when, how it ended, what it waits for."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import Field

from app.api.door import Out
from app.disclosure import day_of
from app.ledger.clocks import ClockRow
from app.models import Blocker, DeadlineKind, Party
from app.supervise.watch import is_quarantined


class BlockerOut(Out):
    """What a paused clock waits for."""

    kind: Blocker
    who: str
    why: str
    remaining_days: int = Field(description="working days that are kept for the department")


class ClockOut(Out):
    """时限: one clock of one party. Of a department its own; a pause is a clock of the office's."""

    kind: DeadlineKind
    party: Party
    department: str | None
    assignment: str | None
    started_at: datetime = Field(description="a department reads the day alone")
    due_at: datetime
    working_days: int | None = Field(description="counted from `started_at`; null where the end is a date that was set")
    basis: str
    calendar_version: str
    provisional: bool = Field(description="a day in between was only assumed: its year is not announced yet")
    ended: bool
    ended_at: datetime | None
    met: bool | None = Field(description="null while it runs, and where another clock took its place")
    extended: bool
    level: int = Field(description="of supervision, 0 to 3")
    quarantined: bool = Field(description="the worker failed on it again and again, and looks no more")
    paused: bool = Field(description="it was paused: the office's clock took its place")
    blocker: BlockerOut | None = Field(description="of the office's clock during a pause: what is waited for")


def to_clock_out(row: ClockRow, day_in: ZoneInfo | None = None) -> ClockOut:
    """A clock as it is read; in `day_in`, the day alone of its start, for what a point did may have set it off."""
    deadline, pause = row.deadline, row.pause
    return ClockOut(
        kind=deadline.kind,
        party=deadline.party,
        department=deadline.department_code,
        assignment=deadline.assignment_id,
        started_at=deadline.started_at if day_in is None else day_of(deadline.started_at, day_in),
        due_at=deadline.due_at,
        working_days=deadline.working_days,
        basis=deadline.basis,
        calendar_version=deadline.calendar_version,
        provisional=deadline.provisional,
        ended=deadline.ended_at is not None,
        ended_at=deadline.ended_at,
        met=deadline.met,
        extended=deadline.extended_by is not None,
        level=deadline.level,
        quarantined=is_quarantined(deadline),
        paused=deadline.paused_by is not None,
        blocker=BlockerOut(kind=pause.blocker, who=pause.who, why=pause.why, remaining_days=pause.remaining_days)
        if pause
        else None,
    )
