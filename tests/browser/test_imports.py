"""A spreadsheet in a real browser: chosen, sent, looked at, committed; what stands in it never runs."""

import re

from playwright.async_api import FilePayload, expect

from app.dashboard.highlight import visible_text
from tests.browser.hostile import HOSTILE
from tests.browser.judging import assert_accessible
from tests.browser.watching import Windows
from tests.intake.sheets import comma_separated, good_row

# What a file may hold at all: a NUL has it refused as no text.
TEXTS = [text for text in HOSTILE if "\x00" not in text and "\r" not in text and text.strip()][:100]


def chosen(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": data}


async def test_hostile_texts_in_a_sheet_are_shown_as_text(office: Windows) -> None:
    page = await office.open("/dashboard/imports")
    rows = [{"观测点": "没有", "反映内容": text} for text in TEXTS]
    data = comma_separated([], ["观测点", "反映内容"]) + b"".join(
        b'"' + row["观测点"].encode() + b'","' + row["反映内容"].replace('"', '""').encode() + b'"\r\n' for row in rows
    )
    await page.locator("#import-file").set_input_files(chosen("<img src=x onerror=alert(1)>.csv", data))
    await page.get_by_role("button", name="上传并核对").click()
    await expect(page).to_have_url(re.compile(r"/dashboard/imports/[0-9a-f]{32}$"))
    await page.goto(f"{page.url}?size=100")
    shown = await page.locator("tbody .clip").all_text_contents()
    assert shown[1::2] == [visible_text(text) for text in TEXTS]
    await expect(page.locator("#file-title")).to_have_text("<img src=x onerror=alert(1)>.csv")
    await page.get_by_role("button", name="放弃没有导入的行").click()
    await expect(page.get_by_role("status").first).to_contain_text("已放弃")


async def test_a_sheet_is_committed_and_its_progress_is_shown(office: Windows) -> None:
    page = await office.open("/dashboard/imports")
    await page.locator("#import-file").set_input_files(chosen("三月.csv", comma_separated([good_row(1), good_row(2)])))
    await page.get_by_role("button", name="上传并核对").click()
    await page.get_by_role("button", name="提交导入 2 行").click()
    await expect(page.locator("#progress progress")).to_have_attribute("max", "2")
    await expect(page.get_by_role("status").first).to_contain_text("已提交，正在导入")
    await assert_accessible(page)
