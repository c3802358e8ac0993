"""The one place that asks what time it is. Everything else takes the time as an argument."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Answers aware UTC datetimes."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock: start-up and command line, where no database has been asked yet."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class DatabaseClock:
    """Database time without a round trip for each look.

    `anchor` takes the time the database just answered; between anchors the monotonic clock of this process
    carries it on. A worker whose wall clock is a day off therefore still agrees with all the others.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def anchor(self, database_now: datetime) -> None:
        """Take over the time that the database answered a moment ago."""
        self._offset = database_now - self._reading()

    def _reading(self) -> datetime:
        return self._zero + timedelta(seconds=time.monotonic())

    def now(self) -> datetime:
        return self._reading() + self._offset


class FixedClock:
    """A clock that moves only when told: tests and simulation."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> datetime:
        """Move on by the given `timedelta` arguments and answer the new time."""
        self._now += timedelta(**by)
        return self._now

    def set(self, moment: datetime) -> None:
        self._now = moment
