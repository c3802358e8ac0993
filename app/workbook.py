"""Writes tables for people: every cell is text, so that nothing in them is ever a formula or a link. Reads nothing.

Source: OWASP, CSV injection. A spreadsheet program takes what begins with `=`, `+`, `-` or `@` for a formula unless its
cell is typed as text, which a comma-separated file cannot say.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from xlsxwriter import Workbook

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
BOM: Final = "\ufeff"
# In UTF-16 units, as Excel counts.
LONGEST_CELL: Final = 32_767
CUT: Final = "…（以下截断）"
LEADS: Final = frozenset("=+-@＝＋－＠")
_NO_FORMULAS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_WIDTH, _WIDE, _LONG = 14, 60, 20


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet: its name, its headings, and rows of as many texts, which may come one by one."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[str]] = ()
    wide: frozenset[str] = frozenset()


class XlsxTable:
    """One sheet of a workbook that is written row by row; rows that were written are not kept in memory."""

    def __init__(self, book: Workbook, table: Table) -> None:
        self._sheet = book.add_worksheet(table.name)
        self._text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        bold = book.add_format({"num_format": "@", "bold": True})
        for place, heading in enumerate(table.headings):
            width = _WIDE if heading in table.wide else max(_WIDTH, min(_LONG, 2 * len(heading)))
            self._sheet.set_column(place, place, width, self._text)
            self._sheet.write_string(0, place, cut(heading), bold)
        self._sheet.freeze_panes(1, 0)
        self._next = 1

    def write(self, row: Sequence[str]) -> None:
        for place, text in enumerate(row):
            if text:
                self._sheet.write_string(self._next, place, cut(text), self._text)
        self._next += 1


def open_book(target: IO[bytes]) -> Workbook:
    """A workbook without formulas and links; close it to write the file."""
    return Workbook(target, _NO_FORMULAS)


def write_xlsx(target: IO[bytes], *tables: Table) -> None:
    """All sheets at once."""
    with open_book(target) as book:
        for table in tables:
            sheet = XlsxTable(book, table)
            for row in table.rows:
                sheet.write(row)


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
