"""The ledger as a file: text in every cell, and nothing in it that tells who reported."""

import asyncio
import csv
import io
import json
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from app.dashboard.exporting import FILE_COLUMNS, sent_as_written
from app.masking import MASK
from app.models import Role
from app.workbook import CUT, LONGEST_CELL, Table, XlsxBook, csv_lines, cut, neutral, to_xlsx, write_xlsx
from tests.browser.hostile import HOSTILE as TYPED
from tests.city import CityUnderTest
from tests.dashboard.office import at_work
from tests.journeys.test_backup_drill import command
from tests.sweep import CONTACT, PIECES, forms_of

HOSTILE = ("=1+1", "+1", "-2+3", "@SUM(A1)", '=HYPERLINK("http://evil","x")', "\t=1", "＝1+1", "http://evil.example/")
# What would be markup of the file, or a way of writing characters there.
UNUSUAL = (
    "<r><t>表</t></r>",
    "<r></c></row>",
    "</t></is></c>",
    "&#65;",
    "]]>",
    "_x0041_",
    "_x",
    " 表 ",
    "一\n二",
    "\x07",
)
FORMULAS = "区民政局要求每周报一次独居老人走访台账"


async def put_on_ledger(city: CityUnderTest) -> list[str]:
    """Cases whose texts begin as formulas do, one that six points report, one that names its point; their numbers."""
    found = []
    for number, lead in enumerate(HOSTILE):
        client = await city.reporter("FR-01")
        body = {"text": f"{lead} {FORMULAS}第{number}类", "contact": CONTACT, "title": lead}
        found.append((await client.post("/v1/reports", json=body)).json()["case"])
    for point in sorted(code for code in city.runtime.cities.current.points)[:6]:
        told = await (await city.reporter(point)).post(
            "/v1/reports", json={"text": "省教育厅要求每天在护苗平台打卡三次"}
        )
        found.append(told.json()["case"])
    name = city.runtime.cities.current.points["FR-01"].name
    told = await (await city.reporter("FR-01")).post("/v1/reports", json={"text": f"我们{name}被市财政局要求天天报表"})
    return list(dict.fromkeys([*found, told.json()["case"]]))


