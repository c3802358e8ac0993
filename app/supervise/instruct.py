"""批示: what a leader decides on a case that stayed unanswered up to the highest level. It moves no clock and no duty.

The case rests until the day the leader names, then it is back on the leaders' list while the duty is unanswered.
"""

from datetime import date

from app.casefile import CaseFile
from app.deadlines import HIGHEST_LEVEL, LOOK_AGAIN_WORKING_DAYS, due_by, office_moment, start_of
from app.disclosure import to_local
from app.models import Decided, Instruction, new_id
from app.problems import Conflict, InvalidInput


class NothingToDecide(Conflict):
    code = "not_at_highest_level"
    title_zh, title_en = "该事项不在三级督办", "The case is not at level 3"

    def __init__(self) -> None:
        super().__init__(
            "只有三级督办的事项由负责人批示；该事项没有正在计时的三级督办，可能已经反馈。请重新读取。",
            "Only a case at level 3 of supervision is decided on; no clock of this one is. Read it again.",
        )


class LookAgainOutOfRange(InvalidInput):
    code = "look_again_out_of_range"
    title_zh, title_en = "再次查看的日期不合适", "The day to look again does not fit"

    def __init__(self, latest: str) -> None:
        super().__init__(
            f"再次查看的日期须在今天之后，最迟 {latest}，以免事项被搁置。",
            f"The day to look again must be after today and no later than {latest}, so that the case is not shelved.",
            errors=[{"field": "look_again_on", "zh": f"明天至 {latest}", "en": f"from tomorrow to {latest}"}],
        )


def instruct(file: CaseFile, *, decision: Decided, note: str, look_again_on: date, decided_by: str) -> Instruction:
    """Keep what was decided, and take the case off the list until that day.

    The note stays with the office; the chain tells what was decided and until when. Raises NothingToDecide or
    LookAgainOutOfRange.
    """
    open_clocks = [d for d in file.running() if (d.level or 0) >= HIGHEST_LEVEL]
    if not open_clocks:
        raise NothingToDecide
    zone = file.calendar.zone
    latest = due_by(file.now, LOOK_AGAIN_WORKING_DAYS, file.calendar).at.astimezone(zone).date()
    if not file.now.astimezone(zone).date() < look_again_on <= latest:
        raise LookAgainOutOfRange(latest.isoformat())
    rests_until = office_moment(start_of(look_again_on, file.calendar), file.calendar)
    for clock in open_clocks:
        clock.rests_until = rests_until
    instruction = Instruction(
        id=new_id(),
        case_id=file.case.id,
        decision=decision,
        note=note,
        look_again_on=rests_until.astimezone(zone).date(),
        decided_by=decided_by,
        decided_at=file.now,
    )
    file.batch.add(instruction)
    facts = {"instruction": instruction.id, "decision": decision, "look_again_on": to_local(rests_until, zone)[:10]}
    file.record("supervision.decided", facts)
    return instruction
