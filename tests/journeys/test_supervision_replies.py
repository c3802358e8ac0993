"""督办: a late department replies and promises, leaders decide at level 3, a look that keeps failing is released."""

import asyncio
import json
import subprocess
from datetime import UTC
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.flow import supervision
from app.ledger.reconcile import reconcile
from app.ledger.todo import read_waiting
from app.models import Deadline, DeadlineKind, Role
from tests.api.scenes import ASSIGNED, FEEDBACK, Scene, assigned
from tests.city import SECRET, CityUnderTest
from tests.dashboard.office import at_work, shown
from tests.journeys.test_passing_around import duty_of, told
from tests.journeys.test_supervision import events_of, local, look_at, said, supervisor_of, told_at
from tests.processes import YILONG, environment_for
from tests.receiver import TEST_SECRET

DUE = "2026-03-23T18:00:00+08:00"  # fifteen working days after Monday 2 March
INSTRUCTED = {"decision": "meeting", "note": "请约谈该局主要负责人。", "look_again_on": "2026-04-20"}


async def late(city: CityUnderTest, clock: FixedClock, moment: str = "2026-03-24T09:00") -> Scene:
    """A duty that was signed for and then left alone until the overdue notice, or a later moment."""
    scene = await assigned(city)
    await scene.act("acceptance")
    for said_on in ("2026-03-19T09:00", "2026-03-24T09:00", "2026-03-30T09:00", "2026-04-03T09:00", "2026-04-10T09:00"):
        if said_on <= moment:
            await look_at(city, clock, said_on)
    return scene


async def reply(scene: Scene, promised_on: str) -> httpx.Response:
    return await scene.act("supervision-reply", explanation="文件正在会签。", promised_on=promised_on)


