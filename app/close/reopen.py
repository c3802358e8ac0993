"""Puts a closed case back on the ledger: the same line, the same number."""

from collections.abc import Iterable, Sequence

from app.casefile import CaseFile
from app.lifecycle import IllegalMove
from app.models import Assignment, AssignmentStatus, CaseStatus


def reopen(file: CaseFile) -> None:
    """Bring a closed case back to the office's desk; its history and its replies stay, its departments are told."""
    _put_back(file, CaseStatus.TRIAGE)
    file.record("case.put_back", {})
    ended = {AssignmentStatus.CLOSED, AssignmentStatus.UNRESOLVED}
    _tell(file, {a.department_code for a in file.assignments if a.status in ended}, "put_back")


def reopen_relapsed(file: CaseFile, last: Sequence[Assignment]) -> None:
    """回潮: back to the departments that had it last, which are told; to the office's desk where none had it."""
    _put_back(file, CaseStatus.DISPATCHED if last else CaseStatus.TRIAGE)
    _tell(file, {a.department_code for a in last}, "relapsed")


def _put_back(file: CaseFile, status: CaseStatus) -> None:
    """Only what was struck off comes back: an open case may return to the desk too, but not by losing its duties."""
    if file.case.status is not CaseStatus.CLOSED:
        raise IllegalMove(file.case.status, "reopened")
    file.advance_case(status)
    file.case.outcome = file.case.answer_due_at = None


def _tell(file: CaseFile, departments: Iterable[str], because: str) -> None:
    for department in sorted(departments):
        file.record(
            "case.reopened",
            {"department": department},
            department_code=department,
            message=file.describe() | {"because": because},
        )
