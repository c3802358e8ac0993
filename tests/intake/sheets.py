"""Spreadsheets for tests, made here and stored nowhere: a good one, and whatever might be sent to do harm."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from app.intake.sheet import COLUMNS
from app.workbook import Table, csv_lines, to_xlsx

HEADINGS: Final = tuple(COLUMNS.values())
NS: Final = "http://schemas.openxmlformats.org"
MAIN: Final = f"{NS}/spreadsheetml/2006/main"
HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE: Final = "application/vnd.openxmlformats-officedocument"
SHEET_TYPE: Final = f"{OFFICE}.spreadsheetml.sheet.main+xml"
GOOD_TEXT: Final = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传,第{}次。"

Row = Mapping[str, str]


def good_row(number: int, point: str = "FR-01", **more: str) -> Row:
    return {"观测点": point, "反映内容": GOOD_TEXT.format(number)} | more


def rows_of(rows: Sequence[Row], headings: Sequence[str]) -> list[list[str]]:
    return [[row.get(heading, "") for heading in headings] for row in rows]


def xlsx(rows: Sequence[Row], headings: Sequence[str] = HEADINGS) -> bytes:
    """A sheet as the template has it, all cells text."""
    return to_xlsx(Table("线索", headings, rows_of(rows, headings)))


def comma_separated(rows: Sequence[Row], headings: Sequence[str] = HEADINGS, encoding: str = "utf-8") -> bytes:
    text = "".join(csv_lines([list(headings), *rows_of(rows, headings)]))
    return text.removeprefix("\ufeff").encode(encoding)


# ── by hand, down to the bytes ──


def text_cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


def sheet_xml(rows: str, before: str = "", doctype: str = "") -> str:
    return f'{HEAD}{doctype}<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData></worksheet>'


def with_headings(*rows: str) -> str:
    """A sheet with the two required headings, and these rows below."""
    return sheet_xml(f"<row>{text_cell('观测点')}{text_cell('反映内容')}</row>" + "".join(rows))


def parts(sheet: str | bytes, more: Mapping[str, str | bytes] | None = None) -> dict[str, str | bytes]:
    """The least that a workbook consists of; `more` are further parts."""
    kinds = f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}"/>'
    found: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="{NS}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{kinds}<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        f'"{OFFICE}.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" '
        f'ContentType="{OFFICE}.spreadsheetml.styles+xml"/></Types>',
        "_rels/.rels": f'{HEAD}<Relationships xmlns="{NS}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{NS}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{NS}/officeDocument/2006/relationships"><sheets>'
        '<sheet name="线索" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{NS}/package/2006/relationships"><Relationship '
        f'Id="rId1" Type="{NS}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{NS}/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
        "</Relationships>",
        "xl/styles.xml": f'{HEAD}<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill><patternFill/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    return found | dict(more or {})


def packed(content: Mapping[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target.getvalue()


def book(sheet: str | bytes, more: Mapping[str, str | bytes] | None = None) -> bytes:
    return packed(parts(sheet, more))


GOOD_SHEET: Final = with_headings(f"<row>{text_cell('FR-01')}{text_cell('区民政局要报表')}</row>")


def lying(data: bytes) -> bytes:
    """The same archive, whose directory says that the sheet has 100 bytes."""
    changed = bytearray(data)
    at = data.index(b"PK\x01\x02")
    while data[at : at + 4] == b"PK\x01\x02":
        name, extra, comment = struct.unpack("<HHH", data[at + 28 : at + 34])
        if data[at + 46 : at + 46 + name] == b"xl/worksheets/sheet1.xml":
            changed[at + 24 : at + 28] = struct.pack("<I", 100)
        at += 46 + name + extra + comment
    return bytes(changed)


def filler(row: str, megabytes: int) -> str:
    return row * (megabytes * 1024 * 1024 // len(row))


def bomb() -> bytes:
    """Less than a megabyte that becomes 64, and more than a gigabyte in whoever reads it."""
    return book(with_headings(filler(f"<row>{text_cell('一')}{text_cell('二')}{'<c><v>1</v></c>' * 60}</row>", 40)))


def heavy_styles() -> bytes:
    """Within all counts, but more than a gigabyte as the objects that a reader makes of it."""
    styles = str(parts("")["xl/styles.xml"]).replace('<xf numFmtId="0"/>', filler('<xf numFmtId="0" a="b"/>', 31), 1)
    return book(GOOD_SHEET, {"xl/styles.xml": styles})


def laughs() -> str:
    lines = "".join(
        f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";" if n else "笑"}{"&l" + str(n - 1) + ";" if n else ""}">'
        for n in range(30)
    )
    return sheet_xml("<row><c><v>&l29;</v></c></row>", doctype=f"<!DOCTYPE worksheet [{lines}]>")


def quadratic() -> str:
    doctype = f'<!DOCTYPE worksheet [<!ENTITY a "{"笑" * 50_000}">]>'
    return sheet_xml(f"<row><c><v>{'&a;' * 50_000}</v></c></row>", doctype=doctype)


def external_entity() -> str:
    doctype = '<!DOCTYPE worksheet [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    return sheet_xml(f"<row>{text_cell('&a;')}</row>", doctype=doctype)


def giant_extent() -> bytes:
    """Five kilobytes with two cells, the last one in the last corner of the largest sheet there can be."""
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    return book(sheet_xml(cells, before='<dimension ref="A1:XFD1048576"/>'))


def shared_strings() -> bytes:
    strings = f'{HEAD}<sst xmlns="{MAIN}">{"<si><t>a</t></si>" * 1_000_000}</sst>'
    return book(GOOD_SHEET, {"xl/sharedStrings.xml": strings})


def link(kind: str, target: str) -> str:
    return (
        f'{HEAD}<Relationships xmlns="{NS}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{NS}/officeDocument/2006/relationships/{kind}" Target="{target}" TargetMode="External"/>'
        "</Relationships>"
    )


def hostile() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    """What each file is, how it is made, and why it must be refused."""
    rels = "xl/worksheets/_rels/sheet1.xml.rels"
    yield "zip bomb", bomb, "too_large"
    yield "bomb within the counts", heavy_styles, "too_large"
    yield "giant extent, two cells", giant_extent, "bad_headings"
    yield "a million shared strings", shared_strings, "too_large"
    yield "billion laughs", lambda: book(laughs()), "has_dtd"
    yield "quadratic blow-up", lambda: book(quadratic()), "has_dtd"
    yield "external entity", lambda: book(external_entity()), "has_dtd"
    utf16 = external_entity().replace("UTF-8", "UTF-16").encode("utf-16")
    yield "external entity in UTF-16", lambda: book(utf16), "damaged"
    yield "macros", lambda: book(GOOD_SHEET, {"xl/vbaProject.bin": b"\x00"}), "has_macros"
    kinds = str(parts("")["[Content_Types].xml"]).replace(
        SHEET_TYPE, "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    )
    yield "macro-enabled by its type", lambda: packed(parts(GOOD_SHEET) | {"[Content_Types].xml": kinds}), "has_macros"
    yield "link to a file outside", lambda: book(GOOD_SHEET, {rels: link("image", "file:///etc/passwd")}), "has_links"
    external = {"xl/externalLinks/externalLink1.xml": HEAD + "<externalLink/>"}
    yield "external workbook", lambda: book(GOOD_SHEET, external), "has_links"
    yield (
        "archive in the archive",
        lambda: book(GOOD_SHEET, {"xl/media/image1.png": book(GOOD_SHEET)}),
        "has_files_inside",
    )
    yield "embedded object", lambda: book(GOOD_SHEET, {"xl/embeddings/oleObject1.bin": b"x"}), "has_files_inside"
    yield "path traversal", lambda: book(GOOD_SHEET, {"../../etc/passwd.xml": HEAD + "<a/>"}), "damaged"
    yield "absolute path", lambda: book(GOOD_SHEET, {"/etc/passwd": b"x"}), "damaged"
    yield "300 entries", lambda: book(GOOD_SHEET, {f"xl/x{n}.xml": HEAD + "<a/>" for n in range(300)}), "too_large"
    yield "truncated", lambda: book(GOOD_SHEET)[:-200], "damaged"
    yield "lying sizes", lambda: lying(book(GOOD_SHEET)), "damaged"
    yield "a flipped byte", lambda: flip(book(GOOD_SHEET)), "damaged"
    yield "no workbook in it", lambda: packed({"a.txt": "x"}), "not_a_spreadsheet"
    yield "empty archive", lambda: packed({}), "not_a_spreadsheet"
    yield "password", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "encrypted_or_old"
    yield "no XML", lambda: book(b"\x00\x01\x02" * 100), "damaged"
    yield "XML cut off", lambda: book(GOOD_SHEET[:-30]), "damaged"
    yield "deep nesting", lambda: book(with_headings("<row><c>" + "<a>" * 200_000)), "damaged"
    yield "a million columns", lambda: book(sheet_xml("<row>" + "<c/>" * 1_000_000 + "</row>")), "too_large"
    yield "column beyond the last", lambda: book(sheet_xml('<row><c r="ZZZZ1"><v>1</v></c></row>')), "damaged"
    yield "index of no string", lambda: book(with_headings('<row><c t="s"><v>99999</v></c></row>')), "damaged"
    yield "number of 9,000 digits", lambda: book(with_headings(f"<row><c><v>{'9' * 9000}</v></c></row>")), "damaged"
    yield "5,300 rows", lambda: "观测点,反映内容\n".encode() + "FR-01,表\n".encode() * 5300, "too_many_rows"
    yield "no heading", lambda: book(sheet_xml(f"<row>{text_cell('别的')}</row>" * 20)), "bad_headings"
    yield "headings twice", lambda: comma_separated([good_row(1)], ["观测点", "反映内容", "反映情况"]), "bad_headings"
    yield "only headings", lambda: comma_separated([]), "no_rows"
    yield "a program", lambda: b"MZ\x90\x00\x03" + bytes(2000), "not_a_spreadsheet"
    yield "a page", lambda: b"<html><table><tr><td>1</td></tr></table></html>", "not_a_spreadsheet"
    yield "a PDF", lambda: b"%PDF-1.7\n1 0 obj\n", "not_a_spreadsheet"
    yield "NULs", lambda: b"a,b\nFR-01,a\x00b\n", "not_a_spreadsheet"
    yield "bytes of no encoding", lambda: b"\xff\xff\xfe\xfd" * 50, "not_a_spreadsheet"
    yield "nothing", lambda: b"", "bad_headings"


def flip(data: bytes) -> bytes:
    at = data.index(b"xl/worksheets/sheet1.xml") + 60
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def write_hostile(folder: str) -> None:
    """Every one of them as a file of its name."""
    for name, make, _ in hostile():
        (Path(folder) / f"{name}.xlsx").write_bytes(make())
