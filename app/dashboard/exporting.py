"""导出: the ledger as a file in the reader's words, written line by line. The page and the command share it."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine, Mapping
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Final

from fastapi import Query, Response
from starlette.responses import StreamingResponse

from app.dashboard import labels
from app.dashboard.answering import go, make_pages, words_for
from app.dashboard.labels import Labels
from app.dashboard.language import N_
from app.dashboard.ledger import PATH, chosen_cases
from app.dashboard.ledger_columns import read_columns
from app.dashboard.rendering import Flash
from app.dashboard.session import CaseReader
from app.directory.city import City
from app.ledger.export import LedgerLine, read_ledger
from app.problems import NotFound
from app.workbook import CSV_TYPE, XLSX_TYPE, Table, XlsxBook, csv_lines

router = make_pages()
FORMATS: Final[Mapping[str, str]] = {"xlsx": XLSX_TYPE, "csv": CSV_TYPE, "jsonl": "application/x-ndjson"}
CHUNK: Final = 64 * 1024
LOOK_SECONDS: Final = 0.1
# What each column of a file is called, in the file's order.
FILE_COLUMNS: Final[Labels] = {
    "number": N_("编号"), "status": N_("状态"), "outcome": N_("结果"), "category": N_("类别"),
    "burden_types": N_("负担类型"), "text": N_("反映内容（已隐去）"), "sources": N_("来源"), "owner": N_("责任单位"),
    "departments": N_("承办单位"), "urgency": N_("紧急程度"), "opened": N_("立项日期"), "due": N_("时限"),
    "closed": N_("销号日期"), "returns": N_("退回次数"), "relapses": N_("回潮次数"),
    "points": N_("反映点数（五个及以上）"),
}  # fmt: skip
ALL: Final = tuple(FILE_COLUMNS)

Say = Callable[[str], str]
Write = Callable[[IO[bytes]], Coroutine[Any, Any, None]]


def in_words(line: LedgerLine, city: City, say: Say) -> dict[str, str]:
    """A line as texts, by column."""

    def label(table: Mapping[str, str], key: str | None) -> str:
        return say(table[key]) if key and key in table else key or ""

    def named(codes: Any) -> str:
        return "、".join(city.names.get(code, code) for code in codes)

    burdens = {burden.code: burden.name for burden in city.pack.burden_types}
    return {
        "number": line.number,
        "status": label(labels.CASE_STATUS, line.status),
        "outcome": label(labels.OUTCOME, line.outcome),
        "category": label(labels.CATEGORY, line.category),
        "burden_types": "、".join(burdens.get(code, code) for code in line.burden_types),
        "text": line.text,
        "sources": named(line.sources),
        "owner": named([line.owner_department] if line.owner_department else []),
        "departments": named(line.departments),
        "urgency": label(labels.URGENCY, line.urgency),
        "opened": str(line.opened_on),
        "due": str(line.due_on or ""),
        "closed": str(line.closed_on or ""),
        "returns": str(line.returns),
        "relapses": str(line.relapses),
        "points": "" if line.points is None else str(line.points),
    }


async def write_ledger(
    target: IO[bytes],
    form: str,
    lines: AsyncIterator[LedgerLine],
    city: City,
    say: Say,
    columns: Collection[str] = ALL,
) -> int:
    """Write a file of one of `FORMATS`; how many cases there were. It holds no more than some of them at a time.

    `columns` are those of a table; a line of JSON has everything.
    """
    count = 0
    keys = [key for key in ALL if key in columns]
    headings = [say(FILE_COLUMNS[key]) for key in keys]

    def cells(line: LedgerLine) -> list[str]:
        said = in_words(line, city, say)
        return [said[key] for key in keys]

    if form == "xlsx":
        with XlsxBook(target, Table(say(N_("台账")), headings, wide=frozenset({say(FILE_COLUMNS["text"])}))) as book:
            async for line in lines:
                book.write(cells(line))
                count += 1
        return count
    if form == "csv":
        target.write("".join(csv_lines([headings])).encode())
    async for line in lines:
        if form == "csv":
            target.write("".join(csv_lines([cells(line)], start="")).encode())
        else:
            target.write(json.dumps(asdict(line), ensure_ascii=False, default=str).encode() + b"\n")
        count += 1
    return count


@router.get("/ledger/export")
async def export(at: CaseReader, form: Annotated[str, Query(alias="format")] = "xlsx") -> Response:
    """What the ledger's filters show, as a file with the chosen columns; nothing in it tells who reported."""
    if form not in FORMATS:
        raise NotFound
    asked = at.request.query_params
    if "ticked" in asked and "case" not in asked:
        return go(at.request, PATH, Flash(words_for(at).say(N_("请先勾选要导出的事项。")), "warning"))
    wanted, columns = chosen_cases(at), read_columns(asked.get("columns", "")) or ALL

    async def write(file: IO[bytes]) -> None:
        async with at.runtime.database.snapshot() as session:
            lines = read_ledger(session, at.principal, at.city, wanted)
            await write_ledger(file, form, lines, at.city, words_for(at).say, columns)

    headers = {"Content-Disposition": f'attachment; filename="ledger.{form}"', "Cache-Control": "private, no-store"}
    return StreamingResponse(sent_as_written(write), media_type=FORMATS[form], headers=headers)


async def sent_as_written(write: Write) -> AsyncGenerator[bytes, None]:
    """What is written into a temporary file, as it grows: however slowly it is fetched, the snapshot ends with writing.

    Where writing fails, so does the answer; where the reader goes away, writing ends.
    """
    with TemporaryFile(buffering=0) as file:
        writing = asyncio.create_task(write(file))
        sent = 0
        try:
            while True:
                done = writing.done()
                while piece := os.pread(file.fileno(), CHUNK, sent):
                    sent += len(piece)
                    yield piece
                if done:
                    writing.result()
                    return
                await asyncio.wait({writing}, timeout=LOOK_SECONDS)
        finally:
            writing.cancel()
            await asyncio.wait({writing})
