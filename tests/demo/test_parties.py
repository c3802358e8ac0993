"""How the parties behave, as tables: office hours, order of happenings, who is down, what a department plans."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.api.acts import ACTS
from app.api.consultations import OpinionIn
from app.api.door import In
from app.api.sessions import ResponseIn
from app.database import Database
from app.deadlines import Calendar
from app.demo.answers import make_file
from app.demo.letters import read_phrases
from app.demo.notice import FESTIVALS, MARK, simulated_days
from app.demo.plans import PLANS, plan_for
from app.demo.profiles import DEPARTMENTS, is_down, profile_of
from app.demo.schedule import FastHours, Schedule, WorkingHours
from app.directory.announcing import NamedDay, announce, of_list
from app.directory.calendar import published_days
from app.directory.city import City, build_city
from app.directory.loading import read_files
from app.directory.pack import BUNDLED_PACK
from app.feedback.kinds import clean
from app.feedback.rectification import Measure
from app.lifecycle import DEPARTMENT_STATES

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2025, 9, 3)


@cache
def calendar() -> Calendar:
    return Calendar({day: working for day, (working, _) in published_days().items()}, "published", ZONE)


@cache
def city() -> City:
    return build_city(read_files(BUNDLED_PACK), calendar())


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2025-09-03 10:00", 3, "2025-09-03 13:00"),
        ("2025-09-03 16:00", 3, "2025-09-04 10:00"),
        ("2025-09-03 22:00", 1, "2025-09-04 10:00"),
        ("2025-09-05 17:00", 9, "2025-09-08 17:00"),  # over a weekend
        ("2025-09-30 17:00", 2, "2025-10-09 10:00"),  # over the National Day holidays
        ("2025-09-27 12:00", 1, "2025-09-28 10:00"),  # to a Sunday that is worked
    ],
)
def test_working_hours_pass_in_office_hours_only(start: str, hours: float, end: str) -> None:
    assert WorkingHours(calendar).after(local(start), hours) == local(end)


def test_live_an_hour_is_a_blink() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert timedelta() < FastHours(1.0).after(now, 9) - now < timedelta(seconds=1)
    assert FastHours(2.0).after(now, 9) - now == 2 * (FastHours(1.0).after(now, 9) - now)


async def test_what_happens_at_one_moment_is_ordered_by_name() -> None:
    now, heard, schedule = datetime(2026, 1, 1, tzinfo=UTC), [], Schedule()

    def saying(word: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            heard.append(word)

        return act

    for word in ("b", "c", "a"):
        schedule.add(now, saying(word), word)
    schedule.add(now + timedelta(hours=1), saying("later"), "0")
    for act in schedule.take_due(now):
        await act()
    assert heard == ["a", "b", "c"]
    assert schedule.next_at() == now + timedelta(hours=1)


def test_systems_that_rest_on_holidays_cannot_be_reached_then_and_can_after() -> None:
    codes = [d.code for d in city().pack.departments if str(d.tier) != "province"]
    on_holiday = [c for c in codes if is_down(7, c, local("2025-10-03 11:00"), calendar())]
    after = [c for c in on_holiday if is_down(7, c, local("2025-10-09 11:00"), calendar())]
    assert 0.25 < len(on_holiday) / len(codes) < 0.5
    assert len(after) < len(on_holiday) / 4


def test_a_seed_gives_a_department_its_character_and_another_seed_another() -> None:
    codes = sorted(city().departments)[:200]
    assert [profile_of(7, c) for c in codes] == [profile_of(7, c) for c in codes]
    assert [profile_of(7, c) for c in codes] != [profile_of(8, c) for c in codes]
    assert {profile_of(7, c) for c in codes} == {profile for profile, _ in DEPARTMENTS}


def event(kind: str, number: int, **data: Any) -> dict[str, Any]:
    duty = {
        "id": f"duty-{number}",
        "kind": "escalation" if kind.startswith("escalation") else "assignment",
        "status": "dispatched",
        "version": 1,
        "on_behalf_of": [{"code": "HN-MZ", "name": "湖南省民政厅"}],
    }
    return {"type": kind, "data": {"case": {"number": f"YL-2025-{number:06d}"}, "assignment": duty} | data}


@pytest.mark.parametrize("kind", ["assignment.created", "escalation.created", "assignment.returned_to_department"])
def test_every_step_of_a_plan_is_an_act_that_departments_may_send(kind: str) -> None:
    for number in range(150):
        steps = list(plan_for(7, city(), "FR-MZ" if number % 2 else "CS-MZ", event(kind, number)))
        for step in [*steps, *(other for planned in steps for other in planned.otherwise)]:
            content = step.content(TODAY)
            content.pop("assignment")
            ACTS[step.action.removeprefix("assignment.")].model_validate(content)
            assert step.hours > 0


def test_departments_sign_return_ask_for_time_and_answer() -> None:
    said = set()
    for number in range(400):
        for code in ("FR-MZ", "CS-MZ", "WC-NY", "CS-YJ", "YH-JY"):
            for kind in ("assignment.created", "escalation.created"):
                steps = [*plan_for(7, city(), code, event(kind, number))]
                steps += plan_for(7, city(), code, event("assignment.overdue", number, deadline={"kind": "feedback"}))
                said |= {step.action.removeprefix("assignment.") for step in steps}
    assert said == set(ACTS)


def test_whoever_waits_to_be_chased_moves_at_exactly_one_notice() -> None:
    moved = []
    codes = [c for c in sorted(city().departments) if profile_of(7, c).waits > 0.4 and not c.startswith("HN")][:20]
    for code in codes:
        for number in range(20):
            notices = [event("assignment.overdue", number, deadline={"kind": "feedback"})]
            notices += [
                event("assignment.supervised", number, deadline={"kind": "feedback", "level": level})
                for level in (1, 2, 3)
            ]
            plans = [plan_for(7, city(), code, notice) for notice in notices]
            moved.append(sum(any("reply" not in step.action for step in plan) for plan in plans))
    assert set(moved) == {0, 1}


def test_an_event_of_an_unknown_type_is_taken_note_of() -> None:
    assert plan_for(7, city(), "FR-MZ", event("assignment.something_new", 1)) == ()
    assert "assignment.something_new" not in PLANS


def test_every_kind_of_phrase_has_something_to_say() -> None:
    assert all(read_phrases().values())
    assert DEPARTMENT_STATES  # the office's list of what is out is that of the lifecycle
    from app.demo.office import OUT

    assert set(OUT) == {str(state) for state in DEPARTMENT_STATES}


def test_a_live_meeting_is_over_at_once_and_a_simulated_one_when_its_time_has_passed() -> None:
    meeting, before = local("2025-09-04 10:00"), local("2025-09-03 10:00")
    assert FastHours(1.0).is_over(meeting, before)
    assert not WorkingHours(calendar).is_over(meeting, before)
    assert WorkingHours(calendar).is_over(meeting, meeting)


def session_event(kind: str, number: int, **more: Any) -> dict[str, Any]:
    session = {"id": "session-1", "number": "HS-2025-000001", "meeting_at": None} | more
    return {"type": kind, "data": {"case": {"number": f"YL-2025-{number:06d}"}, "consultation": session}}


SHAPES: dict[str, type[In]] = {"consultation.opinion": OpinionIn, "consultation.response": ResponseIn}


def test_departments_say_their_part_and_once_a_date_is_fixed_whether_they_come() -> None:
    said: dict[str, set[str]] = {action: set() for action in SHAPES}
    for number in range(120):
        for code in ("FR-MZ", "CS-MZ"):
            meeting = f"2025-09-{1 + number % 28:02d}T09:00:00+08:00"
            events = [
                session_event("consultation.invited", number, invited=["CS-MZ", "FR-MZ"]),
                session_event("consultation.rescheduled", number, meeting_at=meeting),
                session_event("consultation.rescheduled", number, moved_from="HS-2025-000002"),
            ]
            plans = [plan_for(7, city(), code, event) for event in events]
            assert all(step.action == "consultation.response" for step in plans[1])
            assert all(step.once for plan in plans for step in plan)
            for step in [step for plan in plans for step in plan]:
                content = step.content(TODAY)
                assert content.pop("consultation") == "session-1"
                SHAPES[step.action].model_validate(content)
                said[step.action].add(content.get("position") or content["answer"])
    assert said["consultation.opinion"] == {"lead", "supporting", "not_concerned"}
    assert said["consultation.response"] == {"accepted", "deputy", "declined"}


def test_a_file_is_a_document_that_the_service_takes_and_keeps_as_it_is() -> None:
    made, kept = make_file("Simulated evidence"), io.BytesIO()
    assert clean(io.BytesIO(made), kept) == "application/pdf"
    assert kept.getvalue() == made


def test_each_measure_has_its_kind() -> None:
    kinds = read_phrases()["measure_kinds"]
    assert len(kinds) == len(read_phrases()["measures"])
    assert set(kinds) <= {str(measure) for measure in Measure}


@pytest.mark.parametrize("year", sorted(FESTIVALS))
def test_the_invented_notice_is_marked_and_agrees_with_the_week(year: int) -> None:
    days = [(date.fromisoformat(d["day"]), d["working"], d["name"]) for d in simulated_days(year)]
    assert all(MARK in name for _, _, name in days)
    assert all(day.weekday() >= 5 for day, working, _ in days if working)
    assert 20 <= sum(not working for _, working, _ in days) <= 30
    assert simulated_days(year - 20) == []


async def test_the_invented_notice_makes_a_year_known(database: Database) -> None:
    said = of_list(
        2027, [NamedDay(date.fromisoformat(d["day"]), d["working"], d["name"]) for d in simulated_days(2027)]
    )
    async with database.write() as session:
        changes = await announce(session, said, by="test", now=datetime(2026, 11, 25, tzinfo=UTC))
    assert {change.day for change in changes} >= {date(2027, 1, 1) + timedelta(days=n) for n in range(365)}
