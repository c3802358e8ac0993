"""督: clocks become acts. Reminders, lateness, levels, the office's own clocks, a silent point; over 国庆 too."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update

from app.clock import FixedClock
from app.database import Database
from app.directory.city import CityCache
from app.flow import supervision
from app.flow.supervision import Supervisor
from app.ledger.reconcile import reconcile, verify_chains
from app.ledger.todo import read_waiting
from app.models import Deadline, Delivery, Event, Role
from tests.api.scenes import ASSIGNED, FEEDBACK, Scene, assigned, unclear
from tests.city import CityUnderTest, open_city
from tests.dashboard.office import at_work, shown
from tests.processes import environment_for

ZONE = ZoneInfo("Asia/Shanghai")
TOLD = ("assignment.reminded", "assignment.overdue", "assignment.supervised", "office.overdue", "verification.lapsed")
FORWARDING = {"reference": "函1", "forwarded_on": "2026-03-03", "forwarded_to": "省级部门"}


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


def supervisor_of(city: CityUnderTest) -> Supervisor:
    return Supervisor(city.runtime.database, city.clock, city.runtime.cities)


async def events_of(city: CityUnderTest, *types: str) -> list[Event]:
    async with city.runtime.database.read() as session:
        rows = await session.scalars(
            select(Event).where(Event.type.in_(types or TOLD)).order_by(Event.case_id, Event.seq)
        )
        return list(rows)


async def look_at(city: CityUnderTest, clock: FixedClock, moment: str) -> None:
    """Set the clock and let the worker look until it finds nothing; the ledger must reconcile."""
    clock.set(local(moment))
    supervisor = supervisor_of(city)
    for _ in range(20):
        if not await supervisor.look():
            break
    else:
        pytest.fail("a row loops")
    await check(city)


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def told_at(city: CityUnderTest, clock: FixedClock, first: str, last: str) -> list[tuple[str, str, str]]:
    """Look every hour between two moments; what was said when, in local time, with its clock's kind.

    Nothing but these looks changes the ledger, so hours in which no clock stands to be looked at are passed over,
    except for each noon, when a look has to find nothing.
    """
    moment, supervisor = local(first), supervisor_of(city)
    due = await next_due(city)
    while moment <= local(last):
        waits = due is not None and due <= moment
        if waits or moment.hour == 12:
            clock.set(moment)
            assert await supervisor.look() == waits
            while waits and await supervisor.look():
                pass
            due = await next_due(city) if waits else due
        moment += timedelta(hours=1)
    clock.set(moment - timedelta(hours=1))
    await check(city)
    return said(await events_of(city))


async def next_due(city: CityUnderTest) -> datetime | None:
    async with city.runtime.database.read() as session:
        looks = select(func.min(Deadline.look_at)).where(Deadline.ended_at.is_(None))
        return await session.scalar(looks)


def said(events: Sequence[Event]) -> list[tuple[str, str, str]]:
    return [
        (
            event.happened_at.astimezone(ZONE).isoformat(timespec="minutes")[:16],
            event.type,
            json.loads(event.facts).get("kind", ""),
        )
        for event in events
    ]


# ── a department's clocks ──


async def test_a_silent_department_is_reminded_told_and_supervised_up_to_level_three(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    assert await told_at(city, clock, "2026-03-02T10:00", "2026-04-20T18:00") == [
        ("2026-03-05T09:00", "assignment.overdue", "acceptance"),
        ("2026-03-19T09:00", "assignment.reminded", "feedback"),
        ("2026-03-24T09:00", "assignment.overdue", "feedback"),
        ("2026-03-30T09:00", "assignment.supervised", "feedback"),
        ("2026-04-03T09:00", "assignment.supervised", "feedback"),
        ("2026-04-10T09:00", "assignment.supervised", "feedback"),
    ]
    levels = [json.loads(e.facts) for e in await events_of(city, "assignment.supervised")]
    assert [(f["level"], f["reply_by"][:10]) for f in levels] == [
        (1, "2026-04-02"),
        (2, "2026-04-09"),
        (3, "2026-04-15"),
    ]
    async with city.runtime.database.read() as session:
        waiting = await read_waiting(session, clock.now(), city.runtime.cities.current.calendar)
    assert [case.number for case in waiting.supervised.cases] == [scene.case]
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    async with city.runtime.database.read() as session:
        waiting = await read_waiting(session, clock.now(), city.runtime.cities.current.calendar)
    assert waiting.supervised.total == 0


# 2026: 中秋 25 to 27 September, 国庆 1 to 7 October off; made up on Sunday 20 September and Saturday 10 October.
OVER_THE_HOLIDAYS = {
    "2026-09-09T10:00": [
        ("2026-09-28T09:00", "assignment.reminded", "feedback"),
        ("2026-10-08T09:00", "assignment.overdue", "feedback"),
        ("2026-10-13T09:00", "assignment.supervised", "feedback"),
    ],
    "2026-09-14T10:00": [
        ("2026-10-08T09:00", "assignment.reminded", "feedback"),
        ("2026-10-12T09:00", "assignment.overdue", "feedback"),
        ("2026-10-16T09:00", "assignment.supervised", "feedback"),
    ],
    "2026-09-18T10:00": [
        ("2026-10-13T09:00", "assignment.reminded", "feedback"),
        ("2026-10-16T09:00", "assignment.overdue", "feedback"),
    ],
}


@pytest.mark.parametrize("dispatched", OVER_THE_HOLIDAYS)
async def test_over_the_national_holiday_nothing_is_said_on_days_off_and_make_up_days_count(
    city: CityUnderTest, clock: FixedClock, dispatched: str
) -> None:
    clock.set(local(dispatched))
    scene = await assigned(city)
    await scene.act("acceptance")
    assert await told_at(city, clock, dispatched, "2026-10-16T18:00") == OVER_THE_HOLIDAYS[dispatched]


@pytest.mark.parametrize("quiet", ["2026-03-19T18:00", "2026-03-19T23:30", "2026-03-20T08:59"])
async def test_a_worker_that_was_away_says_nothing_at_night_and_says_it_in_the_morning(
    city: CityUnderTest, clock: FixedClock, quiet: str
) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    await look_at(city, clock, quiet)
    assert await events_of(city) == []
    await look_at(city, clock, "2026-03-20T09:00")
    assert said(await events_of(city)) == [("2026-03-20T09:00", "assignment.reminded", "feedback")]


async def test_a_worker_that_was_away_past_the_end_skips_the_reminder(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    await look_at(city, clock, "2026-03-25T11:00")
    assert said(await events_of(city)) == [("2026-03-25T11:00", "assignment.overdue", "feedback")]


async def test_ended_and_paused_clocks_say_nothing(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=True)
    paused = await assigned(city)
    await paused.act("acceptance")
    async with city.runtime.database.write() as session:
        await session.execute(update(Deadline).where(Deadline.ended_at.is_(None)).values(look_at=None))
    clock.set(local("2026-06-01T10:00"))
    assert not await supervisor_of(city).look()
    assert await events_of(city) == []


async def test_what_a_department_is_sent_is_its_own_duty_and_clock_and_nothing_of_the_reporter(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    body = {"department": "FR-MZ", "url": "http://127.0.0.1:9/in"}
    assert (await scene.office.post("/v1/endpoints", json=body)).status_code == 201
    await scene.act("acceptance")
    await look_at(city, clock, "2026-03-19T09:00")
    await look_at(city, clock, "2026-03-24T09:00")
    await look_at(city, clock, "2026-03-30T09:00")
    events = await events_of(city)
    clocks: list[dict[str, Any]] = [
        {},
        {"reply_by": "2026-03-27T18:00:00+08:00"},
        {"level": 1, "reply_by": "2026-04-02T18:00:00+08:00"},
    ]
    for event, clock_told in zip(events, clocks, strict=True):
        assert event.department_code == "FR-MZ"
        message = json.loads(event.body or "")["data"]
        assert set(message) == {"case", "assignment", "deadline"}
        assert message["deadline"] == {"kind": "feedback", "due_at": "2026-03-23T18:00:00+08:00", **clock_told}
        assert "FR-01" not in (event.body or "")
        assert scene.report not in (event.body or "") + event.facts
    async with city.runtime.database.read() as session:
        queued = await session.scalars(select(Delivery.event_id).where(Delivery.event_id.in_([e.id for e in events])))
        assert sorted(map(str, queued)) == sorted(event.id for event in events)
    feed = (await scene.department.get("/v1/events")).json()["events"]
    assert [e["type"] for e in feed][-3:] == ["assignment.reminded", "assignment.overdue", "assignment.supervised"]
    other = (await (await city.department("FR-JY")).get("/v1/events")).json()["events"]
    assert other == []


async def test_a_reminder_makes_nobodys_reading_stale(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    shown = await scene.shown()
    await look_at(city, clock, "2026-03-19T09:00")
    assert (await scene.shown())["case"]["version"] > shown["case"]["version"]
    body = {"outcome": "answered", "statement": "已答复。", "version": shown["case"]["version"]}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/close", json=body)).status_code == 200
    await check(city)


async def test_the_provinces_silence_is_chased_again_and_again_and_held_against_nobody(
    city: CityUnderTest, clock: FixedClock
) -> None:
    reporter, office = await city.reporter("FR-01"), await city.office()
    receipt = (await reporter.post("/v1/reports", json={"text": "省科协要求每村拉150个人注册小程序。"})).json()
    duty = (await office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    department = await city.department(duty["department"])
    answer = await department.post(f"/v1/assignments/{duty['id']}/forwarding", json=FORWARDING)
    assert answer.status_code == 200
    found = await told_at(city, clock, "2026-03-02T10:00", "2026-05-08T18:00")
    assert found == [
        ("2026-03-31T09:00", "assignment.reminded", "chase"),
        ("2026-04-30T09:00", "assignment.reminded", "chase"),
    ]
    async with city.runtime.database.read() as session:
        rounds = (await session.scalars(select(Deadline.met).where(Deadline.kind == "chase"))).all()
    assert list(rounds) == [None, None, None]
    reply = {"answer": "同意取消。", "public_reply": "省里同意取消。", "agreed": True}
    assert (await department.post(f"/v1/assignments/{duty['id']}/upstream-reply", json=reply)).status_code == 200
    await check(city)


# ── the office's and the point's clocks ──


async def test_the_offices_own_lateness_is_recorded_once_and_sent_to_no_department(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await unclear(city)
    found = await told_at(city, clock, "2026-03-02T10:00", "2026-03-20T18:00")
    assert found == [("2026-03-05T09:00", "office.overdue", "triage")]
    [event] = await events_of(city)
    assert (event.department_code, event.body, event.actor) == (None, None, "system")


async def test_review_and_consultation_run_out_as_the_offices_own_clocks(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    text = "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了两拨,资料要分开做。"
    receipt = (await scene.reporter.post("/v1/reports", json={"text": text})).json()
    assert receipt["status"] == "consulting"
    found = await told_at(city, clock, "2026-03-02T10:00", "2026-03-31T18:00")
    assert sorted(found) == [
        ("2026-03-10T09:00", "office.overdue", "review"),
        ("2026-03-17T09:00", "office.overdue", "consultation"),
    ]


async def verifying(city: CityUnderTest) -> Scene:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    assert (await scene.shown())["case"]["status"] == "verifying"
    return scene


async def test_a_point_that_does_not_answer_brings_the_case_back_to_the_office(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await verifying(city)
    found = await told_at(city, clock, "2026-03-02T10:00", "2026-03-16T18:00")
    assert found == [("2026-03-10T09:00", "verification.lapsed", "")]
    case = (await scene.shown())["case"]
    assert (case["status"], case["owner"]) == ("in_review", "office")
    assert (await scene.verify(relieved=True)).status_code == 409
    assert (await scene.act("progress", note="仍在巩固。")).status_code == 200
    assert (await scene.shown())["case"]["status"] == "in_review"
    body = {"outcome": "relieved", "statement": "观测点逾期未答复,经回访确认。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/close", json=body)).status_code == 200
    await check(city)


async def test_an_answer_late_on_the_last_evening_still_counts(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await verifying(city)
    await look_at(city, clock, "2026-03-09T21:00")
    assert (await scene.verify(relieved=True)).status_code == 200
    await look_at(city, clock, "2026-03-10T09:00")
    assert await events_of(city) == []


# ── several workers, lost workers, failing rows ──


async def test_several_workers_at_once_say_each_thing_once(city: CityUnderTest, clock: FixedClock) -> None:
    for number in range(6):
        answer = await (await city.reporter()).post("/v1/reports", json={"text": f"{ASSIGNED}第{number}张表。"})
        assert answer.status_code == 201
    clock.set(local("2026-03-19T09:00"))
    databases = [Database(city.url) for _ in range(3)]
    supervisors = [Supervisor(d, clock, CityCache(d, ZONE)) for d in databases]

    async def work(supervisor: Supervisor) -> None:
        for _ in range(30):
            await supervisor.look()

    await asyncio.gather(*(work(supervisor) for supervisor in supervisors))
    for database in databases:
        await database.dispose()
    events = await events_of(city)
    assert len({e.case_id for e in events}) == 6
    kinds = sorted((e.case_id, e.type) for e in events)
    assert len(kinds) == len(set(kinds)) == 12
    await check(city)


KILLED = """
import asyncio, os, sys
from datetime import datetime
from zoneinfo import ZoneInfo
from app.batch import Batch
from app.clock import FixedClock
from app.database import Database
from app.directory.city import CityCache
from app.flow.supervision import Supervisor

