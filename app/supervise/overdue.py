"""逾期与督办: notes once that a clock has run out, then raises the level while a duty stays unanswered."""

from app.casefile import CaseFile
from app.deadlines import HIGHEST_LEVEL, REPLY_WORKING_DAYS, due_by, office_moment
from app.models import Deadline, DeadlineKind
from app.supervise.notice import OFFICE_OVERDUE, OVERDUE, SUPERVISED, give_notice

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
    """督办: the reply to the last notice did not come; the highest level puts the case on the office's list."""
    deadline.level += 1
    _expect_reply(file, deadline, SUPERVISED, deadline.level)
    if deadline.level >= HIGHEST_LEVEL:
        deadline.look_at = None


def _expect_reply(file: CaseFile, deadline: Deadline, event_type: str, level: int | None = None) -> None:
    reply_by = due_by(file.now, REPLY_WORKING_DAYS, file.calendar).at
    give_notice(file, deadline, event_type, level=level, reply_by=reply_by)
    deadline.look_at = office_moment(reply_by, file.calendar)


def note_office_overdue(file: CaseFile, deadline: Deadline) -> None:
    """The office's own clock has run out: kept in the case's record, sent to no department."""
    deadline.overdue_at = file.now
    deadline.look_at = None
    file.record(OFFICE_OVERDUE, {"kind": deadline.kind})
