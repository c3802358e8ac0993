"""送: what each department reads of a case's way, in order: the bodies of its webhooks, and nothing of who reported."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.clock import FixedClock
from app.flow.supervision import Supervisor
from app.ledger.reconcile import reconcile, verify_chains
from tests.api.scenes import FEEDBACK, Scene, assigned
from tests.city import CityUnderTest

ZONE = ZoneInfo("Asia/Shanghai")
PROMISED = "2026-03-23T18:00:00+08:00"  # fifteen working days after Monday 2 March
VAGUE = {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"}


async def told(city: CityUnderTest, department: str) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of all that a department was sent; none of it tells who reported, or where."""
    events = (await (await city.department(department)).get("/v1/events?after=0&limit=200")).json()["events"]
    everything = json.dumps(events, ensure_ascii=False)
    for secret in ("BG-2026", "FR-01", "韶馨", "示例街道"):
        assert secret not in everything
    return [(event["type"], event["data"]) for event in events]


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def look(city: CityUnderTest, clock: FixedClock, moment: str) -> None:
    """Set the clock; the worker looks until it finds nothing."""
    clock.set(datetime.fromisoformat(moment).replace(tzinfo=ZONE))
    supervisor = Supervisor(city.runtime.database, clock, city.runtime.cities)
    for _ in range(20):
        if not await supervisor.look():
            break
    else:
        pytest.fail("a row loops")
    await check(city)


async def rule(scene: Scene, category: str, code: str) -> str:
    """The office rules; the id of the department's new duty."""
    body = {"category": category, "receivers": [{"code": code}], "reason": "经研判。"}
    answer = await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=body)
    assert answer.status_code == 200, answer.text
    duty: str = next(a["id"] for a in (await scene.shown())["assignments"] if a["status"] == "dispatched")
    return duty


async def test_over_the_national_holiday_the_department_reads_dates_that_count_the_make_up_days(
    city: CityUnderTest, clock: FixedClock
) -> None:
    clock.set(datetime(2026, 9, 18, 10, tzinfo=ZONE))
    scene = await assigned(city)
    await scene.act("acceptance")
    # Sunday 20 September and Saturday 10 October are worked; 25 to 27 September and 1 to 7 October are off.
    for moment in ("2026-10-01T10:00", "2026-10-09T10:00", "2026-10-13T09:00"):
        await look(city, clock, moment)
    (_, created), (kind, reminder) = await told(city, "FR-MZ")
    assert created["assignment"]["due_at"] == "2026-10-15T18:00:00+08:00"
    assert (kind, reminder["deadline"]) == (
        "assignment.reminded", {"kind": "feedback", "due_at": "2026-10-15T18:00:00+08:00"},
    )  # fmt: skip
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    assert (await scene.verify(relieved=True)).json()["replies"][-1]["kind"] == "final"
    kind, closed = (await told(city, "FR-MZ"))[-1]
    assert (kind, closed["outcome"], closed["case"]["status"]) == ("case.closed", "relieved", "closed")
    await check(city)


async def test_after_a_return_the_next_department_reads_the_first_deadline_and_each_only_its_own(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    clock.advance(days=1)
    await scene.act("return", **VAGUE)
    clock.advance(days=2)
    await rule(scene, "municipal_district", "FR-WJ")
    [(kind, mine)] = await told(city, "FR-WJ")
    assert (kind, mine["assignment"]["due_at"], mine["case"]["number"]) == ("assignment.created", PROMISED, scene.case)
    assert [kind for kind, _ in await told(city, "FR-MZ")] == ["assignment.created"]
    await check(city)


async def test_after_two_returns_all_concerned_read_one_invitation_and_who_held_it_that_it_is_over(
    city: CityUnderTest,
) -> None:
    scene = await assigned(city)
    await scene.act("return", **VAGUE)
    duty = await rule(scene, "municipal_district", "FR-WJ")
    second = await (await city.department("FR-WJ")).post(f"/v1/assignments/{duty}/return", json=VAGUE)
    number = second.json()["consultation"]
    assert [kind for kind, _ in await told(city, "FR-MZ")] == ["assignment.created", "consultation.invited"]
    assert [kind for kind, _ in await told(city, "FR-WJ")] == [
        "assignment.created", "assignment.closed", "consultation.invited",
    ]  # fmt: skip
    _, over = (await told(city, "FR-WJ"))[1]
    assert (over["because"], over["assignment"]["status"]) == ("superseded", "superseded")
    for code in ("FR-MZ", "FR-WJ"):
        _, invited = (await told(city, code))[-1]
        assert (invited["consultation"]["number"], invited["case"]["number"]) == (number, scene.case)
    await check(city)


@pytest.mark.parametrize(("granted", "due"), [(True, "2026-04-10T18:00:00+08:00"), (False, PROMISED)])
async def test_the_department_reads_whether_it_has_more_time(city: CityUnderTest, granted: bool, due: str) -> None:
    scene = await assigned(city)
    await scene.act("extension", reason="须报市局同意后废止。", until="2026-04-10")
    assert [kind for kind, _ in await told(city, "FR-MZ")] == ["assignment.created"]
    await scene.review(accepted=granted, comment="请抓紧。")
    kind, decided = (await told(city, "FR-MZ"))[-1]
    assert (kind, decided["granted"], decided["comment"]) == ("assignment.extension_decided", granted, "请抓紧。")
    assert decided["assignment"]["due_at"] == due
    await check(city)


async def test_an_escalation_that_comes_home_after_forty_days_is_chased_and_closed_in_the_departments_feed(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    duty = await rule(scene, "provincial", "CS-MZ")
    bureau = await city.department("CS-MZ")
    forwarded = {"reference": "函1", "forwarded_on": "2026-03-02", "forwarded_to": "省民政厅"}
    assert (await bureau.post(f"/v1/assignments/{duty}/forwarding", json=forwarded)).status_code == 200
    for moment in ("2026-03-31T09:00", "2026-04-30T09:00", "2026-05-06T10:00"):
        await look(city, clock, moment)
    said = {"answer": "同意取消。", "public_reply": "省里同意取消。", "agreed": True}
    assert (await bureau.post(f"/v1/assignments/{duty}/upstream-reply", json=said)).status_code == 200
    await scene.office.post(f"/v1/assignments/{duty}/review", json={"accepted": True})
    assert "省里同意取消。" in (await scene.verify(relieved=True)).json()["replies"][-1]["text"]
    messages = await told(city, "CS-MZ")
    assert [kind for kind, _ in messages] == [
        "escalation.created", "assignment.reminded", "assignment.reminded", "case.closed",
    ]  # fmt: skip
    assert [data["deadline"]["kind"] for kind, data in messages if kind == "assignment.reminded"] == ["chase"] * 2
    assert messages[0][1]["assignment"]["due_at"] == "2026-03-09T18:00:00+08:00"
    await check(city)
