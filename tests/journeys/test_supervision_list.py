"""督办: the list of what stands under it, departments by code, what waits for a leader; and the menu's counts."""

import re

from app.clock import FixedClock
from app.models import Role
from tests.api.scenes import assigned, unclear
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, report, shown
from tests.journeys.test_supervision import look_at

OTHERS = {"YH-MZ": "雨花区民政局要求每天报一次独居老人台账。", "CS-JT": "市交通局要求警示桩每周拍照。"}
BADGE = re.compile(r'<a href="([^"]+)"[^>]*>[^<]*<span class="count"><span class="visually-hidden">[^<]*</span>(\d+)')


async def badges(browser: OfficeBrowser) -> dict[str, int]:
    await browser.get("/dashboard/badges?page=home&seen=")
    return {path: int(count) for path, count in BADGE.findall(browser.page.text)}


async def test_units_stand_in_code_order_and_a_leaders_decision_takes_off_what_waits(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    for code, text in OTHERS.items():
        told = await report(city, text)
        case = (await (await city.office()).get(f"/v1/cases/{told['case']}")).json()
        assert case["assignments"][0]["department"] == code
        duty = case["assignments"][0]["id"]
        assert (
            await (await city.department(code)).post(f"/v1/assignments/{duty}/acceptance", json={})
        ).status_code == 200
    await scene.act("acceptance")
    for day in ("03-24", "03-30", "04-03", "04-13", "04-20"):
        await look_at(city, clock, f"2026-{day}T10:00")
    leader = await at_work(city, Role.LEADER)
    page = shown(await leader.get("/dashboard/supervision"))
    assert leader.page.status_code == 200, page
    places = [page.index(name) for name in ("长沙市交通运输局", "芙蓉区民政局", "雨花区民政局")]
    assert places == sorted(places)
    assert ("共 3 条" in page, page.count("待负责人批示")) == (True, 4)
    assert (await badges(leader))["/dashboard/supervision"] == 3
    assert "共 0 条" in shown(await leader.get("/dashboard/supervision?level=1"))

    case = f"/dashboard/cases/{scene.case}"
    await leader.get(case)
    decided = {"decision": "meeting", "note": "请到会说明。", "look_again_on": "2026-04-24"}
    assert (await leader.send(f"{case}/instruction", decided)).status_code == 303
    await leader.follow()
    waiting = shown(await leader.get("/dashboard/supervision?waiting=leader"))
    assert ("共 2 条" in waiting, scene.case in waiting) == (True, False)
    listed = shown(await leader.get("/dashboard/supervision?level=3"))
    assert "约谈部门负责人" in listed
    assert (await badges(leader))["/dashboard/supervision"] == 2


async def test_the_menu_leads_to_what_it_counts(city: CityUnderTest) -> None:
    await assigned(city)
    await unclear(city)
    clerk = await at_work(city, Role.CLERK)
    for path, count in (await badges(clerk)).items():
        if "/ledger" in path or "/triage" in path:
            seen = shown(await clerk.get(path.replace("&amp;", "&")))
            assert f"{count} 条" in seen or f"{count} 件" in seen, path
    page = (await clerk.get("/dashboard/ledger?status=dispatched&sort=due")).text
    assert re.search(r'href="/dashboard/ledger\?status=dispatched&amp;sort=due" aria-current="page"', page)
