"""A morning at the coordinating office, from signing in to the printed page, in a real browser on both databases."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from openpyxl import load_workbook
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import watched_windows
from tests.browser.judging import assert_accessible
from tests.browser.morning.scene import WAITING, Morning, serve_morning
from tests.browser.real_city import PASSWORD
from tests.browser.test_documents import pages_of
from tests.browser.watching import Windows

REASON = "textarea[name=reason]"
INVITED = ("FR-MZ", "FR-WJ", "CS-JY")


@pytest_asyncio.fixture(loop_scope="session", params=["sqlite", "postgresql"])
async def day(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> AsyncIterator[tuple[Windows, Morning]]:
    """The office before anybody has signed in."""
    with serve_morning(tmp_path, request.param) as morning:
        async for windows in watched_windows(browser, morning.address):
            yield windows, morning


async def sign_in(windows: Windows) -> Page:
    """As the office's leader does it, without the mouse."""
    windows.watch.expect("401")
    page = await windows.open("/dashboard/triage")
    await page.get_by_label("用户名").focus()
    await page.keyboard.type("leader")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    async with page.expect_event("load"):
        await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("待分办")
    return page


async def rule_by_keyboard(page: Page) -> str:
    """Take the first candidate of the open case, or say who it is; the next opens by itself. The case's number."""
    number = (await page.locator(".queue-open a").inner_text()).strip()
    if await page.locator(".candidate").count():
        await page.keyboard.press("1")
        await expect(page.locator(REASON)).to_be_focused()
    else:
        await page.get_by_label("市县事项").focus()
        await page.keyboard.press("Space")
        await page.locator("[name=receiver]").first.focus()
        await page.keyboard.type("FR-MZ")
        await page.locator(REASON).focus()
        await page.keyboard.type("经查为区民政局布置。")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#flash")).to_contain_text(f"已裁定 {number}")
    await expect(page.locator(f"#queue-{number}")).to_have_count(0)
    return number


async def triage_ten(page: Page, morning: Morning) -> list[str]:
    """All but the two that say the same, from the keyboard."""
    ruled: list[str] = []
    while len(ruled) < len(WAITING):
        number = (await page.locator(".queue-open a").inner_text()).strip()
        if number in morning.alike:
            await page.keyboard.press("j")
            await expect(page.locator(f"#item-{number}")).to_have_count(0)
        else:
            ruled.append(await rule_by_keyboard(page))
    await expect(page.locator(".queue-item")).to_have_count(len(morning.alike))
    return ruled


async def unfold(page: Page, label: str) -> Locator:
    """The form under a fold of a case's or session's page, open."""
    fold = page.locator("details.other-act").filter(has=page.locator("summary", has_text=re.compile(f"^{label}$")))
    if await fold.last.get_attribute("open") is None:
        await fold.last.locator("summary").click()
    return fold.last


async def open_case(page: Page, morning: Morning, number: str) -> None:
    """By its number, from the ledger."""
    await page.goto(f"{morning.address}/dashboard/ledger?text={number}")
    await page.get_by_role("link", name=number).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(number)


async def overrule(page: Page, morning: Morning, number: str) -> None:
    """Another department than the one that was chosen, with a reason."""
    await open_case(page, morning, number)
    form = await unfold(page, "改派")
    await form.get_by_label("市县事项").check()
    await form.locator("[name=receiver]").first.fill("芙蓉区卫生健康局")
    for row in range(1, await form.locator("[name=receiver]").count()):
        await form.locator("[name=receiver]").nth(row).fill("")
    await form.locator(REASON).fill("经电话核实，表格由区卫健局布置。")
    await form.get_by_role("button", name="改派").click()
    await expect(page.locator("#flash")).to_contain_text(number)
    duties = page.locator("[aria-labelledby=duties-title]")
    await expect(duties).to_contain_text("芙蓉区卫生健康局")
    await expect(page.locator("[aria-labelledby=rulings-title]")).to_contain_text("经电话核实")


async def join(page: Page, morning: Morning) -> None:
    """The second of two reports of one burden comes to the first one's case."""
    first, second = morning.alike
    await open_case(page, morning, first)
    likely = page.locator(".duty").filter(has_text=second)
    await likely.locator("summary", has_text="并案").click()
    await likely.locator(REASON).fill("两个点反映的是同一块展板。")
    await likely.get_by_role("button", name="并案").click()
    await expect(page.locator("[aria-labelledby=reach-title]")).to_contain_text(second)
    await expect(page.locator("[aria-labelledby=reports-title] .evidence-text")).to_have_count(2)


