"""Reads one spreadsheet that may be hostile: a program of its own, `python -I jail.py` with the file as its input.

It answers in JSON lines: `{"row", "cells"}` for each row that is not empty, `{"rows"}` at the end, or `{"refused"}` and
why. Nothing of the service is imported here, and the service never imports this. A cell is a string, or a pair of its
kind (`number`, `date`, `formula`, `error`) and a text. An archive is looked through, and inflated once to be counted,
before anything in it is parsed.
"""

import codecs
import csv
import gc
import io
import json
import re
import resource
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final, NoReturn

MB: Final = 1024 * 1024
MEMORY, CPU_SECONDS, FILES = 256 * MB, 15, 16
MOST_ENTRIES, MOST_INFLATED, RATIO_FROM, HIGHEST_RATIO = 200, 32 * MB, 1 * MB, 200
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL, MOST_STRINGS, MOST_CELLS = 5_020, 64, 32_767, 200_000, 400_000
MOST_OUTPUT: Final = 8 * MB
CHUNK: Final = 64 * 1024
OVERLAP: Final = 32
LARGEST_NUMBER: Final = 10**15
SHEET: Final = "线索"
ENCRYPTED, STORED, DEFLATED = 0x1, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ARCHIVES: Final = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", COMPOUND)
BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}
_DECLARED: Final = re.compile(rb"""\A(?:\xef\xbb\xbf)?\s*<(?:\?xml[^>]*?\bencoding\s*=\s*["']([^"'>]+)["'])?""")
_OUTSIDE: Final = re.compile(rb"""<(?:\w+:)?Relationship\b[^>]*\bTargetMode\s*=\s*["']External["'][^>]*>""")


class Refused(Exception):
    """The file is not read; the text is a code that the service has words for."""


def confine() -> None:
    """Bound memory, time and open files, and write no file: for the rest of this process's life."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    # What openpyxl would load where it is there: large, and not needed for reading text.
    for name in ("numpy", "lxml", "PIL", "pandas"):
        sys.modules[name] = None  # type: ignore[assignment]
    warnings.simplefilter("ignore")
    gc.disable()


def read(file: BinaryIO) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of each row that is not empty. Raises Refused."""
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    if start.startswith(b"PK"):
        look_through(file)
        file.seek(0)
        yield from read_workbook(file)
    elif start == COMPOUND:
        raise Refused("encrypted_or_old")
    else:
        yield from read_text(file.read())


# ── the archive, before anything in it is parsed ──


def look_through(file: BinaryIO) -> None:
    """Count what is in the archive by inflating it, and refuse what a sheet of reports has no need of."""
    try:
        entries = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        raise Refused("damaged") from None
    names = [entry.filename.lower() for entry in entries]
    if len(entries) > MOST_ENTRIES:
        raise Refused("too_large")
    if "[content_types].xml" not in names:
        raise Refused("not_a_spreadsheet")
    if len(set(names)) < len(names) or any(is_odd(name) for name in names):
        raise Refused("damaged")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise Refused("encrypted_or_old")
    if any("vbaproject" in name or "/activex/" in name or "/macrosheets/" in name for name in names):
        raise Refused("has_macros")
    if any("externallink" in name or name.endswith("xl/connections.xml") for name in names):
        raise Refused("has_links")
    if any("/embeddings/" in name for name in names):
        raise Refused("has_files_inside")
    total = 0
    for entry in entries:
        total = check_entry(file, entry, total)


def is_odd(name: str) -> bool:
    """Whether a name would lead somewhere else if it were unpacked, which it never is."""
    return name.startswith("/") or ":" in name or "\\" in name or ".." in name.split("/") or not name.isprintable()


def check_entry(file: BinaryIO, entry: zipfile.ZipInfo, total: int) -> int:
    """Inflate one entry piece by piece; answers how much the archive holds so far. Raises Refused."""
    name = entry.filename.lower()
    is_xml, relates = name.endswith((".xml", ".rels", ".vml")), name.endswith(".rels")
    size = crc = strings = cells = 0
    tail = b""
    for piece in inflate(file, entry):
        if not size:
            check_beginning(piece, is_xml=is_xml)
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        if total + size > MOST_INFLATED or (size > RATIO_FROM and size > HIGHEST_RATIO * max(entry.compress_size, 1)):
            raise Refused("too_large")
        if is_xml:
            seen = tail + piece
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise Refused("has_dtd")
            if b"macroEnabled" in seen:
                raise Refused("has_macros")
            # Excel makes a link of every mailbox that is typed; nobody follows it.
            if relates and any(b"/hyperlink" not in link for link in _OUTSIDE.findall(seen)):
                raise Refused("has_links")
            strings, cells = strings + piece.count(b"<si"), cells + piece.count(b"<c")
            if strings > MOST_STRINGS or cells > MOST_CELLS:
                raise Refused("too_large")
            tail = seen[-(CHUNK if relates else OVERLAP) :]
    if size != entry.file_size or crc != entry.CRC:
        raise Refused("damaged")
    return total + size


