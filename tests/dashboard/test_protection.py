"""The case page protects a reporter: what departments will read, and a contact that opens once, for a reason."""

from app.access.people import create_user
from app.masking import MASK
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import PASSWORD, at_work, report, shown, visitor
from tests.journeys.test_protection import CONTACT, MATTER, PHONE, REASON, send


async def test_the_case_page_shows_what_departments_will_read_and_changes_it(city: CityUnderTest) -> None:
    told = await report(city, f"我是王芳。{MATTER}")
    browser, url = await at_work(city), f"/dashboard/cases/{told['case']}"
    page = await browser.get(url)
    assert f"我是{MASK}。" in shown(page).partition("部门将看到的文字")[2]
    wrong = await browser.send(f"{url}/disclosure", {"text": "另写一段。"})
    assert wrong.status_code == 422
    assert "只能在原文上隐去" in shown(wrong)
    await browser.get(url)
    changed = await browser.send(f"{url}/disclosure", {"text": f"我是{MASK}。{MASK}还要逐户拍照上传。"})
    assert changed.status_code == 303, shown(changed)
    said = shown(await browser.follow())
    assert "已人工调整" in said
    assert f"{MASK}还要逐户拍照上传。" in said
    assert "调整部门将看到的文字 周敏" in said.partition("办理过程")[2]


async def test_the_page_opens_a_contact_once_and_the_timeline_says_who_and_why(city: CityUnderTest) -> None:
    told = await send(city, MATTER)
    url = f"/dashboard/cases/{told['case']}"
    clerk = await at_work(city, Role.CLERK)
    page = await clerk.get(url)
    assert "请负责人说明理由后查看" in shown(page)
    assert "contact-view" not in page.text
    refused = await clerk.post(f"{url}/contact-view", {**clerk.hidden(f"{url}/disclosure"), "reason": REASON})
    assert refused.status_code == 403
    leader = await visitor(city)
    async with city.runtime.database.write() as session:
        await create_user(session, "leader", PASSWORD, role=Role.LEADER, display_name="陈静", now=city.clock.now())
    await leader.sign_in("leader")
    await leader.get(url)
    silent = await leader.send(f"{url}/contact-view", {"reason": ""})
    assert silent.status_code == 422
    opened = await leader.send(f"{url}/contact-view", {"reason": REASON})
    assert opened.status_code == 200
    assert CONTACT in shown(opened)
    again = shown(await leader.get(url))
    assert PHONE not in again
    entry = again.partition("办理过程")[2].partition("查看反映人联系方式")[2][:200]
    assert "陈静" in entry
    assert told["report"] in entry
    assert f"理由 {REASON}" in entry
    await leader.send(f"{url}/contact-erasure", {"reason": "反映人要求删除"})
    said = shown(await leader.follow())
    assert f"已删除 {told['report']} 的联系方式。" in said
    assert "反映人要求删除" in said
    assert "contact-view" not in leader.page.text
