"""Charts in a real browser: drawn from their tables under the strict policy, and not needed; a changed word goes on."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from app.flow import rewording
from tests.browser.judging import assert_accessible, assert_english, assert_fits
from tests.browser.real_city import Town
from tests.browser.watching import Windows

TREND = "/dashboard/trends"
# What each chart was given, and what stands in the column of the table that it says it shows.
COMPARE = """() => [...document.querySelectorAll("[data-chart]")].map((box) => {
  const chart = echarts.getInstanceByDom(box.querySelector("[data-chart-area]"));
  const heads = [...box.querySelectorAll("thead th")];
  const column = (name) => [...box.querySelectorAll("tbody tr")].map((row) =>
    row.cells[heads.findIndex((head) => head.textContent.trim() === name)].textContent.trim());
  const said = (point) => String((point !== null && typeof point === "object" ? point.value : point) ?? "—");
  return chart.getOption().series.filter((one) => heads.some((head) => head.textContent.trim() === one.name))
    .map((one) => [one.name, one.data.map(said), column(one.name)]);
})"""


async def charts_of(page: Page) -> list[list[Any]]:
    """Of each chart its series: name, what was drawn, what is written."""
    await expect(page.locator("[data-chart-area] svg")).to_have_count(4)
    found: list[list[Any]] = await page.evaluate(COMPARE)
    return found


async def test_charts_show_what_their_tables_say_in_both_languages(office: Windows) -> None:
    page = await office.open(TREND)
    charts = await charts_of(page)
    assert [len(series) for series in charts] == [2, 2, 2, 2]
    for series in charts:
        for name, drawn, written in series:
            assert drawn == written, name
            assert len(written) == 24, name
    for area in await page.locator("[data-chart-area]").all():
        assert (await area.get_attribute("aria-label") or "").endswith("的图，数据见下表。")
    assert await page.locator("[data-chart-area] svg pattern").count() > 0, "colours are not alone"
    await expect(page.locator("details.chart-data").first).not_to_have_attribute("open", "")
    await page.locator("details.chart-data summary").first.click()
    await expect(page.locator("table").first).to_contain_text("本月未完")
    await assert_accessible(page)
    await page.locator("[data-chart-area]").first.hover()
    await page.set_viewport_size({"width": 360, "height": 740})
    await assert_fits(page)
    async with page.expect_event("load"):
        await page.locator(".language-switch [hreflang=en]").click()
    assert await charts_of(page)
    await assert_english(page)
    await assert_accessible(page)


async def test_without_javascript_the_tables_stand_open_and_a_unit_is_chosen(office: Windows) -> None:
    page = await office.open(TREND, javascript=False)
    await expect(page.locator("[data-chart-area]").first).to_be_hidden()
    await expect(page.locator(".chart table")).to_have_count(4)
    await expect(page.locator(".chart table").last).to_be_visible()
    await page.locator("#trend-unit").select_option("department:FR-MZ")
    await page.get_by_role("button", name="查看").click()
    await expect(page.locator(".page-head")).to_contain_text("芙蓉区民政局")
    await assert_fits(page)


async def test_a_changed_word_is_held_against_all_reports_without_another_click(
    office: Windows, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewording, "PAGE", 10)
    monkeypatch.setattr(rewording, "MOST_READ", 20)
    page = await office.open("/dashboard/knowledge/change")
    await page.locator("#change-word").fill("芙蓉福利站")
    await page.locator("#change-target").fill("FR-MZ")
    await page.get_by_role("button", name="开始检验").click()
    await expect(page.locator("#step")).to_contain_text("含该词的 5 件，其中会判得不一样的 5 件。 已完成")
    await expect(page.locator("tbody tr")).to_have_count(5)
    await assert_accessible(page)
    await page.goto(f"{town.address}/dashboard/knowledge/sentence")
    await page.locator("#try-text").fill("区民政局要求每周报一次独居老人走访台账。")
    await page.get_by_role("button", name="试判", exact=True).click()
    await expect(page.locator("mark.evidence").first).to_be_visible()
    await assert_accessible(page)
