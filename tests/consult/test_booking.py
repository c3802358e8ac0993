"""When a session may meet, what clashes, which times are free: tables, no database."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.consult.booking import Booking, OutsideOfficeHours, check_hours, find_clashes, suggest_times
from app.deadlines import Calendar

ZONE = ZoneInfo("Asia/Shanghai")
# A Friday on which nobody works, and a Saturday that is made up for it.
CALENDAR = Calendar({date(2026, 3, 6): False, date(2026, 3, 7): True}, "test", ZONE)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=ZONE)


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


def booking(start: str, departments: str = "A B", place: str | None = None, minutes: int = 60) -> Booking:
    return Booking("HS-1", local(start), minutes, frozenset(departments.split()), place)


@pytest.mark.parametrize(
    ("start", "minutes", "instead"),
    [
        ("2026-03-03T08:30", 60, "2026-03-03T09:00"),
        ("2026-03-03T17:30", 60, "2026-03-04T09:00"),
        ("2026-03-03T19:00", 60, "2026-03-04T09:00"),
        ("2026-03-06T10:00", 60, "2026-03-07T09:00"),
        ("2026-03-08T10:00", 60, "2026-03-09T09:00"),
        ("2026-03-02T09:30", 60, "2026-03-02T10:00"),
    ],
)
def test_outside_office_hours_the_error_says_which_time_instead(start: str, minutes: int, instead: str) -> None:
    with pytest.raises(OutsideOfficeHours) as caught:
        check_hours(local(start), minutes, NOW, CALENDAR)
    assert caught.value.extra["instead"][:16] == instead


@pytest.mark.parametrize(("start", "minutes"), [("2026-03-03T09:00", 540), ("2026-03-07T17:00", 60)])
def test_a_meeting_may_fill_the_day_and_a_made_up_day_is_worked(start: str, minutes: int) -> None:
    check_hours(local(start), minutes, NOW, CALENDAR)


@pytest.mark.parametrize(
    ("other", "departments", "place"),
    [
        (booking("2026-03-03T10:30", "B C"), ("B",), None),
        (booking("2026-03-03T09:30", "C", "三楼 会议室"), (), "三楼 会议室"),
        (booking("2026-03-03T09:00", "A B", minutes=540), ("A", "B"), None),
    ],
)
def test_a_shared_department_or_place_at_the_same_time_clashes(
    other: Booking, departments: tuple[str, ...], place: str | None
) -> None:
    (clash,) = find_clashes(booking("2026-03-03T10:00", "A B", "三楼会议室"), [other])
    assert (clash.departments, clash.place) == (departments, place)


@pytest.mark.parametrize(
    "other",
    [
        booking("2026-03-03T11:00"),
        booking("2026-03-03T09:00"),
        booking("2026-03-03T10:00", "C", "四楼会议室"),
        booking("2026-03-03T10:00", "C"),
    ],
)
def test_meetings_one_after_the_other_or_of_others_do_not_clash(other: Booking) -> None:
    assert find_clashes(booking("2026-03-03T10:00", "A B", "三楼会议室"), [other]) == []
    assert find_clashes(booking("2026-03-03T10:00", "A B"), [other]) == []


def test_suggested_times_are_working_hours_without_noon_and_without_clashes_until_the_deadline() -> None:
    taken = [booking("2026-03-03T09:00", "B", minutes=120), booking("2026-03-05T09:00", "C", minutes=540)]
    wanted = booking("2026-03-02T10:00", "A B", minutes=90)
    until = local("2026-03-07T10:30")
    times = suggest_times(wanted, taken, now=NOW, until=until, calendar=CALENDAR, limit=100)
    assert [f"{t.astimezone(ZONE):%d %H}" for t in times] == [
        "03 14", "03 15", "03 16",
        "04 09", "04 10", "04 14", "04 15", "04 16",
        "05 09", "05 10", "05 14", "05 15", "05 16",
        "07 09",
    ]  # fmt: skip
    assert suggest_times(wanted, taken, now=NOW, until=until, calendar=CALENDAR, limit=2) == times[:2]
