"""Reads a spreadsheet from outside by having it read: `jail.py` does it in a process of its own with bounds on memory
and time. This process parses none of the file and holds no more of it than the bounded rows that come back.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from app.problems import AppError, InvalidInput

JAIL: Final = Path(__file__).with_name("jail.py")
LARGEST_FILE: Final = 10 * 1024 * 1024
MOST_OUTPUT: Final = 9 * 1024 * 1024
LONGEST_LINE: Final = 1024 * 1024
WALL_SECONDS: Final = 30.0
TEXT: Final = "text"

REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "not_a_spreadsheet": (
        "这不是表格文件。请上传 .xlsx 或 .csv 文件，最好用本页的模板填写。",
        "This is no spreadsheet. Send an .xlsx or .csv file, best one made from the template.",
    ),
    "encrypted_or_old": (
        "文件加了密码，或是旧版 .xls 格式。请去掉密码，另存为 .xlsx 后再上传。",
        "The file has a password or is an old .xls. Remove the password, save it as .xlsx and send it again.",
    ),
    "damaged": (
        "文件损坏或结构异常，无法读取。请用 Excel 或 WPS 打开，另存为新的 .xlsx 后再上传。",
        "The file is damaged or oddly built. Open it, save it as a new .xlsx and send that.",
    ),
    "too_large": (
        "文件内容过大：展开后的数据超出限度。请删去空白行列、图片和多余的工作表，或分成几个文件。",
        "The file holds too much once it is unpacked. Remove blank rows, pictures and other sheets, or split it.",
    ),
    "too_many_rows": (
        "一个文件最多 5000 行。请分成几个文件上传。",
        "A file may have 5000 rows at most. Split it into several.",
    ),
    "has_macros": (
        "文件含有宏或控件，不能上传。请另存为不含宏的 .xlsx。",
        "The file holds macros or controls. Save it as an .xlsx without them.",
    ),
    "has_links": (
        "文件引用了外部数据或其他文件，不能上传。请断开链接，粘贴为值后再上传。",
        "The file refers to data outside. Break the links, paste values and send it again.",
    ),
    "has_files_inside": (
        "文件里嵌入了其他文件，不能上传。请删去后再上传。",
        "There are files inside the file. Remove them and send it again.",
    ),
    "has_dtd": (
        "文件含有不允许的 XML 定义，不能上传。请用 Excel 或 WPS 另存为新的 .xlsx。",
        "The file holds XML definitions that are not allowed. Save it as a new .xlsx.",
    ),
    "no_rows": (
        "表格里没有内容。请在“线索”工作表中填写后再上传。",
        "There is nothing in the sheet. Fill it in and send it again.",
    ),
}


class SpreadsheetRefused(InvalidInput):
    """A spreadsheet that is not read, with what is wrong and what to do; `why` is one of `REFUSALS`."""

    code = "spreadsheet_refused"
    title_zh, title_en = "无法读取这个表格文件", "This spreadsheet cannot be read"

    def __init__(self, why: str) -> None:
        super().__init__(*REFUSALS[why], why=why)


class SpreadsheetTooLarge(AppError):
    status, code = 413, "spreadsheet_too_large"
    title_zh, title_en = "文件过大", "The file is too large"

    def __init__(self) -> None:
        super().__init__(
            "表格文件最大 10 MB。请删去图片和多余的工作表，或分成几个文件。",
            "A spreadsheet may have 10 MB. Remove pictures and other sheets, or split it.",
        )


class Cell(NamedTuple):
    """A cell: its kind (`text`, `number`, `date`, `formula`, `error`) and what it says; a date as `YYYY-MM-DD`."""

    kind: str = TEXT
    text: str = ""


class Line(NamedTuple):
    """A row that is not empty, with its number as the sheet shows it."""

    number: int
    cells: list[Cell]


async def read_spreadsheet(file: IO[bytes]) -> AsyncGenerator[Line]:
    """The rows of a file on disk, one by one. Raises SpreadsheetRefused, whatever the file does to who reads it."""
    try:
        async with asyncio.timeout(WALL_SECONDS), aclosing(_ask(file)) as answers:
            async for answer in answers:
                if "refused" in answer:
                    raise SpreadsheetRefused(answer["refused"])
                if "rows" in answer:
                    return
                cells = [Cell(*cell) if isinstance(cell, list) else Cell(TEXT, cell) for cell in answer["cells"]]
                yield Line(answer["row"], cells)
    except (TimeoutError, KeyError, TypeError):
        raise SpreadsheetRefused("too_large") from None
    # It ended without a last word: its bounds ended it.
    raise SpreadsheetRefused("too_large")


async def _ask(file: IO[bytes]) -> AsyncGenerator[dict[str, Any]]:
    """The answers of a jail that reads the file; it is gone when this is over."""
    file.seek(0)
    jail = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", str(JAIL)),
        stdin=file.fileno(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd="/", limit=LONGEST_LINE,
    )  # fmt: skip
    size = 0
    try:
        assert jail.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        async for line in jail.stdout:
            size += len(line)
            if size > MOST_OUTPUT:
                break
            yield json.loads(line)
    except ValueError:
        return  # a line longer than any row may be
    finally:
        if jail.returncode is None:
            jail.kill()
        await jail.wait()
