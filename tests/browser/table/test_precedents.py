"""Precedents in a real browser: found, read, tried out, made a standing ruling, ended, withdrawn."""

import re
from typing import Any

from playwright.async_api import expect

from tests.browser.real_city import session_cookie
from tests.browser.table.scene import Table, call, convened, read
from tests.browser.watching import Windows


def settled(town: Table) -> tuple[str, str]:
    """A case that a session has just concluded, and the precedent that it made."""
    number, (case,) = convened(town)
    parts: list[dict[str, Any]] = [{"department": "FR-MZ", "lead": True}, {"department": "FR-WJ"}]
    call(town, f"/consultations/{number}/conclusion", {
        "conclusions": [{"case": case, "parts": parts}], "minutes": "照此办理。",
    })  # fmt: skip
    (made,) = read(town, f"/cases/{case}")["precedents"]["made"]
    return case, made["number"]


async def test_a_precedent_is_found_while_typing_and_leads_to_who_cites_it_and_back(
    office: Windows, town: Table
) -> None:
    page = await office.open("/dashboard/")
    async with page.expect_event("load"):
        await page.get_by_role("link", name="先例库").click()
    await page.get_by_role("searchbox").press_sequentially("防返贫", delay=20)
    await expect(page.locator(".toolbar-count")).to_have_text("共 1 条")
    await page.get_by_label("状态").select_option("withdrawn")
    await page.get_by_role("button", name="查询").click()
    await expect(page.locator(".empty")).to_be_visible()
    await page.get_by_role("link", name="重置").click()
    await page.get_by_role("link", name=town.precedent).click()
    main = page.locator(".case-main")
    for said in ("统一口径，只留一个入口", "15 个工作日", "三家一致同意", "防返贫监测系统"):
        await expect(main).to_contain_text(said)
    await page.locator(".citing a").first.click()
    await expect(page.locator("mark.evidence").filter(has_text="防返贫监测系统").first).to_be_visible()
    await page.locator(".precedents").get_by_role("link", name=town.precedent).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"先例 {town.precedent}")


async def test_a_leader_makes_a_ruling_after_the_back_test_and_ends_it_without_javascript(
    street: Windows, town: Table
) -> None:
    street.watch.expect("422")
    street.session = session_cookie(town.address, "leader")
    page = await street.open(f"/dashboard/precedents/{town.precedent}", javascript=False)
    await page.get_by_role("link", name="回放检验，设为常规裁定").click()
    trial = page.locator(".trial")
    await expect(trial).to_contain_text(re.compile(r"会直接交办的\s*1"))
    await page.get_by_label("回放最近").select_option("36")
    await page.get_by_role("button", name="重新检验").click()
    await expect(page.get_by_label("回放最近")).to_have_value("36")
    await expect(page.locator("tbody")).to_contain_text("多部门事项")
    await page.locator("#standing-reason").fill("三家已反复确认。")
    await page.get_by_role("button", name="定为常规裁定").click()
    await expect(page.locator("#flash")).to_be_empty()
    await page.locator("#standing-until").fill("2026-01-01")
    await page.get_by_label("已看过上面的回放检验结果").check()
    await page.get_by_role("button", name="定为常规裁定").click()
    await expect(page.get_by_role("alert")).to_contain_text("截止日期不得早于今天")
    await expect(page.locator("#standing-reason")).to_have_value("三家已反复确认。")
    await expect(page.get_by_label("回放最近")).to_have_value("36")
    await page.locator("#standing-until").fill("2026-12-31")
    await page.get_by_role("button", name="定为常规裁定").click()
    await expect(page.locator("#flash")).to_contain_text("已定为常规裁定")
    await expect(page.locator(".page-head")).to_contain_text("常规裁定")
    await expect(page.locator(".ruling")).to_contain_text("何主任")
    await expect(page.locator(".ruling")).to_contain_text("2026年12月31日")
    await page.goto(f"{street.address}/dashboard/precedents?state=standing")
    await page.get_by_role("link", name=town.precedent).click()
    await page.locator("summary", has_text="终止常规裁定").click()
    await page.locator("#ending-reason").fill("  ")
    await page.get_by_role("button", name="终止常规裁定").click()
    await expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    await page.locator("#ending-reason").fill("职责有调整")
    await page.get_by_role("button", name="终止常规裁定").click()
    await expect(page.locator("#flash")).to_contain_text("常规裁定已终止")
    await expect(page.locator(".ruling")).to_contain_text("职责有调整")
    await expect(page.get_by_role("link", name="回放检验，设为常规裁定")).to_be_visible()


async def test_a_clerk_withdraws_a_precedent_by_keyboard_and_makes_no_ruling(street: Windows, town: Table) -> None:
    street.watch.expect("422")
    street.session = session_cookie(town.address, "clerk")
    case, number = settled(town)
    page = await street.open(f"/dashboard/cases/{case}")
    await page.locator(".precedents").get_by_role("link", name=number).click()
    await expect(page.get_by_role("link", name="回放检验，设为常规裁定")).to_have_count(0)
    await page.locator("summary", has_text="撤销先例").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator("#withdrawal-reason")).to_be_focused()
    await page.keyboard.type("  ")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    await page.locator("#withdrawal-reason").fill("职责已调整")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#flash")).to_contain_text("已撤销，今后不再引用")
    await expect(page.locator("[aria-labelledby=withdrawn-title]")).to_contain_text("陈晨")
    await expect(page.locator("main form[method=post]")).to_have_count(0)
