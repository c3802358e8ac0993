"""延期: a department asks for more time, once and before its time is over; the office grants or refuses it."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.casefile import CaseFile
from app.deadlines import Calendar, Due, due_by, due_on
from app.disclosure import to_local
from app.feedback.respond import keep_act
from app.models import ActKind, Assignment, Deadline, ExtensionState
from app.problems import Conflict, InvalidInput

LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Wish:
    """What a department asks for: a reason, and either the date it wishes or the working days it needs in addition."""

    reason: str
    until: date | None = None
    working_days: int | None = None


class WishUnclear(InvalidInput):
    code = "extension_unclear"
    title_zh, title_en = "延期期限不明确", "The extension is not clear"

    def __init__(self) -> None:
        super().__init__(
            "请写明希望延至的日期(until)或需要增加的工作日数(working_days)，二者只填其一。",
            "Give either the wished date (until) or the additional working days (working_days), not both.",
            errors=[{"field": "until", "zh": "二者只填其一", "en": "give exactly one of the two"}],
        )


class WishOutOfRange(InvalidInput):
    code = "extension_out_of_range"
    title_zh, title_en = "延期日期不合适", "The wished date does not fit"

    def __init__(self, due: str) -> None:
        super().__init__(
            f"延期日期须晚于现在的期限({due})，且不超过一年。",
            f"The wished date must be later than the present deadline ({due}) and within a year of it.",
            errors=[{"field": "until", "zh": "须晚于现在的期限", "en": "must be later than the present deadline"}],
        )


class AskedBefore(Conflict):
    code = "extension_requested_before"
    title_zh, title_en = "已申请过延期", "An extension was requested already"

    def __init__(self) -> None:
        super().__init__(
            "每件交办只能申请一次延期，本件已申请过。请在期限内反馈。",
            "An extension may be requested once for each assignment, and it has been. Answer within the deadline.",
        )


class AskedTooLate(Conflict):
    code = "extension_too_late"
    title_zh, title_en = "已过申请延期的时间", "Too late to ask for an extension"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"延期须在期限届满前申请，本件期限为 {until}。请尽快反馈。",
            f"An extension has to be requested before the deadline, which was {until}. Answer as soon as you can.",
            until=until,
        )


class NothingToExtend(Conflict):
    code = "nothing_to_extend"
    title_zh, title_en = "没有可以延长的期限", "There is no deadline to extend"

    def __init__(self, current: str) -> None:
        super().__init__(
            f"该交办当前状态为“{current}”，部门没有正在计时的期限。",
            f"The assignment is “{current}”; no deadline of the department's is running.",
            current=current,
        )


class ClockPaused(Conflict):
    code = "clock_paused"
    title_zh, title_en = "正在暂停计时", "The clock is paused"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"该交办已暂停计时，最迟至 {until}，剩余工作日保留。恢复计时后如仍不够，再申请延期。",
            f"The clock stands still until {until} at the latest, and the days left are kept. "
            "Ask for more time once it goes on, if you still need it.",
            until=until,
        )


class WishOverdue(Conflict):
    code = "extension_in_the_past"
    title_zh, title_en = "希望延至的日期已过", "The wished date has passed"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"部门希望延至 {until}，该日期已过，不能批准。请不予延期。",
            f"The department wished to have until {until}, which has passed. Refuse the extension.",
            until=until,
        )


def request_extension(file: CaseFile, assignment: Assignment, wish: Wish) -> None:
    """Ask the office for more time. Nothing moves until it decides.

    Raises WishUnclear, ClockPaused, NothingToExtend, AskedBefore, AskedTooLate or WishOutOfRange.
    """
    if (wish.until is None) == (wish.working_days is None):
        raise WishUnclear
    if assignment.paused_until is not None:
        raise ClockPaused(to_local(assignment.paused_until, file.calendar.zone))
    clock = file.answer_clock(assignment)
    if clock is None:
        raise NothingToExtend(assignment.status)
    if assignment.extension is not None:
        raise AskedBefore
    if file.now > clock.due_at:
        raise AskedTooLate(to_local(clock.due_at, file.calendar.zone))
    until = _wished(wish, clock, file.calendar).at
    assignment.extension, assignment.extension_until = ExtensionState.REQUESTED, until
    assignment.version += 1
    wished = to_local(until, file.calendar.zone)[:10]
    content = {"reason": wish.reason, "until": wished, "working_days": wish.working_days}
    keep_act(file, assignment, ActKind.EXTENSION, content, "assignment.extension_requested", {"until": wished})


def _wished(wish: Wish, clock: Deadline, calendar: Calendar) -> Due:
    if wish.working_days is not None:
        due = due_by(clock.due_at, wish.working_days, calendar)
    else:
        latest = clock.due_at.astimezone(calendar.zone).date() + timedelta(days=LONGEST_DAYS)
        if wish.until is None or wish.until > latest:
            raise WishOutOfRange(to_local(clock.due_at, calendar.zone))
        due = due_on(wish.until, calendar)
    if due.at <= clock.due_at:
        raise WishOutOfRange(to_local(clock.due_at, calendar.zone))
    return due


def decide_extension(file: CaseFile, assignment: Assignment, *, granted: bool, comment: str) -> Deadline | None:
    """The office grants or refuses. Granted, a new clock takes the old one's place; refused, the clock is left alone.

    Answers the new clock. Raises NothingToExtend or WishOverdue.
    """
    clock, until = file.answer_clock(assignment), assignment.extension_until
    if clock is None or until is None:
        raise NothingToExtend(assignment.status)
    later = None
    if granted:
        if until <= file.now:
            raise WishOverdue(to_local(until, file.calendar.zone))
        later = file.extend(assignment, clock, due_on(until.astimezone(file.calendar.zone).date(), file.calendar))
    assignment.extension = ExtensionState.GRANTED if granted else ExtensionState.REFUSED
    assignment.version += 1
    decided = {"granted": granted, "until": to_local(assignment.due_at, file.calendar.zone)[:10]}
    file.record(
        "assignment.extension_decided",
        {"assignment": assignment.id, "department": assignment.department_code, **decided},
        department_code=assignment.department_code,
        message=file.describe(assignment) | {"granted": granted, "comment": comment},
    )
    return later
