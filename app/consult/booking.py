"""When and where a session may meet: office hours, clashes, free times. Pure: bookings and time are arguments."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from app.deadlines import Calendar, end_of, office_moment, start_of
from app.disclosure import to_local
from app.problems import Conflict, InvalidInput

# Suggestions begin on the hour and leave the noon rest free; a meeting may be fixed at any minute of office hours.
SUGGESTED_HOURS = (9, 10, 11, 14, 15, 16, 17)
NOON, AFTERNOON = time(12, 0), time(14, 0)


@dataclass(frozen=True, slots=True)
class Booking:
    """A meeting that stands: `minutes` its length, `departments` whose seats are taken."""

    number: str
    start: datetime
    minutes: int
    departments: frozenset[str]
    place: str | None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Clash:
    """Another session at the same time that takes departments, or the place."""

    number: str
    start: datetime
    end: datetime
    departments: tuple[str, ...]
    place: str | None


class OutsideOfficeHours(InvalidInput):
    code = "outside_office_hours"
    title_zh, title_en = "会议时间不在工作时间内", "The meeting is not in office hours"

    def __init__(self, instead: str) -> None:
        super().__init__(
            f"会议须安排在将来的工作日上班时间内。最近可以安排在 {instead}。",
            f"A meeting has to lie in the office hours of a working day to come. The next possible time is {instead}.",
            errors=[{"field": "meeting_at", "zh": f"可改为 {instead}", "en": f"could be {instead}"}],
            instead=instead,
        )


class MeetingClash(Conflict):
    code = "meeting_clash"
    title_zh, title_en = "会议时间冲突", "The meeting clashes with another"

    def __init__(self, clashes: Sequence[Clash], calendar: Calendar) -> None:
        numbers = "、".join(clash.number for clash in clashes)
        super().__init__(
            f"该时间已有会商占用部门或地点：{numbers}。请改时间（见 slots），或以 despite_clash 说明仍要安排。",
            f"Departments or the place are taken at that time by {numbers}. Choose another time (see `slots`), or send "
            "`despite_clash: true`.",
            clashes=[
                {
                    "consultation": clash.number,
                    "meeting_at": to_local(clash.start, calendar.zone),
                    "ends_at": to_local(clash.end, calendar.zone),
                    "departments": list(clash.departments),
                    "place": clash.place,
                }
                for clash in clashes
            ],
        )


def check_hours(start: datetime, minutes: int, now: datetime, calendar: Calendar) -> None:
    """Raises OutsideOfficeHours, naming the next time that fits, unless the whole meeting lies in office hours."""
    candidate = office_moment(max(start, now), calendar)
    if candidate + timedelta(minutes=minutes) > _closing(candidate, calendar):
        candidate = office_moment(_closing(candidate, calendar), calendar)
    if candidate != start or start <= now:
        raise OutsideOfficeHours(to_local(candidate, calendar.zone))


def _closing(moment: datetime, calendar: Calendar) -> datetime:
    return end_of(moment.astimezone(calendar.zone).date(), calendar)


def find_clashes(wanted: Booking, others: Iterable[Booking]) -> list[Clash]:
    """Who of the others takes one of the departments or the place while `wanted` meets; a meeting's end is free."""
    clashes = []
    for other in others:
        if wanted.start < other.end and other.start < wanted.end:
            shared = tuple(sorted(wanted.departments & other.departments))
            place = other.place if _same_place(wanted.place, other.place) else None
            if shared or place:
                clashes.append(Clash(other.number, other.start, other.end, shared, place))
    return sorted(clashes, key=lambda clash: (clash.start, clash.number))


def _same_place(one: str | None, other: str | None) -> bool:
    def plain(place: str | None) -> str:
        return "".join(unicodedata.normalize("NFKC", place or "").casefold().split())

    return bool(plain(one)) and plain(one) == plain(other)


def suggest_times(
    wanted: Booking, others: Sequence[Booking], *, now: datetime, until: datetime, calendar: Calendar, limit: int
) -> list[datetime]:
    """Times from the next working day until the deadline at which departments and place are free; `wanted` names them,
    its own start is not looked at."""
    found: list[datetime] = []
    for start in _candidates(now, until, wanted.minutes, calendar):
        booking = Booking(wanted.number, start, wanted.minutes, wanted.departments, wanted.place)
        if not find_clashes(booking, others):
            found.append(start)
            if len(found) == limit:
                break
    return found


def _candidates(now: datetime, until: datetime, minutes: int, calendar: Calendar) -> Iterator[datetime]:
    day = now.astimezone(calendar.zone).date() + timedelta(days=1)
    while start_of(day, calendar) <= until:
        for hour in SUGGESTED_HOURS if calendar.is_working(day) else ():
            start = datetime.combine(day, time(hour), calendar.zone)
            end = start + timedelta(minutes=minutes)
            noon, afternoon = (datetime.combine(day, moment, calendar.zone) for moment in (NOON, AFTERNOON))
            over_noon = start < afternoon and end > noon
            if not over_noon and end.astimezone(UTC) <= min(end_of(day, calendar), until):
                yield start.astimezone(UTC)
        day += timedelta(days=1)
