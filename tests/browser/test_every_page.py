"""What holds on every page of the ground: accessible in both languages, no foreign request, fits the window."""

import pytest
from playwright.async_api import expect

from tests.browser.judging import assert_accessible, assert_chinese_glyphs, assert_english, assert_fits
from tests.browser.watching import Windows

PAGES = {
    "sign-in": "/dashboard/sign-in",
    "list": "/dashboard/ledger?page=3&sort=-number",
    "empty-list": "/dashboard/ledger?text=nothing-has-this",
    "evidence": "/dashboard/triage",
    "missing": "/dashboard/missing",
}
WINDOWS = {"desk": (1366, 768), "zoomed-to-200": (683, 384), "phone": (360, 740)}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_accessible_in_both_languages(windows: Windows, name: str, language: str) -> None:
    windows.watch.expect("404")
    page = await windows.open(PAGES[name], language=language)
    await assert_accessible(page)
    if language == "en":
        await assert_english(page)
    else:
        assert await page.locator("html").get_attribute("lang") == "zh-CN"


@pytest.mark.parametrize("size", WINDOWS)
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_never_scrolls_sideways(windows: Windows, name: str, size: str) -> None:
    windows.watch.expect("404")
    width, height = WINDOWS[size]
    page = await windows.open(PAGES[name], width=width, height=height)
    await assert_fits(page)


async def test_a_phone_sized_page_is_accessible(windows: Windows) -> None:
    for name in ("sign-in", "list", "evidence"):
        await assert_accessible(await windows.open(PAGES[name], width=360, height=740))


async def test_chinese_is_drawn_with_chinese_glyphs(windows: Windows) -> None:
    await assert_chinese_glyphs(await windows.open("/dashboard/sign-in"))


async def test_the_help_on_shortcuts_is_accessible(windows: Windows) -> None:
    for language in ("zh", "en"):
        page = await windows.open("/dashboard/ledger", language=language)
        await page.locator("[data-shortcut-help-open]").click()
        await expect(page.locator("#shortcut-help")).to_be_visible()
        await assert_accessible(page)


async def test_the_language_switch_keeps_the_address_and_is_remembered(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger?page=2")
    await page.get_by_role("link", name="English").click()
    await expect(page).to_have_url(f"{windows.address}/dashboard/ledger?page=2&lang=en")
    await page.goto(f"{windows.address}/dashboard/triage")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Triage")


async def test_the_skip_link_leads_to_the_content(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip-link")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()


async def test_on_paper_only_the_content_is_left(windows: Windows) -> None:
    page = await windows.open("/dashboard/triage")
    await page.emulate_media(media="print")
    for part in (".masthead", ".menu", ".colophon"):
        await expect(page.locator(part)).to_be_hidden()
    await expect(page.locator(".evidence-text")).to_be_visible()