def read_xlsx(data: bytes) -> list[list[str]]:
    """The cells of the only sheet, all of which must be text, in a file without links."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not any("hyperlink" in archive.read(name).decode() for name in archive.namelist())
    sheet = load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    assert {cell.data_type for row in sheet for cell in row if cell.value is not None} == {"s"}
    return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]


def read_csv(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def traces(city: CityUnderTest, data: bytes) -> list[str]:
    """What tells of a reporter, in any form."""
    known = city.runtime.cities.current
    points = [known.points["FR-01"].name, "FR-01", known.points["FR-01"].township]
    text = data.decode("utf-8", "ignore")
    return [form for piece in (*PIECES, *points) for form in forms_of(piece) if form in text]


async def test_the_ledger_is_exported_as_text_and_tells_nothing_of_who_reported(
    city: CityUnderTest, tmp_path: Path
) -> None:
    numbers = await put_on_ledger(city)
    browser = await at_work(city, Role.AUDITOR)
    xlsx = (await browser.client.get("/dashboard/ledger/export?format=xlsx")).content
    rows = read_xlsx(xlsx)
    assert [rows[0], [row[0] for row in rows[1:]]] == [list(FILE_COLUMNS.values()), sorted(numbers)]
    by_number = {row[0]: row for row in rows[1:]}
    assert by_number[numbers[0]][5].startswith("=1+1\n=1+1")
    assert [row[-1] for row in by_number.values() if row[-1]] == ["6"]
    assert MASK in by_number[numbers[-1]][5]
    separated = (await browser.client.get("/dashboard/ledger/export?format=csv")).content
    cells = [cell for row in read_csv(separated) for cell in row]
    assert not [cell for cell in cells if cell.lstrip()[:1] in set("=+-@＝")]
    assert "'=1+1\n=1+1 " in "".join(cells)
    lines = (await browser.client.get("/dashboard/ledger/export?format=jsonl")).content
    parsed: list[dict[str, Any]] = [json.loads(line) for line in lines.splitlines()]
    assert [line["number"] for line in parsed] == sorted(numbers)
    assert {line["opened_on"] for line in parsed} == {"2026-03-02"}
    with zipfile.ZipFile(io.BytesIO(xlsx)) as archive:
        unpacked = b"".join(archive.read(name) for name in archive.namelist())
    assert [traces(city, data) for data in (unpacked, separated, lines)] == [[], [], []]
    filtered = await browser.client.get("/dashboard/ledger/export?format=jsonl&text=护苗平台&tab=open")
    assert [json.loads(line)["points"] for line in filtered.content.splitlines()] == [6]
    assert (await browser.client.get("/dashboard/ledger/export?format=xls")).status_code == 404
    await _by_command(city, tmp_path, lines)


def left_over(folder: Path) -> list[Path]:
    return list(folder.glob(".yilong-export-*"))


async def _by_command(city: CityUnderTest, folder: Path, lines: bytes) -> None:
    """The command writes the same, whole or not at all."""
    written = await asyncio.to_thread(command, city.url, folder, "export", "--format", "jsonl")
    assert written.exit_code == 0, written.output
    assert written.stdout.encode() == lines
    target = folder / "台账.xlsx"
    named = ("export", "-o", str(target), "--department", "FR-MZ", "--open")
    assert (await asyncio.to_thread(command, city.url, folder, *named)).exit_code == 0
    rows = read_xlsx(target.read_bytes())
    assert {"芙蓉区民政局" in row[8] for row in rows[1:]} == {True}
    refused = await asyncio.to_thread(command, city.url, folder, "export", "--format", "pdf")
    assert refused.exit_code == 2
    assert left_over(folder) == []


async def test_a_file_is_sent_while_it_is_written_and_writing_ends_with_whoever_fetches_it() -> None:
    fetched, left = asyncio.Event(), asyncio.Event()

    async def write(file: IO[bytes]) -> None:
        try:
            file.write(b"first")
            await fetched.wait()
            file.write(b" last")
        finally:
            left.set()

    pieces = sent_as_written(write)
    assert await anext(pieces) == b"first"
    fetched.set()
    assert b"".join([piece async for piece in pieces]) == b" last"

    for event in (fetched, left):
        event.clear()
    pieces = sent_as_written(write)
    assert await anext(pieces) == b"first"
    await pieces.aclose()
    assert left.is_set()


async def test_an_answer_fails_where_writing_does() -> None:
    async def write(file: IO[bytes]) -> None:
        file.write(b"first")
        await asyncio.sleep(0.2)
        raise OSError

    pieces = sent_as_written(write)
    assert await anext(pieces) == b"first"
    with pytest.raises(OSError):
        await anext(pieces)


def test_a_workbook_grows_while_it_is_written_and_nothing_in_it_is_touched_again() -> None:
    chance = random.Random(1)
    rows = [["".join(chance.choices("表格台账报送村社区", k=200)) for _ in range(5)] for _ in range(400)]
    target, sizes = io.BytesIO(), []
    with XlsxBook(target, Table("台账", list("甲乙丙丁戊")), Table("其他", ["己"])) as book:
        begun = target.getvalue()
        for row in rows:
            book.write(row)
            sizes.append(len(target.getvalue()))
        book.begin()
        book.write(["庚"])
    assert sizes[200] > 10_000 > len(begun) > 1_000
    assert target.getvalue().startswith(begun)
    read = {sheet.title: [list(row) for row in sheet.values] for sheet in load_workbook(target)}
    assert read == {"台账": [list("甲乙丙丁戊"), *rows], "其他": [["己"], ["庚"]]}


@pytest.mark.parametrize("text", UNUSUAL)
def test_no_text_is_taken_for_a_part_of_the_file(text: str) -> None:
    rows = read_xlsx(to_xlsx(Table("x", [text], [[text, "下一格"]])))
    # Left to its reader by this library, other than by spreadsheet programs.
    assert [[unescape(cell) for cell in row] for row in rows] == [[text, ""], [text, "下一格"]]


def test_a_workbook_that_comes_to_nothing_is_not_completed_and_troubles_nobody() -> None:
    def rows() -> Iterator[list[str]]:
        yield ["b"]
        raise OSError("gone")

    target = io.BytesIO()
    with pytest.raises(OSError, match="gone"):
        write_xlsx(target, Table("x", ["a"], rows()))
    assert target.getvalue()
    assert not zipfile.is_zipfile(target)


def test_a_sheet_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.workbook.MOST_ROWS", 2)
    with pytest.raises(ValueError, match="2 rows"):
        to_xlsx(Table("x", ["a"], [["b"], ["c"]]))


def test_a_text_longer_than_a_cell_is_cut_with_a_mark() -> None:
    for text in ("表" * 40_000, "😀" * 20_000, "a" * 32_767, "表" * 32_768):
        (row,) = read_xlsx(to_xlsx(Table("x", [text])))
        kept = row[0]
        assert len(kept.encode("utf-16-le")) // 2 <= LONGEST_CELL
        assert kept == text if len(text) == LONGEST_CELL else kept.endswith(CUT)
        assert text.startswith(kept.removesuffix(CUT))
    assert cut("短") == "短"


@pytest.mark.parametrize("text", [*HOSTILE[:7], " =1", "\r=1", "\n@x"])
def test_no_line_of_a_csv_begins_a_formula(text: str) -> None:
    assert neutral(text) == f"'{text}"
    assert neutral("区民政局 = 要报表") == "区民政局 = 要报表"


def test_a_spreadsheet_program_opens_it_and_it_is_still_text(tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not installed: what it makes of an export was not looked at")
    path = tmp_path / "out.xlsx"
    texts = [*HOSTILE, *TYPED, *UNUSUAL[:-1]]
    path.write_bytes(to_xlsx(Table("x", ["内容"], [[text] for text in texts])))
    arguments = [
        "--headless",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",  # comma, quote, UTF-8
        "--outdir",
        str(tmp_path),
        f"-env:UserInstallation=file://{tmp_path}/lo",
    ]
    subprocess.run([office, *arguments, str(path)], check=True, timeout=120, capture_output=True)
    read = csv.reader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8"), newline=""))
    assert [row[0] for row in read][1:] == [text.replace("\r\n", "\n") for text in texts]


def test_a_csv_begins_with_one_mark() -> None:
    assert "".join(csv_lines([["编号"], ["1"]])) == "\ufeff编号\r\n1\r\n"
