"""One burden through three browsers: a point's phone, a department without a system, and the office between them."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import watched_windows
from tests.browser.real_city import MINZHENG, SHEQU, Town, session_cookie
from tests.browser.watching import Windows
from tests.feedback.files import PDF

TEXT = "区民政局要求村里每月填一本高龄补贴发放签字簿，一式三份，还要逐页拍照存档。"


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, town: Town) -> AsyncIterator[Windows]:
    """Windows of a point's person."""
    async for opened in watched_windows(browser, town.address, session_cookie(town.address, SHEQU)):
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def bureau(browser: Browser, town: Town) -> AsyncIterator[Windows]:
    """Windows of a department's person."""
    async for opened in watched_windows(browser, town.address, session_cookie(town.address, MINZHENG)):
        yield opened


async def test_a_burden_is_reported_on_a_phone_answered_on_a_departments_page_and_verified(
    phone: Windows, bureau: Windows, office: Windows
) -> None:
    phone.watch.expect("422")
    bureau.watch.expect("422")
    # A phone without JavaScript: one field, a draft that survives a refusal, and an answer at once.
    sending = await phone.open("/dashboard/", javascript=False, width=360, height=740)
    await expect(sending).to_have_url(f"{phone.address}/dashboard/reporting")
    await sending.locator("#text").fill(TEXT)
    await sending.locator("summary").click()
    await sending.locator("[name=department]").first.fill("没有这个局")
    await sending.get_by_role("button", name="提交").click()
    await expect(sending.get_by_role("alert")).to_contain_text("不在部门目录中")
    await expect(sending.locator("#text")).to_have_value(TEXT)
    await sending.locator("[name=department]").first.fill("")
    await sending.get_by_role("button", name="提交").dblclick()
    await expect(sending.locator("#flash")).to_contain_text("已收到，编号")
    await expect(sending.locator(".facts")).to_contain_text("芙蓉区民政局")
    await expect(sending.locator(".facts")).to_contain_text("最迟答复")
    address = sending.url
    await sending.get_by_role("link", name="我的反映").click()
    await expect(sending.locator(".sent-list li").filter(has_text="签字簿")).to_have_count(1)

    # The department finds it by keyboard, signs for it, and answers with a file.
    duty = await bureau.open("/dashboard/")
    await expect(duty).to_have_url(f"{bureau.address}/dashboard/duties")
    # The keys work once the page's script has come.
    async with duty.expect_event("load"):
        await duty.get_by_role("link", name="交办件").click()
    await expect(duty.get_by_role("heading", level=1)).to_have_text("交办件")
    await duty.keyboard.press("/")
    await expect(duty.get_by_role("searchbox")).to_be_focused()
    await duty.keyboard.type("签字簿")
    await expect(duty.locator("tbody tr")).to_have_count(1)
    await duty.locator("tbody a").click()
    await expect(duty.locator(".told-text")).to_contain_text("高龄补贴发放签字簿")
    case = await duty.locator("h1").inner_text()
    await duty.locator("h1").click()
    await duty.keyboard.press("1")
    await expect(duty.locator("#flash")).to_contain_text("已签收")
    await duty.locator("#measures").fill("签字簿改为系统留痕，不再纸质填报。")
    await duty.locator("#public-reply").fill("不再要求填写签字簿和拍照。")
    await expect(duty.locator("#because")).to_be_hidden()
    await duty.locator("#resolved-no").check()
    await expect(duty.locator("#because")).to_be_visible()
    await duty.locator("#resolved-yes").check()
    await duty.locator("#feedback-files").set_input_files(
        {"name": "通知.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await duty.locator("#feedback summary").click()
    await duty.locator("#completed-on").fill("2026-03-05")
    await duty.locator("#measures").press("Control+Enter")
    await expect(duty.get_by_role("alert")).to_contain_text("完成日期不能晚于今天")
    await expect(duty.locator("#measures")).to_have_value("签字簿改为系统留痕，不再纸质填报。")
    await expect(duty.get_by_label("通知.pdf")).to_be_checked()
    await duty.locator("#completed-on").fill("2026-03-02")
    await duty.locator("#measures").press("Control+Enter")
    await expect(duty.locator("#flash")).to_contain_text(f"已反馈 {case}")
    await expect(duty.locator(".duty-acts #feedback")).to_have_count(0)
    await duty.emulate_media(media="print")
    await expect(duty.locator(".duty-acts")).to_be_hidden()
    await expect(duty.locator(".told-text")).to_be_visible()

    # The office sees both and accepts.
    desk = await office.open(f"/dashboard/cases/{case}")
    await expect(desk.locator(".duty")).to_contain_text("签字簿改为系统留痕")
    await expect(desk.locator(".duty").get_by_role("link", name="通知.pdf")).to_be_visible()
    await desk.get_by_role("button", name="审核通过").click()
    await expect(desk.locator("#flash")).to_contain_text("已审核通过")

    # The phone is asked, and what it says strikes the case off.
    await sending.goto(f"{phone.address}/dashboard/reporting")
    await expect(sending.locator(".menu")).to_contain_text(re.compile(r"反映负担\s*待处理 \d"))
    await sending.locator(f'a[href="{urlsplit(address).path}"]', has_text="负担是否真的减下来了？").click()
    assert sending.url == address
    await expect(sending.locator(".asked")).to_contain_text("不再要求填写签字簿和拍照。")
    await sending.get_by_label("是，减下来了").check()
    await sending.get_by_role("button", name="提交答复").click()
    await expect(sending.locator("#flash")).to_contain_text("负担减下来了")
    await expect(sending.locator(".reply").first).to_contain_text("办结答复")
    await desk.reload()
    await expect(desk.locator(".step-done").last).to_contain_text("销号")
