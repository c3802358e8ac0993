"""What departments and the office do to a case, and what they may not do."""

from typing import Any

import pytest

from tests.api.scenes import FEEDBACK, assigned, unclear
from tests.city import CityUnderTest

RULING = {
    "category": "municipal_district",
    "receivers": [{"code": "CS-WX", "role": "lead"}],
    "reason": "接龙由市委网信办布置,已电话核实。",
}


async def test_what_the_machine_left_open_is_ruled_and_dispatched(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    ruled = await office.post(f"/v1/cases/{case}/ruling", json=RULING)
    assert ruled.status_code == 200, ruled.text
    assert ruled.json()["status"] == "dispatched"
    assert ruled.json()["owner_department"] == "CS-WX"
    shown = (await office.get(f"/v1/cases/{case}")).json()
    assert shown["rulings"][0]["overrules"] is False
    assert shown["reports"][0]["decision"]["category"] == "unclear"


async def test_overruling_keeps_the_machines_decision_beside_the_ruling(city: CityUnderTest) -> None:
    scene = await assigned(city)
    ruled = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING | {"working_days": 3})
    assert ruled.status_code == 200, ruled.text
    shown = await scene.shown()
    assert shown["rulings"][0]["overrules"] is True
    assert shown["reports"][0]["decision"]["receivers"][0]["code"] == "FR-MZ"
    assert [a["status"] for a in shown["assignments"]] == ["superseded", "dispatched"]
    assert shown["assignments"][1]["due_at"].startswith("2026-03-05T18:00")
    late = await scene.act("acceptance")
    assert late.status_code == 409