write = Batch.write

async def write_and_die(self, session):
    await write(self, session)
    await session.flush()
    os.kill(os.getpid(), 9)

async def main():
    Batch.write = write_and_die
    database = Database(sys.argv[1])
    clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
    await Supervisor(database, clock, CityCache(database, ZoneInfo("Asia/Shanghai"))).look()

asyncio.run(main())
"""


async def test_a_worker_killed_between_look_and_commit_loses_nothing_and_repeats_nothing(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    moment = "2026-03-19T09:00:00+08:00"
    for _ in range(2):
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", KILLED, city.url, moment],
            env=environment_for(city.url, city.folder, PYTHONPATH=os.pathsep.join(sys.path)),
            capture_output=True,
            timeout=60,
        )
        assert ended.returncode == -9, ended.stderr
        assert await events_of(city) == []
    await look_at(city, clock, "2026-03-19T09:00")
    await look_at(city, clock, "2026-03-19T09:30")
    assert said(await events_of(city)) == [("2026-03-19T09:00", "assignment.reminded", "feedback")]


async def test_a_case_whose_look_fails_is_put_off_and_keeps_no_other_from_its_turn(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await assigned(city), await unclear(city)
    working = supervision._look_at_case
    async with city.runtime.database.read() as session:
        broken = await session.scalar(text("SELECT id FROM cases WHERE number = :number").bindparams(number=first.case))

    async def fail(session: Any, case_id: str, *rest: Any) -> None:
        await working(session, case_id, *rest)
        if case_id == broken:
            raise ValueError("a defect")

    monkeypatch.setattr(supervision, "_look_at_case", fail)
    await look_at(city, clock, "2026-03-05T09:00")
    assert [e.type for e in await events_of(city)] == ["office.overdue"]
    assert second
    monkeypatch.setattr(supervision, "_look_at_case", working)
    await look_at(city, clock, "2026-03-05T09:59")
    assert len(await events_of(city)) == 1
    await look_at(city, clock, "2026-03-05T10:00")
    assert sorted(e.type for e in await events_of(city)) == ["assignment.overdue", "office.overdue"]


# ── in the running service ──


async def test_the_worker_of_the_service_does_it_by_itself(city_url: str, tmp_path: Path, clock: FixedClock) -> None:
    async with open_city(city_url, tmp_path, clock, with_worker=True) as city:
        await assigned(city)
        clock.set(local("2026-03-05T09:00"))
        end = time.monotonic() + 10
        while not (events := await events_of(city)):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        assert said(events) == [("2026-03-05T09:00", "assignment.overdue", "acceptance")]


async def test_the_pages_show_what_was_said_and_list_a_case_at_level_three(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    for moment in ("2026-03-19", "2026-03-24", "2026-03-30", "2026-04-03"):
        await look_at(city, clock, f"{moment}T09:00")
    browser = await at_work(city)
    assert "三级督办" not in shown(await browser.get("/dashboard/"))
    await look_at(city, clock, "2026-04-10T09:00")
    browser = await at_work(city, Role.LEADER)
    home = await browser.get("/dashboard/")
    assert "三级督办" in shown(home)
    assert scene.case in home.text
    page = shown(await browser.get(f"/dashboard/cases/{scene.case}"))
    for words in ("临期提醒 系统", "逾期 系统", "督办 系统", "督办级别 3", "答复期限 2026年4月15日"):
        assert words in page, words


# ── the reporters, when it is late ──


async def replies_to(city: CityUnderTest, report: str) -> list[tuple[str, str]]:
    body = (await (await city.reporter("FR-01")).get(f"/v1/reports/{report}")).json()
    return [(reply["sent_at"][:10], reply["text"].splitlines()[1]) for reply in body["replies"]]


async def test_reporters_are_told_once_that_a_department_did_not_answer_in_time(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await told_at(city, clock, "2026-03-02T10:00", "2026-04-20T18:00")
    [(day, text)] = await replies_to(city, scene.report)
    assert day == "2026-03-24"
    assert "芙蓉区民政局未能在2026年3月23日前反馈" in text
    told = await events_of(city, "case.delay_told")
    assert [json.loads(event.facts) for event in told] == [{"kind": "feedback", "reports": [scene.report]}]
    assert all(event.body is None for event in told)


async def test_reporters_are_told_that_the_office_itself_is_late_and_again_only_after_a_new_promise(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office, report, case = await unclear(city)
    await told_at(city, clock, "2026-03-02T10:00", "2026-03-20T18:00")
    [(day, text)] = await replies_to(city, report)
    assert (day, text[:4]) == ("2026-03-05", "统筹部门")
    body = {"category": "municipal_district", "receivers": [{"code": "FR-MZ"}], "reason": "经研判。"}
    ruled = await office.post(f"/v1/cases/{case}/ruling", json=body)
    assert ruled.status_code == 200
    await told_at(city, clock, "2026-03-20T19:00", "2026-04-30T18:00")
    assert [day for day, _ in await replies_to(city, report)] == ["2026-03-05", "2026-04-14"]
