"""What is still to happen, in order, and how a party's hours become moments: in a simulated calendar, or live and fast.

Two happenings of one moment are ordered by their names, never by who came first: that is what makes runs repeat.
"""

import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from app.deadlines import Calendar, end_of, office_moment

Act = Callable[[], Awaitable[None]]
DAY_HOURS = 9.0
LIVE_SECONDS_PER_HOUR = 0.06


class Course(Protocol):
    """How time passes for the parties."""

    def after(self, moment: datetime, hours: float) -> datetime:
        """The moment that many working hours later."""
        ...

    def is_over(self, moment: datetime, now: datetime) -> bool:
        """Whether what was fixed for that moment has taken place."""
        ...


class WorkingHours:
    """Simulated: hours pass in office hours of working days only; nine make a day. The calendar may become known."""

    def __init__(self, calendar: Callable[[], Calendar]) -> None:
        self._calendar = calendar

    def after(self, moment: datetime, hours: float) -> datetime:
        calendar = self._calendar()
        at, left = office_moment(moment, calendar), timedelta(seconds=round(hours * 3600))
        while True:
            end = end_of(at.astimezone(calendar.zone).date(), calendar)
            if at + left < end:
                return at + left
            left -= end - at
            at = office_moment(end, calendar)

    def is_over(self, moment: datetime, now: datetime) -> bool:
        return moment <= now


class FastHours:
    """Live: an hour of work is a blink. `tempo` stretches every wait."""

    def __init__(self, tempo: float) -> None:
        self._tempo = tempo

    def after(self, moment: datetime, hours: float) -> datetime:
        return moment + timedelta(seconds=hours * LIVE_SECONDS_PER_HOUR * self._tempo)

    def is_over(self, moment: datetime, now: datetime) -> bool:
        return True  # nobody who watches waits until tomorrow


class Schedule:
    """The happenings to come."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str, int, Act]] = []
        self._serial = itertools.count()

    def add(self, moment: datetime, act: Act, *name: object) -> None:
        heapq.heappush(self._heap, (moment, "/".join(map(str, name)), next(self._serial), act))

    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: datetime) -> list[Act]:
        """Everything that is due, in order; it is no longer on the schedule."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[3])
        return due

    def move(self, moved: Callable[[datetime], datetime]) -> None:
        """Give every happening another moment: where time begins to pass differently."""
        self._heap = [(moved(moment), name, serial, act) for moment, name, serial, act in self._heap]
        heapq.heapify(self._heap)
