"""人工催办: the office urges the departments whose duties on a case are open, by hand. It moves no clock and no duty.

Nobody is told of one case twice on a day, by hand or by a clock, nor on the day on which the clock started.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from app.casefile import CaseFile
from app.lifecycle import WITH_DEPARTMENT
from app.models import Assignment, Deadline, DeadlineKind, Party
from app.problems import Conflict
from app.supervise.notice import OVERDUE, REMINDED, SUPERVISED, URGED, give_notice

# What tells a department of its clock; one of these a day is enough.
TELLS_OF_A_CLOCK: Final = frozenset({REMINDED, OVERDUE, SUPERVISED, URGED})


class Spared(StrEnum):
    """Why a department that has something to do is not urged."""

    PAUSED = "paused"
    TOLD_TODAY = "told_today"
    STARTED_TODAY = "started_today"


@dataclass(frozen=True, slots=True)
class Standing:
    """An open duty, the clock that its department would be told of, and why it is not."""

    duty: Assignment
    clock: Deadline | None
    spared: Spared | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a department's open duties: it was urged, or spared and why."""

    department: str
    spared: Spared | None


class NothingToUrge(Conflict):
    code = "nothing_to_urge"
    title_zh, title_en = "没有可催办的单位", "No department to urge"

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = outcomes
        super().__init__(
            "没有单位可催办：或者没有正在办理的交办，或者已暂停计时、今天刚交办或今天已经通知过。请重新读取。",
            "No department is to be urged: none has an open duty, or its clock is paused, started today, or it was "
            "told of it today. Read the case again.",
        )


def day_begun(now: datetime, zone: ZoneInfo) -> datetime:
    """When the local day began: who was told of a clock since then is spared."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def standings(
    duties: Sequence[Assignment],
    clocks: Sequence[Deadline],
    told_today: Collection[str],
    today: date,
    zone: ZoneInfo,
) -> list[Standing]:
    """The open duties of one case, in their order.

    Args:
        clocks: of the case; those that have ended do not count.
        told_today: the departments that were told of a clock on the case today.
        today: the local day, in `zone`.
    """
    found = []
    for duty in duties:
        if duty.status not in WITH_DEPARTMENT:
            continue
        own = [c for c in clocks if c.assignment_id == duty.id and c.ended_at is None]
        running = [c for c in own if c.party is Party.DEPARTMENT]
        clock = min(running, key=lambda c: c.due_at, default=None)
        spared = None
        if clock is None or any(c.kind is DeadlineKind.PAUSE for c in own):
            spared = Spared.PAUSED
        elif duty.department_code in told_today:
            spared = Spared.TOLD_TODAY
        elif clock.started_at.astimezone(zone).date() == today:
            spared = Spared.STARTED_TODAY
        found.append(Standing(duty, clock, spared))
    return found


def urge(file: CaseFile, told_today: Collection[str]) -> list[Outcome]:
    """Tell each department of a clock, once, and say who was spared; raises NothingToUrge where nobody is left."""
    zone = file.calendar.zone
    outcomes: dict[str, Outcome] = {}
    for standing in standings(file.assignments, file.deadlines, told_today, file.now.astimezone(zone).date(), zone):
        code = standing.duty.department_code
        known = outcomes.get(code)
        if standing.spared is None and standing.clock is not None and (known is None or known.spared):
            give_notice(file, standing.clock, URGED)
            outcomes[code] = Outcome(code, None)
        elif known is None:
            outcomes[code] = Outcome(code, standing.spared)
    found = list(outcomes.values())
    if all(outcome.spared for outcome in found):
        raise NothingToUrge(found)
    return found
