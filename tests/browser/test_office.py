"""A morning at the office, in a real browser on the real service: sign in, triage by keyboard, look up, decide."""

import re

from playwright.async_api import Page, expect

from tests.browser.judging import assert_fits
from tests.browser.real_city import PASSWORD, Town, session_cookie
from tests.browser.watching import Windows

REASON = "textarea[name=reason]"


async def open_number(page: Page) -> str:
    """The number of the case that is open beside the list."""
    return (await page.locator(".queue-open a").inner_text()).strip()


async def test_signing_in_and_out_without_javascript(street: Windows) -> None:
    street.watch.expect("401")
    page = await street.open("/dashboard/ledger?tab=open", javascript=False)
    await page.get_by_label("用户名").fill('"><script>alert(1)</script>')
    await page.get_by_label("密码").fill("wrong")
    await page.get_by_role("button", name="登录").click()
    await expect(page.get_by_role("alert")).to_contain_text("用户名或密码不正确")
    await expect(page.get_by_label("用户名")).to_have_value('"><script>alert(1)</script>')
    await page.get_by_label("用户名").fill("auditor")
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await expect(page).to_have_url(f"{street.address}/dashboard/ledger?tab=open")
    await expect(page.locator(".signed-in")).to_contain_text("审计员")
    await page.get_by_role("button", name="退出").click()
    await page.goto(f"{street.address}/dashboard/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("登录")


async def test_a_report_is_ruled_by_keyboard_and_the_next_one_opens(office: Windows) -> None:
    page = await office.open("/dashboard/triage")
    count = await page.locator(".queue-item").count()
    badge = page.locator("#menu a[aria-current] .count")
    number = await open_number(page)
    await expect(page.locator(".item mark.evidence").first).to_be_visible()
    await page.keyboard.press("1")
    reason = page.locator(REASON)
    await expect(reason).to_be_focused()
    await expect(reason).to_have_value(re.compile("^采纳："))
    await expect(page.locator("[name=receiver]").first).to_have_value(re.compile(r"^[A-Z]+-[A-Z]+ .+"))
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#flash")).to_contain_text(f"已裁定 {number}")
    await expect(page.locator(".queue-item")).to_have_count(count - 1)
    following = await open_number(page)
    assert following != number
    await expect(page).to_have_url(re.compile(f"case={following}"))
    await expect(page.locator(REASON)).to_have_value("")
    await expect(badge).to_have_text(re.compile(rf"\b{count - 1}$"))


async def test_j_and_k_open_the_neighbours_and_nothing_typed_goes_along(office: Windows) -> None:
    page = await office.open("/dashboard/triage")
    first = await open_number(page)
    await page.locator(REASON).fill("只属于第一条")
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await expect(page.locator(f"#item-{first}")).to_have_count(0)
    second = await open_number(page)
    await expect(page.locator(REASON)).to_have_value("")
    await expect(page.locator("[name=receiver]").first).to_have_value("")
    assert await page.evaluate("() => document.querySelectorAll('#work').length") == 1
    await page.keyboard.press("k")
    await expect(page.locator(f"#item-{first}")).to_be_visible()
    await expect(page.locator(REASON)).to_have_value("")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator(f"#item-{second}")).to_have_count(0)
    await page.go_back()
    await expect(page.locator(".queue-open")).to_have_count(1)


