"""逾期与督办: notes once that a clock has run out, then raises the level while a duty stays unanswered."""

from datetime import datetime

from app.casefile import CaseFile
from app.deadlines import HIGHEST_LEVEL, REPLY_WORKING_DAYS, due_by, office_moment
from app.disclosure import to_local
from app.models import Deadline, DeadlineKind
from app.supervise.notice import OFFICE_OVERDUE, OVERDUE, PROMISE_BROKEN, SUPERVISED, give_notice

# Signing late does not delay the answer, so that clock ends with one notice; the duty has its own levels.
WITH_LEVELS = frozenset({DeadlineKind.FEEDBACK, DeadlineKind.FORWARDING})


def note_overdue(file: CaseFile, deadline: Deadline) -> None:
    """逾期: tell the department once that its clock has run out, and by when to answer."""
    deadline.overdue_at = file.now
    if deadline.kind in WITH_LEVELS:
        _expect_reply(file, deadline, OVERDUE)
    else:
        give_notice(file, deadline, OVERDUE)
        deadline.look_at = None


def raise_level(file: CaseFile, deadline: Deadline) -> None:
    """督办: the duty is still unanswered; the highest level puts the case on the list of the office's leaders.

    Above it there is no level: there a look only notes that a promise was broken.
    """
    if deadline.promised_until is not None:
        _note_broken_promise(file, deadline)
    if deadline.level < HIGHEST_LEVEL:
        deadline.level += 1
        _expect_reply(file, deadline, SUPERVISED, deadline.level)
    if deadline.level >= HIGHEST_LEVEL:
        deadline.look_at = None


def _note_broken_promise(file: CaseFile, deadline: Deadline) -> None:
    """For the office's eyes; at the next level the department may promise once more."""
    promised: datetime = deadline.promised_until  # type: ignore[assignment]
    facts = {"assignment": deadline.assignment_id, "department": deadline.department_code, "level": deadline.level}
    file.record(PROMISE_BROKEN, {**facts, "promised_on": to_local(promised, file.calendar.zone)[:10]})
    if deadline.level < HIGHEST_LEVEL:
        deadline.promised_until = None


def await_promise(file: CaseFile, deadline: Deadline) -> None:
    """The department has promised its answer for a day that is not over: until then no further level."""
    deadline.look_at = office_moment(deadline.promised_until or file.now, file.calendar)


def _expect_reply(file: CaseFile, deadline: Deadline, event_type: str, level: int | None = None) -> None:
    reply_by = due_by(file.now, REPLY_WORKING_DAYS, file.calendar).at
    give_notice(file, deadline, event_type, level=level, reply_by=reply_by)
    deadline.look_at = office_moment(reply_by, file.calendar)


def note_office_overdue(file: CaseFile, deadline: Deadline) -> None:
    """The office's own clock has run out: kept in the case's record, sent to no department."""
    deadline.overdue_at = file.now
    deadline.look_at = None
    file.record(OFFICE_OVERDUE, {"kind": deadline.kind})
