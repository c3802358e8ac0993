"""提醒: says before the end of a department's clock that it will end, and asks to chase the province when it has."""

from app.casefile import CaseFile
from app.deadlines import office_moment
from app.models import Deadline, DeadlineKind, Party
from app.supervise.notice import REMINDED, give_notice


def remind(file: CaseFile, deadline: Deadline) -> None:
    """Remind the department once; the next look is after the end."""
    give_notice(file, deadline, REMINDED)
    deadline.reminded_at = file.now
    deadline.look_at = office_moment(deadline.due_at, file.calendar)


def chase(file: CaseFile, deadline: Deadline) -> None:
    """跟踪答复: a round of waiting for the province is over; the department is asked to chase, and a new round begins.

    The province's silence is not the department's lateness: the round counts neither as met nor as missed.
    """
    file.stop(deadline)
    deadline.met = None
    assignment = file.get_assignment(deadline.assignment_id or "")
    following = file.start(DeadlineKind.CHASE, Party.DEPARTMENT, assignment=assignment)
    file.follow(assignment, following)
    give_notice(file, following, REMINDED)
    file.settle_owner()
