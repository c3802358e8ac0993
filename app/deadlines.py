"""时限: working-day arithmetic over a calendar, pure. Make-up days (调休) count as the calendar says.

A day the calendar does not know is judged by weekday and fixed holidays, and the result is marked provisional.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.vocabulary import DeadlineKind

# (month, day) of holidays whose date never moves; used only for years whose notice is not loaded.
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)})
REMIND_WORKING_DAYS_BEFORE = 2
# 退回: until when a department may return an assignment, and the least its successor gets of what is left of the term.
RETURN_WITHIN_WORKING_DAYS = 2
LEAST_WORKING_DAYS_AFTER_RETURN = 5
# 督办: working days that each notice of lateness leaves for a reply before the next level, and the last level; how far
# ahead a department may promise its answer, and a leader put off looking at the case again.
REPLY_WORKING_DAYS = 3
HIGHEST_LEVEL = 3
PROMISE_WORKING_DAYS = 5
LOOK_AGAIN_WORKING_DAYS = 20
# 暂停计时: the longest that the office may let a department's clock stand still at a time.
LONGEST_PAUSE_WORKING_DAYS = 60

# Working days a party has, by kind of clock. The city publishes none; see docs/decisions/0006.
DEFAULT_TERMS: Mapping[DeadlineKind, int] = {
    DeadlineKind.TRIAGE: 2,
    DeadlineKind.ACCEPTANCE: 2,
    DeadlineKind.FEEDBACK: 15,
    DeadlineKind.FORWARDING: 5,
    DeadlineKind.CHASE: 20,
    DeadlineKind.REVIEW: 5,
    DeadlineKind.VERIFICATION: 5,
    DeadlineKind.CONSULTATION: 10,
    DeadlineKind.REVISIT: 60,
}


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """From when to when the office works on a working day, local time. Terms end with them; outside nothing is said."""

    start: time = time(9, 0)
    end: time = time(18, 0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked, and when. `days` holds what was announced; `version` names the announcement."""

    days: Mapping[date, bool]
    version: str
    zone: ZoneInfo
    hours: OfficeHours = OfficeHours()

    def knows(self, day: date) -> bool:
        return day in self.days

    def is_working(self, day: date) -> bool:
        known = self.days.get(day)
        if known is not None:
            return known
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that was worked out: an aware UTC moment, and whether a day in between was only assumed.

    `working_days` are those it was counted from; None where the end is a date.
    """

    at: datetime
    provisional: bool
    working_days: int | None = None


def due_by(start: datetime, working_days: int, calendar: Calendar) -> Due:
    """The end of the n-th working day after `start`; the day of `start` itself does not count.

    Raises ValueError unless `working_days` is at least 1.
    """
    if working_days < 1:
        raise ValueError("a deadline needs at least one working day")
    day, left, provisional = start.astimezone(calendar.zone).date(), working_days, False
    while left:
        day += timedelta(days=1)
        provisional = provisional or not calendar.knows(day)
        if calendar.is_working(day):
            left -= 1
    return Due(end_of(day, calendar), provisional, working_days)


def start_of(day: date, calendar: Calendar) -> datetime:
    """The start of office hours on that day, as aware UTC."""
    return datetime.combine(day, calendar.hours.start, calendar.zone).astimezone(UTC)


def end_of(day: date, calendar: Calendar) -> datetime:
    """The end of office hours on that day, as aware UTC."""
    return datetime.combine(day, calendar.hours.end, calendar.zone).astimezone(UTC)


def due_on(day: date, calendar: Calendar) -> Due:
    """The end of that day, or of the next working day where nobody works on it."""
    provisional = not calendar.knows(day)
    while not calendar.is_working(day):
        day += timedelta(days=1)
        provisional = provisional or not calendar.knows(day)
    return Due(end_of(day, calendar), provisional)


def due_after_return(start: datetime, working_days: int, promised: datetime, calendar: Calendar) -> Due:
    """When the next department's answer is due: by what was promised before the return, but never at once.

    What is left of the promised term is its own; where less than LEAST_WORKING_DAYS_AFTER_RETURN are left it gets
    those, so that nobody inherits another's lateness. It is never more than the usual `working_days`.
    """
    usual = due_by(start, working_days, calendar)
    least = due_by(start, min(LEAST_WORKING_DAYS_AFTER_RETURN, working_days), calendar)
    if promised <= least.at:
        return least
    return Due(promised, usual.provisional) if promised < usual.at else usual


def working_days_between(start: datetime, end: datetime, calendar: Calendar) -> int:
    """How many days are worked from the day after `start` up to the day of `end`."""
    first, last = start.astimezone(calendar.zone).date(), end.astimezone(calendar.zone).date()
    return sum(calendar.is_working(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def kept_working_days(
    start: datetime, working_days: int | None, due: datetime, paused_at: datetime, calendar: Calendar
) -> int:
    """What a pause leaves of a term, at least one day: its working days less those gone by, or those up to its date."""
    if working_days is None:
        return max(1, working_days_between(paused_at, due, calendar))
    return max(1, working_days - working_days_between(start, paused_at, calendar))


def working_days_left(now: datetime, due: datetime, calendar: Calendar) -> int:
    """Working days from tomorrow up to the due day; 0 on the day itself, negative (in working days) once overdue."""
    today, last = now.astimezone(calendar.zone).date(), due.astimezone(calendar.zone).date()
    if now > due:
        late = sum(calendar.is_working(last + timedelta(days=n)) for n in range(1, (today - last).days + 1))
        return -max(late, 1)
    return sum(calendar.is_working(today + timedelta(days=n)) for n in range(1, (last - today).days + 1))


def office_moment(moment: datetime, calendar: Calendar) -> datetime:
    """The moment itself where it lies in office hours of a working day, else the start of the next ones."""
    local = moment.astimezone(calendar.zone)
    day = local.date()
    if calendar.is_working(day):
        if calendar.hours.start <= local.time() < calendar.hours.end:
            return moment
        if local.time() < calendar.hours.start:
            return start_of(day, calendar)
    day += timedelta(days=1)
    while not calendar.is_working(day):
        day += timedelta(days=1)
    return start_of(day, calendar)


def remind_at(start: datetime, due: datetime, calendar: Calendar) -> datetime:
    """When to remind: office start two working days before the end, or the end itself where the term is shorter.

    Nobody is reminded on the day on which the clock started.
    """
    day, left = due.astimezone(calendar.zone).date(), REMIND_WORKING_DAYS_BEFORE
    while left:
        day -= timedelta(days=1)
        left -= calendar.is_working(day)
    return start_of(day, calendar) if day > start.astimezone(calendar.zone).date() else due


def previous_working_day(day: date, calendar: Calendar) -> date:
    """The last day before that one on which somebody worked."""
    day -= timedelta(days=1)
    while not calendar.is_working(day):
        day -= timedelta(days=1)
    return day
