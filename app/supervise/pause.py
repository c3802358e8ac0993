"""暂停计时: the office lets a department's clock stand still for a named blocker; in the end it goes on by itself.

The clock that runs meanwhile is the office's own. Whom to tell beyond the department is `flow`'s.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from app.casefile import ANSWER_CLOCKS, CaseFile
from app.deadlines import LONGEST_PAUSE_WORKING_DAYS, Due, due_by, due_on
from app.disclosure import to_local
from app.models import Assignment, Blocker, Deadline, ExtensionState, Pause
from app.problems import Conflict, InvalidInput

PAUSED: Final = "assignment.paused"
RESUMED: Final = "assignment.resumed"


@dataclass(frozen=True, slots=True)
class PauseWish:
    """Why a clock is to stand still, who is waited for, until when at the latest: a date, or working days from now."""

    blocker: Blocker
    who: str
    why: str
    until: date | None = None
    working_days: int | None = None


class PauseUnclear(InvalidInput):
    code = "pause_unclear"
    title_zh, title_en = "暂停期限不明确", "The end of the pause is not clear"

    def __init__(self) -> None:
        super().__init__(
            "请写明暂停最迟到哪一天(until)或多少个工作日(working_days)，二者只填其一。",
            "Give either the last day of the pause (until) or its working days (working_days), not both.",
            errors=[{"field": "until", "zh": "二者只填其一", "en": "give exactly one of the two"}],
        )


class PauseOutOfRange(InvalidInput):
    code = "pause_out_of_range"
    title_zh, title_en = "暂停期限不合适", "The end of the pause does not fit"

    def __init__(self) -> None:
        days = LONGEST_PAUSE_WORKING_DAYS
        super().__init__(
            f"暂停须晚于今天，且不超过 {days} 个工作日。",
            f"A pause ends after today and within {days} working days.",
            errors=[{"field": "until", "zh": f"最长 {days} 个工作日", "en": f"at most {days} working days"}],
        )


class NothingToPause(Conflict):
    code = "nothing_to_pause"
    title_zh, title_en = "没有可以暂停的时限", "There is no clock to pause"

    def __init__(self, current: str) -> None:
        super().__init__(
            f"该交办当前状态为“{current}”，部门没有正在计时的办理时限。只有部门办理期间可以暂停。",
            f"The assignment is “{current}”; no answer clock of the department's is running. "
            "A clock can be paused only while the department works.",
            current=current,
        )


class PausedAlready(Conflict):
    code = "paused_already"
    title_zh, title_en = "已在暂停中", "Paused already"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"该交办已暂停计时，最迟至 {until}。如需变更，请先恢复计时。",
            f"The assignment's clock is paused until {until} at the latest. Resume it first to change that.",
            until=until,
        )


class NotPaused(Conflict):
    code = "not_paused"
    title_zh, title_en = "没有暂停", "Not paused"

    def __init__(self) -> None:
        super().__init__("该交办没有暂停计时，无须恢复。", "The assignment's clock is not paused; nothing to resume.")


class PauseTooLate(Conflict):
    code = "pause_too_late"
    title_zh, title_en = "时限已过，不能暂停", "Too late to pause"

    def __init__(self, due: str) -> None:
        super().__init__(
            f"办理时限已于 {due} 届满，不能再暂停。",
            f"The deadline ran out at {due}; a clock that has run out is not paused.",
            due_at=due,
        )


class ExtensionUndecided(Conflict):
    code = "extension_undecided"
    title_zh, title_en = "延期申请尚未审批", "A request for more time is waiting"

    def __init__(self) -> None:
        super().__init__("请先审批该单位的延期申请，再决定是否暂停。", "Decide the request for more time first.")


def pause_clock(file: CaseFile, assignment: Assignment, wish: PauseWish) -> Deadline:
    """Let the duty's answer clock stand still. Answers the office's clock that runs meanwhile.

    Raises PauseUnclear, PauseOutOfRange, PausedAlready, NothingToPause, PauseTooLate or ExtensionUndecided.
    """
    until = _end_of(file, wish)
    clock = _clock_to_pause(file, assignment)
    kept = file.kept_days(clock, file.now)
    meanwhile = file.pause(assignment, clock, until)
    assignment.version += 1
    file.batch.add(
        Pause(
            id=meanwhile.id,
            assignment_id=assignment.id,
            blocker=wish.blocker,
            who=wish.who,
            why=wish.why,
            remaining_days=kept,
            paused_by=file.actor,
        )
    )
    said = {"kind": clock.kind, "blocker": wish.blocker, "until": _local(file, until.at), "remaining_days": kept}
    _tell(file, assignment, PAUSED, said, {"who": wish.who, "why": wish.why})
    return meanwhile


def resume_clock(file: CaseFile, meanwhile: Deadline) -> Deadline:
    """Let the paused clock go on with the days that were left. Answers the new clock."""
    assignment = file.get_assignment(meanwhile.assignment_id or "")
    clock = file.resume(assignment, meanwhile)
    assignment.version += 1
    _tell(file, assignment, RESUMED, {"kind": clock.kind, "due_at": _local(file, clock.due_at)}, {})
    return clock


def get_pause(file: CaseFile, assignment: Assignment) -> Deadline:
    """The office's clock while the duty's is paused; raises NotPaused."""
    meanwhile = file.pause_of(assignment)
    if meanwhile is None:
        raise NotPaused
    return meanwhile


def _end_of(file: CaseFile, wish: PauseWish) -> Due:
    if (wish.until is None) == (wish.working_days is None):
        raise PauseUnclear
    latest = due_by(file.now, LONGEST_PAUSE_WORKING_DAYS, file.calendar)
    if wish.working_days is not None:
        if not 1 <= wish.working_days <= LONGEST_PAUSE_WORKING_DAYS:
            raise PauseOutOfRange
        return due_by(file.now, wish.working_days, file.calendar)
    zone = file.calendar.zone
    if wish.until is None or not file.now.astimezone(zone).date() < wish.until <= latest.at.astimezone(zone).date():
        raise PauseOutOfRange
    return due_on(wish.until, file.calendar)


def _clock_to_pause(file: CaseFile, assignment: Assignment) -> Deadline:
    running = file.pause_of(assignment)
    if running is not None:
        raise PausedAlready(_local(file, running.due_at))
    clock = file.answer_clock(assignment)
    if clock is None or clock.kind not in ANSWER_CLOCKS:
        raise NothingToPause(assignment.status)
    if file.now > clock.due_at:
        raise PauseTooLate(_local(file, clock.due_at))
    if assignment.extension is ExtensionState.REQUESTED:
        raise ExtensionUndecided
    return clock


def _tell(
    file: CaseFile, assignment: Assignment, event_type: str, said: dict[str, Any], for_the_department: dict[str, Any]
) -> None:
    """One event: the chain keeps no free text, the department is told all."""
    file.record(
        event_type,
        {"assignment": assignment.id, "department": assignment.department_code, **said},
        department_code=assignment.department_code,
        message=file.describe(assignment) | {"pause": said | for_the_department},
    )


def _local(file: CaseFile, moment: datetime) -> str:
    return to_local(moment, file.calendar.zone)