async def test_slash_searches_the_list_and_question_mark_explains(office: Windows) -> None:
    page = await office.open("/dashboard/triage")
    await page.keyboard.press("?")
    await expect(page.locator("#shortcut-help")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("公示栏")
    await expect(page.locator(".queue-item")).to_have_count(1)
    await expect(page.locator(".item")).to_contain_text("公示栏半年换了三回版式")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    assert "text=" in page.url


async def test_a_lost_race_is_told_in_place_and_the_input_stays(office: Windows) -> None:
    office.watch.expect("409|422")
    slow = await office.open("/dashboard/triage?text=体检表")
    fast = await office.open("/dashboard/triage?text=体检表")
    number = await open_number(slow)
    for page, reason in ((fast, "先到的裁定"), (slow, "后到的裁定")):
        await page.get_by_label("市县事项").check()
        await page.locator("[name=receiver]").first.fill("芙蓉区卫生健康局")
        await page.locator(REASON).fill(reason)
    await fast.get_by_role("button", name="裁定", exact=True).click()
    await expect(fast.locator("#flash")).to_contain_text(f"已裁定 {number}")
    await slow.get_by_role("button", name="裁定", exact=True).click()
    await expect(slow.get_by_role("alert")).to_contain_text("刚被他人办理过")
    await expect(slow.locator(REASON)).to_have_value("后到的裁定")
    await expect(slow.get_by_role("button", name="裁定", exact=True)).to_be_enabled()


async def test_a_ruling_works_without_javascript(office: Windows) -> None:
    office.watch.expect("422")
    page = await office.open("/dashboard/triage?text=垃圾分类", javascript=False)
    number = await open_number(page)
    await page.get_by_label("多部门事项").check()
    await page.locator("[name=receiver]").nth(0).fill("CS-CG")
    await page.locator("[name=receiver]").nth(1).fill("没有这个局")
    await page.locator(REASON).fill("须各部门共同核实")
    await page.get_by_role("button", name="裁定", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("不在部门目录中")
    await expect(page.locator("[name=receiver]").nth(1)).to_have_value("没有这个局")
    await expect(page.locator(REASON)).to_have_value("须各部门共同核实")
    await page.locator("[name=receiver]").nth(1).fill("CS-ZJ")
    await page.get_by_role("button", name="裁定", exact=True).click()
    await expect(page.locator("#flash")).to_contain_text(f"已裁定 {number}")


async def test_the_ledger_is_filtered_while_typing_and_by_its_tabs(office: Windows, town: Town) -> None:
    page = await office.open("/dashboard/ledger")
    await page.get_by_role("searchbox").press_sequentially(town.answered[-6:], delay=20)
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page.locator(".balance")).to_contain_text("挂账 1 − 销号 0 = 在账 1")
    await page.get_by_role("link", name="重置").click()
    await page.locator(".tabs").get_by_role("link", name="已销号").click()
    await expect(page.locator("tbody")).to_contain_text(town.closed)
    await expect(page).to_have_url(re.compile("tab=closed"))
    await expect(page.locator(".tabs [aria-current]")).to_have_text("已销号")
    await page.reload()
    await expect(page.locator(".tabs [aria-current]")).to_have_text("已销号")


async def test_a_case_opens_from_the_ledger_with_its_evidence_and_is_reviewed(office: Windows, town: Town) -> None:
    office.watch.expect("422")
    page = await office.open(f"/dashboard/ledger?text={town.answered}")
    await page.get_by_role("link", name=town.answered).click()
    await expect(page.locator("mark.evidence").filter(has_text="区民政局").first).to_be_visible()
    await expect(page.locator(".step-current")).to_contain_text("审核")
    await expect(page.locator(".timeline-entry")).to_have_count(4)
    await page.get_by_role("button", name="退回重办").click()
    await expect(page.get_by_role("alert")).to_contain_text("退回重办须写明意见")
    await page.get_by_role("button", name="审核通过").click()
    await expect(page.locator("#flash")).to_contain_text(f"已审核通过 {town.answered}")
    await expect(page.locator(".step-current")).to_contain_text("核实")


async def test_an_auditor_sees_no_forms(street: Windows, town: Town) -> None:
    street.session = session_cookie(town.address, "auditor")
    page = await street.open("/dashboard/triage")
    await expect(page.locator(".evidence-text")).to_be_visible()
    await expect(page.locator("main form[method=post]")).to_have_count(0)


async def test_an_ended_session_leads_back_to_the_sign_in_page(street: Windows, town: Town) -> None:
    street.watch.expect("401|Response Status Error")
    street.session = session_cookie(town.address, "auditor")
    page = await street.open("/dashboard/triage")
    await page.context.clear_cookies(name="yilong_session")
    await page.keyboard.press("j")
    await expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    assert "next=%2Fdashboard%2Ftriage" in page.url


async def test_facts_and_reach_stand_side_by_side_only_where_there_is_room(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/cases/{town.answered}")
    panels = [
        page.locator("section[aria-labelledby=facts-title]"),
        page.locator("section[aria-labelledby=reach-title]"),
    ]
    for width, height, beside in ((1366, 768, True), (683, 384, False), (360, 740, False)):
        await page.set_viewport_size({"width": width, "height": height})
        facts, reach = [await panel.bounding_box() for panel in panels]
        assert facts is not None
        assert reach is not None
        assert (facts["y"] == reach["y"]) is beside, width
        if beside:
            assert facts["x"] + facts["width"] < reach["x"]
        else:
            assert (facts["x"], facts["width"]) == (reach["x"], reach["width"])
        await assert_fits(page)
