"""Puts a closed case back on the ledger: the same line, the same number."""

from app.casefile import CaseFile
from app.models import AssignmentStatus, CaseStatus


def reopen(file: CaseFile) -> None:
    """Bring a closed case back to the office's desk; its history and its replies stay, its departments are told."""
    file.advance_case(CaseStatus.TRIAGE)
    file.case.outcome = file.case.answer_due_at = None
    file.record("case.put_back", {})
    ended = {AssignmentStatus.CLOSED, AssignmentStatus.UNRESOLVED}
    told = sorted({a.department_code for a in file.assignments if a.status in ended})
    for department in told:
        file.record(
            "case.reopened",
            {"department": department},
            department_code=department,
            message=file.describe(),
        )
