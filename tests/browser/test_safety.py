"""Pages under attack and pages refused: nothing typed ever runs, and every refusal is told in place."""

import re

from playwright.async_api import expect

from app.dashboard.highlight import visible_text
from tests.browser.hostile import HOSTILE
from tests.browser.watching import Windows

ACTIVE = ", ".join(
    ["script:not([src])", "iframe", "object", "embed", "base", "link[href^='http']", "meta[http-equiv]", "style"]
    + [f"[on{name}]" for name in ("error", "load", "focus", "click", "toggle", "begin", "start", "mouseover")]
    + ["main [hx-get]", "main [hx-trigger]", "[href^='javascript']", "[action^='javascript']"]
)


async def test_two_hundred_hostile_texts_stay_text_wherever_a_page_puts_them(windows: Windows) -> None:
    assert len(HOSTILE) >= 200
    page = await windows.open("/dashboard/hostile")
    await expect(page.locator("[data-payload]")).to_have_count(len(HOSTILE))
    assert await page.locator(ACTIVE).count() == 0
    assert await page.title() == "台账 · 一龙"
    shown = await page.locator(".as-visible").evaluate_all("(all) => all.map((one) => one.textContent)")
    assert shown == [visible_text(text).replace("\r\n", "\n").replace("\r", "\n") for text in HOSTILE]


async def test_a_hostile_search_comes_back_as_text(office: Windows) -> None:
    page = await office.open("/dashboard/ledger")
    for hostile in HOSTILE[::40]:
        await page.locator("#query-text").fill(hostile)
        await page.get_by_role("button", name="查询").click()
        await expect(page).to_have_url(re.compile("text="))
        await page.reload()
        assert await page.title() == "台账 · 一龙"


async def test_hidden_characters_are_shown_and_named(windows: Windows) -> None:
    page = await windows.open("/dashboard/refusals")
    marker = page.locator(".evidence-text .hidden-character")
    await expect(marker).to_have_text("␣")
    await expect(marker).to_have_attribute("title", "U+200B ZERO WIDTH SPACE")


async def test_evidence_is_marked_at_the_spans(windows: Windows) -> None:
    page = await windows.open("/dashboard/refusals")
    await expect(page.locator("mark.evidence")).to_have_text(["省", "民政厅", "要求"])
    await expect(page.locator("mark.evidence-several")).to_have_attribute(
        "title", "全称 → 来源 HN-MZ; 要求 → 提出要求 HN-MZ"
    )


async def test_a_lost_race_is_told_in_the_flash_area(windows: Windows) -> None:
    windows.watch.expect("409")
    page = await windows.open("/dashboard/refusals")
    await page.keyboard.press("1")
    await expect(page.get_by_role("alert")).to_have_text("这一事项刚刚已由他人分办。")
    await expect(page.locator("#answer button")).to_have_count(3)


async def test_a_problem_document_is_told_as_text(windows: Windows) -> None:
    windows.watch.expect("422")
    page = await windows.open("/dashboard/refusals")
    await page.locator("#reason").fill("<img src=x onerror=alert(1)>")
    await page.locator("[data-shortcut='2']").click()
    await expect(page.get_by_role("alert")).to_have_text("<b>理由</b>不能为空 <img src=x onerror=alert(1)>")


async def test_a_failure_and_a_broken_network_are_told(windows: Windows) -> None:
    windows.watch.expect("500|ERR_INTERNET_DISCONNECTED|Response Status Error|htmx")
    page = await windows.open("/dashboard/refusals")
    await page.keyboard.press("3")
    await expect(page.get_by_role("alert")).to_have_text("内部错误")
    await page.context.set_offline(True)
    await page.keyboard.press("3")
    await expect(page.get_by_role("alert")).to_have_text("网络不通，尚未提交。请检查网络后再试。")
