"""批量催办: who has something to answer is urged after a look, each once a day, case by case."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.clock import FixedClock
from app.models import Role
from tests.api.scenes import FEEDBACK, assigned, unclear
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, shown, visitor
from tests.dashboard.test_batch import query
from tests.journeys.test_clusters import ledger_holds
from tests.journeys.test_supervision import look_at

URGING = "/dashboard/ledger/urging"
ZONE = ZoneInfo("Asia/Shanghai")


async def preview(browser: OfficeBrowser, *numbers: str) -> dict[str, Any]:
    """Look at the cases; the form as it stands with all of them ticked."""
    await browser.get(f"{URGING}?{query([*numbers])}")
    return browser.hidden(URGING) | {"case": [*numbers]}


async def sign_in_again(city: CityUnderTest) -> OfficeBrowser:
    """The clerk of before, on another day."""
    browser = await visitor(city)
    assert (await browser.sign_in(Role.CLERK.value)).status_code == 303
    return browser


async def told(client: Any) -> list[str]:
    return [event["type"] for event in (await client.get("/v1/events")).json()["events"]]


async def test_a_department_is_urged_once_a_day_and_its_clock_stays(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    _, _, waiting = await unclear(city)
    before = (await scene.shown())["case"]
    browser = await at_work(city)
    fields = await preview(browser, scene.case, waiting)
    assert "今天刚开始计时" in shown(browser.page)
    assert "没有待反馈的单位" in shown(browser.page)
    answer = await browser.post(URGING, fields)
    assert "已催办 0 件。 2 件未催办" in shown(answer)
    assert "assignment.urged" not in await told(scene.department)
    # Two days on it is asked for an answer; another look at the case is not refused for that.
    clock.set(datetime(2026, 3, 4, 15, tzinfo=ZONE))
    browser = await sign_in_again(city)
    fields = await preview(browser, scene.case, waiting)
    answer = await browser.post(URGING, fields)
    assert "已催办 1 件。 1 件未催办" in shown(answer)
    assert "芙蓉区民政局" in shown(answer)
    feed = (await scene.department.get("/v1/events")).json()["events"]
    assert feed[-1]["type"] == "assignment.urged"
    assert feed[-1]["data"]["deadline"]["kind"] == "acceptance"
    after = await scene.shown()
    assert after["case"]["due_at"] == before["due_at"]
    again = await browser.post(URGING, fields)
    assert "已催办 0 件。" in shown(again)
    assert "未催办：今天已通知过" in shown(again)
    assert (await told(scene.department)).count("assignment.urged") == 1
    page = shown(await browser.get(f"/dashboard/cases/{scene.case}"))
    again_over_the_interface = await scene.office.post(f"/v1/cases/{scene.case}/urging", json={})
    assert (again_over_the_interface.status_code, again_over_the_interface.json()["code"]) == (409, "nothing_to_urge")
    assert "人工催办" in page
    assert "周敏" in page
    await ledger_holds(city)


async def test_who_was_told_by_a_clock_today_or_has_answered_is_not_urged(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    await look_at(city, clock, "2026-03-05T09:00")
    assert (await told(scene.department))[-1] == "assignment.overdue"
    browser = await at_work(city)
    await preview(browser, scene.case)
    assert "今天已通知过" in shown(browser.page)
    clock.set(datetime(2026, 3, 6, 10, tzinfo=ZONE))
    browser = await sign_in_again(city)
    fields = await preview(browser, scene.case)
    assert "今天已通知过" not in shown(browser.page)
    await scene.act("acceptance")
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    answer = await browser.post(URGING, fields)
    assert "刚被他人办理过" in shown(answer)
    await preview(browser, scene.case)
    assert "没有待反馈的单位" in shown(browser.page)


async def test_a_paused_clock_is_not_urged_and_the_auditor_urges_nobody(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    wish = {"blocker": "awaiting_other", "who": "财政部门", "why": "等待批复", "working_days": 5}
    assert (await scene.office.post(f"/v1/assignments/{scene.assignment}/pause", json=wish)).status_code == 200
    clock.set(datetime(2026, 3, 5, 10, tzinfo=ZONE))
    browser = await at_work(city)
    fields = await preview(browser, scene.case)
    assert "已暂停计时" in shown(browser.page)
    assert "未催办：已暂停计时" in shown(await browser.post(URGING, fields))
    refused = await browser.post(URGING, fields | {"case": []})
    assert (refused.status_code, "请勾选要催办的事项" in refused.text) == (422, True)
    wrong = await browser.post(URGING, fields | {"case": ["YL-2026-999999", "<b>"]})
    assert ("2 件未催办" in shown(wrong), "<b>" in wrong.text) == (True, False)
    auditor = await at_work(city, Role.AUDITOR)
    assert (await auditor.get(f"{URGING}?case={scene.case}")).status_code == 403
    assert URGING not in (await auditor.get("/dashboard/ledger")).text


async def test_the_interface_says_whom_it_urged_and_whom_not(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    receivers = [{"code": "FR-MZ", "role": "lead"}, {"code": "CS-JY", "role": "supporting"}]
    ruling = {"category": "municipal_district", "receivers": receivers, "reason": "两家都有份。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/ruling", json=ruling)).status_code == 200
    duties = (await scene.shown())["assignments"]
    paused = next(d["id"] for d in duties if d["department"] == "CS-JY" and d["status"] == "dispatched")
    other = await city.department("CS-JY")
    assert (await other.post(f"/v1/assignments/{paused}/acceptance", json={})).status_code == 200
    wish = {"blocker": "awaiting_other", "who": "财政部门", "why": "等待批复", "working_days": 5}
    assert (await scene.office.post(f"/v1/assignments/{paused}/pause", json=wish)).status_code == 200
    early = await scene.office.post(f"/v1/cases/{scene.case}/urging", json={})
    assert (early.status_code, early.json()["code"]) == (409, "nothing_to_urge")
    clock.set(datetime(2026, 3, 4, 15, tzinfo=ZONE))
    version = (await scene.shown())["case"]["version"]
    stale = await scene.office.post(f"/v1/cases/{scene.case}/urging", json={"version": version - 1})
    assert stale.status_code == 409
    answer = await scene.office.post(f"/v1/cases/{scene.case}/urging", json={"version": version})
    assert (answer.status_code, answer.json()["urged"]) == (200, ["FR-MZ"])
    assert answer.json()["spared"] == [{"department": "CS-JY", "because": "paused"}]
    assert (await told(scene.department))[-1] == "assignment.urged"
    assert "assignment.urged" not in await told(other)
    for client in (scene.department, scene.reporter):
        assert (await client.post(f"/v1/cases/{scene.case}/urging", json={})).status_code == 403
    await ledger_holds(city)
