"""An official document in a real browser: the sheet's geometry on paper, its PDF; issued and voided by hand."""

import re
import zlib

from playwright.async_api import Page, expect

from tests.browser.judging import assert_accessible, assert_fits
from tests.browser.real_city import Town
from tests.browser.watching import Windows

MILLIMETRE = 96 / 25.4
# 156 mm: A4 less its margins of 28 and 26 mm.
TEXT_WIDTH, TEXT_HEIGHT = 156 * MILLIMETRE, 225 * MILLIMETRE
LONG_NAME = "长沙市岳麓区人民政府橘子洲街道与湖南湘江新区管理委员会联合工作办公室、"
LINES = """(selector) => {
  const range = document.createRange();
  const lines = new Map();
  const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (let at = 0; at < walker.currentNode.length; at += 1) {
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + 1);
      const box = range.getBoundingClientRect();
      if (box.width) lines.set(Math.round(box.top), (lines.get(Math.round(box.top)) || 0) + 1);
    }
  }
  return [...lines.entries()].sort((a, b) => a[0] - b[0]);
}"""


def pages_of(pdf: bytes) -> list[tuple[float, float]]:
    """The size of every page of a PDF, in points; page objects may stand in compressed streams."""
    plain = pdf + b"".join(_inflated(pdf))
    boxes = re.findall(rb"/MediaBox\s*\[\s*([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s*\]", plain)
    return [(float(right) - float(left), float(top) - float(bottom)) for left, bottom, right, top in boxes]


def _inflated(pdf: bytes) -> list[bytes]:
    found = []
    for match in re.finditer(rb"stream\r?\n", pdf):
        try:
            found.append(zlib.decompressobj().decompress(pdf[match.end() :]))
        except zlib.error:
            continue
    return found


async def style(page: Page, selector: str, name: str) -> str:
    value: str = await page.locator(selector).first.evaluate(f"(one) => getComputedStyle(one).{name}")
    return value


async def test_the_sheet_has_the_form_of_official_documents(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/documents/{town.document}?lang=en")
    sheet = page.locator(".sheet")
    assert await sheet.get_attribute("lang") == "zh-CN"
    await expect(sheet).to_contain_text("2026年3月2日")
    await expect(sheet.locator(".sheet-number")).to_have_text("长减负转〔2026〕1号")

    # 28 characters on a line, 28.95 pt from line to line, whatever the text; long names break.
    await page.emulate_media(media="print")
    for part in (".masthead", ".menu", ".page-head", ".colophon"):
        await expect(page.locator(part)).to_be_hidden()
    await page.set_viewport_size({"width": round(TEXT_WIDTH), "height": round(TEXT_HEIGHT)})
    paragraph = "减轻基层负担整治形式主义" * 20
    await page.locator(".sheet-body > p").first.evaluate(
        "(one, text) => { one.textContent = text; one.id = 'lines'; }", paragraph
    )
    lines = await page.evaluate(LINES, "#lines")
    assert [count for _, count in lines[1:-1]] == [28] * (len(lines) - 2)
    assert lines[0][1] == 26
    pitch = (lines[-1][0] - lines[0][0]) / (len(lines) - 1) * 72 / 96
    assert abs(pitch - 28.95) < 0.1
    assert (
        await style(page, ".sheet-mark", "color")
        == await style(page, ".sheet-head", "borderBottomColor")
        == "rgb(215, 0, 15)"
    )
    assert await style(page, ".sheet-body > p", "fontSize") == f"{16 * 96 / 72:.4f}".rstrip("0") + "px"
    await page.locator(".sheet-to").evaluate("(one, text) => { one.textContent = text; }", LONG_NAME * 12)
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= round(TEXT_WIDTH) + 1

    # Paper: every page A4; two for this one, as many more as a long text needs.
    await page.reload()
    short = pages_of(await page.pdf(prefer_css_page_size=True))
    await page.locator(".sheet-body > p").first.evaluate("(one, text) => { one.textContent = text; }", paragraph * 5)
    longer = pages_of(await page.pdf(prefer_css_page_size=True))
    assert {(round(width), round(height)) for width, height in short + longer} == {(595, 842)}
    assert (len(short), len(longer) - len(short)) == (2, 2)


async def test_a_document_is_drafted_issued_and_voided_by_hand(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/consultations/{town.consultation}")
    await expect(page.locator("#documents-title")).to_be_visible()
    page = await office.open(f"/dashboard/cases/{town.drafted}")
    await page.locator(".documents a").first.click()
    await page.locator("summary", has_text="作废").click()
    await page.locator("#void-reason").fill("主送单位有误")
    await page.get_by_role("button", name="作废").click()
    await expect(page.locator(".sheet-stamp")).to_have_text("作废")
    await page.goto(f"{office.address}/dashboard/cases/{town.drafted}")
    await page.get_by_role("link", name="拟稿 转办单").click()
    await expect(page.locator(".sheet-stamp")).to_have_text("草稿")
    await page.locator("#issuing-remarks").fill("联系人：减负办，电话：另行通知。")
    await page.get_by_role("button", name="预览").click()
    await expect(page.locator(".sheet")).to_contain_text("电话：另行通知。")
    await page.get_by_role("button", name="印发", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/dashboard/documents/[0-9a-f]{32}$"))
    await expect(page.locator(".sheet-number")).to_have_text("长减负转〔2026〕2号")
    await assert_accessible(page)
    await page.set_viewport_size({"width": 360, "height": 740})
    await assert_fits(page)
