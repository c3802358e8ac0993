"""The API documentation of the real service: drawn from vendored files under the strict policy, webhooks included."""

from playwright.async_api import expect

from tests.browser.judging import assert_accessible
from tests.browser.watching import Windows


async def test_the_docs_show_operations_and_webhooks_offline_and_are_accessible(street: Windows) -> None:
    page = await street.open("/docs")
    await expect(page.get_by_text("/v1/reports", exact=True).first).to_be_visible()
    await expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()
    await expect(page.get_by_text("assignment.created").first).to_be_visible()
    await assert_accessible(page)


async def test_an_opened_operation_is_accessible_and_asks_this_service(street: Windows) -> None:
    street.watch.expect("401")
    page = await street.open("/docs")
    operation = page.locator(".opblock-get").filter(has_text="/v1/departments").first
    await operation.locator(".opblock-summary-control").click()
    await expect(operation.get_by_role("button", name="Try it out")).to_be_visible()
    await assert_accessible(page)
    await operation.get_by_role("button", name="Try it out").click()
    async with page.expect_response("**/v1/departments*") as answered:
        await operation.get_by_role("button", name="Execute").click()
    assert (await answered.value).status == 401


async def test_a_key_is_given_once_and_sent_with_each_call(street: Windows) -> None:
    street.watch.expect("401")
    page = await street.open("/docs")
    await page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    await expect(dialog.get_by_text("接口密钥")).to_be_visible()
    await assert_accessible(page)
    await expect(dialog.locator("#auth-bearer-value")).to_be_focused()
    await dialog.locator("#auth-bearer-value").fill("yl_typed")
    entry = dialog.locator(".auth-container").filter(has=page.locator("#auth-bearer-value"))
    await entry.get_by_role("button", name="Authorize").click()
    await dialog.get_by_role("button", name="Close").last.click()
    operation = page.locator(".opblock-get").filter(has_text="/v1/departments").first
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    async with page.expect_response("**/v1/departments*") as answered:
        await operation.get_by_role("button", name="Execute").click()
    sent = await (await answered.value).request.all_headers()
    assert sent["authorization"] == "Bearer yl_typed"