def check_beginning(piece: bytes, *, is_xml: bool) -> None:
    """XML is UTF-8, so that what is looked for in it is found; nothing is an archive in the archive."""
    if piece.startswith(ARCHIVES):
        raise Refused("has_files_inside")
    if is_xml:
        declared = _DECLARED.match(piece[:CHUNK])
        if declared is None or (declared[1] or b"utf-8").lower() not in {b"utf-8", b"utf8", b"us-ascii"}:
            raise Refused("damaged")


def inflate(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What an entry really holds, whatever its headers say of the size. Raises Refused."""
    file.seek(entry.header_offset)
    head = file.read(30)
    if len(head) < 30 or entry.compress_type not in {STORED, DEFLATED}:
        raise Refused("damaged")
    file.seek(sum(struct.unpack("<HH", head[26:30])), 1)
    left = entry.compress_size
    inflater = zlib.decompressobj(-15) if entry.compress_type == DEFLATED else None
    while left and not (inflater and inflater.eof):
        data = file.read(min(left, CHUNK))
        left -= len(data)
        if not data:
            raise Refused("damaged")
        if inflater is None:
            yield data
        while inflater and data and not inflater.eof:
            try:
                piece = inflater.decompress(data, CHUNK)
            except zlib.error:
                raise Refused("damaged") from None
            if piece:
                yield piece
            data = inflater.unconsumed_tail
    if inflater and not inflater.eof:
        yield from finish(inflater)


def finish(inflater: Any) -> Iterator[bytes]:
    """What the inflater still held back."""
    try:
        while piece := inflater.decompress(inflater.unconsumed_tail, CHUNK):
            yield piece
    except zlib.error:
        raise Refused("damaged") from None
    if not inflater.eof:
        raise Refused("damaged")


# ── what is in it ──


def read_workbook(file: BinaryIO) -> Iterator[tuple[int, list[Any]]]:
    """The rows of the sheet `线索`, or else of the first that is visible."""
    from openpyxl import load_workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheets = [s for s in book.worksheets if isinstance(s, ReadOnlyWorksheet) and s.sheet_state == "visible"]
        sheet = next((s for s in sheets if s.title == SHEET), sheets[0] if sheets else None)
        if sheet is None:
            raise Refused("no_rows")
        # What a file says of its own extent may be anything.
        sheet.reset_dimensions()
        blank = None
        for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS), 1):
            if row is blank:  # up to a million of them stand for what a file leaves out
                continue
            cells = [encode(cell.value, cell.data_type) for cell in row]
            if any(cells):
                yield number, cells
            else:
                blank = row
    except (Refused, MemoryError):
        raise
    except Exception:
        raise Refused("damaged") from None


def encode(value: Any, kind: str) -> Any:
    """A cell as it is told: text as it is, all else with its kind."""
    if value is None:
        return ""
    if kind == "f":
        return ["formula", ""]
    if kind == "e":
        return ["error", ""]
    if isinstance(value, str):
        return value[: LONGEST_CELL + 1]
    if isinstance(value, datetime | date):
        return ["date", value.isoformat()[:10]]
    if isinstance(value, int | float) and abs(value) < LARGEST_NUMBER:
        return ["number", str(int(value) if value == int(value) else value)]
    return ["error", ""]


def read_text(data: bytes) -> Iterator[tuple[int, list[Any]]]:
    """The rows of comma-separated text: UTF-8, GB18030, or what a byte order mark says."""
    text = decode(data)
    if text.lstrip()[:1] in {"<", "%", "{"}:
        raise Refused("not_a_spreadsheet")
    first = text.partition("\n")[0]
    separator = max(",\t;", key=first.count)
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1):
            cells: list[Any] = [cell[: LONGEST_CELL + 1] for cell in row[:MOST_COLUMNS]]
            if any(cells):
                yield number, cells
    except csv.Error:
        raise Refused("damaged") from None


def decode(data: bytes) -> str:
    marked = next((name for mark, name in BOMS.items() if data.startswith(mark)), None)
    if marked != "utf-16" and b"\x00" in data:
        raise Refused("not_a_spreadsheet")
    for name in [marked] if marked else ["utf-8", "gb18030"]:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise Refused("not_a_spreadsheet")


# ── telling it ──


def tell(answer: dict[str, Any]) -> int:
    line = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    sys.stdout.buffer.write(line)
    return len(line)


def main() -> NoReturn:
    """Read standard input, answer, and end with 0 even where the file is refused."""
    confine()
    refused = ""
    rows = size = 0
    try:
        for number, cells in read(sys.stdin.buffer):
            rows += 1
            if rows > MOST_ROWS:
                raise Refused("too_many_rows")
            while not cells[-1]:
                cells.pop()
            size += tell({"row": number, "cells": cells})
            if size > MOST_OUTPUT:
                raise Refused("too_large")
    except Refused as error:
        refused = str(error)
    except MemoryError:
        refused = "too_large"
    # Only here, where what filled the memory has gone with the error.
    tell({"refused": refused} if refused else {"rows": rows})
    sys.stdout.buffer.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