def facts_of(events: list[Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(json.loads(event.facts).get(name) for name in names) for event in events]


async def on_leaders_list(city: CityUnderTest, clock: FixedClock) -> list[str]:
    async with city.runtime.database.read() as session:
        waiting = await read_waiting(session, clock.now(), city.runtime.cities.current.calendar)
    return [case.number for case in waiting.supervised.cases]


# ── a department replies ──


async def test_a_reply_holds_the_next_level_until_the_promised_day_is_over_and_a_broken_promise_goes_on(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await late(city, clock)
    answer = await reply(scene, "2026-03-31")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["due_at"]) == ("accepted", "2026-03-23T10:00:00Z")
    await told_at(city, clock, "2026-03-24T10:00", "2026-04-03T08:00")
    broken = await events_of(city, "supervision.promise_broken", "assignment.supervised")
    assert said(broken) == [
        ("2026-04-01T09:00", "supervision.promise_broken", ""),
        ("2026-04-01T09:00", "assignment.supervised", "feedback"),
    ]
    assert facts_of(broken, "level", "promised_on") == [(0, "2026-03-31"), (1, None)]
    assert (await reply(scene, "2026-04-07")).status_code == 200
    clock.set(local("2026-04-07T17:00"))
    await look_at(city, clock, "2026-04-07T17:00")
    assert len(await events_of(city, "assignment.supervised")) == 1
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    await told_at(city, clock, "2026-04-08T09:00", "2026-04-09T09:00")
    assert len(await events_of(city, "assignment.supervised")) == 1
    for reader in (scene.office, scene.department):
        shown_promises = (await reader.get(f"/v1/cases/{scene.case}")).json()["promises"]
        assert [(p["level"], p["promised_on"], p["state"]) for p in shown_promises] == [
            (0, "2026-03-31", "broken"),
            (1, "2026-04-07", "kept"),
        ]
        assert shown_promises[0]["explanation"] == "文件正在会签。"


async def test_a_promise_moves_no_deadline_and_leaves_the_answer_late_and_the_reporter_his_date(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await late(city, clock)
    before = (await told(scene))["answer_due_at"]
    assert (await reply(scene, "2026-03-30")).status_code == 200
    shown_case = await scene.shown()
    assert duty_of(shown_case, scene.assignment)["due_at"] == DUE
    assert shown_case["case"]["answer_due_at"] == (await told(scene))["answer_due_at"] == before
    clock.set(local("2026-03-30T10:00"))
    await scene.act("feedback", **FEEDBACK)
    async with city.runtime.database.read() as session:
        met = await session.scalar(select(Deadline.met).where(Deadline.kind == DeadlineKind.FEEDBACK))
    assert met is False


async def test_a_promise_lapses_where_the_office_takes_the_duty_back(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await late(city, clock)
    await reply(scene, "2026-03-30")
    assert (await scene.shown())["promises"][0]["state"] == "open"
    body = {"category": "municipal_district", "receivers": [{"code": "CS-MZ"}], "reason": "改由市局办理。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=body)).status_code == 200
    await told_at(city, clock, "2026-03-30T09:00", "2026-04-01T09:00")
    assert (await scene.shown())["promises"][0]["state"] == "lapsed"
    assert await events_of(city, "supervision.promise_broken") == []


async def test_nothing_is_replied_to_before_a_notice_and_each_notice_once(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    early = await reply(scene, "2026-03-06")
    assert (early.status_code, early.json()["code"]) == (409, "nothing_to_reply_to")
    await look_at(city, clock, "2026-03-05T09:00")  # it has not been signed for in time: that is signed, not replied to
    assert (await reply(scene, "2026-03-06")).json()["code"] == "nothing_to_reply_to"
    await scene.act("acceptance")
    await look_at(city, clock, "2026-03-19T09:00")
    await look_at(city, clock, "2026-03-24T09:00")
    assert (await reply(scene, "2026-03-26")).status_code == 200
    again = await reply(scene, "2026-03-27")
    assert (again.status_code, again.json()["code"], again.json()["promised_on"]) == (
        409,
        "replied_before",
        "2026-03-26",
    )
    assert "2026-03-26" in again.json()["detail"]


@pytest.mark.parametrize(
    ("promised_on", "status", "kept"),
    [
        ("2026-03-23", 422, None),  # over
        ("2026-03-24", 200, "2026-03-24"),
        ("2026-03-28", 200, "2026-03-30"),  # a Saturday ends with the Monday
        ("2026-03-31", 200, "2026-03-31"),  # the fifth working day
        ("2026-04-01", 422, None),
    ],
)
async def test_a_promise_is_for_one_of_the_next_five_working_days(
    city: CityUnderTest, clock: FixedClock, promised_on: str, status: int, kept: str | None
) -> None:
    scene = await late(city, clock)
    answer = await reply(scene, promised_on)
    assert answer.status_code == status, answer.text
    if kept is None:
        assert answer.json()["code"] == "promise_out_of_range"
        assert "2026-03-31" in answer.json()["detail"]
    else:
        assert [p["promised_on"] for p in (await scene.shown())["promises"]] == [kept]


async def test_a_reply_comes_in_by_signed_callback_and_has_one_effect(city: CityUnderTest, clock: FixedClock) -> None:
    async with city.runtime.database.write() as session:
        guard = Guard.of([], allow_loopback=True)
        arguments = ("FR-MZ", "http://127.0.0.1:9/hook", city.runtime.sealer, guard, clock.now())
        await register_endpoint(session, *arguments, secret=TEST_SECRET)
    scene = await late(city, clock)
    data = {"assignment": scene.assignment, "explanation": "文件正在会签。", "promised_on": "2026-03-26"}
    body = json.dumps({"type": "assignment.supervision_reply", "data": data}, ensure_ascii=False)
    headers = {
        "webhook-id": "a",
        "webhook-timestamp": str(int(clock.now().timestamp())),
        "webhook-signature": Webhook(TEST_SECRET).sign("a", clock.now().astimezone(UTC), body),
    }
    async with city.anonymous() as system:
        answers = [await system.post("/v1/callbacks/FR-MZ", content=body.encode(), headers=headers) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200], answers[0].text
    assert answers[0].content == answers[1].content
    [event] = await events_of(city, "supervision.replied")
    assert (event.actor, facts_of([event], "level", "promised_on")) == ("department:FR-MZ", [(0, "2026-03-26")])
    assert "会签" not in event.facts


async def test_another_department_cannot_reply(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await late(city, clock)
    body = {"explanation": "不是我们。", "promised_on": "2026-03-26"}
    other = await city.department("FR-JY")
    path = f"/v1/assignments/{scene.assignment}/supervision-reply"
    assert (await other.post(path, json=body)).status_code == 404
    assert (await scene.office.post(path, json=body)).status_code == 403


# ── level 3 ──


async def test_at_level_three_a_leader_decides_and_the_case_comes_back_on_the_day_named(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await late(city, clock, "2026-04-10T09:00")
    assert await on_leaders_list(city, clock) == [scene.case]
    assert (await reply(scene, "2026-04-14")).status_code == 200
    assert await on_leaders_list(city, clock) == [scene.case]
    await told_at(city, clock, "2026-04-14T09:00", "2026-04-15T09:00")
    broken = await events_of(city, "supervision.promise_broken")
    assert facts_of(broken, "level", "promised_on") == [(3, "2026-04-14")]
    assert (await reply(scene, "2026-04-17")).json()["code"] == "replied_before"
    leader = await city.client(Role.LEADER)
    version = (await scene.shown())["case"]["version"]
    path = f"/v1/cases/{scene.case}/supervision"
    answer = await leader.post(path, json=INSTRUCTED | {"version": version})
    assert answer.status_code == 200, answer.text
    assert {k: answer.json()[k] for k in INSTRUCTED} == INSTRUCTED
    assert await on_leaders_list(city, clock) == []
    assert (await leader.post(path, json=INSTRUCTED | {"version": version})).json()["code"] == "stale_version"
    [event] = await events_of(city, "supervision.decided")
    assert (event.department_code, event.body) == (None, None)
    assert INSTRUCTED["note"] not in event.facts
    clock.set(local("2026-04-20T08:59"))
    assert await on_leaders_list(city, clock) == []
    clock.set(local("2026-04-20T09:00"))
    assert await on_leaders_list(city, clock) == [scene.case]
    assert [i["decision"] for i in (await scene.shown())["instructions"]] == ["meeting"]
    assert (await reply(scene, "2026-04-21")).status_code == 409
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    assert await on_leaders_list(city, clock) == []
    assert (await leader.post(path, json=INSTRUCTED)).json()["code"] == "not_at_highest_level"


async def test_only_leaders_decide_and_no_case_is_shelved(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await late(city, clock, "2026-04-03T09:00")
    path = f"/v1/cases/{scene.case}/supervision"
    leader = await city.client(Role.LEADER)
    assert (await leader.post(path, json=INSTRUCTED)).json()["code"] == "not_at_highest_level"
    await look_at(city, clock, "2026-04-10T09:00")
    for role in (Role.CLERK, Role.AUDITOR):
        assert (await (await city.client(role)).post(path, json=INSTRUCTED)).status_code == 403
    assert (await scene.department.post(path, json=INSTRUCTED)).status_code == 403
    for day in ("2026-04-10", "2026-05-20"):
        refused = await leader.post(path, json=INSTRUCTED | {"look_again_on": day})
        assert (refused.status_code, refused.json()["code"]) == (422, "look_again_out_of_range"), day
    assert (await leader.post("/v1/cases/YL-2026-999999/supervision", json=INSTRUCTED)).status_code == 404
    assert await on_leaders_list(city, clock) == [scene.case]


async def test_the_ledger_is_filtered_by_level_and_by_lateness(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await late(city, clock, "2026-04-03T09:00")

    async def found(reader: httpx.AsyncClient, query: str) -> list[str]:
        return [c["number"] for c in (await reader.get(f"/v1/cases?{query}")).json()["cases"]]

    other = await city.department("FR-JY")
    for reader, known in ((scene.office, [scene.case]), (scene.department, [scene.case]), (other, [])):
        assert await found(reader, "supervision_level=2") == known
        assert await found(reader, "overdue=true") == known
        assert await found(reader, "supervision_level=3") == []
    assert (await scene.office.get("/v1/cases?supervision_level=4")).status_code == 422
    browser = await at_work(city)
    assert scene.case in (await browser.get("/dashboard/ledger?level=2")).text
    assert scene.case not in (await browser.get("/dashboard/ledger?level=1")).text


async def test_a_leader_decides_on_the_page_which_shows_levels_and_promises(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await late(city, clock, "2026-04-10T09:00")
    await reply(scene, "2026-04-14")
    url = f"/dashboard/cases/{scene.case}"
    browser = await at_work(city)
    page = shown(await browser.get(url))
    for words in ("督办级别 三级", "承诺日期 2026年4月14日 待兑现", "逾期说明 文件正在会签。", "督办答复"):
        assert words in page, words
    assert f'action="{url}/instruction"' not in browser.page.text
    leader = await at_work(city, Role.LEADER)
    assert scene.case in (await leader.get("/dashboard/")).text
    await leader.get(url)
    refused = await leader.send(f"{url}/instruction", {"decision": "meeting", "note": "", "look_again_on": "soon"})
    assert refused.status_code == 422
    assert "请写明批示内容" in shown(refused)
    assert "请选择再次查看的日期" in shown(refused)
    await leader.get(url)
    done = await leader.send(f"{url}/instruction", INSTRUCTED)
    assert done.status_code == 303, done.text
    page = shown(await leader.follow())
    for words in ("负责人批示", "请约谈该局主要负责人。", "约谈部门负责人"):
        assert words in page, words
    assert "三级督办" not in shown(await leader.get("/dashboard/"))


async def test_a_pending_extension_waits_on_the_first_page_and_in_its_badge(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    browser = await at_work(city)
    assert "待审延期" not in shown(await browser.get("/dashboard/"))
    await scene.act("extension", reason="须修订文件。", working_days=5)
    page = shown(await browser.get("/dashboard/"))
    assert "待审延期" in page
    assert scene.case in page
    assert "待办 待处理 1" in page
    assert scene.case in (await browser.get("/dashboard/ledger?tab=extension")).text
    await scene.review(accepted=False)
    assert "待审延期" not in shown(await browser.get("/dashboard/"))
    assert clock


# ── a look that keeps failing ──


async def test_a_look_that_keeps_failing_is_quarantined_shown_and_released_and_blocks_no_other_clock(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await assigned(city)
    working, looks = supervision._look_at_case, []
    async with city.runtime.database.read() as session:
        broken = await session.scalar(select(Deadline.id).where(Deadline.kind == DeadlineKind.ACCEPTANCE))

    async def fail(session: Any, case_id: str, clock_id: str, *rest: Any) -> None:
        await working(session, case_id, clock_id, *rest)
        if clock_id == broken:
            looks.append(clock.now())
            raise ValueError("a defect")

    async def look(first: str, last: str) -> None:
        moment = local(first)
        while moment <= local(last):
            clock.set(moment)
            while await supervisor_of(city).look():
                pass
            moment = clock.advance(hours=1)

    monkeypatch.setattr(supervision, "_look_at_case", fail)
    await look("2026-03-24T09:00", "2026-03-25T17:00")  # nobody looked before: both clocks are late by now
    assert len(looks) == 5
    assert said(await events_of(city)) == [("2026-03-24T09:00", "assignment.overdue", "feedback")]
    async with city.runtime.database.snapshot() as session:
        assert [o.number for o in (await reconcile(session)).offenders] == [scene.case]
    assert "yilong_supervision_quarantined 1.0" in (await city.anonymous().get("/metrics")).text
    assert [d["kind"] for d in (await scene.shown())["deadlines"] if d["quarantined"]] == ["acceptance"]
    browser = await at_work(city)
    assert "督办异常，已停止" in shown(await browser.get("/dashboard/"))
    url = f"/dashboard/cases/{scene.case}"
    assert f'action="{url}/release"' in (await browser.get(url)).text
    monkeypatch.setattr(supervision, "_look_at_case", working)
    released = await scene.office.post(f"/v1/cases/{scene.case}/supervision/release")
    assert released.status_code == 200, released.text
    again = await scene.office.post(f"/v1/cases/{scene.case}/supervision/release")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_quarantined")
    await look_at(city, clock, "2026-03-26T09:00")
    assert said(await events_of(city))[-1] == ("2026-03-26T09:00", "assignment.overdue", "acceptance")
    assert "yilong_supervision_quarantined 0.0" in (await city.anonymous().get("/metrics")).text
    assert [e.type for e in await events_of(city, "supervision.released")] == ["supervision.released"]


async def test_a_quarantined_clock_is_released_on_the_page(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    async with city.runtime.database.write() as session:
        for row in await session.scalars(select(Deadline)):
            row.failures = 5
    clock.set(local("2026-03-24T09:00"))
    assert not await supervisor_of(city).look()
    browser = await at_work(city)
    url = f"/dashboard/cases/{scene.case}"
    await browser.get(url)
    assert (await browser.send(f"{url}/release")).status_code == 303
    assert "督办已恢复" in shown(await browser.follow())
    await look_at(city, clock, "2026-03-24T09:30")
    assert len(await events_of(city, "assignment.overdue")) == 2


async def test_one_command_releases_all_that_one_fault_has_stopped(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    async with city.runtime.database.write() as session:
        for row in await session.scalars(select(Deadline)):
            row.failures = 5

    def release(*numbers: str) -> tuple[int, str]:
        environment = environment_for(city.url, city.folder, YILONG_SECRET_KEY=SECRET)
        ended = subprocess.run(
            [*YILONG, "release", *numbers], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return ended.returncode, ended.stdout.strip()

    assert await asyncio.to_thread(release) == (0, "已恢复督办：1 件")
    assert await asyncio.to_thread(release) == (0, "已恢复督办：0 件")
    assert await asyncio.to_thread(release, scene.case) == (2, "")
    [event] = await events_of(city, "supervision.released")
    assert facts_of([event], "kinds") == [(["acceptance", "feedback"],)]
    assert clock


# ── the deployment's office hours ──


async def test_the_deployments_office_hours_are_when_terms_end_and_notices_are_said(
    city_url: str, tmp_path: Any, clock: FixedClock
) -> None:
    from datetime import time

    from tests.city import open_city

    async with open_city(city_url, tmp_path, clock, office_opens=time(8, 30), office_closes=time(17, 30)) as city:
        receipt = (await (await city.reporter()).post("/v1/reports", json={"text": ASSIGNED})).json()
        assert receipt["due_at"] == "2026-03-23T09:30:00Z"
        await look_at(city, clock, "2026-03-24T08:29")
        assert await events_of(city) == []
        await look_at(city, clock, "2026-03-24T08:30")
        assert {e.type for e in await events_of(city)} == {"assignment.overdue"}
