"""重算期限: clocks that rest on days not yet announced are worked out anew when the notice is loaded. It sends nothing.

A date that stays only loses its mark. A date that moves is said: on the case's chain, and to the department it binds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.casefile import ANSWER_CLOCKS, CaseFile
from app.deadlines import Calendar, Due, due_by, due_on, office_moment, remind_at
from app.disclosure import to_local
from app.models import Assignment, Deadline, DeadlineKind, ExtensionState, Party

DUTY_MOVED: Final = "assignment.deadline_changed"
CASE_MOVED: Final = "case.deadline_changed"
ANNOUNCED: Final = "calendar_announced"
# Nobody has acted on the case: no reading of it has grown stale.
RECOUNTING: Final = frozenset({DUTY_MOVED, CASE_MOVED})


@dataclass(frozen=True, slots=True)
class Plan:
    """The clocks of a case that are worked out anew, each with its date; `promise` is the new one to the reporters and
    the clock that it came from, None where it rests on no assumption."""

    dates: Sequence[tuple[Deadline, Due]]
    promise: tuple[Deadline, Due] | None

    @property
    def moving(self) -> int:
        """How many running clocks get another date."""
        return sum(deadline.ended_at is None and due.at != deadline.due_at for deadline, due in self.dates)


def plan_recount(deadlines: Sequence[Deadline], promised: datetime | None, calendar: Calendar) -> Plan:
    """What a calendar makes of a case's provisional clocks, in the order in which they started. It changes nothing."""
    stale = [d for d in deadlines if d.provisional and d.calendar_version != calendar.version]
    # The promise comes from the first clock that ended with it, and later ones may have taken its date over.
    source = next((d for d in deadlines if d.kind in ANSWER_CLOCKS and d.due_at == promised), None)
    promise = (source, _counted(source, calendar)) if source is not None and source in stale else None
    dates = []
    for deadline in stale:
        carries_promise = deadline.kind in ANSWER_CLOCKS and deadline.due_at == promised
        if deadline.ended_at is not None and not carries_promise:
            continue
        due = promise[1] if promise and carries_promise and deadline.working_days is None else None
        dates.append((deadline, due or _counted(deadline, calendar)))
    return Plan(dates, promise)


def recount(file: CaseFile) -> bool:
    """Work out the provisional clocks of a locked case; the promise to the reporters follows. Whether a date moved."""
    promised = file.case.answer_due_at
    plan = plan_recount(file.deadlines, promised, file.calendar)
    moved = False
    for deadline, due in plan.dates:
        moved |= _settle(file, deadline, due)
    if plan.promise is not None and promised is not None and plan.promise[1].at != promised:
        source, due = plan.promise
        file.case.answer_due_at = due.at
        if source.ended_at is not None:
            # No clock of the department's runs whose event would say so.
            _record(file, source, promised, promise=True)
            moved = True
    file.settle_owner()
    return moved


def _counted(deadline: Deadline, calendar: Calendar) -> Due:
    if deadline.working_days is not None:
        return due_by(deadline.started_at, deadline.working_days, calendar)
    return due_on(deadline.due_at.astimezone(calendar.zone).date(), calendar)


def _settle(file: CaseFile, deadline: Deadline, due: Due) -> bool:
    """Put what was worked out into the clock and into what repeats its date; whether a running clock's date moved."""
    was = deadline.due_at
    deadline.due_at, deadline.provisional = due.at, due.provisional
    deadline.calendar_version = file.calendar.version
    if deadline.ended_at is not None:
        # Only the promise still rests on it; it was met or missed by the days that are now certain.
        deadline.met = None if deadline.met is None else deadline.ended_at <= due.at
        return False
    assignment = file.get_assignment(deadline.assignment_id) if deadline.assignment_id else None
    if assignment is not None:
        _carry_over(file, assignment, deadline)
    if due.at == was:
        return False
    _look_again(file, deadline)
    _say(file, deadline, assignment, was)
    return True


def _carry_over(file: CaseFile, assignment: Assignment, deadline: Deadline) -> None:
    if deadline.kind is DeadlineKind.PAUSE:
        assignment.paused_until = deadline.due_at
    elif deadline.kind is not DeadlineKind.ACCEPTANCE:
        file.follow(assignment, deadline)
        wished = assignment.extension_until
        if assignment.extension is ExtensionState.REQUESTED and wished is not None and wished <= deadline.due_at:
            assignment.extension_until = due_by(deadline.due_at, 1, file.calendar).at


def _look_again(file: CaseFile, deadline: Deadline) -> None:
    """When the worker looks next; a notice of lateness that only an assumption called for is taken back."""
    late = file.now > deadline.due_at
    if deadline.overdue_at is not None and late:
        return
    told = deadline.reminded_at or deadline.overdue_at
    deadline.overdue_at, deadline.level = None, 0
    if told or deadline.kind is DeadlineKind.PAUSE or late:
        deadline.look_at = office_moment(max(file.now, deadline.due_at), file.calendar)
    else:
        deadline.look_at = remind_at(deadline.started_at, deadline.due_at, file.calendar)


def _say(file: CaseFile, deadline: Deadline, assignment: Assignment | None, was: datetime) -> None:
    if assignment is None or deadline.party is not Party.DEPARTMENT:
        _record(file, deadline, was)
        return
    clock = _dates(file, deadline, was)
    file.record(
        DUTY_MOVED,
        {"assignment": assignment.id, "department": assignment.department_code, "because": ANNOUNCED, **clock},
        department_code=assignment.department_code,
        message=file.describe(assignment) | {"deadline": clock | {"because": ANNOUNCED}},
    )


def _record(file: CaseFile, deadline: Deadline, was: datetime, *, promise: bool = False) -> None:
    """For the case's chain alone: the office's and the point's clocks, and the promise where no clock carries it."""
    facts = {"party": deadline.party, "because": ANNOUNCED, **_dates(file, deadline, was)}
    file.record(CASE_MOVED, facts | ({"promise": True} if promise else {}))


def _dates(file: CaseFile, deadline: Deadline, was: datetime) -> dict[str, str]:
    zone = file.calendar.zone
    return {"kind": deadline.kind, "was": to_local(was, zone), "due_at": to_local(deadline.due_at, zone)}
