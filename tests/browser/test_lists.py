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
    await expect(page.locator(".pager-range")).to_have_text("第 21–38 条")
    await expect(page).to_have_url(f"{office.address}/dashboard/ledger?sort=number&page=2")
    await page.get_by_role("link", name="编号").click()
    await expect(page.locator("tbody tr").first).to_contain_text("YL-2026-000038")
    await expect(page.locator("th").first).to_have_attribute("aria-sort", "descending")
    await page.go_back()
    await expect(page.locator(".pager-range")).to_have_text("第 21–38 条")
    await expect(page.get_by_role("banner")).to_have_count(1)


async def test_a_search_keeps_the_tab_sorting_and_size_chosen_before(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?tab=open&sort=number")
    await page.get_by_role("link", name="50", exact=True).click()
    await expect(page.locator(".pager-range")).to_have_text("第 1–37 条")
    await page.get_by_role("button", name="查询").click()
    await expect(page).to_have_url(re.compile(r"(?=.*sort=number)(?=.*size=50)(?=.*tab=open)"))


async def test_a_list_works_without_javascript(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?sort=number", javascript=False)
    await page.get_by_role("link", name="下一页").click()
    await expect(page.locator(".pager-range")).to_have_text("第 21–38 条")
    await page.locator("#query-text").fill("000013")
    await page.get_by_role("button", name="查询").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await page.get_by_role("link", name="重置").click()
    await expect(page.locator(".toolbar-count")).to_have_text("共 38 条")
    await expect(page.locator(".js-only")).to_be_hidden()
