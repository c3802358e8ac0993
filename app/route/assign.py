"""交办: puts duties on a case and tells the departments; replaces them when the office rules otherwise."""

from collections.abc import Sequence

from app.casefile import CaseFile, live_assignments
from app.models import Assignment, AssignmentKind, AssignmentStatus, CaseStatus, day_id
from app.route.policy import Duty, order_duties

CREATED = {
    AssignmentKind.ASSIGNMENT: "assignment.created",
    AssignmentKind.ESCALATION: "escalation.created",
}


def dispatch(
    file: CaseFile,
    duties: Sequence[Duty],
    *,
    texts: list[dict[str, str | None]],
    consultation_id: str | None = None,
) -> list[Assignment]:
    """Make an assignment of each duty, start its clocks, and record the event that its department is sent.

    The case is dispatched with them.
    """
    made = []
    for duty in order_duties(duties):
        assignment = Assignment(
            id=day_id(),
            case_id=file.case.id,
            department_code=duty.department,
            kind=duty.kind,
            role=duty.role,
            consultation_id=consultation_id,
            on_behalf_of=list(duty.on_behalf_of),
            obligation=duty.wording,
            dispatched_at=file.now,
        )
        file.add_assignment(assignment, term=duty.term)
        made.append(assignment)
    # The departments read where the case stands now, not where it came from.
    file.advance_case(CaseStatus.DISPATCHED)
    for assignment in made:
        file.record(
            CREATED[assignment.kind],
            {"assignment": assignment.id, "department": assignment.department_code, "role": assignment.role},
            department_code=assignment.department_code,
            message=file.describe(assignment) | {"reports": texts},
        )
    file.promise_answer(made[0])
    return made


def supersede(file: CaseFile) -> None:
    """End the duties that a new decision replaces, and tell the departments that had them."""
    for assignment in file.assignments:
        if assignment.status is AssignmentStatus.RETURNED:
            file.advance_assignment(assignment, AssignmentStatus.SUPERSEDED)
    for assignment in live_assignments(file.assignments):
        file.advance_assignment(assignment, AssignmentStatus.SUPERSEDED)
        file.record(
            "assignment.closed",
            {"assignment": assignment.id, "because": "superseded"},
            department_code=assignment.department_code,
            message=file.describe(assignment) | {"because": "superseded"},
        )
