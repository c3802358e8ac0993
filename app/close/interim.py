"""阶段性答复: tells the reporters in between that an answer takes longer, why, and by when it comes instead."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.close.reply import describe_pause, official_date
from app.models import Assignment, Blocker, Deadline, Reply, ReplyKind, Report, new_id


def tell_extension(file: CaseFile, reports: Sequence[Report], assignment: Assignment, later: Deadline) -> None:
    """An interim reply to each report on the case, with the new date."""
    until = official_date(later.due_at, file.calendar.zone)
    department = file.names.get(assignment.department_code, assignment.department_code)
    _tell(file, reports, f"{department}申请延长办理时间,统筹部门已同意延期一次,新的期限为{until}。")


def tell_pause(file: CaseFile, reports: Sequence[Report], blocker: Blocker, meanwhile: Deadline) -> None:
    """An interim reply to each report: what is waited for, until when at the latest; no word of the office's."""
    words = describe_pause(blocker, meanwhile.due_at, file.calendar.zone)
    _tell(file, reports, f"{_name_of(file, meanwhile)}的办理:{words}")


def tell_resumption(file: CaseFile, reports: Sequence[Report], clock: Deadline) -> None:
    """An interim reply to each report with the date by which the department now has to answer."""
    due = official_date(clock.due_at, file.calendar.zone)
    _tell(file, reports, f"{_name_of(file, clock)}已恢复计时办理,新的期限为{due}。")


def _name_of(file: CaseFile, deadline: Deadline) -> str:
    code = deadline.department_code or ""
    return file.names.get(code, code)


def _tell(file: CaseFile, reports: Sequence[Report], news: str) -> None:
    for report in reports:
        lines = [f"您反映的线索({report.number})正在办理。", news, official_date(file.now, file.calendar.zone)]
        file.batch.add(
            Reply(
                id=new_id(),
                report_id=report.id,
                case_id=file.case.id,
                kind=ReplyKind.INTERIM,
                text="\n".join(lines),
                sent_at=file.now,
            )
        )
