"""The office's import: a file is sent, checked row by row, committed, and its progress seen on reload."""

import io
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.clock import FixedClock
from app.dashboard.import_words import ROW_FAULT
from app.flow import importing
from app.flow.resealing import reseal_all
from app.flow.tidying import Tidier
from app.intake import sheet
from app.intake.accept import contact_place
from app.intake.imports import KEPT
from app.intake.sheet import COLUMNS, FAULTS, ROW
from app.intake.spreadsheet import LARGEST_FILE
from app.models import Import, ImportRow, Report, ReportContact, Role
from app.sealing import Sealer
from app.worker import WorkerContext, import_next
from tests.city import SECRET, CityUnderTest
from tests.dashboard.office import ORIGIN, OfficeBrowser, at_work, shown
from tests.intake.sheets import comma_separated, good_row, xlsx

PAGE = "/dashboard/imports"
CONTACT = "13800138000"
FULL_ROW = {
    "标题": "走访台账", "发生日期": "2026年2月27日", "涉及部门": "芙蓉区民政局、FR-WJ", "联系方式": CONTACT,
    "每月耗时（小时）": "12.5",
}  # fmt: skip


async def send(browser: OfficeBrowser, data: bytes, name: str = "五月.xlsx") -> httpx.Response:
    """Choose a file on the page and send it."""
    await browser.get(PAGE)
    browser.page = await browser.client.post(
        PAGE, data=browser.hidden(PAGE), files={"file": (name, data)}, headers={"Origin": ORIGIN}
    )
    return browser.page


async def sent(browser: OfficeBrowser, data: bytes) -> str:
    """The address of the page on which a file's rows are checked; the browser shows it."""
    answer = await send(browser, data)
    assert answer.status_code == 303, shown(answer)
    await browser.follow()
    return str(answer.headers["location"])


async def work(city: CityUnderTest) -> None:
    """What a worker does of it."""
    runtime = city.runtime
    context = WorkerContext(runtime.database, runtime.settings, city.clock, runtime.sealer, cities=runtime.cities)
    context.open()
    while await import_next(context):
        pass
    await context.close()


async def reports(city: CityUnderTest) -> list[Report]:
    async with city.runtime.database.read() as session:
        return list(await session.scalars(select(Report).order_by(Report.number)))


async def bring_in(city: CityUnderTest, browser: OfficeBrowser, data: bytes) -> str:
    path = await sent(browser, data)
    await browser.send(f"{path}/commit")
    await work(city)
    await browser.get(path)
    return path


def rows_in(data: bytes) -> list[dict[str, str]]:
    """The first sheet of a workbook as mappings; every cell must be text."""
    first = load_workbook(io.BytesIO(data)).worksheets[0]
    assert {cell.data_type for row in first for cell in row if cell.value is not None} <= {"s"}
    head, *rows = first.iter_rows(values_only=True)
    return [{str(name): str(value or "") for name, value in zip(head, row, strict=True)} for row in rows]


async def test_rows_are_checked_committed_and_become_reports(city: CityUnderTest) -> None:
    browser = await at_work(city)
    rows = [good_row(1, **FULL_ROW), good_row(2, "没有这个点"), good_row(3, 发生日期="明天"), good_row(4, "FR-02")]
    path = await sent(browser, xlsx(rows))
    page = shown(browser.page)
    assert "有问题 2 行 可导入 2 行" in page
    assert "观测点 ：没有这个观测点，请填模板“观测点”工作表中的代码或全称" in page
    assert "发生日期 ：不是有效日期，请写成 2026-03-02" in page
    assert await reports(city) == []
    await browser.send(f"{path}/commit")
    assert "正在导入：2 / 4 行" in shown(await browser.follow())
    assert 'hx-trigger="every 3s"' in browser.page.text
    await work(city)
    assert "导入完成：新增 2 条线索" in shown(await browser.get(path))
    assert "every 3s" not in browser.page.text
    first, second = await reports(city)
    done = shown(await browser.get(f"{path}?state=done"))
    assert f"{first.number} · YL-2026-" in done
    assert (first.observation_point_code, second.observation_point_code) == ("FR-01", "FR-02")
    assert (first.text, first.title, str(first.occurred_on)) == (rows[0]["反映内容"], "走访台账", "2026-02-27")
    assert (first.hours_per_month, first.declared_departments) == (12.5, ["FR-MZ", "FR-WJ"])
    async with city.runtime.database.read() as session:
        contact = (await session.scalars(select(ReportContact).where(ReportContact.report_id == first.id))).one()
        opened = city.runtime.sealer.open(contact.ciphertext, contact_place(first.id)).decode()
        assert opened.startswith(CONTACT)
        assert {row.content is None for row in await session.scalars(select(ImportRow))} == {True, False}
    record = (await (await city.office()).get("/v1/cases")).json()
    assert {case["status"] for case in record["cases"]} == {"dispatched"}


