"""时限: make-up days count, an unannounced year is provisional and worked out anew, terms are data with history, and no
party inherits another's lateness.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.database import Database
from app.directory.city import CityCache
from app.flow.clocks import Recounter
from app.models import Consultation, Deadline, Role
from app.supervise import recount
from tests.api.scenes import ASSIGNED, FEEDBACK, assigned, unclear
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown
from tests.journeys.clocks import NOTICE, PLAIN, ZONE, announce, check, clock_of, events, local, told, work

# Burdens of the same department that are not the same: likeness must not join them.
ANOTHER = "区民政局要求高龄津贴年审逐户上门拍照,照片打印出来装订成册,系统里还要再传一遍。"
YET_ANOTHER = "区民政局要求残疾人补贴名单每月打印一份,入户拍照后再录一遍系统,纸质台账同时报。"
RULING = {"category": "municipal_district", "receivers": [{"code": "FR-MZ"}], "reason": "经研判。"}
BEFORE, AFTER = "2027-01-12", "2027-01-13"


# ── the working calendar ──


async def test_over_the_national_holiday_of_2026_make_up_days_count(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-09-18T10:00"))
    scene = await assigned(city)
    clock_shown = clock_of(await scene.shown(), "feedback")
    assert (clock_shown["due_at"], clock_shown["provisional"]) == ("2026-10-15T10:00:00Z", False)
    assert (clock_shown["working_days"], clock_shown["basis"]) == (15, "15 working days, the default")


async def test_a_term_that_runs_into_an_unannounced_year_is_marked_and_worked_out_when_it_is_announced(
    city: CityUnderTest, clock: FixedClock
) -> None:
    clock.set(local("2026-12-21T10:00"))
    receipt = (await (await city.reporter()).post("/v1/reports", json={"text": ASSIGNED})).json()
    assert receipt["due_provisional"] is True
    scene = await assigned(city)
    assert (await scene.act("acceptance")).json()["due_provisional"] is True
    before = await scene.shown()
    assert (before["case"]["due_at"][:10], before["case"]["due_provisional"]) == (BEFORE, True)
    assert (before["assignments"][0]["due_at"][:10], before["assignments"][0]["due_provisional"]) == (BEFORE, True)
    assert (await told(scene))["due_provisional"] is True
    browser = await at_work(city, Role.LEADER)
    assert "暂按周末推算" in shown(await browser.get(f"/dashboard/cases/{scene.case}"))

    assert len((await announce(city))["changed"]) == 365
    await work(city, clock)
    after = await scene.shown()
    assert (after["case"]["due_at"][:10], after["case"]["due_provisional"]) == (AFTER, False)
    assert (after["assignments"][0]["due_at"][:10], after["assignments"][0]["due_provisional"]) == (AFTER, False)
    assert after["case"]["answer_due_at"][:10] == AFTER
    kept = clock_of(after, "feedback")
    assert (kept["started_at"], kept["provisional"]) == (clock_of(before, "feedback")["started_at"], False)
    said = (await events(scene))[-1]
    assert (said["type"], said["department"], said["actor"]) == ("assignment.deadline_changed", "FR-MZ", "system")
    assert said["facts"] | {"assignment": ""} == {
        "assignment": "", "department": "FR-MZ", "because": "calendar_announced", "kind": "feedback",
        "was": f"{BEFORE}T18:00:00+08:00", "due_at": f"{AFTER}T18:00:00+08:00",
    }  # fmt: skip
    feed = (await scene.department.get("/v1/events")).json()["events"]
    sent = feed[-1]["data"]
    assert (feed[-1]["type"], sent["deadline"]["was"][:10]) == ("assignment.deadline_changed", BEFORE)
    assert (sent["assignment"]["due_at"][:10], sent["assignment"]["due_provisional"]) == (AFTER, False)
    assert scene.report not in json.dumps(feed)
    page = shown(await browser.get(f"/dashboard/cases/{scene.case}"))
    assert "暂按周末推算" not in page
    assert "期限重算" in page
    count = len(await events(scene))
    await work(city, clock)
    assert len(await events(scene)) == count


async def test_a_date_that_stays_loses_its_mark_without_noise(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    before, said = await scene.shown(), await events(scene)
    await announce(city, PLAIN)
    await work(city, clock)
    after = await scene.shown()
    assert (after["case"]["due_at"], after["case"]["due_provisional"]) == (before["case"]["due_at"], False)
    assert after["case"]["version"] == before["case"]["version"]
    assert await events(scene) == said


async def test_the_promise_is_worked_out_while_the_case_lies_with_the_office(
    city: CityUnderTest, clock: FixedClock
) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    assert (await scene.act("return", reason="insufficient_facts", explanation="请补充是哪份通知。")).status_code == 200
    assert (await scene.shown())["case"]["due_provisional"] is False
    await announce(city)
    await work(city, clock)
    assert (await told(scene))["answer_due_at"][:10] == AFTER
    said = (await events(scene))[-1]
    assert (said["type"], said["department"], said["facts"]["promise"]) == ("case.deadline_changed", None, True)
    clock.set(local("2026-12-22T10:00"))
    ruled = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING | {"receivers": [{"code": "CS-MZ"}]})
    assert ruled.status_code == 200
    duty = (await scene.shown())["assignments"][-1]
    assert (duty["department"], duty["due_at"][:10], duty["due_provisional"]) == ("CS-MZ", AFTER, False)
    await check(city)


async def test_who_took_a_promise_over_follows_it(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    await scene.act("return", reason="insufficient_facts", explanation="请补充是哪份通知。")
    clock.set(local("2026-12-22T10:00"))
    await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING | {"receivers": [{"code": "CS-MZ"}]})
    assert (await scene.shown())["assignments"][-1]["due_at"][:10] == BEFORE
    await announce(city)
    await work(city, clock)
    after = await scene.shown()
    assert (after["assignments"][-1]["due_at"][:10], after["case"]["answer_due_at"][:10]) == (AFTER, AFTER)
    assert [e["department"] for e in await events(scene) if e["type"] == "assignment.deadline_changed"] == ["CS-MZ"]


async def test_an_extension_is_a_date_and_stays_one(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    await scene.act("extension", reason="须修订文件。", until="2027-02-09")
    await scene.review()
    assert (await scene.shown())["assignments"][0]["due_at"][:10] == "2027-02-09"
    await announce(city)
    await work(city, clock)
    after = await scene.shown()
    assert after["assignments"][0]["due_at"][:10] == "2027-02-12"  # the day after the Spring Festival
    assert after["case"]["answer_due_at"][:10] == "2027-02-12"


async def test_a_session_is_due_with_its_clock(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    text = "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了两拨,资料要分开做。"
    receipt = (await (await city.reporter()).post("/v1/reports", json={"text": text})).json()
    assert (receipt["status"], receipt["due_at"][:10], receipt["due_provisional"]) == ("consulting", "2027-01-05", True)
    await announce(city)
    await work(city, clock)
    async with city.runtime.database.read() as session:
        assert [c.due_at for c in await session.scalars(select(Consultation))] == [local("2027-01-06T18:00")]
    case = (await (await city.office()).get(f"/v1/cases/{receipt['case']}")).json()["case"]
    assert case["due_at"][:10] == "2027-01-06"


async def test_a_notice_that_comes_late_takes_back_what_only_an_assumption_called_late(
    city: CityUnderTest, clock: FixedClock
) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    await scene.act("acceptance")
    await work(city, clock, "2027-01-13T09:00")
    # The reporters are told of the delay in the same look.
    assert [e["type"] for e in await events(scene)][-2:] == ["assignment.overdue", "case.delay_told"]
    await announce(city)
    await work(city, clock, "2027-01-13T10:00")
    assert clock_of(await scene.shown(), "feedback")["due_at"][:10] == AFTER
    await work(city, clock, "2027-01-14T09:00")
    types = [e["type"] for e in await events(scene)]
    late = ["assignment.overdue", "case.delay_told"]
    assert types[-5:] == [*late, "assignment.deadline_changed", *late]


async def test_several_workers_work_each_case_out_once(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    reporter = await city.reporter()
    for number in range(6):
        await reporter.post("/v1/reports", json={"text": f"{ASSIGNED}第{number}张表。"})
    await announce(city)
    databases = [Database(city.url) for _ in range(3)]
    recounters = [Recounter(d, clock, CityCache(d, ZONE)) for d in databases]

    async def look(recounter: Recounter) -> None:
        for _ in range(12):
            await recounter.look()

    await asyncio.gather(*(look(r) for r in recounters))
    for database in databases:
        await database.dispose()
    feed = (await (await city.department("FR-MZ")).get("/v1/events")).json()["events"]
    moved = [e["data"]["assignment"]["id"] for e in feed if e["type"] == "assignment.deadline_changed"]
    assert len(moved) == len(set(moved)) == 6
    async with city.runtime.database.read() as session:
        assert not any(d.provisional for d in await session.scalars(select(Deadline)))
    await check(city)


async def test_a_case_that_fails_is_left_for_an_hour_and_keeps_no_other_from_its_turn(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene, (office, _, other) = await assigned(city), await unclear(city)
    await office.post(f"/v1/cases/{other}/ruling", json=RULING)
    await announce(city)
    working = recount.recount

    def fail(file: Any) -> bool:
        if file.case.number == scene.case:
            raise ValueError("a defect")
        return working(file)

    monkeypatch.setattr("app.flow.clocks.recount", fail)
    recounter = Recounter(city.runtime.database, city.clock, city.runtime.cities)
    while await recounter.look():
        pass
    assert (await scene.shown())["case"]["due_provisional"] is True
    assert (await office.get(f"/v1/cases/{other}")).json()["case"]["due_provisional"] is False
    monkeypatch.setattr("app.flow.clocks.recount", working)
    recounter = Recounter(city.runtime.database, city.clock, city.runtime.cities)
    assert await recounter.look()
    assert (await scene.shown())["case"]["due_provisional"] is False
    await check(city)


# ── the notice ──


async def test_a_notice_is_previewed_loaded_once_and_kept_in_the_history(city: CityUnderTest) -> None:
    office, leader = await city.office(), await city.client(Role.LEADER)
    unknown = (await office.get("/v1/calendar", params={"year": 2027})).json()
    assert (unknown["known"], len(unknown["days"]), unknown["imports"]) == (False, 365, [])
    assert all(d["provisional"] for d in unknown["days"])
    preview = await announce(city, dry_run=True)
    assert (preview["dry_run"], len(preview["changed"])) == (True, 365)
    assert (await office.get("/v1/calendar", params={"year": 2027})).json() == unknown
    loaded = await leader.post("/v1/calendar", json={"text": NOTICE})
    assert loaded.status_code == 200
    assert loaded.json()["changed"] == preview["changed"]
    known = (await office.get("/v1/calendar", params={"year": 2027})).json()
    assert (known["known"], [i["changed"] for i in known["imports"]]) == (True, [365])
    days = {d["day"]: d for d in known["days"]}
    assert (days["2027-01-04"]["working"], days["2027-01-04"]["name"]) == (False, "元旦")
    assert days["2027-01-16"]["working"] is True
    assert (await announce(city))["changed"] == []
    assert (await office.get("/v1/calendar", params={"year": 2027})).json() == known
    department = (await (await city.department("FR-MZ")).get("/v1/calendar", params={"year": 2027})).json()
    assert (department["known"], department["imports"]) == (True, [])


async def test_a_day_of_a_known_year_is_corrected_and_the_version_says_so(city: CityUnderTest) -> None:
    office = await city.office()
    before = (await office.get("/v1/calendar", params={"year": 2026})).json()
    body = {"year": 2026, "days": [{"day": "2026-09-03", "working": False, "name": "纪念日"}]}
    answer = await office.post("/v1/calendar", json=body)
    assert answer.json()["changed"] == [{"day": "2026-09-03", "was": True, "working": False, "name": "纪念日"}]
    after = (await office.get("/v1/calendar", params={"year": 2026})).json()
    assert after["version"] == before["version"] + "/1"
    assert [d["day"] for d in after["days"] if d not in before["days"]] == ["2026-09-03"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": NOTICE.replace("共4天", "共5天")}, 422),
        ({"text": NOTICE.replace("（周五）", "（周六）")}, 422),
        ({"text": "放假通知"}, 422),
        ({}, 422),
        ({"text": NOTICE, "year": 2028}, 422),
        ({"text": NOTICE, "days": [], "year": 2027}, 422),
        ({"days": [{"day": "2027-01-01", "working": False}]}, 422),
        ({"year": 2027, "days": [{"day": "2027-01-01", "working": False}]}, 422),
    ],
)
async def test_a_faulty_notice_changes_nothing(city: CityUnderTest, body: dict[str, Any], status: int) -> None:
    office = await city.office()
    before = (await office.get("/v1/calendar", params={"year": 2027})).json()
    answer = await office.post("/v1/calendar", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, "bad_notice")
    assert (await office.get("/v1/calendar", params={"year": 2027})).json() == before


@pytest.mark.parametrize("role", [Role.CLERK, Role.AUDITOR, Role.DEPARTMENT, Role.REPORTER])
async def test_only_leaders_and_administrators_set_clocks(city: CityUnderTest, role: Role) -> None:
    holder = {Role.DEPARTMENT: "FR-MZ", Role.REPORTER: "FR-01"}.get(role)
    client = await city.client(role, holder)
    term = {"kind": "feedback", "working_days": 10, "reason": "加快办理。"}
    assert (await client.post("/v1/calendar", json={"text": NOTICE})).status_code == 403
    assert (await client.post("/v1/terms", json=term)).status_code == 403
    assert (await client.get("/v1/terms")).status_code == 200


# ── terms ──


async def set_term(city: CityUnderTest, kind: str, days: int | None, **about: str) -> dict[str, Any]:
    body = {"kind": kind, "working_days": days, "reason": "按市里要求。", **about}
    answer = await (await city.client(Role.LEADER)).post("/v1/terms", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_term_that_changes_binds_new_clocks_only_and_the_clock_names_its_rule(
    city: CityUnderTest, clock: FixedClock
) -> None:
    first = await assigned(city)
    rule = await set_term(city, "feedback", 10)
    running = clock_of(await first.shown(), "feedback")
    assert (running["working_days"], running["due_at"][:10]) == (15, "2026-03-23")
    receipt = (await first.reporter.post("/v1/reports", json={"text": ANOTHER})).json()
    second = (await first.office.get(f"/v1/cases/{receipt['case']}")).json()
    started = clock_of(second, "feedback")
    assert (started["working_days"], started["due_at"][:10]) == (10, "2026-03-16")
    assert started["basis"] == f"10 working days, rule {rule['id']} (feedback/*/*)"
    await set_term(city, "feedback", 8)
    again = (await first.office.get(f"/v1/cases/{receipt['case']}")).json()
    assert clock_of(again, "feedback") == started
    await check(city)


async def test_an_urgent_ruling_gets_the_urgent_term(city: CityUnderTest, clock: FixedClock) -> None:
    await set_term(city, "feedback", 3, urgency="urgent")
    office, _, number = await unclear(city)
    assert (await office.get(f"/v1/cases/{number}")).json()["case"]["urgency"] == "normal"
    ruled = await office.post(f"/v1/cases/{number}/ruling", json=RULING | {"urgency": "urgent"})
    assert (ruled.status_code, ruled.json()["urgency"]) == (200, "urgent")
    case = (await office.get(f"/v1/cases/{number}")).json()
    assert clock_of(case, "feedback")["due_at"][:10] == "2026-03-05"
    department = (await (await city.department("FR-MZ")).get("/v1/events")).json()["events"]
    assert department[-1]["data"]["case"]["urgency"] == "urgent"
    again = await office.post(f"/v1/cases/{number}/ruling", json=RULING)
    assert again.json()["urgency"] == "urgent"
    await check(city)


async def test_of_several_burden_types_the_shortest_own_term_counts(city: CityUnderTest) -> None:
    scene = await assigned(city)
    types = (await scene.shown())["case"]["burden_types"]
    assert types
    await set_term(city, "feedback", 20, burden_type=types[0])
    await set_term(city, "feedback", 12)
    receipt = (await scene.reporter.post("/v1/reports", json={"text": ANOTHER})).json()
    shown_case = (await scene.office.get(f"/v1/cases/{receipt['case']}")).json()
    assert clock_of(shown_case, "feedback")["working_days"] == 20
    await set_term(city, "feedback", 6, burden_type=types[-1], urgency="normal")
    receipt = (await scene.reporter.post("/v1/reports", json={"text": YET_ANOTHER})).json()
    shown_case = (await scene.office.get(f"/v1/cases/{receipt['case']}")).json()
    assert clock_of(shown_case, "feedback")["working_days"] == 6


async def test_the_history_of_terms_only_grows(city: CityUnderTest, clock: FixedClock) -> None:
    await set_term(city, "feedback", 10)
    clock.advance(days=1)
    await set_term(city, "feedback", 12)
    clock.advance(days=1)
    await set_term(city, "feedback", None)
    shown_terms = (await (await city.office()).get("/v1/terms")).json()
    assert shown_terms["in_force"] == []
    assert shown_terms["defaults"]["feedback"] == 15
    history = [(t["working_days"], t["valid_from"][:10], (t["ended_at"] or "")[:10]) for t in shown_terms["history"]]
    assert history == [
        (None, "2026-03-04", ""), (12, "2026-03-03", "2026-03-04"), (10, "2026-03-02", "2026-03-03"),
    ]  # fmt: skip
    assert all(t["reason"] == "按市里要求。" and t["set_by"].startswith("key:") for t in shown_terms["history"])
    assert (await (await city.department("FR-MZ")).get("/v1/terms")).json()["history"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"working_days": 0}, "bad_term"),
        ({"working_days": 251}, "bad_term"),
        ({"burden_type": "NO_SUCH"}, "bad_term"),
        ({"kind": "pause"}, "bad_term"),
        ({"reason": "   "}, "bad_term"),
        ({"working_days": None}, "bad_term"),
        ({"kind": "lunch"}, "invalid_input"),
        ({"urgency": "at once"}, "invalid_input"),
        ({"working_days": 1.5}, "invalid_input"),
    ],
)
async def test_a_term_that_makes_no_sense_is_refused(city: CityUnderTest, change: dict[str, Any], code: str) -> None:
    leader = await city.client(Role.LEADER)
    body = {"kind": "feedback", "working_days": 10, "reason": "按市里要求。"} | change
    answer = await leader.post("/v1/terms", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert (await leader.get("/v1/terms")).json()["history"] == []


# ── a clock per party ──


async def test_an_office_that_sat_on_a_case_does_not_hand_its_lateness_on(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office, _, number = await unclear(city)
    clock.set(local("2026-03-11T10:00"))
    assert (await office.post(f"/v1/cases/{number}/ruling", json=RULING)).status_code == 200
    case = (await office.get(f"/v1/cases/{number}")).json()
    triage = clock_of(case, "triage", ended=True)
    assert (triage["party"], triage["due_at"][:10], triage["ended_at"][:10], triage["met"]) == (
        "office", "2026-03-04", "2026-03-11", False,
    )  # fmt: skip
    feedback = clock_of(case, "feedback")
    assert (feedback["party"], feedback["department"], feedback["assignment"]) == (
        "department", "FR-MZ", case["assignments"][0]["id"],
    )  # fmt: skip
    assert (feedback["started_at"][:10], feedback["due_at"][:10]) == ("2026-03-11", "2026-04-01")
    own = (await (await city.department("FR-MZ")).get(f"/v1/cases/{number}")).json()
    assert {d["party"] for d in own["deadlines"]} == {"department"}
    duty = case["assignments"][0]["id"]
    await (await city.department("FR-MZ")).post(f"/v1/assignments/{duty}/feedback", json=FEEDBACK)
    answered = clock_of((await office.get(f"/v1/cases/{number}")).json(), "feedback", ended=True)
    assert (answered["met"], answered["paused"], answered["extended"]) == (True, False, False)
    await check(city)


def test_the_command_previews_loads_and_says_when_nothing_changes(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from app.cli import application
    from tests.city import SECRET, new_city

    notice = tmp_path / "notice.txt"
    notice.write_text(NOTICE, encoding="utf-8")
    faulty = tmp_path / "faulty.csv"
    faulty.write_text("day,working\n2027-01-01,false\n", encoding="utf-8")
    with new_city("sqlite", tmp_path) as url:
        environment = {"YILONG_DATABASE_URL": url, "YILONG_SECRET_KEY": SECRET, "YILONG_DATA_DIR": str(tmp_path)}
        runner = CliRunner(env=environment)
        outcomes = [
            runner.invoke(application, ["import-holidays", *arguments])
            for arguments in ([str(notice), "--dry-run"], [str(faulty)], [str(notice)], [str(notice)])
        ]
    assert [o.exit_code for o in outcomes] == [0, 2, 0, 0], [o.output for o in outcomes]
    assert "将改动 365 天" in outcomes[0].output
    assert "2027-01-16 周六 上班" in outcomes[0].output
    assert "2027-01-05" not in outcomes[0].output
    assert "已载入 365 天" in outcomes[2].output
    assert "没有变化" in outcomes[3].output
