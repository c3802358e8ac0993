"""督办答复: a late department says why, and for which day it promises its answer. Once at each level of supervision.

The promise holds the next level until that day is over. It moves no deadline, makes no answer less late, and leaves
what the reporter was promised as it is. When the day is over is `supervise`'s to see.
"""

from dataclasses import dataclass
from datetime import date

from app.casefile import ANSWER_CLOCKS, CaseFile
from app.deadlines import PROMISE_WORKING_DAYS, due_by, due_on, office_moment
from app.disclosure import to_local
from app.feedback.respond import keep_act
from app.models import ActKind, Assignment
from app.problems import Conflict, InvalidInput


@dataclass(frozen=True, slots=True)
class SupervisionReply:
    """What a late department answers: why it is late, and the day by whose end it will have answered."""

    explanation: str
    promised_on: date


class NothingNoticed(Conflict):
    code = "nothing_to_reply_to"
    title_zh, title_en = "没有需要答复的督办", "There is no notice to reply to"

    def __init__(self) -> None:
        super().__init__(
            "本件没有逾期通知或督办需要答复：尚未逾期，或已经反馈。请在期限内反馈；需要更多时间的，请申请延期。",
            "No notice of lateness or supervision is open on this assignment: it is not late, or has been answered. "
            "Answer within the deadline; if you need more time, request an extension.",
        )


class RepliedBefore(Conflict):
    code = "replied_before"
    title_zh, title_en = "本次督办已答复过", "This notice has been replied to"

    def __init__(self, promised_on: str) -> None:
        super().__init__(
            f"每一级督办只能答复一次，已承诺 {promised_on} 前反馈。请尽快反馈。",
            f"Each notice is replied to once, and you promised an answer for {promised_on}. Answer as soon as you can.",
            promised_on=promised_on,
        )


class PromiseOutOfRange(InvalidInput):
    code = "promise_out_of_range"
    title_zh, title_en = "承诺的日期不合适", "The promised day does not fit"

    def __init__(self, latest: str) -> None:
        super().__init__(
            f"承诺反馈的日期须为今后的日期，最迟 {latest}（{PROMISE_WORKING_DAYS} 个工作日内）。",
            f"Promise a day that is not over, and no later than {latest} (within {PROMISE_WORKING_DAYS} working days).",
            errors=[{"field": "promised_on", "zh": f"最迟 {latest}", "en": f"no later than {latest}"}],
        )


def reply_to_supervision(file: CaseFile, assignment: Assignment, said: SupervisionReply) -> None:
    """Take the reply to the last notice. Raises NothingNoticed, RepliedBefore or PromiseOutOfRange.

    A promised day on which nobody works ends with the next working day.
    """
    clock = file.answer_clock(assignment)
    if clock is None or clock.kind not in ANSWER_CLOCKS or clock.overdue_at is None:
        raise NothingNoticed
    zone = file.calendar.zone
    if clock.promised_until is not None:
        raise RepliedBefore(to_local(clock.promised_until, zone)[:10])
    today = file.now.astimezone(zone).date()
    latest = due_by(file.now, PROMISE_WORKING_DAYS, file.calendar).at.astimezone(zone).date()
    if not today <= said.promised_on <= latest:
        raise PromiseOutOfRange(latest.isoformat())
    until = due_on(said.promised_on, file.calendar).at
    if until <= file.now:
        raise PromiseOutOfRange(latest.isoformat())
    clock.promised_until, clock.look_at = until, office_moment(until, file.calendar)
    assignment.version += 1
    facts = {"level": clock.level, "promised_on": to_local(until, zone)[:10]}
    content = {"explanation": said.explanation, **facts, "until": to_local(until, zone), "clock": clock.id}
    keep_act(file, assignment, ActKind.SUPERVISION_REPLY, content, "supervision.replied", facts)