async def test_sending_again_doubles_nothing_and_corrected_rows_come_in(city: CityUnderTest) -> None:
    browser = await at_work(city)
    rows = [good_row(1), good_row(2, "没有"), good_row(3, 联系方式=CONTACT)]
    data = comma_separated(rows)
    path = await bring_in(city, browser, data)
    assert await sent(browser, data) == path
    assert f"{path}/commit" not in browser.page.text
    # The same rows once more in another file, among them a new one.
    other = await bring_in(city, browser, comma_separated([*rows, good_row(4)], encoding="gb18030"))
    assert other != path
    assert "有问题 1 行 可导入 0 行 已有相同线索 2 行 已导入 1 行" in shown(browser.page)
    assert len(await reports(city)) == 3
    # What was wrong is downloaded, corrected and sent.
    wrong = rows_in((await browser.get(f"{path}/errors")).content)
    assert [row[ROW] for row in wrong] == ["3"]
    assert wrong[0][FAULTS].startswith("观测点：没有这个观测点")
    await bring_in(city, browser, comma_separated([wrong[0] | {"观测点": "FR-02"}], list(wrong[0])))
    assert "这些列不认识" not in browser.page.text
    assert [r.text for r in await reports(city)] == [rows[n]["反映内容"] for n in (0, 2)] + [
        good_row(4)["反映内容"], rows[1]["反映内容"],
    ]  # fmt: skip