async def hold_a_session(page: Page, morning: Morning) -> str:
    """On the joined case: three departments are invited, a room is booked, it is concluded. The session's number."""
    case = morning.alike[0]
    form = await unfold(page, "提请会商")
    for row, code in enumerate(INVITED):
        await form.locator("[name=receiver]").nth(row).fill(code)
    await form.get_by_role("button", name="提请会商").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^会商 "))
    number = (await page.get_by_role("heading", level=1).inner_text()).removeprefix("会商 ")
    await page.locator("#meeting-at").fill("2026-03-04T09:30")
    await page.locator("#meeting-place").fill("四楼会议室")
    await page.get_by_role("button", name="确定并通知各部门").click()
    await expect(page.locator(".facts").first).to_contain_text("2026年3月4日 09:30")
    await page.locator(f"[name='lead:{case}'][value='CS-JY']").check()
    for code in ("FR-MZ", "FR-WJ"):
        await page.locator(f"[name='supporting:{case}'][value='{code}']").check()
    await page.locator(f"[name='obligation:{case}:CS-JY']").fill("展板一年一换，费用由布置单位承担")
    await page.locator(f"[name='days:{case}:CS-JY']").fill("10")
    await page.locator("#minutes").fill("三家一致同意：展板一年一换，不再逐周更换。")
    await page.locator("#minutes").press("Control+Enter")
    await expect(page.locator("#flash")).to_contain_text("已形成结论并交办")
    await expect(page.locator(".agenda")).to_contain_text("10 个工作日")
    return number


async def review(page: Page, morning: Morning) -> None:
    """One answer is accepted, the other sent back."""
    good, poor = morning.fed_back
    await open_case(page, morning, good)
    await page.get_by_role("button", name="审核通过").click()
    await expect(page.locator("#flash")).to_contain_text(f"已审核通过 {good}")
    await open_case(page, morning, poor)
    await page.locator("[id^=comment-]").fill("未说明油漆款由谁承担，请补充。")
    await page.get_by_role("button", name="退回重办").click()
    await expect(page.locator("#flash")).to_contain_text(poor)
    await expect(page.locator(".timeline-entry").filter(has_text="未说明油漆款").first).to_be_visible()


async def strike_off(page: Page, morning: Morning) -> None:
    """The point says that the burden is gone, and the line is struck off: it stands there under 已销号."""
    async with httpx.AsyncClient(base_url=morning.address, timeout=30) as point:
        answer = await point.post(
            f"/v1/reports/{morning.accepted_report}/verification",
            json={"relieved": True, "comment": "照片不用拍了。"},
            headers={"Authorization": f"Bearer {morning.reporter_key}"},
        )
    assert answer.status_code == 200, answer.text
    await page.goto(f"{morning.address}/dashboard/ledger?tab=closed")
    await expect(page.locator("tbody")).to_contain_text(morning.accepted)


async def export_what_is_filtered(page: Page, morning: Morning, folder: Path) -> None:
    """The rows that the sheet holds are those of the list."""
    await page.goto(f"{morning.address}/dashboard/ledger?department=FR-WJ")
    listed = [await cell.inner_text() for cell in await page.locator("tbody td.number a").all()]
    async with page.expect_download() as started:
        await page.locator(".toolbar").get_by_role("link", name="xlsx").click()
    await (await started.value).save_as(folder / "ledger.xlsx")
    sheet = load_workbook(folder / "ledger.xlsx").worksheets[0]
    numbers = {str(value) for row in sheet.iter_rows(values_only=True) for value in row if value in listed}
    assert listed
    assert numbers == set(listed)
    assert sheet.max_row == len(listed) + 1


async def print_the_order(page: Page, morning: Morning, number: str) -> None:
    """An assignment order is issued under the first number of the year and comes out on A4, with what is annexed."""
    await open_case(page, morning, number)
    await page.get_by_role("link", name="拟稿 交办单").click()
    await page.get_by_role("button", name="印发").click()
    await expect(page.locator(".sheet-number")).to_have_text("长减负交〔2026〕1号")
    await expect(page.locator(".sheet")).to_contain_text("芙蓉区卫生健康局")
    printed = pages_of(await page.pdf(prefer_css_page_size=True))
    assert {(round(width), round(height)) for width, height in printed} == {(595, 842)}


async def test_a_morning_at_the_office(day: tuple[Windows, Morning], tmp_path: Path) -> None:
    windows, morning = day
    page = await sign_in(windows)
    ruled = await triage_ten(page, morning)
    await overrule(page, morning, ruled[0])
    await join(page, morning)
    await hold_a_session(page, morning)
    await review(page, morning)
    await strike_off(page, morning)
    await export_what_is_filtered(page, morning, tmp_path)
    await print_the_order(page, morning, ruled[0])
    await page.goto(f"{morning.address}/dashboard/")
    await assert_accessible(page)
