"""退回 and 延期: a case is returned once and soon, a second return brings the departments together, and more time is
given once, by the office, with the new date told to the reporter. The promised answer survives every return.
"""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.ledger.reconcile import reconcile, verify_chains
from tests.api.scenes import FEEDBACK, Scene, assigned
from tests.city import CityUnderTest
from tests.receiver import TEST_SECRET

NOT_OURS = {
    "reason": "not_our_duty",
    "explanation": "该表由市局统一布置。",
    "legal_basis": "三定规定第四条",
    "proposed_department": "CS-MZ",
}
VAGUE = {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"}
PROMISED = "2026-03-23T10:00:00Z"  # fifteen working days after Monday 2 March


async def adds_up(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        result = await reconcile(session)
        _, broken = await verify_chains(session)
    assert result.offenders == []
    assert broken == []


async def told(scene: Scene) -> dict[str, Any]:
    """What the reporter reads."""
    body: dict[str, Any] = (await scene.reporter.get(f"/v1/reports/{scene.report}")).json()
    return body


async def rule(scene: Scene, *codes: str, **more: Any) -> str:
    """The office gives the case to these departments; answers the first new duty's id."""
    body = {"category": "municipal_district", "receivers": [{"code": c} for c in codes], "reason": "经研判。"} | more
    answer = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=body)
    assert answer.status_code == 200, answer.text
    duties = (await scene.shown())["assignments"]
    duty: str = next(a["id"] for a in duties if a["status"] == "dispatched" and a["department"] == codes[0])
    return duty


async def returns(scene: Scene, code: str, duty: str, **body: Any) -> httpx.Response:
    return await (await scene.city.department(code)).post(f"/v1/assignments/{duty}/return", json=body)


def duty_of(shown: dict[str, Any], duty: str) -> dict[str, Any]:
    found: dict[str, Any] = next(a for a in shown["assignments"] if a["id"] == duty)
    return found


# ── returning ──


async def test_a_returned_assignment_keeps_its_original_deadline(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    assert (await told(scene))["answer_due_at"] == PROMISED
    clock.advance(days=1)
    assert (await scene.act("return", **NOT_OURS)).json()["case_status"] == "triage"
    assert (await told(scene))["answer_due_at"] == PROMISED
    clock.advance(days=2)
    duty = await rule(scene, "CS-MZ")
    assert duty_of(await scene.shown(), duty)["due_at"] == "2026-03-23T18:00:00+08:00"
    assert (await scene.shown())["case"]["due_at"] == PROMISED
    assert (await told(scene))["answer_due_at"] == PROMISED
    await adds_up(city)


async def test_who_gets_a_case_late_has_five_days_and_the_promise_still_stands(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await scene.act("return", **NOT_OURS)
    clock.advance(days=18)  # Friday 20 March: the office has sat on it
    duty = await rule(scene, "CS-MZ")
    assert duty_of(await scene.shown(), duty)["due_at"] == "2026-03-27T18:00:00+08:00"
    assert (await told(scene))["answer_due_at"] == PROMISED
    await adds_up(city)


@pytest.mark.parametrize(("moment", "status"), [("2026-03-04T10:00", 200), ("2026-03-04T10:01", 409)])
async def test_a_return_is_possible_for_two_working_days(
    city: CityUnderTest, clock: FixedClock, moment: str, status: int
) -> None:
    scene = await assigned(city)
    clock.advance(seconds=(datetime.fromisoformat(moment).replace(tzinfo=UTC) - clock.now()).total_seconds())
    answer = await scene.act("return", **VAGUE)
    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["code"] == "return_too_late"
        assert answer.json()["until"] == "2026-03-04T18:00:00+08:00"
        assert "2026-03-04T18:00:00+08:00" in answer.json()["detail"]
        assert (await scene.shown())["case"]["status"] == "dispatched"
    await adds_up(city)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"legal_basis": None}, "basis_missing"),
        ({"legal_basis": "  "}, "basis_missing"),
        ({"proposed_department": None}, "basis_missing"),
        ({"proposed_department": "FR-MZ"}, "basis_missing"),
        ({"proposed_department": "NO-SUCH"}, "unknown_department"),
        ({"reason": "too_much_work"}, "invalid_input"),
    ],
)
async def test_a_return_without_what_it_needs_changes_nothing(
    city: CityUnderTest, change: dict[str, Any], code: str
) -> None:
    scene = await assigned(city)
    before = await scene.shown()
    answer = await scene.act("return", **(NOT_OURS | change))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await scene.shown() == before


