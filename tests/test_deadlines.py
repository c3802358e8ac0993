"""Working days as tables: weekends, make-up Saturdays, unknown years, the last minute."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.deadlines import (
    Calendar,
    OfficeHours,
    due_after_return,
    due_by,
    end_of,
    office_moment,
    previous_working_day,
    remind_at,
    working_days_left,
)
from app.directory.calendar import published_days

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar({day: working for day, (working, _) in published_days().items()}, "published", ZONE)
LAST_KNOWN = max(CALENDAR.days)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-03-02T09:30", 1, "2026-03-03T18:00"),
        ("2026-03-06T17:00", 1, "2026-03-09T18:00"),  # over a weekend
        ("2026-03-07T10:00", 1, "2026-03-09T18:00"),  # from a Saturday
        ("2025-09-26T10:00", 1, "2025-09-28T18:00"),  # that Sunday is worked for the National Day holiday
        ("2025-09-30T10:00", 1, "2025-10-09T18:00"),  # the holiday of eight days is skipped
        ("2025-09-30T10:00", 3, "2025-10-11T18:00"),  # that Saturday is a make-up day
        ("2026-02-13T10:00", 1, "2026-02-14T18:00"),  # the Saturday before the Spring Festival is worked
    ],
)
def test_the_term_ends_on_the_nth_working_day(start: str, days: int, expected: str) -> None:
    due = due_by(local(start), days, CALENDAR)
    assert due.at == local(expected)
    assert not due.provisional


def test_a_day_that_is_not_announced_makes_the_deadline_provisional() -> None:
    start = datetime(LAST_KNOWN.year, 12, 28, 9, tzinfo=ZONE)
    due = due_by(start, 10, CALENDAR)
    assert due.provisional
    assert due.at > start


def test_in_an_unknown_year_the_fixed_holidays_are_not_worked() -> None:
    assert not CALENDAR.is_working(date(LAST_KNOWN.year + 1, 10, 1))


def test_a_term_without_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        due_by(local("2026-03-02T09:30"), 0, CALENDAR)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-03-02T09:00", 4),
        ("2026-03-06T09:00", 0),
        ("2026-03-06T18:00", 0),
        ("2026-03-06T18:01", -1),
        ("2026-03-08T12:00", -1),
        ("2026-03-10T09:00", -2),
    ],
)
def test_days_left_count_working_days_and_turn_negative_once_late(now: str, left: int) -> None:
    assert working_days_left(local(now), local("2026-03-06T18:00"), CALENDAR) == left


FIRST, LAST = datetime(2024, 1, 2), datetime(LAST_KNOWN.year, 10, 1)  # noqa: DTZ001 — hypothesis wants naive bounds


@given(
    start=st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    days=st.integers(1, 40),
)
def test_a_deadline_is_always_a_working_day_after_the_start_and_exactly_that_many_days_on(
    start: datetime, days: int
) -> None:
    due = due_by(start, days, CALENDAR)
    first, last = start.astimezone(ZONE).date(), due.at.astimezone(ZONE).date()
    assert CALENDAR.is_working(last)
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(CALENDAR.is_working(day) for day in between) == days
    assert start < remind_at(start, due.at, CALENDAR) <= due.at


@pytest.mark.parametrize(
    ("now", "promised", "expected"),
    [
        (date(2026, 3, 3), date(2026, 3, 23), date(2026, 3, 23)),  # what is left of the term
        (date(2026, 3, 20), date(2026, 3, 23), date(2026, 3, 27)),  # at least five working days
        (date(2026, 3, 30), date(2026, 3, 23), date(2026, 4, 7)),  # also when the promise has passed; 6 April is off
        (date(2026, 3, 3), date(2026, 6, 1), date(2026, 3, 24)),  # never more than the usual term
    ],
)
def test_after_a_return_the_promised_term_goes_on_but_never_ends_at_once(
    now: date, promised: date, expected: date
) -> None:
    start = datetime(now.year, now.month, now.day, 1, 30, tzinfo=UTC)
    assert due_after_return(start, 15, end_of(promised, CALENDAR), CALENDAR).at == end_of(expected, CALENDAR)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-06T09:00", "2026-03-06T09:00"),
        ("2026-03-06T17:59", "2026-03-06T17:59"),
        ("2026-03-06T08:59", "2026-03-06T09:00"),  # before the office opens
        ("2026-03-06T00:00", "2026-03-06T09:00"),
        ("2026-03-06T18:00", "2026-03-09T09:00"),  # from a Friday evening over the weekend
        ("2026-03-07T11:00", "2026-03-09T09:00"),
        ("2025-09-27T23:00", "2025-09-28T09:00"),  # a Sunday that is worked for the National Day holiday
        ("2025-09-30T18:00", "2025-10-09T09:00"),  # the holiday of eight days
        ("2025-10-10T20:00", "2025-10-11T09:00"),  # that Saturday is a make-up day
    ],
)
def test_what_falls_due_out_of_office_hours_waits_for_the_next_ones(moment: str, expected: str) -> None:
    assert office_moment(local(moment), CALENDAR) == local(expected)


def test_nobody_is_reminded_on_the_day_the_clock_started() -> None:
    start = local("2026-03-02T07:30")
    due = due_by(start, 2, CALENDAR).at
    assert remind_at(start, due, CALENDAR) == due


@given(moment=st.datetimes(FIRST, LAST, timezones=st.just(UTC)))
def test_an_office_moment_is_never_earlier_and_always_in_office_hours(moment: datetime) -> None:
    found = office_moment(moment, CALENDAR)
    there = found.astimezone(ZONE)
    assert found >= moment
    assert CALENDAR.is_working(there.date())
    assert 9 <= there.hour < 18
    assert office_moment(found, CALENDAR) == found


EARLY = replace(CALENDAR, hours=OfficeHours(time(8, 30), time(17, 0)))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-06T08:29", "2026-03-06T08:30"),
        ("2026-03-06T08:45", "2026-03-06T08:45"),
        ("2026-03-06T16:59", "2026-03-06T16:59"),
        ("2026-03-06T17:00", "2026-03-09T08:30"),
    ],
)
def test_a_deployment_has_its_own_office_hours(moment: str, expected: str) -> None:
    assert office_moment(local(moment), EARLY) == local(expected)
    assert due_by(local(moment), 1, EARLY).at == local("2026-03-09T17:00")
    assert remind_at(local("2026-03-02T10:00"), local("2026-03-06T17:00"), EARLY) == local("2026-03-04T08:30")


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 3, 4), date(2026, 3, 3)),
        (date(2026, 3, 9), date(2026, 3, 6)),
        (date(2026, 10, 8), date(2026, 9, 30)),  # the national holiday
        (date(2026, 10, 12), date(2026, 10, 10)),  # that Saturday is a make-up day
    ],
)
def test_the_working_day_before(day: date, before: date) -> None:
    assert previous_working_day(day, CALENDAR) == before
