"""The keyboard: rows are walked, letters stay letters while somebody writes, and it can all be switched off."""

from playwright.async_api import Page, expect

from tests.browser.watching import Windows

FILLED = "textarea[name=reason]"


async def test_j_and_k_walk_the_rows_of_a_list(office: Windows) -> None:
    page = await office.open("/dashboard/ledger")
    rows = page.locator("tbody tr")
    for key, index in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
        await page.keyboard.press(key)
        await expect(rows.nth(index).locator("a").first).to_be_focused()


async def press_on_the_body(page: Page, how: str) -> None:
    await page.evaluate(
        "(how) => { document.activeElement.blur(); document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key: '1', [how]: true, bubbles: true})); }",
        how,
    )


async def test_keys_are_letters_while_somebody_writes_or_composes(office: Windows) -> None:
    page = await office.open("/dashboard/triage")
    await page.locator(FILLED).focus()
    await page.keyboard.type("1j?/")
    await expect(page.locator(FILLED)).to_have_value("1j?/")
    await expect(page.locator("#shortcut-help")).to_be_hidden()
    for how in ("isComposing", "ctrlKey"):
        await press_on_the_body(page, how)
        await expect(page.locator(FILLED)).to_have_value("1j?/")
        await expect(page.locator("[name=receiver]").first).to_have_value("")


async def test_a_candidate_keeps_a_reason_that_was_written_and_replaces_its_own(office: Windows) -> None:
    page = await office.open("/dashboard/triage?text=探访表")
    await page.keyboard.press("1")
    first = await page.locator("[name=receiver]").first.input_value()
    assert first
    await page.locator("h1").click()
    await page.keyboard.press("2")
    await expect(page.locator("[name=receiver]").first).not_to_have_value(first)
    await page.locator(FILLED).fill("自己写的理由")
    await page.locator("h1").click()
    await page.keyboard.press("1")
    await expect(page.locator(FILLED)).to_have_value("自己写的理由")


async def test_shortcuts_can_be_switched_off_for_good(office: Windows) -> None:
    page = await office.open("/dashboard/triage")
    await page.keyboard.press("?")
    await page.locator("[data-shortcut-switch]").uncheck()
    await page.get_by_role("button", name="关闭").click()
    await page.reload()
    await page.keyboard.press("1")
    await page.keyboard.press("?")
    await expect(page.locator("#shortcut-help")).to_be_hidden()
    await expect(page.locator(FILLED)).to_have_value("")
