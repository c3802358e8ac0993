"""The list page: search as you type without breaking pinyin, state in the address, all of it without JavaScript."""

import re

from playwright.async_api import Page, Request, expect

from tests.browser.watching import Windows


def count_requests(page: Page) -> list[str]:
    """Addresses of htmx requests from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("hx-request"):
            asked.append(request.url)

    page.on("request", note)
    return asked


async def test_pinyin_in_the_making_asks_nothing_and_the_chosen_word_asks_once(office: Windows) -> None:
    page = await office.open("/dashboard/ledger")
    asked = count_requests(page)
    keyboard = await page.context.new_cdp_session(page)
    await page.get_by_role("searchbox").focus()
    for syllable in ("m", "min", "minz", "minzheng"):
        await keyboard.send("Input.imeSetComposition", {"text": syllable, "selectionStart": 1, "selectionEnd": 1})
        await page.wait_for_timeout(80)
    await page.wait_for_timeout(500)
    assert asked == []
    async with page.expect_request(lambda request: "text=" in request.url):
        await keyboard.send("Input.insertText", {"text": "民政"})
    await page.wait_for_timeout(500)
    assert len(asked) == 1
    await expect(page.locator("tbody tr").first).to_contain_text("民政")


async def test_pages_and_sorting_stay_in_the_address_and_back_returns(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?sort=number")
    await page.get_by_role("link", name="下一页").click()
    await expect(page.locator(".pager-range")).to_have_text("第 21–39 条")
    await expect(page).to_have_url(f"{office.address}/dashboard/ledger?sort=number&page=2")
    await page.get_by_role("link", name="编号").click()
    await expect(page.locator("tbody tr").first).to_contain_text("YL-2026-000039")
    await expect(page.locator("th[aria-sort]").first).to_have_attribute("aria-sort", "descending")
    await page.go_back()
    await expect(page.locator(".pager-range")).to_have_text("第 21–39 条")
    await expect(page.get_by_role("banner")).to_have_count(1)


async def test_a_search_keeps_the_tab_sorting_and_size_chosen_before(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?tab=open&sort=number")
    await page.get_by_role("link", name="50", exact=True).click()
    await expect(page.locator(".pager-range")).to_have_text("第 1–38 条")
    await page.get_by_role("button", name="查询").click()
    await expect(page).to_have_url(re.compile(r"(?=.*sort=number)(?=.*size=50)(?=.*tab=open)"))


async def test_a_list_works_without_javascript(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?sort=number", javascript=False)
    await page.get_by_role("link", name="下一页").click()
    await expect(page.locator(".pager-range")).to_have_text("第 21–39 条")
    await page.locator("#query-text").fill("000013")
    await page.get_by_role("button", name="查询").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await page.get_by_role("link", name="重置").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 39 条")
    await expect(page.locator(".js-only")).to_be_hidden()


async def test_views_columns_and_ticked_cases_work_with_and_without_javascript(office: Windows) -> None:
    for javascript in (True, False):
        page = await office.open("/dashboard/ledger?tab=open&sort=number", javascript=javascript)
        await page.locator(".column-choice > summary").click()
        await page.get_by_label("承办单位").check()
        await page.get_by_role("button", name="应用").click()
        await expect(page.locator("thead th").nth(5)).to_have_text("承办单位")
        await page.get_by_text("保存与管理视图").click()
        await page.get_by_label("以当前条件、排序和列新建视图").fill("走访 <b>")
        await page.get_by_role("button", name="保存", exact=True).click()
        await expect(page.locator("#flash")).to_contain_text("已保存视图： 走访 <b>")
        await page.goto(f"{office.address}/dashboard/ledger?columns=text")
        await page.get_by_role("link", name="走访 <b>").click()
        await expect(page.locator("thead th").nth(5)).to_have_text("承办单位")
        await expect(page.locator(".tabs [aria-current]")).to_have_text("未销号")
        await page.get_by_text("保存与管理视图").click()
        await page.get_by_role("button", name="删除第 1 个视图").click()
        await expect(page.locator(".views-list")).to_have_count(0)
        await page.locator(".column-choice > summary").click()
        await page.get_by_role("button", name="恢复常用列").click()
        await expect(page.locator("thead th")).to_have_count(7)
        await page.goto(f"{office.address}/dashboard/triage")
        await page.locator(".queue-tick").nth(0).check()
        await page.locator(".queue-tick").nth(1).check()
        await page.get_by_role("button", name="批量采纳…").click()
        await expect(page.locator("tbody tr")).to_have_count(2)
        await page.get_by_role("link", name="取消").click()
        await expect(page.locator(".queue-list")).to_be_visible()
