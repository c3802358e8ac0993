"""办 that can fail: structured answers, an honest “unresolved, because”, points asked once a round, and the way home
from the province. On both databases, with a clock that is set.
"""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.flow.supervision import Supervisor
from app.ledger.reconcile import reconcile, verify_chains
from app.ledger.todo import read_waiting
from app.models import Deadline, Event, Reply, Role
from tests.api.scenes import ASSIGNED, FEEDBACK, Scene, assigned
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown

ZONE = ZoneInfo("Asia/Shanghai")
ESCALATED = "省科协要求每村拉150个人注册小程序。"
STRUCTURED: dict[str, Any] = {
    "measures": "已停用台账,并通知各社区。",
    "public_reply": "已不再要求报送。",
    "measure_kinds": ["document_withdrawn", "form_or_report_dropped"],
    "documents": [{"number": "芙民发[2026]3号", "action": "withdrawn", "name": "走访台账通知"}],
    "scope": "district",
    "scope_note": "同类台账一并清理。",
    "internal_account": "系科室自行布置,已批评教育。",
    "completed_on": "2026-03-02",
    "hours_saved_per_month": 12.5,
}
CANNOT: dict[str, Any] = {
    "measures": "已研究,本级无权取消。",
    "public_reply": "该表由部里统一部署,区里无权取消。",
    "resolved": False,
    "because": "upstream_rule",
    "explanation": "内部说明:部文件第三条明确要求。",
}
FORWARDING = {"reference": "长科协函〔2026〕3号", "forwarded_on": "2026-03-02", "forwarded_to": "湖南省科协"}
REFUSED = {"answer": "省里不同意取消指标。", "public_reply": "省级答复:指标暂不取消。", "agreed": False}


async def adds_up(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        result = await reconcile(session)
        _, broken = await verify_chains(session)
    assert result.offenders == []
    assert broken == []


async def look_at(city: CityUnderTest, clock: FixedClock, moment: str) -> None:
    """Set the clock and let the worker look until it finds nothing."""
    clock.set(datetime.fromisoformat(moment).replace(tzinfo=ZONE))
    supervisor = Supervisor(city.runtime.database, city.clock, city.runtime.cities)
    while await supervisor.look():
        pass
    await adds_up(city)


async def told(scene: Scene) -> dict[str, Any]:
    """What the reporter reads."""
    body: dict[str, Any] = (await scene.reporter.get(f"/v1/reports/{scene.report}")).json()
    return body


async def events_of(scene: Scene, *types: str) -> list[Event]:
    async with scene.city.runtime.database.read() as session:
        rows = await session.scalars(select(Event).where(Event.type.in_(types)).order_by(Event.seq))
        return list(rows)


async def ask(scene: Scene, path: str, role: Role = Role.CLERK, **body: Any) -> httpx.Response:
    return await (await scene.city.client(role)).post(f"/v1/cases/{scene.case}/{path}", json=body)


async def escalated(city: CityUnderTest) -> Scene:
    """A case that the municipal counterpart has to carry to the province."""
    reporter, office = await city.reporter("FR-01"), await city.office()
    receipt = (await reporter.post("/v1/reports", json={"text": ESCALATED})).json()
    duty = (await office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    department = await city.department(duty["department"])
    return Scene(city, reporter, department, office, receipt["report"], receipt["case"], duty["id"])


async def left_unresolved(city: CityUnderTest) -> Scene:
    scene = await assigned(city)
    assert (await scene.act("feedback", **CANNOT)).status_code == 200
    answer = await scene.office.post(
        f"/v1/assignments/{scene.assignment}/review", json={"accepted": True, "statement": "将向省里反映。"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() | {"case_status": "unresolved", "status": "unresolved", "resolved": False} == answer.json()
    return scene


# ── structured feedback ──


async def test_the_office_reads_the_whole_answer_and_the_reporter_the_public_reply_alone(city: CityUnderTest) -> None:
    scene = await assigned(city)
    assert (await scene.act("feedback", **STRUCTURED)).status_code == 200
    [act] = [a for a in (await scene.shown())["acts"] if a["kind"] == "feedback"]
    kept = act["content"]
    document = {"number": "芙民发〔2026〕3号", "usual_form": True, "action": "withdrawn", "name": "走访台账通知"}
    assert kept["documents"] == [document]
    assert {k: kept[k] for k in STRUCTURED if k != "documents"} == {
        k: v for k, v in STRUCTURED.items() if k != "documents"
    }
    await scene.review()
    seen = await told(scene)
    assert seen["asked_about"] == [
        {
            "department": "芙蓉区民政局",
            "measures": ["document_withdrawn", "form_or_report_dropped"],
            "completed_on": "2026-03-02",
            "public_reply": "已不再要求报送。",
        }
    ]
    await scene.verify(relieved=True)
    seen = await told(scene)
    assert seen["asked_about"] == []
    assert "已不再要求报送。" in seen["replies"][0]["text"]
    for hidden in ("批评教育", "已停用台账", "同类台账"):
        assert hidden not in json.dumps(seen, ensure_ascii=False)
    await adds_up(city)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"completed_on": "2026-03-03"}, "completed_in_the_future"),
        ({"measure_kinds": ["document_withdrawn"]}, "document_missing"),
        ({"measure_kinds": ["praised"]}, "invalid_input"),
        ({"scope": "world"}, "invalid_input"),
        ({"hours_saved_per_month": -1}, "invalid_input"),
        ({"resolved": False}, "unresolved_reason_unclear"),
        ({"resolved": False, "because": "province_refused", "explanation": "省里不同意。"}, "invalid_input"),
        ({"evidence": ["0" * 32]}, "unknown_evidence"),
    ],
)
async def test_an_answer_that_does_not_hold_together_changes_nothing(
    city: CityUnderTest, more: dict[str, Any], code: str
) -> None:
    scene = await assigned(city)
    before = await scene.shown()
    answer = await scene.act("feedback", **FEEDBACK, **more)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await scene.shown() == before


