"""核实: 负担是否真的减下来. Each point is asked once a round for each of its reports; its answer decides.

A round is what follows one rectification: it ends when all have said yes, one has said no, or the time is over.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from app.casefile import CaseFile, live_assignments
from app.models import Act, ActKind, AssignmentStatus, CaseStatus, Event, Report, VerificationStatus
from app.problems import Conflict

V = VerificationStatus
ASKED: Final = "verification.asked"
# The first no of a point sends its case back by itself; from this one on the office decides.
MOST_DENIALS: Final = 2


class NotAsked(Conflict):
    code = "verification_not_asked"
    title_zh, title_en = "尚未到核实阶段", "Not asked yet"

    def __init__(self) -> None:
        super().__init__(
            "该线索还没有进入核实阶段，或已经回答过。",
            "This report is not being verified at the moment, or has been answered already.",
        )


async def ask_points(file: CaseFile, reports: Sequence[Report]) -> None:
    """Ask, for each report on the case, whether the burden is gone; the record says which measures it is about."""
    earlier = select(func.count()).select_from(Event).where(Event.case_id == file.case.id, Event.type == ASKED)
    asked = (await file.session.scalar(earlier) or 0) + 1
    for report in reports:
        report.verification = V.ASKED
        report.verification_comment = None
    measures = await _measures_of(file)
    about = [
        {"assignment": a.id, "department": a.department_code, **measures.get(a.id, {})}
        for a in live_assignments(file.assignments)
    ]
    file.record(ASKED, {"reports": [r.number for r in reports], "round": asked, "about": about})


async def _measures_of(file: CaseFile) -> dict[str, dict[str, Any]]:
    """By duty, the act that its newest answer is, and the kinds of measure it names."""
    duties = [a.id for a in file.assignments if a.status is AssignmentStatus.APPROVED]
    acts = await file.session.scalars(
        select(Act)
        .where(Act.assignment_id.in_(duties), Act.kind.in_([ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY]))
        .order_by(Act.done_at, Act.id)
    )
    return {a.assignment_id: {"act": a.id, "measures": a.content.get("measure_kinds", [])} for a in acts}


def answer(file: CaseFile, report: Report, *, relieved: bool, comment: str | None) -> None:
    """Take a point's answer. Raises NotAsked."""
    if report.verification is not V.ASKED or file.case.status is not CaseStatus.VERIFYING:
        raise NotAsked
    if not relieved:
        file.case.denials += 1
    report.verification = V.RELIEVED if relieved else V.NOT_RELIEVED
    report.verification_comment = comment
    file.record("verification.answered", {"report": report.number, "relieved": relieved})


def end_round(reports: Sequence[Report]) -> None:
    """One point has said no: nobody else is asked about a measure that is not enough."""
    for report in reports:
        if report.verification is V.ASKED:
            report.verification = V.NOT_ASKED


def is_office_to_decide(file: CaseFile) -> bool:
    """Whether the points have said no so often that sending the case back once more would go round in circles."""
    return file.case.denials >= MOST_DENIALS


def hand_to_office(file: CaseFile) -> None:
    """The office decides: it sends the case back, rules again, convenes, leaves it unresolved or closes it."""
    file.record("verification.disputed", {"denials": file.case.denials})
    file.advance_case(CaseStatus.IN_REVIEW)


def all_relieved(reports: Sequence[Report]) -> bool:
    """Whether every point has said that its burden is gone."""
    return all(r.verification is V.RELIEVED for r in reports)


def lapse(file: CaseFile, reports: Sequence[Report]) -> None:
    """The time to answer is over: those who did not answer are noted as such; the office decides."""
    silent = [r for r in reports if r.verification is V.ASKED]
    for report in silent:
        report.verification = V.LAPSED
    file.record("verification.lapsed", {"reports": [r.number for r in silent]})