async def test_a_second_return_opens_a_consultation_of_all_concerned(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("return", **NOT_OURS)
    duty = await rule(scene, "FR-WJ")
    second = await returns(scene, "FR-WJ", duty, **(NOT_OURS | {"proposed_department": "FR-NY"}))
    assert second.status_code == 200, second.text
    body = second.json()
    assert (body["status"], body["case_status"]) == ("superseded", "consulting")
    session = (await scene.office.get(f"/v1/consultations/{body['consultation']}")).json()
    assert [i["department"] for i in session["invitations"]] == ["CS-MZ", "FR-MZ", "FR-NY", "FR-WJ"]
    assert [item["case"] for item in session["agenda"]] == [scene.case]
    shown = await scene.shown()
    assert [(a["kind"], a["applied"]) for a in shown["acts"]] == [("return", True), ("return", False)]
    assert (shown["case"]["category"], shown["case"]["answer_due_at"]) == ("multi_department", PROMISED)
    events = (await scene.office.get(f"/v1/cases/{scene.case}/events")).json()
    assert [e["type"] for e in events][-6:] == [
        "assignment.return_refused", "assignment.closed", *["consultation.invited"] * 4,
    ]  # fmt: skip
    assert (await told(scene))["answer_due_at"] == PROMISED
    await adds_up(city)


async def test_what_the_consultation_settled_is_not_returned_again_and_keeps_the_promise(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("return", **NOT_OURS)
    number = (await returns(scene, "FR-WJ", await rule(scene, "FR-WJ"), **VAGUE)).json()["consultation"]
    parts = [{"department": "FR-MZ", "lead": True}]
    body = {"conclusions": [{"case": scene.case, "parts": parts}], "minutes": "议定如下。"}
    assert (await scene.office.post(f"/v1/consultations/{number}/conclusion", json=body)).status_code == 200
    duty = (await scene.shown())["assignments"][-1]
    assert duty["due_at"] == "2026-03-23T18:00:00+08:00"
    third = await returns(scene, "FR-MZ", duty["id"], **NOT_OURS)
    assert (third.status_code, third.json()["code"]) == (409, "settled_by_consultation")
    await adds_up(city)


async def test_a_second_return_that_concerns_nobody_else_is_refused(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("return", **VAGUE)
    duty = await rule(scene, "FR-MZ")
    before = await scene.shown()
    second = await returns(scene, "FR-MZ", duty, **VAGUE)
    assert (second.status_code, second.json()["code"]) == (409, "returned_before")
    assert await scene.shown() == before
    await adds_up(city)


async def test_a_provincial_owner_that_is_proposed_is_represented_at_the_table(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("return", **VAGUE)
    duty = await rule(scene, "FR-MZ")
    second = await returns(scene, "FR-MZ", duty, **(NOT_OURS | {"proposed_department": "HN-MZ"}))
    session = (await scene.office.get(f"/v1/consultations/{second.json()['consultation']}")).json()
    assert [i["department"] for i in session["invitations"]] == ["CS-MZ", "FR-MZ"]
    await adds_up(city)


# ── more time ──


async def test_a_granted_extension_moves_the_clock_and_tells_the_reporter(city: CityUnderTest) -> None:
    scene = await assigned(city)
    asked = await scene.act("extension", reason="须报市局同意后废止。", until="2026-04-10")
    assert asked.status_code == 200, asked.text
    assert (asked.json()["extension"], asked.json()["due_at"]) == ("requested", PROMISED)
    assert (await told(scene))["replies"] == []
    await adds_up(city)
    granted = await scene.review(accepted=True)
    assert (granted.json()["extension"], granted.json()["due_at"]) == ("granted", "2026-04-10T10:00:00Z")
    report = await told(scene)
    assert (report["answer_due_at"], report["due_at"]) == ("2026-04-10T10:00:00Z",) * 2
    assert [r["kind"] for r in report["replies"]] == ["interim"]
    assert "2026年4月10日" in report["replies"][0]["text"]
    shown = await scene.shown()
    kept = [(d["due_at"][:10], d["ended"], d["extended"], d["met"]) for d in shown["deadlines"]
            if d["kind"] == "feedback"]  # fmt: skip
    assert sorted(kept, key=str) == [("2026-03-23", True, True, None), ("2026-04-10", False, False, None)]
    events = (await scene.office.get(f"/v1/cases/{scene.case}/events")).json()
    assert [e["type"] for e in events][-2:] == ["assignment.extension_requested", "assignment.extension_decided"]
    assert events[-1]["department"] == "FR-MZ"
    await adds_up(city)
    again = await scene.act("extension", reason="还是不够。", working_days=5)
    assert (again.status_code, again.json()["code"]) == (409, "extension_requested_before")
    assert (await scene.act("feedback", **FEEDBACK)).json()["case_status"] == "in_review"
    await scene.review()
    await scene.verify(relieved=True)
    assert [r["kind"] for r in (await told(scene))["replies"]] == ["interim", "final"]
    await adds_up(city)


async def test_a_refused_extension_leaves_the_clock_and_says_nothing_to_the_reporter(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("extension", reason="人手不够。", working_days=5)
    before = (await scene.shown())["deadlines"]
    refused = await scene.review(accepted=False, comment="理由不充分。")
    assert (refused.json()["extension"], refused.json()["due_at"]) == ("refused", PROMISED)
    assert (await scene.shown())["deadlines"] == before
    assert (await told(scene))["replies"] == []
    again = await scene.act("extension", reason="人手不够。", working_days=5)
    assert again.json()["code"] == "extension_requested_before"
    await adds_up(city)


async def test_working_days_count_from_the_deadline_over_a_holiday(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("extension", reason="须修订文件。", working_days=10)
    due = (await scene.review()).json()["due_at"]
    assert due == "2026-04-07T10:00:00Z"  # 清明 falls on Monday 6 April


async def test_more_time_can_only_be_asked_for_before_the_deadline(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    clock.advance(days=22)
    late = await scene.act("extension", reason="须修订文件。", working_days=5)
    assert (late.status_code, late.json()["code"]) == (409, "extension_too_late")
    assert late.json()["until"] == "2026-03-23T18:00:00+08:00"
    english = await scene.department.post(
        f"/v1/assignments/{scene.assignment}/extension",
        json={"reason": "须修订文件。", "working_days": 5},
        headers={"Accept-Language": "en"},
    )
    assert "before the deadline" in english.json()["detail"]
    await adds_up(city)


async def test_a_finished_assignment_has_nothing_to_extend(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    answer = await scene.act("extension", reason="须修订文件。", working_days=5)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_extend")


async def test_a_request_lapses_when_the_department_answers_first(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("extension", reason="须修订文件。", working_days=5)
    answered = await scene.act("feedback", **FEEDBACK)
    assert answered.json()["extension"] == "lapsed"
    assert (await scene.review(accepted=True)).json()["case_status"] == "verifying"
    assert (await told(scene))["replies"] == []
    await adds_up(city)


async def test_a_wished_date_that_has_passed_is_not_granted(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("extension", reason="须修订文件。", working_days=1)
    clock.advance(days=30)
    late = await scene.review(accepted=True)
    assert (late.status_code, late.json()["code"]) == (409, "extension_in_the_past")
    assert (await scene.review(accepted=False, comment="已过期。")).status_code == 200
    await adds_up(city)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "extension_unclear"),
        ({"until": "2026-04-10", "working_days": 5}, "extension_unclear"),
        ({"until": "2026-03-23"}, "extension_out_of_range"),
        ({"until": "2026-03-01"}, "extension_out_of_range"),
        ({"until": "9999-12-31"}, "extension_out_of_range"),
        ({"until": "soon"}, "invalid_input"),
        ({"working_days": 0}, "invalid_input"),
    ],
)
async def test_an_unclear_wish_changes_nothing(city: CityUnderTest, wish: dict[str, Any], code: str) -> None:
    scene = await assigned(city)
    before = await scene.shown()
    answer = await scene.act("extension", reason="须修订文件。", **wish)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await scene.shown() == before


async def test_both_acts_come_in_by_signed_callback_and_have_one_effect(city: CityUnderTest) -> None:
    async with city.runtime.database.write() as session:
        await register_endpoint(
            session, "FR-MZ", "http://127.0.0.1:9/hook", city.runtime.sealer, Guard.of([], allow_loopback=True),
            city.clock.now(), secret=TEST_SECRET,
        )  # fmt: skip
    scene = await assigned(city)

    async def call(serial: str, kind: str, duty: str, **data: Any) -> httpx.Response:
        body = json.dumps({"type": kind, "data": {"assignment": duty, **data}}, ensure_ascii=False)
        headers = {
            "webhook-id": serial,
            "webhook-timestamp": str(int(city.clock.now().timestamp())),
            "webhook-signature": Webhook(TEST_SECRET).sign(serial, city.clock.now(), body),
        }
        async with city.anonymous() as system:
            return await system.post("/v1/callbacks/FR-MZ", content=body.encode(), headers=headers)

    wish = {"reason": "须修订文件。", "working_days": 5}
    asked = [await call("a", "assignment.extension", scene.assignment, **wish) for _ in range(2)]
    assert [a.status_code for a in asked] == [200, 200]
    assert asked[0].content == asked[1].content
    assert (await call("b", "assignment.return", scene.assignment, **NOT_OURS)).json()["extension"] == "lapsed"
    duty = await rule(scene, "FR-MZ")
    second = [await call("c", "assignment.return", duty, **NOT_OURS) for _ in range(2)]
    assert second[0].status_code == 200, second[0].text
    assert second[0].content == second[1].content
    assert second[0].json()["consultation"].startswith("HS-2026-")
    assert len((await scene.shown())["consultations"]) == 1
    await adds_up(city)
