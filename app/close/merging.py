"""并案 and its undoing: a merged case ends and points at the one that goes on; its reports move there and are told so.

Nothing is destroyed: each report keeps its number, remembers where it came from, and gets its own reply.
"""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.close import interim
from app.close.conclude import strike_off
from app.close.reopen import reopen
from app.close.reply import official_date
from app.models import CaseOutcome, CaseStatus, Report, VerificationStatus
from app.problems import Conflict

V = VerificationStatus


class CannotMerge(Conflict):
    code = "cannot_merge"
    title_zh, title_en = "不能并案", "These cases cannot be merged"


class LastReport(Conflict):
    code = "last_report"
    title_zh, title_en = "事项至少要留一条自己的线索", "A case keeps at least one report of its own"

    def __init__(self) -> None:
        super().__init__(
            "拆分后本事项没有自己的线索了。请留下至少一条；要办结请用“办结”。",
            "Nothing of its own would be left on this case. Leave at least one report; to end it, close it.",
        )


class CannotSplit(Conflict):
    code = "cannot_split"
    title_zh, title_en = "不能拆分", "This case cannot be split"

    def __init__(self) -> None:
        super().__init__(
            "该事项已办结，线索已有答复。请先重新挂账再拆分。",
            "The case is closed and its reports are answered. Reopen it first, then split.",
        )


def check_merge(survivor: CaseFile, others: Sequence[CaseFile]) -> None:
    """Raise CannotMerge for a case with itself, and where one of them is closed."""
    numbers = [file.case.number for file in (survivor, *others)]
    if len(set(numbers)) < len(numbers) or not others:
        raise CannotMerge("请选择另一个事项并案。", "Name another case to merge with.")
    for file in (survivor, *others):
        if file.case.status is CaseStatus.CLOSED:
            raise CannotMerge(
                f"{file.case.number} 已办结，不能并案。请先重新挂账，或另行办理。",
                f"{file.case.number} is closed. Reopen it first, or leave it as it is.",
            )


def check_split(file: CaseFile, staying: Sequence[Report]) -> None:
    """Raise CannotSplit on a closed case, LastReport where it would keep none of its own."""
    if file.case.status is CaseStatus.CLOSED:
        raise CannotSplit
    if all(report.came_from is not None for report in staying):
        raise LastReport


def merge_into(survivor: CaseFile, file: CaseFile, reports: Sequence[Report]) -> None:
    """End one case in favour of another: duties and clocks stop, departments are told, reports move and are told."""
    into, due = survivor.case, survivor.case.answer_due_at
    interim.tell(
        file, reports,
        f"与事项 {into.number} 反映的是同一负担，统筹部门已将其并入该事项一并办理。",
        "您的线索编号不变，可继续凭编号查询；该事项需要核实或办结时，会分别告知您。",
        *([f"该事项的答复期限为{official_date(due, file.calendar.zone)}。"] if due else []),
    )  # fmt: skip
    for report in reports:
        report.came_from = report.came_from or file.case.id
        move(report, survivor)
    numbers = [report.number for report in reports]
    file.case.merged_into = into.id
    file.record("case.merged", {"into": into.number, "reports": numbers})
    strike_off(file, outcome=CaseOutcome.MERGED, reports=[], more={"merged_into": into.number})
    into.districts = sorted({*into.districts, *file.case.districts})
    survivor.record("case.took_over", {"case": file.case.number, "reports": numbers})


def move(report: Report, file: CaseFile) -> None:
    """Put a report under another case. Whoever was being asked waits until that case asks; an answer given stays."""
    report.case_id = file.case.id
    if report.verification is V.ASKED:
        report.verification = V.NOT_ASKED


def to_be_asked(file: CaseFile, reports: Sequence[Report]) -> list[Report]:
    """Who of these has to be asked at once, because the case is being verified."""
    if file.case.status is not CaseStatus.VERIFYING:
        return []
    return [report for report in reports if report.verification is not V.RELIEVED]


def take_back(file: CaseFile, reports: Sequence[Report], split_from: str) -> bool:
    """Return reports to the case they came from; answers whether it had to be reopened for them."""
    closed = file.case.status is CaseStatus.CLOSED
    for report in reports:
        report.came_from = None
        move(report, file)
    if closed:
        file.case.merged_into = None
        reopen(file)
    file.record("reports.taken_back", {"reports": [r.number for r in reports], "split_from": split_from})
    tell_split(file, reports)
    return closed


def tell_split(file: CaseFile, reports: Sequence[Report]) -> None:
    """An interim reply to each report that is dealt with apart again."""
    number = file.case.number
    interim.tell(file, reports, f"经核对，与原并入事项不是同一负担，现单独办理，事项编号 {number}。您的线索编号不变。")
