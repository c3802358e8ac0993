"""阶段性答复: tells the reporters in between that an answer takes longer, why, and by when it comes instead."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from app.casefile import CaseFile
from app.close.reply import describe_pause, official_date
from app.models import Assignment, Blocker, Deadline, DeadlineKind, Party, Reply, ReplyKind, Report

DELAY_TOLD: Final = "case.delay_told"
UNDER_WAY: Final = "正在办理。"
# The clocks that reporters wait for; a signature, the province and the point itself are not among them.
AWAITED: Final = frozenset(
    {
        DeadlineKind.FEEDBACK,
        DeadlineKind.FORWARDING,
        DeadlineKind.TRIAGE,
        DeadlineKind.CONSULTATION,
        DeadlineKind.REVIEW,
    }
)


def tell_extension(file: CaseFile, reports: Sequence[Report], assignment: Assignment, later: Deadline) -> None:
    """An interim reply to each report on the case, with the new date."""
    until = official_date(later.due_at, file.calendar.zone)
    department = file.names.get(assignment.department_code, assignment.department_code)
    tell(file, reports, UNDER_WAY, f"{department}申请延长办理时间，统筹部门已同意延期一次，新的期限为{until}。")


def tell_pause(file: CaseFile, reports: Sequence[Report], blocker: Blocker, meanwhile: Deadline) -> None:
    """An interim reply to each report: what is waited for, until when at the latest; no word of the office's."""
    words = describe_pause(blocker, meanwhile.due_at, file.calendar.zone)
    tell(file, reports, UNDER_WAY, f"{_name_of(file, meanwhile)}的办理：{words}")


async def tell_delay(file: CaseFile, reports: Sequence[Report], deadline: Deadline) -> None:
    """未能按期: once the day that the reporters wait for has passed, each is told whose turn it is; once a promise."""
    waited_for = file.case.answer_due_at or deadline.due_at
    if deadline.kind not in AWAITED or file.now <= waited_for or await _was_told_since(file, waited_for):
        return
    due = official_date(waited_for, file.calendar.zone)
    if deadline.party is Party.DEPARTMENT:
        news = f"{_name_of(file, deadline)}未能在{due}前反馈，统筹部门已经催办，并将逐级督办，直到有结果再答复您。"
    else:
        news = f"统筹部门未能在{due}前办完这一步，已记录在案，将尽快办理并答复您。"
    tell(file, reports, UNDER_WAY, news)
    file.record(DELAY_TOLD, {"kind": deadline.kind, "reports": [report.number for report in reports]})


async def _was_told_since(file: CaseFile, moment: datetime) -> bool:
    told = select(Reply.id).where(Reply.case_id == file.case.id, Reply.sent_at > moment).limit(1)
    return await file.session.scalar(told) is not None


def tell_resumption(file: CaseFile, reports: Sequence[Report], clock: Deadline) -> None:
    """An interim reply to each report with the date by which the department now has to answer."""
    due = official_date(clock.due_at, file.calendar.zone)
    tell(file, reports, UNDER_WAY, f"{_name_of(file, clock)}已恢复计时办理，新的期限为{due}。")


def _name_of(file: CaseFile, deadline: Deadline) -> str:
    code = deadline.department_code or ""
    return file.names.get(code, code)


def tell(file: CaseFile, reports: Sequence[Report], opening: str, *news: str) -> None:
    """An interim reply to each report: its number and the opening in one line, what is new, the day."""
    day = official_date(file.now, file.calendar.zone)
    for report in reports:
        lines = [f"您反映的线索({report.number}){opening}", *news, day]
        file.reply(report, ReplyKind.INTERIM, "\n".join(lines))
