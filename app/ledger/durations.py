"""How long cases took, in days of the city and in working days, by the month in which they ended. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from app.deadlines import Calendar


@dataclass(slots=True)
class Durations:
    """How many cases took how long, in days and in working days."""

    days: Counter[int] = field(default_factory=Counter)
    working_days: Counter[int] = field(default_factory=Counter)


def durations_of(
    pairs: Mapping[tuple[int, int], int], months: Sequence[date], end: date, calendar: Calendar
) -> list[Durations]:
    """Of pairs of moments, in seconds, and how often each is there; the second lies in one of the months."""
    found = [Durations() for _ in months]
    first = datetime.fromtimestamp(min((opened for opened, _ in pairs), default=0), calendar.zone).date()
    worked = _worked_days(first, end, calendar) if pairs else {}
    days = list(worked)
    starts = [datetime.combine(day, time.min, calendar.zone).timestamp() for day in days]
    places = {month: place for place, month in enumerate(months)}
    for (opened, closed), count in pairs.items():
        start, stop = bisect_right(starts, opened) - 1, bisect_right(starts, closed) - 1
        of_month = found[places[days[stop].replace(day=1)]]
        of_month.days[stop - start] += count
        of_month.working_days[worked[days[stop]] - worked[days[start]]] += count
    return found


def durations_by_day(
    closed: Sequence[tuple[int, int, int]], starts: Sequence[datetime], months: Sequence[date], calendar: Calendar
) -> list[Durations]:
    """Of the places of days on which cases were closed and opened, and how many were; `starts` are when each began."""
    found = [Durations() for _ in months]
    days = [start.astimezone(calendar.zone).date() for start in starts]
    worked = list(_worked_days(days[0], days[-1] + timedelta(days=1), calendar).values())
    by_month = dict(zip(months, found, strict=True))
    by_day = [by_month.get(day.replace(day=1)) for day in days]
    for stop, start, count in closed:
        of_month = by_day[stop]
        if of_month is None:
            continue
        of_month.days[stop - start] += count
        of_month.working_days[worked[stop] - worked[start]] += count
    return found


def _worked_days(first: date, end: date, calendar: Calendar) -> dict[date, int]:
    """How many days were worked up to each day."""
    worked, day, count = {}, first, 0
    while day < end:
        count += calendar.is_working(day)
        worked[day] = count
        day += timedelta(days=1)
    return worked
