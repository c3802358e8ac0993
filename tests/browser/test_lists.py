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


async def test_typing_searches_in_place_and_keeps_the_focus(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    field = page.get_by_role("searchbox")
    await field.press_sequentially("000013", delay=20)
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("000013")
    assert "text=000013" in page.url


async def test_pinyin_in_the_making_asks_nothing_and_the_chosen_word_asks_once(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    asked = count_requests(page)
    keyboard = await page.context.new_cdp_session(page)
    await page.get_by_role("searchbox").focus()
    for syllable in ("m", "mi", "min", "minz", "minzh", "minzheng"):
        await keyboard.send("Input.imeSetComposition", {"text": syllable, "selectionStart": 1, "selectionEnd": 1})
        await page.wait_for_timeout(80)
    await page.wait_for_timeout(500)
    assert asked == []
    async with page.expect_request(lambda request: "text=" in request.url):
        await keyboard.send("Input.insertText", {"text": "民政"})
    await page.wait_for_timeout(500)
    assert len(asked) == 1
    await expect(page.locator(".toolbar-count")).to_have_text("共 137 条")


async def test_pages_and_sorting_stay_in_the_address_and_back_returns(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    await page.get_by_role("link", name="下一页").click()
    await expect(page.locator(".pager-range")).to_have_text("第 21–40 条")
    await expect(page).to_have_url(f"{windows.address}/dashboard/ledger?sort=number&page=2")
    await page.get_by_role("link", name="编号").click()
    await expect(page.locator("tbody tr").first).to_contain_text("YL-2026-000137")
    await expect(page.locator("th").first).to_have_attribute("aria-sort", "descending")
    await page.go_back()
    await expect(page.locator(".pager-range")).to_have_text("第 21–40 条")
    await expect(page.get_by_role("banner")).to_have_count(1)


async def test_a_search_keeps_the_sorting_and_size_chosen_before(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    await page.get_by_role("link", name="50").click()
    await expect(page.locator(".pager-range")).to_have_text("第 1–50 条")
    await page.get_by_role("button", name="查询").click()
    await expect(page).to_have_url(re.compile(r"sort=number.*size=50|size=50.*sort=number"))


async def test_a_list_works_without_javascript(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger", javascript=False)
    await page.get_by_role("link", name="下一页").click()
    await expect(page.locator(".pager-range")).to_have_text("第 21–40 条")
    await page.locator("#query-text").fill("000013")
    await page.get_by_role("button", name="查询").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await page.get_by_role("link", name="重置").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 137 条")
    await expect(page.locator(".js-only")).to_be_hidden()


async def test_an_empty_list_says_so_and_what_to_do(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger?text=nothing")
    await expect(page.locator(".empty")).to_contain_text("没有符合条件的记录")
    await expect(page.locator(".pager-count")).to_have_text("共 0 条")