async def test_a_ruling_needs_a_reason_and_known_receivers(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    changes: list[dict[str, Any]] = [
        {"reason": ""},
        {"receivers": []},
        {"receivers": [{"code": "NO-SUCH"}]},
        {"category": "other"},
    ]
    for change in changes:
        answer = await office.post(f"/v1/cases/{case}/ruling", json=RULING | change)
        assert answer.status_code == 422, change
    assert (await office.get(f"/v1/cases/{case}")).json()["rulings"] == []


async def test_a_provincial_ruling_goes_to_a_counterpart_and_to_no_one_else(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    body: dict[str, Any] = {"category": "provincial", "receivers": [{"code": "FR-MZ"}], "reason": "省里的要求"}
    refused = await office.post(f"/v1/cases/{case}/ruling", json=body)
    assert refused.json()["code"] == "no_provincial_counterpart"
    taken = await office.post(f"/v1/cases/{case}/ruling", json=body | {"receivers": [{"code": "CS-MZ"}]})
    assert taken.json()["route"] == "escalation"
    duty = (await office.get(f"/v1/cases/{case}")).json()["assignments"][0]
    assert duty["kind"] == "escalation"
    assert [above["code"] for above in duty["on_behalf_of"]] == ["HN-MZ"]


async def test_of_two_rulings_on_the_same_version_one_gets_409(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    version = (await office.get(f"/v1/cases/{case}")).json()["case"]["version"]
    first = await office.post(f"/v1/cases/{case}/ruling", json=RULING | {"version": version})
    second = await office.post(f"/v1/cases/{case}/ruling", json=RULING | {"version": version})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["code"] == "stale_version"


async def test_a_case_returned_once_goes_to_a_consultation_the_next_time(city: CityUnderTest) -> None:
    scene = await assigned(city)
    body = {
        "reason": "not_our_duty",
        "explanation": "该表由市局统一布置。",
        "legal_basis": "三定规定第四条",
        "proposed_department": "CS-MZ",
    }
    returned = await scene.act("return", **body)
    assert returned.json()["case_status"] == "triage", returned.text
    again = {"category": "municipal_district", "receivers": [{"code": "FR-MZ"}], "reason": "经核属你局职责"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=again)).json()["status"] == "dispatched"
    duty = (await scene.shown())["assignments"][-1]["id"]
    second = await scene.department.post(f"/v1/assignments/{duty}/return", json=body)
    assert second.json()["case_status"] == "consulting", second.text
    assert second.json()["consultation"].startswith("HS-2026-")


async def test_returning_as_not_our_duty_needs_basis_and_a_better_owner(city: CityUnderTest) -> None:
    scene = await assigned(city)
    answer = await scene.act("return", reason="not_our_duty", explanation="不归我们管。")
    assert answer.json()["code"] == "basis_missing"
    assert (await scene.shown())["case"]["status"] == "dispatched"


async def test_feedback_that_is_sent_back_starts_a_new_clock_for_the_department(city: CityUnderTest) -> None:
    scene = await assigned(city)
    assert (await scene.act("feedback", **FEEDBACK)).json()["case_status"] == "in_review"
    back = await scene.review(accepted=False, comment="请附废止文件的文号。")
    assert back.json()["case_status"] == "in_progress"
    running = [d for d in (await scene.shown())["deadlines"] if not d["ended"]]
    assert [(d["kind"], d["party"], d["department"]) for d in running] == [("feedback", "department", "FR-MZ")]


async def test_a_burden_that_is_not_gone_goes_back_to_the_department(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    assert (await scene.review()).json()["case_status"] == "verifying"
    answered = await scene.verify(relieved=False)
    assert answered.json()["status"] == "in_progress"
    assert answered.json()["replies"] == []
    again = await scene.verify(relieved=True)
    assert again.json()["code"] == "verification_not_asked"


async def test_a_case_closed_by_the_office_answers_every_reporter_and_can_be_reopened(city: CityUnderTest) -> None:
    office, report, case = await unclear(city)
    body = {"outcome": "answered", "statement": "经核实为居民自发的群聊,不涉及部门要求。"}
    closed = await office.post(f"/v1/cases/{case}/close", json=body)
    assert closed.json()["status"] == "closed"
    reply = (await (await city.reporter("FR-01")).get(f"/v1/reports/{report}")).json()["replies"][0]["text"]
    assert "居民自发" in reply
    assert "2026年3月2日" in reply
    reopened = await office.post(f"/v1/cases/{case}/reopen", json={"reason": "又出现了"})
    assert reopened.json()["status"] == "triage"
    assert reopened.json()["closed_at"] is None
    assert (await office.get(f"/v1/cases/{case}")).json()["rulings"][-1]["reason"] == "又出现了"


async def test_a_department_sees_only_its_own_cases_and_nothing_of_who_reported(city: CityUnderTest) -> None:
    scene = await assigned(city)
    mine = await scene.department.get(f"/v1/cases/{scene.case}")
    assert mine.status_code == 200
    for secret in (scene.report, "FR-01", "韶馨", "search_text", "districts"):
        assert secret not in mine.text
    other = await city.department("CS-MZ")
    assert (await other.get(f"/v1/cases/{scene.case}")).status_code == 404
    assert (await other.get("/v1/cases")).json()["cases"] == []
    assert (await other.post(f"/v1/assignments/{scene.assignment}/acceptance", json={})).status_code == 404


async def test_a_department_may_not_rule_review_or_read_deliveries(city: CityUnderTest) -> None:
    scene = await assigned(city)
    for path, body in (
        (f"/v1/cases/{scene.case}/ruling", RULING),
        (f"/v1/cases/{scene.case}/close", {"outcome": "answered", "statement": "好了"}),
        (f"/v1/assignments/{scene.assignment}/review", {"accepted": True}),
    ):
        assert (await scene.department.post(path, json=body)).status_code == 403
    assert (await scene.department.get("/v1/deliveries")).status_code == 403


async def test_a_stale_version_of_an_assignment_answers_409_with_the_current_one(city: CityUnderTest) -> None:
    scene = await assigned(city)
    assert (await scene.act("acceptance", version=1)).json()["version"] == 2
    stale = await scene.act("progress", version=1, note="正在梳理。")
    assert stale.status_code == 409
    assert stale.json()["version"] == 2


async def test_an_escalation_is_not_answered_by_plain_feedback(city: CityUnderTest) -> None:
    reporter = await city.reporter("FR-01")
    receipt = (await reporter.post("/v1/reports", json={"text": "省科协要求每村拉150个人注册小程序。"})).json()
    assert receipt["decision"]["route"] == "escalation"
    duty = (await (await city.office()).get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    department = await city.department("CS-KX")
    answer = await department.post(f"/v1/assignments/{duty['id']}/feedback", json=FEEDBACK)
    assert answer.json()["code"] == "upstream_reply_expected"


async def test_the_ledger_pages_through_every_case_once(city: CityUnderTest) -> None:
    reporter = await city.reporter("FR-01")
    numbers = set()
    for n in range(7):
        body = {"text": f"区民政局要求第{n}张表每天报。"}
        numbers.add((await reporter.post("/v1/reports", json=body)).json()["case"])
    office, seen, url = await city.office(), [], "/v1/cases?limit=3"
    while url:
        page = await office.get(url)
        seen += [c["number"] for c in page.json()["cases"]]
        url = page.headers.get("link", "").split(">")[0].lstrip("<")
    assert sorted(seen) == sorted(numbers)


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WyIyMDI2IiwgMV0"])
async def test_a_broken_cursor_is_a_clear_error(city: CityUnderTest, cursor: str) -> None:
    answer = await (await city.office()).get("/v1/cases", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["code"] == "bad_cursor"


async def test_the_feed_gives_a_department_the_same_bodies_in_order(city: CityUnderTest) -> None:
    scene = await assigned(city)
    first = (await scene.department.get("/v1/events")).json()
    assert [e["type"] for e in first["events"]] == ["assignment.created"]
    await scene.act("feedback", **FEEDBACK)
    await scene.review(accepted=False, comment="请附文号。")
    after = (await scene.department.get("/v1/events", params={"after": first["next"]})).json()
    assert [e["type"] for e in after["events"]] == ["assignment.returned_to_department"]
    assert (await scene.department.get("/v1/events", params={"after": after["next"]})).json()["events"] == []


@pytest.mark.parametrize("path", ["/v1/cases/%00", "/v1/reports/a%00", "/v1/cases?q=%00", "/v1/cases?department=%00"])
async def test_a_nul_in_an_address_is_a_clear_error(city: CityUnderTest, path: str) -> None:
    answer = await (await city.office()).get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_the_service_does_by_itself_is_recorded_as_its_own_act(city: CityUnderTest) -> None:
    scene = await assigned(city)
    events = (await scene.office.get(f"/v1/cases/{scene.case}/events")).json()
    assert [(e["type"], e["actor"]) for e in events] == [
        ("case.opened", "observation_point"),
        ("assignment.created", "system"),
    ]
