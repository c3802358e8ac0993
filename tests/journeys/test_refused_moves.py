"""What random lives found and must stay refused, or answered, in plain words."""

import asyncio
from typing import Any

from app.clock import FixedClock
from app.ledger.reconcile import reconcile, verify_chains
from tests.api.scenes import FEEDBACK, Scene, assigned, unclear
from tests.city import CityUnderTest

RULING = {"category": "municipal_district", "receivers": [{"code": "FR-WJ"}], "reason": "经研判。"}
CLOSING = {"outcome": "answered", "statement": "已答复。"}


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def rule(scene: Scene) -> int:
    return (await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=RULING)).status_code


async def refused(scene: Scene, word: str, **body: Any) -> tuple[int, str]:
    """What the department's act is answered; it must have changed nothing."""
    before = await scene.shown()
    answer = await scene.act(word, **body)
    assert await scene.shown() == before
    return answer.status_code, answer.json()["code"]


async def test_no_progress_is_reported_on_a_duty_that_is_over(city: CityUnderTest) -> None:
    scene = await assigned(city)
    assert (await scene.act("progress", note="正在办理。")).status_code == 200
    assert await rule(scene) == 200
    assert await refused(scene, "progress", note="正在办理。") == (409, "illegal_move")
    await check(city)


async def test_progress_on_a_returned_duty_does_not_bring_a_closed_case_back(city: CityUnderTest) -> None:
    scene = await assigned(city)
    said = {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"}
    assert (await scene.act("return", **said)).status_code == 200
    assert await refused(scene, "progress", note="正在办理。") == (409, "illegal_move")
    assert (await scene.office.post(f"/v1/cases/{scene.case}/close", json=CLOSING)).status_code == 200
    assert await refused(scene, "progress", note="正在办理。") == (409, "illegal_move")
    assert (await scene.shown())["case"]["status"] == "closed"
    await check(city)


async def test_a_struck_off_case_is_reopened_before_it_is_ruled_on(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    assert (await scene.verify(relieved=True)).json()["status"] == "closed"
    clock.advance(days=1)
    before = await scene.shown()
    assert await rule(scene) == 409
    assert await scene.shown() == before
    again = await scene.office.post(f"/v1/cases/{scene.case}/reopen", json={"reason": "又来了。"})
    assert again.json()["outcome"] is None
    assert await rule(scene) == 200
    await check(city)


async def test_a_retry_is_answered_though_what_it_acted_on_has_left_the_agenda(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    cases = [case, (await assigned(city)).case]
    convened = await office.post("/v1/consultations", json={"cases": cases, "departments": ["FR-MZ", "FR-WJ"]})
    path = f"/v1/consultations/{convened.json()['id']}/withdrawal"
    body, key = {"case": case, "reason": "直接交办。"}, {"Idempotency-Key": "withdrawn once"}
    answers = await asyncio.gather(*(office.post(path, json=body, headers=key) for _ in range(3)))
    answers.append(await office.post(path, json=body, headers=key))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert (await office.post(path, json=body)).status_code == 404
    await check(city)


async def test_inviting_only_those_who_are_invited_is_refused_and_leaves_no_trace(city: CityUnderTest) -> None:
    office, _, case = await unclear(city)
    body = {"cases": [case], "departments": ["FR-MZ", "CS-JY"]}
    session = (await office.post("/v1/consultations", json=body)).json()["id"]
    before = (await office.get(f"/v1/cases/{case}")).json()
    answer = await office.post(f"/v1/consultations/{session}/invitations", json={"departments": ["CS-JY"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_invited")
    assert (await office.get(f"/v1/cases/{case}")).json() == before
