"""签名密钥 in a real browser, with JavaScript and without: changed, revoked, paired; each page accessible."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.judging import assert_accessible, assert_english, assert_fits
from tests.browser.real_city import Town
from tests.browser.watching import Windows

SECRET = re.compile(r"^whsec_[A-Za-z0-9+/=]{44}$")


async def press(page: Page, form: str, *, agree: bool = False) -> None:
    """Open the part of the panel that a form stands in, tick where it asks for it, and send it."""
    await page.locator(f"details:has(#{form}) > summary").click()
    if agree:
        await page.locator(f"#{form} [name=agreed]").check()
    await page.locator(f"#{form} button[type=submit]").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_keys_are_changed_on_the_page_of_an_endpoint(office: Windows, town: Town, javascript: bool) -> None:
    page = await office.open(f"/dashboard/endpoints/{town.endpoint}", javascript=javascript)
    shown: list[str] = []
    for form, agree in (("secret", False), ("secret-revocation", True)):
        await press(page, form, agree=agree)
        await expect(page.get_by_role("heading", name="新的签名密钥只显示这一次")).to_be_visible()
        value = page.locator(".secret-value")
        await expect(value).to_have_text(SECRET)
        if shown:
            await expect(value).not_to_have_text(shown[-1])
        shown.append(await value.inner_text())
        assert await page.locator("main .btn-primary").count() <= 1
        if javascript:
            await assert_accessible(page)
            await assert_fits(page)
    assert len(set(shown)) == 2
    await press(page, "signing-key")
    await expect(page.locator("#flash")).to_contain_text("已启用新的密钥对")
    await expect(page.locator(".secret-value")).to_have_count(0)
    await expect(page.locator(".public-key")).to_have_text([re.compile("^whpk_")])
    await press(page, "signing-key")
    await expect(page.locator(".public-key")).to_have_count(2)
    await press(page, "pair-revocation", agree=True)
    await expect(page.locator(".public-key")).to_have_count(1)
    await press(page, "pair-removal", agree=True)
    await expect(page.locator(".public-key")).to_have_count(0)
    await page.goto(f"{office.address}/dashboard/endpoints/{town.endpoint}")
    assert not [secret for secret in shown if secret in await page.content()]


async def test_a_second_click_on_the_button_changes_nothing_more(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/endpoints/{town.endpoint}")
    await page.locator("details:has(#secret) > summary").click()
    await page.locator("#secret button[type=submit]").dblclick()
    await expect(page.locator(".secret-value")).to_have_text(SECRET)
    await expect(page.locator("#flash .alert")).to_have_count(0)


async def test_the_opened_forms_are_accessible_at_each_size_and_in_english(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/endpoints/{town.endpoint}")
    for _ in range(2):  # a pair, and another beside it: every form and column
        await press(page, "signing-key")
        await expect(page.locator("#flash")).to_contain_text("已启用新的密钥对")
        await page.goto(f"{office.address}/dashboard/endpoints/{town.endpoint}")
    for language in ("zh", "en"):
        page = await office.open(f"/dashboard/endpoints/{town.endpoint}", language=language)
        await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
        for width, height in ((1366, 768), (683, 384), (360, 740)):
            await page.set_viewport_size({"width": width, "height": height})
            await assert_accessible(page)
            await assert_fits(page)
        if language == "en":
            await assert_english(page)


async def test_agreement_is_asked_for_before_anything_is_sent(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/endpoints/{town.endpoint}")
    await press(page, "secret-revocation")
    await expect(page.locator("#secret-revocation [name=agreed]")).to_be_focused()
    await expect(page.locator(".secret-value")).to_have_count(0)
