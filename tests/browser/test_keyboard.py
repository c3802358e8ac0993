"""The keyboard: j and k, digits, / and ?, and silence while somebody writes."""

from playwright.async_api import Page, expect

from tests.browser.watching import Windows


async def rulings_asked(page: Page) -> list[str]:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/rulings") else None)
    return asked


async def test_j_and_k_walk_the_list(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    links = page.locator("tbody a")
    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()


async def test_slash_goes_to_the_search_and_question_mark_opens_the_help(windows: Windows) -> None:
    page = await windows.open("/dashboard/ledger")
    await page.keyboard.press("?")
    await expect(page.locator("#shortcut-help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#shortcut-help")).to_be_hidden()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page.get_by_role("searchbox")).to_have_value("")


async def test_a_digit_presses_its_button(windows: Windows) -> None:
    windows.watch.expect("409")
    page = await windows.open("/dashboard/triage")
    async with page.expect_request("**/dashboard/rulings") as asked:
        await page.keyboard.press("1")
    assert "receiver=CS-MZ" in ((await asked.value).post_data or "")
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_keys_are_letters_while_somebody_writes_or_composes(windows: Windows) -> None:
    page = await windows.open("/dashboard/triage")
    asked = await rulings_asked(page)
    await page.locator("#reason").focus()
    await page.keyboard.type("1j?/")
    await expect(page.locator("#reason")).to_have_value("1j?/")
    await expect(page.locator("#shortcut-help")).to_be_hidden()
    await page.evaluate(
        "() => { document.activeElement.blur();"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', isComposing: true, bubbles: true}));"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', ctrlKey: true, bubbles: true})); }"
    )
    await page.wait_for_timeout(300)
    assert asked == []


async def test_shortcuts_can_be_switched_off_for_good(windows: Windows) -> None:
    page = await windows.open("/dashboard/triage")
    asked = await rulings_asked(page)
    await page.keyboard.press("?")
    await page.locator("[data-shortcut-switch]").uncheck()
    await page.get_by_role("button", name="关闭").click()
    await page.keyboard.press("1")
    await page.reload()
    await page.keyboard.press("1")
    await page.keyboard.press("?")
    await expect(page.locator("#shortcut-help")).to_be_hidden()
    assert asked == []
