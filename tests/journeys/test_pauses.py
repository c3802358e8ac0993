"""暂停计时： a department's clock stands still for a named blocker, within bounds, in everybody's sight; it goes on by
the office's hand or by itself, and no act gets lost meanwhile.
"""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.models import Deadline, Role
from tests.api.scenes import FEEDBACK, Scene, assigned
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown
from tests.journeys.clocks import announce, check, clock_of, events, local, told, work

WISH = {"blocker": "awaiting_province", "who": "省民政厅", "why": "省厅正在修订报表制度。", "until": "2026-03-20"}
RULING = {"category": "municipal_district", "receivers": [{"code": "CS-MZ"}], "reason": "经研判。"}


async def pause(scene: Scene, **change: Any) -> httpx.Response:
    return await scene.office.post(f"/v1/assignments/{scene.assignment}/pause", json=WISH | change)


async def resume(scene: Scene, **body: Any) -> httpx.Response:
    return await scene.office.post(f"/v1/assignments/{scene.assignment}/resume", json=body)


async def paused(city: CityUnderTest, clock: FixedClock, **change: Any) -> Scene:
    """Dispatched on Monday 2 March with fifteen working days, paused on Friday the 6th with eleven left."""
    scene = await assigned(city)
    await scene.act("acceptance")
    clock.set(local("2026-03-06T10:00"))
    answer = await pause(scene, **change)
    assert answer.status_code == 200, answer.text
    await check(city)
    return scene


