"""退回: a department says that an assignment is not its to do: once a case, soon, and with a reason from the list.

What the attempt to return a case a second time leads to is `flow`'s: the departments concerned are brought together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from app.casefile import CaseFile, live_assignments
from app.deadlines import RETURN_WITHIN_WORKING_DAYS, due_by
from app.disclosure import to_local
from app.feedback.respond import keep_act
from app.lifecycle import ASSIGNMENT, IllegalMove
from app.models import Act, ActKind, Assignment, AssignmentStatus
from app.problems import Conflict, InvalidInput


class ReturnReason(StrEnum):
    """退回理由: a return needs one of these; `not_our_duty` also its legal basis and the owner it proposes."""

    NOT_OUR_DUTY = "not_our_duty"
    INSUFFICIENT_FACTS = "insufficient_facts"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Return:
    """What a department says when it returns an assignment; `proposed_department` is who should have it instead."""

    reason: ReturnReason
    explanation: str
    legal_basis: str | None = None
    proposed_department: str | None = None

    def content(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "explanation": self.explanation,
            "legal_basis": self.legal_basis,
            "proposed_department": self.proposed_department,
        }


class BasisMissing(InvalidInput):
    code = "basis_missing"
    title_zh, title_en = "退回缺少依据", "The return lacks its basis"

    def __init__(self) -> None:
        super().__init__(
            "以“非本部门职责”退回，须写明法律或文件依据，并提出应由哪个其他部门承担。",
            "A return as not your duty needs its legal or documentary basis and the other department you propose.",
        )


class ReturnedBefore(Conflict):
    code = "returned_before"
    title_zh, title_en = "该事项已被退回过一次", "This case has been returned once already"

    def __init__(self) -> None:
        super().__init__(
            "同一事项只能退回一次，且没有其他部门可以会商。请继续办理；有异议请联系统筹部门。",
            "A case may be returned once only, and there is no other department to consult. Go on with it; "
            "if you disagree, speak to the coordinating office.",
        )


class SettledBefore(Conflict):
    code = "settled_by_consultation"
    title_zh, title_en = "该事项已经会商确定", "A consultation has settled this case"

    def __init__(self) -> None:
        super().__init__(
            "该事项退回后已经会商确定由本部门办理，不能再退回。有异议请联系统筹部门。",
            "After the return a consultation settled that this is yours; it cannot be returned again. "
            "If you disagree, speak to the coordinating office.",
        )


class ReturnTooLate(Conflict):
    code = "return_too_late"
    title_zh, title_en = "已过退回期限", "Too late to return"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"退回须在交办后 {RETURN_WITHIN_WORKING_DAYS} 个工作日内提出，本件截止 {until}。"
            "请继续办理，或联系统筹部门。",
            f"An assignment may be returned within {RETURN_WITHIN_WORKING_DAYS} working days of its dispatch; this one "
            f"could be until {until}. Go on with it, or speak to the coordinating office.",
            until=until,
        )


def check_return(file: CaseFile, assignment: Assignment, said: Return) -> None:
    """Whether the assignment may be sent back at all. Raises BasisMissing, IllegalMove or ReturnTooLate."""
    named = bool(said.proposed_department) and said.proposed_department != assignment.department_code
    if said.reason is ReturnReason.NOT_OUR_DUTY and not (said.legal_basis and said.legal_basis.strip() and named):
        raise BasisMissing
    if not ASSIGNMENT[assignment.kind].allows(assignment.status, AssignmentStatus.RETURNED):
        raise IllegalMove(assignment.status, AssignmentStatus.RETURNED)
    until = due_by(assignment.dispatched_at, RETURN_WITHIN_WORKING_DAYS, file.calendar).at
    if file.now > until:
        raise ReturnTooLate(to_local(until, file.calendar.zone))


def return_assignment(file: CaseFile, assignment: Assignment, said: Return) -> None:
    """The first return of a case: it goes back to the office's desk, and its reporters' clock runs on."""
    file.advance_assignment(assignment, AssignmentStatus.RETURNED)
    file.case.returns += 1
    facts = {"reason": said.reason, "proposed_department": said.proposed_department}
    keep_act(file, assignment, ActKind.RETURN, said.content(), "assignment.returned", facts)


def refuse_return(file: CaseFile, assignment: Assignment, said: Return) -> None:
    """Keep what was said at the attempt to return a case a second time: not applied, but on the record."""
    facts = {"reason": said.reason, "proposed_department": said.proposed_department}
    content = said.content()
    keep_act(file, assignment, ActKind.RETURN, content, "assignment.return_refused", facts, applied=False)


async def find_concerned(file: CaseFile, assignment: Assignment, said: Return) -> Sequence[str]:
    """Whom a second return concerns: who holds the case, who returned it first, and whom either of them proposed."""
    departments = {a.id: a.department_code for a in file.assignments}
    first = await file.session.scalars(
        select(Act).where(Act.assignment_id.in_(departments), Act.kind == ActKind.RETURN, Act.applied)
    )
    concerned = {a.department_code for a in live_assignments(file.assignments)}
    concerned |= {assignment.department_code, said.proposed_department or ""}
    for act in first:
        concerned |= {departments[act.assignment_id], act.content.get("proposed_department") or ""}
    return sorted(concerned - {""})
