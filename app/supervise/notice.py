"""催办: one notice to a department about a clock of its own, as event and webhook. It does not decide when."""

from datetime import datetime
from typing import Any, Final

from app.casefile import CaseFile
from app.disclosure import to_local
from app.models import Deadline

REMINDED: Final = "assignment.reminded"
OVERDUE: Final = "assignment.overdue"
SUPERVISED: Final = "assignment.supervised"
URGED: Final = "assignment.urged"
OFFICE_OVERDUE: Final = "office.overdue"
PROMISE_BROKEN: Final = "supervision.promise_broken"
# What only says that time passes: nobody has acted on the case, and nobody's reading of it has grown stale.
TELLING: Final = frozenset({REMINDED, OVERDUE, SUPERVISED, URGED, OFFICE_OVERDUE, PROMISE_BROKEN})


def give_notice(
    file: CaseFile, deadline: Deadline, event_type: str, *, level: int | None = None, reply_by: datetime | None = None
) -> None:
    """Tell the department of its clock; the message carries nothing of the reporter, and no time of reporting."""
    assignment = file.get_assignment(deadline.assignment_id or "")
    zone = file.calendar.zone
    clock: dict[str, Any] = {"kind": deadline.kind, "due_at": to_local(deadline.due_at, zone)}
    if level is not None:
        clock["level"] = level
    if reply_by is not None:
        clock["reply_by"] = to_local(reply_by, zone)
    file.record(
        event_type,
        {"assignment": assignment.id, "department": assignment.department_code, **clock},
        department_code=assignment.department_code,
        message=file.describe(assignment) | {"deadline": clock},
    )