async def test_the_page_shows_the_answer_in_words(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **STRUCTURED)
    await scene.act("progress", note="另已通知各社区。")
    page = shown(await (await at_work(city)).get(f"/dashboard/cases/{scene.case}"))
    for words in (
        "整改举措 废止文件、取消报表材料",
        "《走访台账通知》芙民发〔2026〕3号 废止",
        "举一反三范围 全区县",
        "每月减少工时 12.5",
        "内部说明 系科室自行布置",
    ):
        assert words in page, words


# ── unresolved, because ──


async def test_an_accepted_unresolved_stays_on_the_ledger_and_every_reporter_is_told_why(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await left_unresolved(city)
    case = (await scene.shown())["case"]
    assert (case["status"], case["owner"], case["outcome"], case["closed_at"]) == ("unresolved", "office", None, None)
    assert case["due_at"] == "2026-05-28T10:00:00Z"  # sixty working days after 2 March
    seen = await told(scene)
    assert (seen["status"], seen["answer_due_at"], seen["verification"]) == ("unresolved", None, "not_asked")
    [reply] = seen["replies"]
    assert reply["kind"] == "unresolved"
    for words in ("区里无权取消", "上级规定", "将向省里反映。", "继续挂账", "2026年5月28日前再次研究", scene.report):
        assert words in reply["text"], words
    assert "部文件第三条" not in json.dumps(seen, ensure_ascii=False)
    [closed] = await events_of(scene, "assignment.closed")
    assert closed.department_code == "FR-MZ"
    message = json.loads(closed.body or "")["data"]
    assert (message["because"], message["assignment"]["status"]) == ("unresolved_accepted", "unresolved")
    assert "FR-01" not in (closed.body or "")
    assert scene.report not in (closed.body or "")
    async with city.runtime.database.snapshot() as session:
        account = await reconcile(session)
        waiting = await read_waiting(session, clock.now(), city.runtime.cities.current.calendar)
    assert (account.opened, account.closed, account.on_ledger, account.offenders) == (1, 0, 1, [])
    assert [c.number for c in waiting.unresolved.cases] == [scene.case]
    found = (await scene.office.get("/v1/cases", params={"status": "unresolved"})).json()["cases"]
    assert [c["number"] for c in found] == [scene.case]


async def test_an_unresolved_answer_may_be_sent_back_and_come_again_as_resolved(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **CANNOT)
    sent_back = await scene.review(accepted=False, comment="区里可以先减频次,请再研究。")
    assert sent_back.json() | {"status": "reworking", "resolved": None} == sent_back.json()
    await scene.act("feedback", **FEEDBACK)
    assert (await scene.review()).json()["case_status"] == "verifying"
    await adds_up(city)


async def test_the_office_comes_back_to_it_late_and_that_is_noted_then_it_is_left_so_again(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await left_unresolved(city)
    await look_at(city, clock, "2026-05-28T17:00")
    assert await events_of(scene, "office.overdue") == []
    await look_at(city, clock, "2026-05-29T10:00")
    [late] = await events_of(scene, "office.overdue")
    assert (json.loads(late.facts)["kind"], late.department_code) == ("revisit", None)
    answer = await ask(scene, "unresolved", because="needs_province", statement="省里仍在研究。", working_days=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["due_at"] == "2026-06-29T10:00:00Z"  # 端午 on Friday 19 June is off
    texts = [r["text"] for r in (await told(scene))["replies"]]
    assert len(texts) == 2
    assert "省里仍在研究。" in texts[1]
    assert "需由省级统一研究解决" in texts[1]
    await adds_up(city)


async def test_an_unresolved_case_is_given_out_again_and_can_still_be_relieved(city: CityUnderTest) -> None:
    scene = await left_unresolved(city)
    body = {"category": "municipal_district", "receivers": [{"code": "CS-MZ"}], "reason": "改由市局牵头。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=body)).status_code == 200
    first, second = (await scene.shown())["assignments"]
    assert [(d["department"], d["status"]) for d in (first, second)] == [
        ("FR-MZ", "unresolved"),
        ("CS-MZ", "dispatched"),
    ]
    assert (await told(scene))["answer_due_at"] == "2026-03-23T10:00:00Z"
    bureau = await city.department("CS-MZ")
    await bureau.post(f"/v1/assignments/{second['id']}/feedback", json=FEEDBACK)
    answer = await scene.office.post(f"/v1/assignments/{second['id']}/review", json={"accepted": True})
    assert answer.json()["case_status"] == "verifying"
    await scene.verify(relieved=True)
    assert (await scene.shown())["case"]["outcome"] == "relieved"
    await adds_up(city)


async def test_an_unresolved_case_can_be_put_to_a_consultation(city: CityUnderTest) -> None:
    scene = await left_unresolved(city)
    body = {"cases": [scene.case], "departments": ["FR-MZ", "CS-MZ"]}
    assert (await scene.office.post("/v1/consultations", json=body)).status_code == 201
    assert (await scene.shown())["case"]["status"] == "consulting"
    await adds_up(city)


async def test_only_a_leader_ends_an_unresolved_case_and_only_with_a_reason(city: CityUnderTest) -> None:
    scene = await left_unresolved(city)
    ending = {"outcome": "unresolved", "statement": "经研究,现阶段无法取消。"}
    for outcome in ("unresolved", "answered"):
        refused = await ask(scene, "close", Role.CLERK, **ending | {"outcome": outcome}, reason="经会议研究。")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    for reason in (None, "  "):
        refused = await ask(scene, "close", Role.LEADER, **ending, reason=reason)
        assert (refused.status_code, refused.json()["code"]) == (422, "reason_missing")
    assert (await ask(scene, "close", Role.LEADER, **ending, reason="经会议研究。")).status_code == 200
    record = await scene.shown()
    assert (record["case"]["status"], record["case"]["outcome"]) == ("closed", "unresolved")
    assert record["rulings"][-1]["reason"] == "经会议研究。"
    seen = await told(scene)
    assert [r["kind"] for r in seen["replies"]] == ["unresolved", "final"]
    assert "经会议研究" not in json.dumps(seen, ensure_ascii=False)
    [closed] = await events_of(scene, "case.closed")
    assert closed.department_code == "FR-MZ"
    await adds_up(city)


async def test_a_report_that_joins_an_unresolved_case_is_told_at_once(city: CityUnderTest) -> None:
    scene = await left_unresolved(city)
    other = await city.reporter("FR-02")
    receipt = (await other.post("/v1/reports", json={"text": ASSIGNED})).json()
    assert (receipt["joined"], receipt["status"]) == (True, "unresolved")
    [reply] = (await other.get(f"/v1/reports/{receipt['report']}")).json()["replies"]
    assert reply["kind"] == "unresolved"
    assert receipt["report"] in reply["text"]
    assert scene.report not in reply["text"]
    for words in ("区里无权取消", "上级规定", "将向省里反映。", "2026年5月28日"):
        assert words in reply["text"], words
    await adds_up(city)


async def test_one_accepted_unresolved_among_several_duties_leaves_the_case_so_when_all_are_in(
    city: CityUnderTest,
) -> None:
    scene = await assigned(city)
    body: dict[str, Any] = {"category": "municipal_district", "reason": "两家办理。"}
    body["receivers"] = [{"code": "FR-MZ"}, {"code": "CS-MZ", "role": "supporting"}]
    await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=body)
    duties = {a["department"]: a["id"] for a in (await scene.shown())["assignments"] if a["status"] == "dispatched"}

    async def answer(code: str, said: dict[str, Any]) -> str:
        await (await city.department(code)).post(f"/v1/assignments/{duties[code]}/feedback", json=said)
        reviewed = await scene.office.post(f"/v1/assignments/{duties[code]}/review", json={"accepted": True})
        status: str = reviewed.json()["case_status"]
        return status

    assert await answer("FR-MZ", CANNOT) == "in_progress"
    assert await answer("CS-MZ", FEEDBACK) == "unresolved"
    ended = {a["department"]: a["status"] for a in (await scene.shown())["assignments"]}
    assert ended == {"FR-MZ": "unresolved", "CS-MZ": "closed"}
    because = {e.department_code: json.loads(e.facts)["because"] for e in await events_of(scene, "assignment.closed")}
    assert because == {"FR-MZ": "unresolved_accepted", "CS-MZ": "case_unresolved"}
    await adds_up(city)


async def test_reconciliation_names_an_unresolved_case_without_its_reply_or_its_clock(city: CityUnderTest) -> None:
    scene = await left_unresolved(city)
    async with city.runtime.database.write() as session:
        await session.delete((await session.scalars(select(Reply))).one())
    async with city.runtime.database.snapshot() as session:
        assert [o.number for o in (await reconcile(session)).offenders] == [scene.report]
    async with city.runtime.database.write() as session:
        clock = (await session.scalars(select(Deadline).where(Deadline.kind == "revisit"))).one()
        clock.kind = clock.kind.REVIEW
    async with city.runtime.database.snapshot() as session:
        assert {o.number for o in (await reconcile(session)).offenders} == {scene.case}


async def test_the_office_accepts_and_leaves_and_ends_it_on_the_page(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **CANNOT)
    url = f"/dashboard/cases/{scene.case}"
    clerk = await at_work(city, Role.CLERK)
    page = await clerk.get(url)
    assert "原因 上级规定" in shown(page)
    assert 'value="accept"' not in page.text
    await clerk.send(f"{url}/review", {"verdict": "unresolved", "comment": "", "statement": "将向省里反映。"})
    page = await clerk.follow()
    for words in ("挂账待解", "未能解决，已认可", "将向省里反映。", "转挂账待解"):
        assert words in shown(page), words
    assert f'action="{url}/closing"' not in page.text
    home = await clerk.get("/dashboard/")
    assert scene.case in home.text
    assert scene.case in (await clerk.get("/dashboard/ledger?status=unresolved")).text
    await clerk.get(url)
    refused = await clerk.send(f"{url}/unresolved", {"because": "", "statement": "", "days": "x"})
    assert refused.status_code == 422
    await clerk.get(url)
    await clerk.send(f"{url}/unresolved", {"because": "needs_funds", "statement": "经费未落实。", "days": "30"})
    assert "经费未落实。" in shown(await clerk.follow())
    leader = await at_work(city, Role.LEADER)
    await leader.get(url)
    ending = {"outcome": "unresolved", "statement": "现阶段无法取消。"}
    assert (await leader.send(f"{url}/closing", ending)).status_code == 422
    await leader.get(url)
    await leader.send(f"{url}/closing", {**ending, "reason": "经会议研究。"})
    assert "已销号" in shown(await leader.follow())
    await adds_up(city)


# ── asked once a round ──


async def test_the_first_no_sends_it_back_and_the_second_hands_it_to_the_office(city: CityUnderTest) -> None:
    scene = await assigned(city)
    for expected, status in (("reworking", "in_progress"), ("approved", "in_review")):
        await scene.act("feedback", **STRUCTURED)
        await scene.review()
        said = {"relieved": False, "comment": "还在要求报,村主任王某某可以作证。"}
        answer = await scene.reporter.post(f"/v1/reports/{scene.report}/verification", json=said)
        assert answer.json()["status"] == status
        assert [a["status"] for a in (await scene.shown())["assignments"]] == [expected]
        assert (await scene.verify(relieved=True)).json()["code"] == "verification_not_asked"
        await adds_up(city)
    asked = [json.loads(e.facts) for e in await events_of(scene, "verification.asked")]
    assert [a["round"] for a in asked] == [1, 2]
    acts = [a for a in (await scene.shown())["acts"] if a["kind"] == "feedback"]
    assert len(acts) == 2
    for entry in asked:
        assert entry["about"][0]["measures"] == STRUCTURED["measure_kinds"]
    assert len({entry["about"][0]["act"] for entry in asked}) == 2
    [disputed] = await events_of(scene, "verification.disputed")
    assert (json.loads(disputed.facts), disputed.department_code) == ({"denials": 2}, None)
    sent = await events_of(scene, "assignment.returned_to_department")
    assert len(sent) == 1
    assert "王某某" not in (sent[0].body or "") + sent[0].facts


async def test_after_two_noes_progress_asks_nobody_and_the_office_may_send_it_back_or_leave_it_unresolved(
    city: CityUnderTest,
) -> None:
    scene = await assigned(city)
    for _ in range(2):
        await scene.act("feedback", **FEEDBACK)
        await scene.review()
        await scene.verify(relieved=False)
    assert (await scene.act("progress", note="正在办理。")).json()["case_status"] == "in_review"
    assert (await scene.review()).status_code == 409
    assert (await scene.review(accepted=False, comment="请再整改一次。")).json()["case_status"] == "in_progress"
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    assert (await scene.verify(relieved=False)).json()["status"] == "in_review"
    answer = await ask(scene, "unresolved", because="other", statement="多次整改未见效,将另行研究。")
    assert answer.json()["status"] == "unresolved"
    [duty] = (await scene.shown())["assignments"]
    assert duty["status"] == "closed"
    await adds_up(city)


async def test_one_no_ends_the_round_for_the_other_points(city: CityUnderTest) -> None:
    scene = await assigned(city)
    other = await city.reporter("FR-02")
    second = (await other.post("/v1/reports", json={"text": ASSIGNED})).json()["report"]
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=False)
    late = await other.post(f"/v1/reports/{second}/verification", json={"relieved": False})
    assert (late.status_code, late.json()["code"]) == (409, "verification_not_asked")
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    for client, number in ((scene.reporter, scene.report), (other, second)):
        answer = await client.post(f"/v1/reports/{number}/verification", json={"relieved": True})
        assert answer.status_code == 200, answer.text
    assert (await scene.shown())["case"]["outcome"] == "relieved"
    await adds_up(city)


# ── the way home from the province ──


async def test_an_escalation_comes_home_after_forty_days_and_two_chases(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await escalated(city)
    assert (await scene.act("forwarding", **FORWARDING)).json()["case_status"] == "awaiting_province"
    for moment in ("2026-03-31T09:00", "2026-04-30T09:00"):
        await look_at(city, clock, moment)
        seen = await told(scene)
        assert seen["status"] == "awaiting_province"
        [upstream] = seen["awaiting_province"]
        assert upstream | FORWARDING == upstream
        async with city.runtime.database.snapshot() as session:
            account = await reconcile(session)
            waiting = await read_waiting(session, clock.now(), city.runtime.cities.current.calendar)
        assert (account.on_ledger, waiting.province.total) == (1, 1)
        assert [c.number for c in waiting.province.cases] == [scene.case]
    chased = [json.loads(e.facts)["kind"] for e in await events_of(scene, "assignment.reminded")]
    assert chased == ["chase", "chase"]
    clock.set(datetime(2026, 5, 6, 10, tzinfo=ZONE))  # forty working days and more after 2 March
    home = await (await at_work(city)).get("/dashboard/")
    assert "待省级答复" in shown(home)
    said = {"answer": "同意取消。", "public_reply": "省里同意取消指标。", "agreed": True}
    assert (await scene.act("upstream-reply", **said)).json()["case_status"] == "in_review"
    assert (await scene.review()).json()["case_status"] == "verifying"
    seen = await told(scene)
    assert (seen["awaiting_province"], seen["asked_about"][0]["public_reply"]) == ([], "省里同意取消指标。")
    await scene.verify(relieved=True)
    assert "省里同意取消指标。" in (await told(scene))["replies"][-1]["text"]
    await adds_up(city)


async def test_the_provinces_refusal_is_an_outcome_with_a_reply_and_is_revisited_and_ended(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await escalated(city)
    await scene.act("forwarding", **FORWARDING)
    clock.set(datetime(2026, 4, 1, 10, tzinfo=ZONE))
    answered = await scene.act("upstream-reply", **REFUSED)
    assert answered.json() | {"case_status": "in_review", "resolved": False} == answered.json()
    assert (await scene.review()).json()["case_status"] == "unresolved"
    [reply] = (await told(scene))["replies"]
    for words in ("指标暂不取消", "省级答复未同意调整", "继续挂账"):
        assert words in reply["text"], words
    await adds_up(city)
    await look_at(city, clock, "2026-07-01T10:00")
    assert len(await events_of(scene, "office.overdue")) == 1
    ending = {"outcome": "unresolved", "statement": "省级维持原意见。", "reason": "两次上报未果,经领导同意。"}
    assert (await ask(scene, "close", Role.LEADER, **ending)).status_code == 200
    seen = await told(scene)
    assert [r["kind"] for r in seen["replies"]] == ["unresolved", "final"]
    assert "目前未能解决" in seen["replies"][1]["text"]
    await adds_up(city)


async def test_a_refusal_may_be_closed_as_answered_where_the_office_says_so(city: CityUnderTest) -> None:
    scene = await escalated(city)
    await scene.act("forwarding", **FORWARDING)
    await scene.act("upstream-reply", **REFUSED)
    closed = await ask(scene, "close", outcome="answered", statement="已如实答复。")
    assert closed.json() | {"status": "closed", "outcome": "answered"} == closed.json()
    assert "指标暂不取消" in (await told(scene))["replies"][0]["text"]
    await adds_up(city)


async def test_forwarding_late_is_kept_as_missed_and_in_time_as_met(city: CityUnderTest, clock: FixedClock) -> None:
    kept = []
    for text, day in (("省科协要求每村拉80个人注册小程序。", 9), ("省科协要求每村拉90个人注册小程序。", 10)):
        clock.set(datetime(2026, 3, 2, 9, 30, tzinfo=ZONE))
        reporter, office = await city.reporter("FR-01"), await city.office()
        receipt = (await reporter.post("/v1/reports", json={"text": text})).json()
        duty = (await office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
        clock.set(datetime(2026, 3, day, 12, tzinfo=ZONE))
        department = await city.department(duty["department"])
        answer = await department.post(f"/v1/assignments/{duty['id']}/forwarding", json=FORWARDING)
        assert answer.status_code == 200
        record = (await office.get(f"/v1/cases/{receipt['case']}")).json()
        kept += [d["met"] for d in record["deadlines"] if d["kind"] == "forwarding"]
    assert kept == [True, False]
