"""回潮 and 回头看: what came back reopens its line or is linked to it; points are asked 30 and 90 days later."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import func, select, text

from app.clock import FixedClock
from app.flow.look_back import LookBacks
from app.flow.tidying import Tidier
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Event, IdempotentAnswer, LookBack, ReportKey
from app.supervise import look_back
from tests.api.scenes import ASSIGNED, FEEDBACK, UNCLEAR, Scene, assigned, unclear
from tests.city import CityUnderTest, open_city
from tests.dashboard.office import at_work, shown

ZONE = ZoneInfo("Asia/Shanghai")


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


async def relieved(city: CityUnderTest) -> Scene:
    """A case struck off as relieved on Monday 2 March 2026."""
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    assert (await scene.verify(relieved=True)).status_code == 200
    assert (await scene.shown())["case"]["outcome"] == "relieved"
    return scene


async def report_again(city: CityUnderTest, point: str = "FR-02", words: str = ASSIGNED) -> dict[str, Any]:
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": words})
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def work(city: CityUnderTest, clock: FixedClock, moment: str) -> None:
    """Set the clock and let the worker look back until it finds nothing; the ledger must reconcile."""
    clock.set(local(moment))
    worker = LookBacks(city.runtime.database, clock, city.runtime.cities)
    for _ in range(20):
        if not await worker.look():
            break
    else:
        pytest.fail("a question loops")
    await check(city)


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def events_of(city: CityUnderTest, *types: str) -> list[Event]:
    async with city.runtime.database.read() as session:
        return list(await session.scalars(select(Event).where(Event.type.in_(types)).order_by(Event.position)))


async def questions(city: CityUnderTest) -> list[tuple[int, str, str | None]]:
    """Each look back: days, local day it is due, how it ended."""
    async with city.runtime.database.read() as session:
        rows = await session.scalars(select(LookBack).order_by(LookBack.due_at, LookBack.id))
        return [(q.days, q.due_at.astimezone(ZONE).isoformat()[:16], q.answer) for q in rows]


async def answer(scene: Scene, *, holds: bool, report: str | None = None, **more: Any) -> httpx.Response:
    path = f"/v1/reports/{report or scene.report}/look-back"
    return await scene.reporter.post(path, json={"holds": holds, **more})


# ── a new report ──


async def test_a_report_within_the_window_reopens_the_line_for_those_who_had_it_last(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await relieved(city)
    clock.advance(days=170)
    receipt = await report_again(city)
    assert (receipt["case"], receipt["reopened"], receipt["joined"], receipt["relapse_of"]) == (
        scene.case,
        True,
        False,
        None,
    )
    shown = await scene.shown()
    case = shown["case"]
    assert (case["status"], case["outcome"], case["owner_department"]) == ("dispatched", None, "FR-MZ")
    assert (case["relapses"], case["closed_at"]) == (1, None)
    assert receipt["due_at"] == case["due_at"] > clock.now().isoformat()
    assert case["answer_due_at"] == case["due_at"]
    assert [(a["department"], a["role"], a["status"]) for a in shown["assignments"]] == [
        ("FR-MZ", "lead", "closed"),
        ("FR-MZ", "lead", "dispatched"),
    ]
    [event] = await events_of(city, "case.relapsed")
    assert event.actor == "system"
    assert json.loads(event.facts) == {
        "because": "new_report",
        "report": receipt["report"],
        "relapses": 1,
        "struck_off_on": "2026-03-02",
    }
    assert {q[2] for q in await questions(city)} == {"withdrawn"}
    told = (await scene.department.get("/v1/events")).json()["events"]
    assert [e["type"] for e in told][-2:] == ["case.reopened", "assignment.created"]
    assert told[-2]["data"]["because"] == "relapsed"
    assert told[-2]["data"]["case"]["status"] == "dispatched"
    for secret in (receipt["report"], "FR-01", "FR-02", "relapses"):
        assert secret not in json.dumps(told[-2:])
    await check(city)


async def test_a_reopened_case_goes_its_way_again_and_its_next_end_plans_anew(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await relieved(city)
    clock.set(local("2026-04-01T15:00"))
    receipt = await report_again(city)
    duty = (await scene.shown())["assignments"][-1]["id"]
    assert (await scene.department.post(f"/v1/assignments/{duty}/feedback", json=FEEDBACK)).status_code == 200
    assert (await scene.office.post(f"/v1/assignments/{duty}/review", json={"accepted": True})).status_code == 200
    assert (await scene.verify(relieved=True)).status_code == 200
    second = await city.reporter("FR-02")
    said = await second.post(f"/v1/reports/{receipt['report']}/verification", json={"relieved": True})
    assert said.json()["status"] == "closed"
    left = [q for q in await questions(city) if q[2] is None]
    assert left == [(30, "2026-05-06T09:00", None)] * 2 + [(90, "2026-06-30T09:00", None)] * 2
    again = await report_again(city, "FR-03")
    assert (again["case"], again["reopened"]) == (scene.case, True)
    assert (await scene.shown())["case"]["relapses"] == 2
    await check(city)


async def test_a_report_after_the_window_opens_a_new_case(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    clock.advance(days=181)
    receipt = await report_again(city)
    assert receipt["case"] != scene.case
    assert (receipt["reopened"], receipt["relapse_of"]) == (False, None)
    assert (await scene.shown())["case"]["relapses"] == 0
    await check(city)


async def test_a_report_whose_sources_differ_never_reopens(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    async with city.runtime.database.write() as session:
        await session.execute(text("UPDATE cases SET sources = '[\"CS-MZ\"]'"))
    receipt = await report_again(city)
    assert receipt["case"] != scene.case
    assert receipt["relapse_of"] is None


async def test_what_was_no_burden_has_nothing_to_come_back(city: CityUnderTest) -> None:
    office, _, number = await unclear(city)
    body = {"outcome": "not_a_burden", "statement": "不属于受理范围。"}
    assert (await office.post(f"/v1/cases/{number}/close", json=body)).status_code == 200
    receipt = await report_again(city, words=UNCLEAR)
    assert (receipt["case"] != number, receipt["reopened"]) == (True, False)
    assert await questions(city) == []


async def test_what_no_department_had_comes_back_to_the_offices_desk(city: CityUnderTest) -> None:
    office, _, number = await unclear(city)
    body = {"outcome": "answered", "statement": "已答复。"}
    assert (await office.post(f"/v1/cases/{number}/close", json=body)).status_code == 200
    receipt = await report_again(city, words=UNCLEAR)
    assert (receipt["case"], receipt["reopened"], receipt["status"]) == (number, True, "triage")
    await check(city)


async def test_a_duty_that_was_taken_away_when_the_office_answered_itself_comes_back_too(city: CityUnderTest) -> None:
    scene = await assigned(city)
    body = {"outcome": "answered", "statement": "已答复。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/close", json=body)).status_code == 200
    await report_again(city)
    shown = await scene.shown()
    assert [a["status"] for a in shown["assignments"]] == ["superseded", "dispatched"]
    await check(city)


EDITED = "反映一个问题:区民政局要求每星期报送一次独居老人走访台帐,还要逐户拍照上传。我们社区只有3个人,请帮忙解决。"
REWORDED = "区民政局让我们一个礼拜交一回独居老人的走访台账,每户都得拍照上传,跑断了腿。"


async def test_other_words_for_the_same_burden_reopen_it_too(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    clock.advance(days=40)
    receipt = await report_again(city, words=EDITED)
    assert (receipt["case"], receipt["reopened"], receipt["joined"]) == (scene.case, True, False)
    assert {reason["kind"] for reason in receipt["joined_because"]} >= {"words", "source"}
    [joined] = await events_of(city, "report.joined")
    assert json.loads(joined.facts)["score"] >= 0.9
    await check(city)
    # Back on the ledger it is found among the open ones, and no more on the shelf.
    further = await report_again(city, "FR-03", words=EDITED.replace("3个人", "两名同志"))
    assert (further["case"], further["joined"]) == (scene.case, True)
    assert (await scene.shown())["case"]["relapses"] == 1


async def test_what_is_only_somewhat_alike_is_a_case_of_its_own(city: CityUnderTest) -> None:
    scene = await relieved(city)
    receipt = await report_again(city, words=REWORDED)
    assert (receipt["case"] != scene.case, receipt["reopened"], receipt["relapse_of"]) == (True, False, None)


async def test_a_report_in_other_words_is_linked_where_the_office_wants_links(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_city(city_url, tmp_path, clock, relapse_rule="link") as city:
        scene = await relieved(city)
        receipt = await report_again(city, words=EDITED)
        assert (receipt["case"] != scene.case, receipt["relapse_of"]) == (True, scene.case)
        [event] = await events_of(city, "case.relapsed")
        assert json.loads(event.facts)["relapsed_as"] == receipt["case"]
        assert json.loads(event.facts)["score"] >= 0.9


async def test_an_office_that_never_joins_by_likeness_does_not_reopen_by_it_either(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_city(city_url, tmp_path, clock, join_from_likeness=1.0) as city:
        scene = await relieved(city)
        assert (await report_again(city, words=EDITED))["case"] != scene.case
        assert (await report_again(city))["case"] == scene.case


async def test_keys_and_answers_that_have_served_are_dropped(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    key = {"Idempotency-Key": "b6c3f1de-8d0c-4f5c-9d51-6c1d0f1c9a11"}
    body = {"text": UNCLEAR}
    reporter = await city.reporter("FR-02")
    assert (await reporter.post("/v1/reports", json=body, headers=key)).status_code == 201
    window = timedelta(days=city.runtime.settings.relapse_window_days)

    async def kept() -> tuple[int, int]:
        assert await Tidier(city.runtime.database, clock, window).tidy() is False
        async with city.runtime.database.read() as session:
            shelved = select(func.count()).select_from(ReportKey).where(ReportKey.key < 0)
            answers = select(func.count()).select_from(IdempotentAnswer)
            return await session.scalar(shelved) or 0, await session.scalar(answers) or 0

    shelved, answers = await kept()
    assert (shelved > 5, answers) == (True, 1)
    clock.advance(hours=73)
    assert await kept() == (shelved, 0)
    clock.advance(days=178)
    assert await kept() == (0, 0)
    assert (await report_again(city, words=EDITED))["case"] != scene.case
    await check(city)


async def test_two_reports_at_once_reopen_a_case_once(city: CityUnderTest) -> None:
    scene = await relieved(city)
    receipts = await asyncio.gather(*(report_again(city, point) for point in ("FR-02", "FR-03", "FR-04")))
    assert {r["case"] for r in receipts} == {scene.case}
    assert sorted((r["reopened"], r["joined"]) for r in receipts) == [(False, True), (False, True), (True, False)]
    assert (await scene.shown())["case"]["relapses"] == 1
    await check(city)


@pytest.fixture(params=["link", "off"])
async def ruled_city(
    request: pytest.FixtureRequest, city_url: str, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[tuple[str, CityUnderTest]]:
    async with open_city(city_url, tmp_path, clock, relapse_rule=request.param) as opened:
        yield request.param, opened


async def test_the_other_rules_open_a_new_case_linked_or_not(ruled_city: tuple[str, CityUnderTest]) -> None:
    rule, city = ruled_city
    scene = await relieved(city)
    receipt = await report_again(city)
    linked = rule == "link"
    assert receipt["case"] != scene.case
    assert (receipt["reopened"], receipt["relapse_of"]) == (False, scene.case if linked else None)
    old = await scene.shown()
    new = (await scene.office.get(f"/v1/cases/{receipt['case']}")).json()
    assert (old["case"]["status"], old["case"]["relapses"]) == ("closed", int(linked))
    assert (old["relapsed_as"], new["relapse_of"]) == (([receipt["case"]], scene.case) if linked else ([], None))
    found = (await scene.office.get("/v1/cases", params={"relapsed": True})).json()["cases"]
    assert {c["number"] for c in found} == ({scene.case, receipt["case"]} if linked else set())
    assert len(await events_of(city, "case.relapsed")) == int(linked)
    await check(city)


# ── looking back ──


async def test_the_point_is_asked_after_30_and_90_days_in_office_hours(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    # 30 days on is a Wednesday; 90 days on a Sunday.
    assert await questions(city) == [(30, "2026-04-01T09:00", None), (90, "2026-06-01T09:00", None)]
    await work(city, clock, "2026-04-01T08:59")
    assert await events_of(city, "look_back.asked") == []
    assert (await answer(scene, holds=True)).json()["code"] == "look_back_not_asked"
    before = (await scene.shown())["case"]["version"]
    await work(city, clock, "2026-04-01T20:00")
    assert await events_of(city, "look_back.asked") == []
    await work(city, clock, "2026-04-02T09:00")
    [event] = await events_of(city, "look_back.asked")
    assert json.loads(event.facts) == {"reports": [scene.report], "days": 30}
    assert (event.department_code, event.body) == (None, None)
    report = (await scene.reporter.get(f"/v1/reports/{scene.report}")).json()
    assert [(q["days"], q["open"]) for q in report["look_backs"]] == [(30, True), (90, False)]
    assert report["look_backs"][0]["answer_by"].startswith("2026-04-17")
    said = await answer(scene, holds=True, comment="没有再报。")
    assert said.status_code == 200
    assert said.json()["look_backs"][0]["answer"] == "holds"
    assert (await answer(scene, holds=False)).status_code == 409
    shown = await scene.shown()
    assert (shown["case"]["status"], shown["case"]["relapses"]) == ("closed", 0)
    assert [(q["report"], q["answer"], q["comment"]) for q in shown["look_backs"]] == [
        (scene.report, "holds", "没有再报。"),
        (scene.report, None, None),
    ]
    await work(city, clock, "2026-06-01T09:00")
    assert [json.loads(e.facts)["days"] for e in await events_of(city, "look_back.asked")] == [30, 90]
    body = {"reason": "另有反映。", "version": before}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/reopen", json=body)).status_code == 409
    assert (await answer(scene, holds=True)).status_code == 200
    await check(city)


async def test_a_question_that_was_put_makes_nobodys_reading_stale(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    version = (await scene.shown())["case"]["version"]
    await work(city, clock, "2026-04-01T09:00")
    assert (await scene.shown())["case"]["version"] > version
    body = {"reason": "另有反映。", "version": version}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/reopen", json=body)).status_code == 200
    assert {q[2] for q in await questions(city)} == {"withdrawn"}
    assert (await scene.shown())["case"]["relapses"] == 0
    await check(city)


async def test_silence_ends_after_ten_working_days_without_a_reminder(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    await work(city, clock, "2026-04-01T09:00")
    await work(city, clock, "2026-04-16T17:59")
    assert await events_of(city, "look_back.lapsed") == []
    await work(city, clock, "2026-04-17T09:00")
    assert [json.loads(e.facts) for e in await events_of(city, "look_back.lapsed")] == [{"reports": [scene.report]}]
    assert [q[2] for q in await questions(city)] == ["no_answer", None]
    assert (await answer(scene, holds=False)).status_code == 409
    assert (await scene.shown())["case"]["status"] == "closed"
    assert len(await events_of(city, "look_back.asked")) == 1


async def test_a_point_that_says_it_came_back_reopens_the_case_once(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    second = await report_again(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=True)
    other = await city.reporter("FR-02")
    said = await other.post(f"/v1/reports/{second['report']}/verification", json={"relieved": True})
    assert said.json()["status"] == "closed"
    await work(city, clock, "2026-04-01T09:00")
    assert (await answer(scene, holds=False, comment="又要报了，我是村里的小李。")).status_code == 200
    shown = await scene.shown()
    assert (shown["case"]["status"], shown["case"]["relapses"]) == ("dispatched", 1)
    assert shown["assignments"][-1]["department"] == "FR-MZ"
    late = await other.post(f"/v1/reports/{second['report']}/look-back", json={"holds": False})
    assert (late.status_code, late.json()["code"]) == (409, "look_back_not_asked")
    assert sorted(str(q[2]) for q in await questions(city)) == ["relapsed", "withdrawn", "withdrawn", "withdrawn"]
    [event] = await events_of(city, "case.relapsed")
    assert json.loads(event.facts)["because"] == "look_back"
    told = json.dumps((await scene.department.get("/v1/events")).json()["events"], ensure_ascii=False)
    assert "小李" not in told
    assert scene.report not in told
    await check(city)


async def test_a_point_with_several_reports_is_asked_once_and_may_answer_by_any(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    clock.advance(minutes=1)
    again = await report_again(city, "FR-01")
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=True)
    await scene.reporter.post(f"/v1/reports/{again['report']}/verification", json={"relieved": True})
    assert [q[0] for q in await questions(city)] == [30, 90]
    await work(city, clock, "2026-04-01T09:00")
    [event] = await events_of(city, "look_back.asked")
    assert json.loads(event.facts)["reports"] == [again["report"]]
    for report in (scene.report, again["report"]):
        shown = (await scene.reporter.get(f"/v1/reports/{report}")).json()
        assert [q["open"] for q in shown["look_backs"]] == [True, False]
    assert (await answer(scene, holds=True)).status_code == 200


async def test_another_point_answers_nothing_and_learns_nothing(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    await work(city, clock, "2026-04-01T09:00")
    stranger = await city.reporter("FR-02")
    said = await stranger.post(f"/v1/reports/{scene.report}/look-back", json={"holds": True})
    assert said.status_code == 404
    said = await scene.office.post(f"/v1/reports/{scene.report}/look-back", json={"holds": True})
    assert said.status_code == 403


async def test_a_worker_that_was_away_asks_one_question_not_two(city: CityUnderTest, clock: FixedClock) -> None:
    await relieved(city)
    await work(city, clock, "2026-07-01T10:00")
    assert [json.loads(e.facts)["days"] for e in await events_of(city, "look_back.asked")] == [90]
    assert [q[2] for q in await questions(city)] == ["withdrawn", None]


async def test_a_question_still_open_keeps_the_next_one_waiting(city: CityUnderTest, clock: FixedClock) -> None:
    await relieved(city)
    await work(city, clock, "2026-05-28T10:00")
    await work(city, clock, "2026-06-01T10:00")
    assert [json.loads(e.facts)["days"] for e in await events_of(city, "look_back.asked")] == [30]
    await work(city, clock, "2026-06-12T09:00")
    assert [json.loads(e.facts)["days"] for e in await events_of(city, "look_back.asked")] == [30, 90]
    assert [q[2] for q in await questions(city)] == ["no_answer", None]


async def test_several_workers_ask_each_question_once(city: CityUnderTest, clock: FixedClock) -> None:
    await relieved(city)
    clock.set(local("2026-04-01T09:00"))
    workers = [LookBacks(city.runtime.database, clock, city.runtime.cities) for _ in range(4)]
    await asyncio.gather(*(worker.look() for worker in workers for _ in range(3)))
    assert len(await events_of(city, "look_back.asked")) == 1
    await check(city)


async def test_a_case_whose_look_back_fails_is_put_off_and_keeps_no_other_waiting(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await relieved(city)
    clock.set(local("2026-04-01T09:00"))
    worker = LookBacks(city.runtime.database, clock, city.runtime.cities)
    with monkeypatch.context() as broken:
        broken.setattr(look_back, "ask", None)
        assert await worker.look()
        assert not await worker.look()
    assert await events_of(city, "look_back.asked") == []
    clock.advance(hours=1)
    assert await worker.look()
    assert [json.loads(e.facts)["reports"] for e in await events_of(city, "look_back.asked")] == [[scene.report]]
    assert clock.now() - local("2026-04-01T09:00") == timedelta(hours=1)


# ── the office's pages ──


async def test_the_office_sees_the_relapse_and_the_looks_back(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await relieved(city)
    await work(city, clock, "2026-04-01T09:00")
    assert (await answer(scene, holds=False, comment="又要报了。")).status_code == 200
    browser = await at_work(city)
    page = shown(await browser.get(f"/dashboard/cases/{scene.case}"))
    for words in ("回潮 1 次", "回头看", "已经反弹", "又要报了。", "已撤销", "回潮 系统", "观测点答复回头看 观测点"):
        assert words in page, words
    listed = shown(await browser.get("/dashboard/ledger?tab=relapsed"))
    assert scene.case in listed
    assert "回潮 1 次" in listed
    fresh = await report_again(
        city, "FR-03", "区民政局要求高龄津贴年审逐户上门拍照,照片打印出来装订成册,系统里还要再传一遍。"
    )
    assert fresh["case"] not in shown(await browser.get("/dashboard/ledger?tab=relapsed"))


async def test_a_linked_case_leads_to_what_it_follows(ruled_city: tuple[str, CityUnderTest]) -> None:
    rule, city = ruled_city
    scene = await relieved(city)
    receipt = await report_again(city)
    browser = await at_work(city)
    new = (await browser.get(f"/dashboard/cases/{receipt['case']}")).text
    assert (f"/dashboard/cases/{scene.case}" in new) == (rule == "link")
    assert (receipt["case"] in (await browser.get(f"/dashboard/cases/{scene.case}")).text) == (rule == "link")
