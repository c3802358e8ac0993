"""核实: 负担是否真的减下来. Each point is asked once for each of its reports; its answer decides."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.models import Report, VerificationStatus
from app.problems import Conflict

V = VerificationStatus


class NotAsked(Conflict):
    code = "verification_not_asked"
    title_zh, title_en = "尚未到核实阶段", "Not asked yet"

    def __init__(self) -> None:
        super().__init__(
            "该线索还没有进入核实阶段,或已经回答过。",
            "This report is not being verified at the moment, or has been answered already.",
        )


def ask_points(file: CaseFile, reports: Sequence[Report]) -> None:
    """Ask, for each report on the case, whether the burden is gone."""
    for report in reports:
        report.verification = V.ASKED
        report.verification_comment = None
    file.record("verification.asked", {"reports": [r.number for r in reports]})


def answer(file: CaseFile, report: Report, *, relieved: bool, comment: str | None) -> None:
    """Take a point's answer. Raises NotAsked."""
    if report.verification is not V.ASKED:
        raise NotAsked
    report.verification = V.RELIEVED if relieved else V.NOT_RELIEVED
    report.verification_comment = comment
    file.record("verification.answered", {"report": report.number, "relieved": relieved})


def all_relieved(reports: Sequence[Report]) -> bool:
    """Whether every point has said that its burden is gone."""
    return all(r.verification is V.RELIEVED for r in reports)


def lapse(file: CaseFile, reports: Sequence[Report]) -> None:
    """The time to answer is over: those who did not answer are noted as such; the office decides."""
    silent = [r for r in reports if r.verification is V.ASKED]
    for report in silent:
        report.verification = V.LAPSED
    file.record("verification.lapsed", {"reports": [r.number for r in silent]})
