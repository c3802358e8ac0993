"""The API documentation: drawn from vendored files under the strict policy, webhooks included."""

from playwright.async_api import expect

from tests.browser.judging import assert_accessible
from tests.browser.watching import Windows


async def test_the_docs_show_operations_and_webhooks_offline(windows: Windows) -> None:
    page = await windows.open("/docs")
    await expect(page.get_by_text("/v1/cases/{number}")).to_be_visible()
    await expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()
    await expect(page.get_by_text("assignment.created")).to_be_visible()
    await assert_accessible(page)


async def test_opened_operations_are_accessible(windows: Windows) -> None:
    page = await windows.open("/docs")
    closed = page.locator(".opblock-summary-control[aria-expanded=false]")
    await expect(closed).to_have_count(2)
    await closed.last.click()
    await closed.first.click()
    await expect(page.get_by_text("A department has been given a case.").first).to_be_visible()
    await assert_accessible(page)


async def test_trying_an_operation_asks_this_service(windows: Windows) -> None:
    page = await windows.open("/docs")
    await page.locator(".opblock-get .opblock-summary-control").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_placeholder("number").fill("YL-2026-000001")
    async with page.expect_response("**/v1/cases/YL-2026-000001") as answered:
        await page.get_by_role("button", name="Execute").click()
    assert (await answered.value).status == 200
