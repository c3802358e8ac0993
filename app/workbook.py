"""Writes tables for people: every cell is text, so that nothing in them is ever a formula or a link. Reads nothing.

Source: OWASP, CSV injection. A spreadsheet program takes what begins with `=`, `+`, `-` or `@` for a formula unless its
cell is typed as text, which a comma-separated file cannot say.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import IO, Any, Final, Self
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
BOM: Final = "\ufeff"
# In UTF-16 units, as Excel counts.
LONGEST_CELL: Final = 32_767
CUT: Final = "…（以下截断）"
LEADS: Final = frozenset("=+-@＝＋－＠")
# As Excel has it.
MOST_ROWS: Final = 1_048_576
_WIDTH, _WIDE, _LONG = 14, 60, 20
_SHEETS: Final = "xl/worksheets/sheet"
_DIMENSION: Final = re.compile(rb"<dimension [^>]*/>")
_COLUMN_STYLE: Final = re.compile(rb'<col [^>]*style="(\d+)"')
_HEADING_STYLE: Final = re.compile(rb'<c r="A1" s="(\d+)"')
# What XML cannot say, a workbook writes as `_x0007_`; a text that reads like that has its first character so written.
_UNSAID: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet: its name, its headings, and rows of as many texts, which may come one by one."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[str]] = ()
    wide: frozenset[str] = frozenset()


class XlsxBook:
    """A workbook that can be sent while it is written: nothing in it is touched again.

    XlsxWriter makes all but the rows; a workbook is a zip file, and its sheets go into it one after the other, each
    begun with its headings. Used by `with`, whose end completes it; an exception leaves it as it is, unfinished.
    Raises ValueError where a sheet is full.
    """

    def __init__(self, target: IO[bytes], *tables: Table) -> None:
        self._tables = iter(tables)
        # A target that cannot be gone back in: then the zip file says sizes after what they are of.
        self._onward: Any = SimpleNamespace(write=target.write, flush=target.flush)
        self._zip = ZipFile(self._onward, "w", ZIP_DEFLATED)
        with ZipFile(_make_frame(tables)) as frame:
            self._frames = [frame.read(f"{_SHEETS}{number}.xml") for number in range(1, len(tables) + 1)]
            for part in frame.infolist():
                if not part.filename.startswith(_SHEETS):
                    self._zip.writestr(part.filename, frame.read(part))
        self._number = 0
        self.begin()

    def begin(self) -> None:
        """Go on to the next sheet."""
        if self._number:
            self._end()
        # Of what the frame has there two styles are kept, a heading's and a column's; the size it says would be wrong.
        head, _, rest = self._frames[self._number].partition(b"<sheetData>")
        heading, _, self._tail = rest.partition(b"</sheetData>")
        self._number += 1
        self._rows = 0
        self._part = self._zip.open(f"{_SHEETS}{self._number}.xml", "w")
        self._part.write(_DIMENSION.sub(b"", head) + b"<sheetData>")
        self._style = _found(_HEADING_STYLE, heading)
        self.write(next(self._tables).headings)
        self._style = _found(_COLUMN_STYLE, head)

    def write(self, row: Sequence[str]) -> None:
        """One row more of this sheet."""
        self._rows += 1
        if self._rows > MOST_ROWS:
            raise ValueError(f"a sheet holds {MOST_ROWS} rows")
        cells = (
            f'<c r="{xl_col_to_name(place)}{self._rows}" s="{self._style}" t="inlineStr">'
            f'<is><t xml:space="preserve">{_in_xml(text)}</t></is></c>'
            for place, text in enumerate(row)
            if text
        )
        self._part.write(f'<row r="{self._rows}">{"".join(cells)}</row>'.encode())

    def _end(self) -> None:
        self._part.write(b"</sheetData>" + self._tail)
        self._part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # A zip file is completed in any case: then for nobody.
            self._onward.write = len
        self._end()
        self._zip.close()


def _make_frame(tables: Sequence[Table]) -> io.BytesIO:
    """A workbook with the sheets of these tables and nothing in them but one cell in a heading's style."""
    target = io.BytesIO()
    with Workbook(target) as book:
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        bold = book.add_format({"num_format": "@", "bold": True})
        for table in tables:
            sheet = book.add_worksheet(table.name)
            for place, heading in enumerate(table.headings):
                width = _WIDE if heading in table.wide else max(_WIDTH, min(_LONG, 2 * len(heading)))
                sheet.set_column(place, place, width, text)
            sheet.write_number(0, 0, 0, bold)
            sheet.freeze_panes(1, 0)
    return target


def _found(pattern: re.Pattern[bytes], xml: bytes) -> str:
    found = pattern.search(xml)
    return found[1].decode() if found else "0"


def _in_xml(text: str) -> str:
    return escape(_UNSAID.sub(lambda found: f"_x{ord(found[0]):04X}_", cut(text)))


def write_xlsx(target: IO[bytes], *tables: Table) -> None:
    """All sheets at once."""
    with XlsxBook(target, *tables) as book:
        for number, table in enumerate(tables):
            if number:
                book.begin()
            for row in table.rows:
                book.write(row)


def to_xlsx(*tables: Table) -> bytes:
    """The same as bytes, for what is small."""
    target = io.BytesIO()
    write_xlsx(target, *tables)
    return target.getvalue()


def cut(text: str) -> str:
    """The text as far as a cell can hold it, with a mark where it went on."""
    if len(text) * 2 <= LONGEST_CELL or len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL:
        return text
    kept = text.encode("utf-16-le")[: 2 * (LONGEST_CELL - len(CUT))]
    return kept.decode("utf-16-le", "ignore") + CUT


def neutral(text: str) -> str:
    """A text that no program takes for a formula: an apostrophe goes before whatever one might begin with."""
    return f"'{text}" if text.lstrip()[:1] in LEADS or text[:1] in {"\t", "\r", "\n"} else text


def csv_lines(rows: Iterable[Sequence[str]], start: str = BOM) -> Iterator[str]:
    """Comma-separated lines for Excel; a file begins with a byte order mark, or it would not be taken for UTF-8."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow([neutral(text) for text in row])
        yield start + line.getvalue()
        start = ""