async def test_a_pause_keeps_the_days_and_shows_whom_is_waited_for(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await paused(city, clock)
    case = await scene.shown()
    assert (case["case"]["status"], case["case"]["owner"]) == ("in_progress", "department")
    assert case["case"]["due_at"][:10] == "2026-03-20"
    assert case["assignments"][0]["paused_until"] == "2026-03-20T18:00:00+08:00"
    held = clock_of(case, "feedback", ended=True)
    assert (held["paused"], held["met"], held["ended_at"][:10]) == (True, None, "2026-03-06")
    meanwhile = clock_of(case, "pause")
    assert (meanwhile["party"], meanwhile["department"], meanwhile["due_at"][:10]) == ("office", "FR-MZ", "2026-03-20")
    assert meanwhile["blocker"] == {
        "kind": "awaiting_province", "who": "省民政厅", "why": "省厅正在修订报表制度。", "remaining_days": 11,
    }  # fmt: skip
    report = await told(scene)
    assert [(w["kind"], w["until"][:10]) for w in report["waiting_for"]] == [("awaiting_province", "2026-03-20")]
    assert "正在等待省级部门答复" in report["waiting_for"][0]["text"]
    assert "2026年3月20日" in report["replies"][-1]["text"]
    assert WISH["why"] not in json.dumps(report, ensure_ascii=False)
    feed = (await scene.department.get("/v1/events")).json()["events"][-1]
    assert (feed["type"], feed["data"]["pause"]) == ("assignment.paused", {
        "kind": "feedback", "blocker": "awaiting_province", "until": "2026-03-20T18:00:00+08:00",
        "remaining_days": 11, "who": "省民政厅", "why": "省厅正在修订报表制度。",
    })  # fmt: skip
    assert scene.report not in json.dumps(feed)
    chain = (await events(scene))[-1]
    assert (chain["type"], chain["facts"]["remaining_days"], "why" in chain["facts"]) == (
        "assignment.paused",
        11,
        False,
    )


async def test_a_resumed_clock_goes_on_with_the_days_that_were_left(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await paused(city, clock)
    clock.set(local("2026-03-12T15:00"))
    answer = (await resume(scene)).json()
    assert (answer["due_at"][:10], answer["paused_until"]) == ("2026-03-27", None)  # the eleventh working day after
    case = await scene.shown()
    going_on = clock_of(case, "feedback")
    assert (going_on["started_at"][:10], going_on["due_at"][:10], going_on["working_days"]) == (
        "2026-03-12", "2026-03-27", 11,
    )  # fmt: skip
    assert clock_of(case, "pause", ended=True)["met"] is None
    assert (case["case"]["due_at"][:10], case["case"]["answer_due_at"][:10]) == ("2026-03-27", "2026-03-27")
    report = await told(scene)
    assert (report["waiting_for"], report["answer_due_at"][:10]) == ([], "2026-03-27")
    assert "新的期限为2026年3月27日" in report["replies"][-1]["text"]
    feed = (await scene.department.get("/v1/events")).json()["events"][-1]
    assert (feed["type"], feed["data"]["pause"]["due_at"][:10]) == ("assignment.resumed", "2026-03-27")
    await check(city)
    await work(city, clock, "2026-03-26T09:00")
    assert (await events(scene))[-1]["type"] == "assignment.reminded"
    await scene.act("feedback", **FEEDBACK)
    assert clock_of(await scene.shown(), "feedback", ended=True)["met"] is True
    await check(city)


async def test_nobody_is_reminded_or_late_while_a_clock_is_paused_and_it_goes_on_by_itself(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await paused(city, clock, until="2026-04-10")
    count = len(await events(scene))
    for day in ("2026-03-19", "2026-03-24", "2026-04-08", "2026-04-10"):
        await work(city, clock, f"{day}T09:00")
    assert len(await events(scene)) == count
    await work(city, clock, "2026-04-11T10:00")  # a Saturday
    assert len(await events(scene)) == count
    await work(city, clock, "2026-04-13T09:00")
    chain = (await events(scene))[-1]
    assert (chain["type"], chain["actor"]) == ("assignment.resumed", "system")
    case = await scene.shown()
    assert (clock_of(case, "feedback")["due_at"][:10], case["assignments"][0]["paused_until"]) == ("2026-04-28", None)
    assert "恢复计时" in (await told(scene))["replies"][-1]["text"]


async def test_a_pause_may_be_given_in_working_days_and_again_after_it_ended(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await paused(city, clock, until=None, working_days=3)
    assert (await scene.shown())["assignments"][0]["paused_until"][:10] == "2026-03-11"
    clock.set(local("2026-03-09T09:00"))
    await resume(scene)
    clock.set(local("2026-03-10T09:00"))
    assert (await pause(scene)).status_code == 200
    assert clock_of(await scene.shown(), "pause")["blocker"]["remaining_days"] == 10
    await check(city)


# ── what else happens while a clock is paused ──


async def test_a_department_may_answer_while_its_clock_is_paused(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await paused(city, clock)
    answered = (await scene.act("feedback", **FEEDBACK)).json()
    assert (answered["case_status"], answered["paused_until"]) == ("in_review", None)
    case = await scene.shown()
    assert clock_of(case, "pause", ended=True)["ended_at"][:10] == "2026-03-06"
    assert (await told(scene))["waiting_for"] == []
    await check(city)
    sent_back = await scene.review(accepted=False, comment="请补充。")
    assert sent_back.status_code == 200
    assert clock_of(await scene.shown(), "feedback")["working_days"] == 15
    await check(city)


async def test_signing_for_it_does_not_start_the_paused_clock(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await pause(scene)
    assert (await scene.act("acceptance")).status_code == 200
    assert (await scene.act("progress", note="等待省厅。")).status_code == 200
    case = await scene.shown()
    assert [d["kind"] for d in case["deadlines"] if not d["ended"]] == ["pause"]
    await check(city)


async def test_a_paused_duty_may_be_returned_and_the_promise_stands(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await pause(scene)
    returned = await scene.act("return", reason="insufficient_facts", explanation="请补充是哪份通知。")
    assert (returned.json()["case_status"], returned.json()["paused_until"]) == ("triage", None)
    assert (await told(scene))["answer_due_at"][:10] == "2026-03-23"
    ruled = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING)
    assert ruled.status_code == 200
    assert (await scene.shown())["assignments"][-1]["due_at"][:10] == "2026-03-23"
    await check(city)


@pytest.mark.parametrize("how", ["ruling", "close", "consultation"])
async def test_whatever_ends_the_duty_ends_the_pause(city: CityUnderTest, clock: FixedClock, how: str) -> None:
    scene = await paused(city, clock)
    body: dict[str, Any]
    if how == "ruling":
        answer = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING)
    elif how == "close":
        body = {"outcome": "answered", "statement": "已当面答复。"}
        answer = await scene.office.post(f"/v1/cases/{scene.case}/close", json=body)
    else:
        body = {"cases": [scene.case], "departments": ["FR-MZ", "CS-MZ"]}
        answer = await scene.office.post("/v1/consultations", json=body)
    assert answer.status_code < 300, answer.text
    case = await scene.shown()
    assert case["assignments"][0]["paused_until"] is None
    assert not [d for d in case["deadlines"] if d["kind"] == "pause" and not d["ended"]]
    assert (await resume(scene)).json()["code"] == "not_paused"
    await check(city)


async def test_an_escalation_that_is_forwarded_ends_its_pause_and_waits_for_the_province(
    city: CityUnderTest, clock: FixedClock
) -> None:
    text = "省科协下的数,每村拉50个人注册小程序,注册了不点开还不算。"
    receipt = (await (await city.reporter()).post("/v1/reports", json={"text": text})).json()
    office = await city.office()
    duty = (await office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    assert duty["kind"] == "escalation"
    assert (await office.post(f"/v1/assignments/{duty['id']}/pause", json=WISH)).status_code == 200
    forwarding = {"reference": "函1", "forwarded_on": "2026-03-02", "forwarded_to": "省科协"}
    department = await city.department(duty["department"])
    done = await department.post(f"/v1/assignments/{duty['id']}/forwarding", json=forwarding)
    assert (done.json()["case_status"], done.json()["paused_until"]) == ("awaiting_province", None)
    again = await office.post(f"/v1/assignments/{duty['id']}/pause", json=WISH)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_pause")
    await check(city)


async def test_more_time_is_not_asked_for_while_the_clock_is_paused_nor_paused_while_it_is_asked_for(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await paused(city, clock)
    wish = {"reason": "须修订文件。", "working_days": 5}
    refused = await scene.act("extension", **wish)
    assert (refused.status_code, refused.json()["code"]) == (409, "clock_paused")
    await resume(scene)
    assert (await scene.act("extension", **wish)).status_code == 200
    undecided = await pause(scene)
    assert (undecided.status_code, undecided.json()["code"]) == (409, "extension_undecided")
    due = (await scene.review(accepted=True)).json()["due_at"]
    assert due[:10] == "2026-03-30"
    assert (await pause(scene)).status_code == 200
    assert clock_of(await scene.shown(), "pause")["blocker"]["remaining_days"] == 16
    await check(city)


# ── bounds ──


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"until": "2026-03-02"}, 422, "pause_out_of_range"),
        ({"until": "2026-06-30"}, 422, "pause_out_of_range"),
        ({"until": "9999-12-31"}, 422, "pause_out_of_range"),
        ({"until": None, "working_days": 61}, 422, "pause_out_of_range"),
        ({"until": None}, 422, "pause_unclear"),
        ({"working_days": 3}, 422, "pause_unclear"),
        ({"blocker": "lunch"}, 422, "invalid_input"),
        ({"who": ""}, 422, "invalid_input"),
        ({"version": 99}, 409, "stale_version"),
    ],
)
async def test_a_pause_without_bounds_or_blocker_changes_nothing(
    city: CityUnderTest, change: dict[str, Any], status: int, code: str
) -> None:
    scene = await assigned(city)
    before = await scene.shown()
    answer = await pause(scene, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await scene.shown() == before


async def test_only_a_running_clock_in_time_is_paused_and_only_once(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    assert (await resume(scene)).json()["code"] == "not_paused"
    assert (await pause(scene)).status_code == 200
    assert (await pause(scene)).json()["code"] == "paused_already"
    await resume(scene)
    clock.set(local("2026-03-24T09:00"))
    late = await pause(scene, until="2026-03-30")
    assert (late.status_code, late.json()["code"]) == (409, "pause_too_late")
    await scene.act("feedback", **FEEDBACK)
    assert (await pause(scene, until="2026-03-30")).json()["code"] == "nothing_to_pause"
    await check(city)


@pytest.mark.parametrize(("role", "status"), [(Role.CLERK, 200), (Role.AUDITOR, 403), (Role.DEPARTMENT, 403)])
async def test_the_office_pauses_and_nobody_else(city: CityUnderTest, role: Role, status: int) -> None:
    scene = await assigned(city)
    client = await city.client(role, "FR-MZ" if role is Role.DEPARTMENT else None)
    answer = await client.post(f"/v1/assignments/{scene.assignment}/pause", json=WISH)
    assert answer.status_code == status
    assert (await client.post("/v1/assignments/nobody/pause", json=WISH)).status_code == (404 if status == 200 else 403)


async def test_a_retried_pause_is_answered_the_same(city: CityUnderTest) -> None:
    scene = await assigned(city)
    url = f"/v1/assignments/{scene.assignment}/pause"
    answers = [await scene.office.post(url, json=WISH, headers={"Idempotency-Key": "p1"}) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    async with city.runtime.database.read() as session:
        assert len((await session.scalars(select(Deadline).where(Deadline.kind == "pause"))).all()) == 1


async def test_a_pause_into_an_unannounced_year_is_worked_out_too(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(local("2026-12-21T10:00"))
    scene = await assigned(city)
    await pause(scene, until="2027-01-04")
    assert (await scene.shown())["assignments"][0]["paused_until"][:10] == "2027-01-04"
    await announce(city)
    await work(city, clock)
    case = await scene.shown()
    assert case["assignments"][0]["paused_until"][:10] == "2027-01-05"  # Monday the 4th is off after all
    assert case["case"]["due_at"][:10] == "2027-01-05"
    assert case["case"]["answer_due_at"][:10] == "2027-01-13"
    await work(city, clock, "2027-01-06T09:00")
    resumed = clock_of(await scene.shown(), "feedback")
    assert (resumed["working_days"], resumed["provisional"]) == (15, False)


async def test_the_case_page_pauses_shows_the_blocker_and_resumes(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    browser = await at_work(city, Role.CLERK)
    url = f"/dashboard/cases/{scene.case}"
    await browser.get(url)
    fields = {k: v for k, v in WISH.items() if v}
    faulty = await browser.send(f"{url}/pause", fields | {"until": "soon", "who": ""})
    assert faulty.status_code == 422
    assert "请选择暂停的最迟日期" in shown(faulty)
    await browser.get(url)
    assert (await browser.send(f"{url}/pause", fields)).status_code == 303
    page = shown(await browser.follow())
    for words in ("暂停计时", "等待省级答复", "省民政厅", "保留工作日 15"):
        assert words in page, words
    assert (await browser.send(f"{url}/resumption")).status_code == 303
    page = shown(await browser.follow())
    assert "恢复计时 周敏" in page
    assert (await scene.shown())["assignments"][0]["paused_until"] is None
    await check(city)
