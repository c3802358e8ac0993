"""阶段性答复: tells the reporters in between that an answer takes longer, and by when it comes instead."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.close.reply import official_date
from app.models import Assignment, Deadline, Reply, ReplyKind, Report, new_id


def tell_extension(file: CaseFile, reports: Sequence[Report], assignment: Assignment, later: Deadline) -> None:
    """An interim reply to each report on the case, with the new date."""
    zone = file.calendar.zone
    department = file.names.get(assignment.department_code, assignment.department_code)
    until = official_date(later.due_at, zone)
    for report in reports:
        lines = [
            f"您反映的线索({report.number})正在办理。",
            f"{department}申请延长办理时间,统筹部门已同意延期一次,新的期限为{until}。",
            official_date(file.now, zone),
        ]
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