async def test_a_row_that_the_directory_knows_no_more_has_a_fault_and_stops_no_other(
    city: CityUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await at_work(city)
    path = await sent(browser, comma_separated([good_row(1), good_row(2, "FR-02"), good_row(3)]))
    await browser.send(f"{path}/commit")
    monkeypatch.delitem(city.runtime.cities.current.points, "FR-02")
    await work(city)
    assert "有问题 1 行 可导入 0 行 已有相同线索 0 行 已导入 2 行" in shown(await browser.get(path))
    assert "没有这个观测点" in shown(browser.page)


async def test_what_is_not_brought_in_is_given_up_or_forgotten_after_a_week(
    city: CityUnderTest, clock: FixedClock
) -> None:
    browser = await at_work(city)
    given_up = await sent(browser, comma_separated([good_row(1)]))
    await browser.send(f"{given_up}/discard")
    assert "已放弃" in shown(await browser.follow())
    assert (await browser.get(given_up)).status_code == 404
    done = await bring_in(city, browser, comma_separated([good_row(2), good_row(3, "没有")]))
    await sent(browser, comma_separated([good_row(4, 联系方式=CONTACT)]))
    async with city.runtime.database.read() as session:
        sealed = [row.content for row in await session.scalars(select(ImportRow)) if row.content]
        about = list(await session.scalars(select(Import.about)))
    assert all(CONTACT.encode() not in value and "五月".encode() not in value for value in [*sealed, *about])
    clock.set(clock.now() + KEPT + timedelta(hours=1))
    await Tidier(city.runtime.database, clock, timedelta(days=1)).tidy()
    async with city.runtime.database.read() as session:
        assert [done.rpartition("/")[2]] == list(await session.scalars(select(Import.id)))
        assert [row.content for row in await session.scalars(select(ImportRow))] == [None]


async def test_rows_that_wait_are_sealed_anew_with_a_new_key(city: CityUnderTest) -> None:
    browser = await at_work(city)
    await sent(browser, comma_separated([good_row(1), good_row(2, "没有")]))
    both = Sealer(b"another-secret-of-the-tests-0123456789-xyz", [SECRET.encode()])
    done = await reseal_all(city.runtime.database, both)
    assert (done.anew, done.broken) == (3, [])


@pytest.mark.parametrize("city_url", ["sqlite"], indirect=True)
async def test_what_is_wrong_with_a_file_is_said_and_nothing_is_stored(city: CityUnderTest) -> None:
    browser = await at_work(city)
    for data, status, said in (
        (b"", 422, "没有找到“反映内容”这一列"),
        (xlsx([good_row(1)], ["反映内容", "标题"]), 422, "缺少“观测点”一列"),
        (xlsx([good_row(1)])[:-90], 422, "文件损坏"),
        (bytes(LARGEST_FILE + 100_000), 413, "最大 10 MB"),
    ):
        answer = await send(browser, data)
        assert (answer.status_code, said in shown(answer)) == (status, True), shown(answer)
    token = browser.hidden(PAGE) if PAGE in (await browser.get(PAGE)).text else {}
    assert (await browser.post(PAGE, token)).status_code == 422
    bare = await browser.client.post(PAGE, data=token, files={"other": b""}, headers={"Origin": ORIGIN})
    assert "请选择要上传的表格文件" in shown(bare)
    for fields, headers in ((token, {"Origin": "http://elsewhere"}), ({"csrf_token": "x"}, {"Origin": ORIGIN})):
        foreign = await browser.client.post(PAGE, data=fields, files={"file": xlsx([good_row(1)])}, headers=headers)
        assert foreign.status_code == 403
    assert "还没有上传过文件" in shown(await browser.get(PAGE))
    assert "No file has been sent yet" in shown(await browser.get(f"{PAGE}?lang=en"))


@pytest.mark.parametrize("city_url", ["sqlite"], indirect=True)
async def test_the_template_comes_back_filled_in_and_its_guide_names_each_column(city: CityUnderTest) -> None:
    browser = await at_work(city)
    data = (await browser.get(f"{PAGE}/template")).content
    book = load_workbook(io.BytesIO(data))
    assert [sheet.title for sheet in book] == ["线索", "填写说明", "观测点"]
    assert [cell.value for cell in book["线索"][1]] == list(COLUMNS.values())
    assert [row[0].value for row in book["填写说明"].iter_rows(min_row=2)] == list(COLUMNS.values())
    assert book["观测点"].max_row == 1 + len(city.runtime.cities.current.points)
    book["线索"].append(["FR-01", "区民政局要求每周报一次走访台账", None, None, None, 3])
    filled = io.BytesIO()
    book.save(filled)
    await sent(browser, filled.getvalue())
    assert "有问题 0 行 可导入 1 行" in shown(browser.page)


@pytest.mark.parametrize("city_url", ["sqlite"], indirect=True)
async def test_hidden_characters_are_shown_and_kept(city: CityUnderTest) -> None:
    browser = await at_work(city)
    text = "区民政局\u202e要\u200b报表"
    await bring_in(city, browser, comma_separated([{"观测点": "FR-01", "反映内容": text}]))
    assert [report.text for report in await reports(city)] == [text]
    await sent(browser, comma_separated([{"观测点": "无", "反映内容": text}]))
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in browser.page.text
    assert "\u202e" not in browser.page.text


@pytest.mark.parametrize("city_url", ["sqlite"], indirect=True)
async def test_only_who_may_import_is_offered_it(city: CityUnderTest) -> None:
    for role, offered in ((Role.CLERK, True), (Role.AUDITOR, False)):
        browser = await at_work(city, role)
        assert (f'href="{PAGE}"' in (await browser.get("/dashboard/ledger")).text) is offered
        assert (await browser.get(PAGE)).status_code == (200 if offered else 403)


def test_every_kind_of_fault_has_its_words_and_no_other_has() -> None:
    source = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (sheet, importing))
    known = {key.rpartition(" ")[2] for key in ROW_FAULT}
    assert set(re.findall(r'Fault\("\w+", (?:"\w+" if \w+ else )?"(\w+)"\)', source)) <= known
    assert {kind for kind in known if f'"{kind}"' not in source} == set()
