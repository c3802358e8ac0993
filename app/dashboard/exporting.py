"""导出: the ledger as a file in the reader's words, written line by line. The page and the command share it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Final

from fastapi import Query, Response
from starlette.responses import StreamingResponse

from app.dashboard import labels
from app.dashboard.answering import make_pages, words_for
from app.dashboard.language import N_
from app.dashboard.ledger import chosen_cases
from app.dashboard.session import CaseReader
from app.directory.city import City
from app.ledger.export import LedgerLine, read_ledger
from app.problems import NotFound
from app.workbook import CSV_TYPE, XLSX_TYPE, Table, XlsxTable, csv_lines, open_book

router = make_pages()
FORMATS: Final[Mapping[str, str]] = {"xlsx": XLSX_TYPE, "csv": CSV_TYPE, "jsonl": "application/x-ndjson"}
CHUNK: Final = 64 * 1024
HEADINGS: Final = (
    N_("编号"), N_("状态"), N_("结果"), N_("类别"), N_("负担类型"), N_("反映内容（已隐去）"), N_("来源"),
    N_("责任单位"), N_("承办单位"), N_("紧急程度"), N_("立项日期"), N_("时限"), N_("销号日期"), N_("退回次数"),
    N_("回潮次数"), N_("反映点数（五个及以上）"),
)  # fmt: skip

Say = Callable[[str], str]


def in_words(line: LedgerLine, city: City, say: Say) -> list[str]:
    """A line as texts, in the order of the headings."""

    def label(table: Mapping[str, str], key: str | None) -> str:
        return say(table[key]) if key and key in table else key or ""

    def named(codes: Any) -> str:
        return "、".join(city.names.get(code, code) for code in codes)

    burdens = {burden.code: burden.name for burden in city.pack.burden_types}
    return [
        line.number,
        label(labels.CASE_STATUS, line.status),
        label(labels.OUTCOME, line.outcome),
        label(labels.CATEGORY, line.category),
        "、".join(burdens.get(code, code) for code in line.burden_types),
        line.text,
        named(line.sources),
        named([line.owner_department] if line.owner_department else []),
        named(line.departments),
        label(labels.URGENCY, line.urgency),
        *(str(day) if day else "" for day in (line.opened_on, line.due_on, line.closed_on)),
        *(str(count) for count in (line.returns, line.relapses)),
        "" if line.points is None else str(line.points),
    ]


async def write_ledger(target: IO[bytes], form: str, lines: AsyncIterator[LedgerLine], city: City, say: Say) -> int:
    """Write a file of one of `FORMATS`; how many cases there were. It holds no more than some of them at a time."""
    count = 0
    headings = [say(heading) for heading in HEADINGS]
    if form == "xlsx":
        book = open_book(target)
        sheet = XlsxTable(book, Table(say(N_("台账")), headings, wide=frozenset({headings[5]})))
        async for line in lines:
            sheet.write(in_words(line, city, say))
            count += 1
        await asyncio.to_thread(book.close)
        return count
    if form == "csv":
        target.write("".join(csv_lines([headings])).encode())
    async for line in lines:
        if form == "csv":
            target.write("".join(csv_lines([in_words(line, city, say)], start="")).encode())
        else:
            target.write(json.dumps(asdict(line), ensure_ascii=False, default=str).encode() + b"\n")
        count += 1
    return count


@router.get("/ledger/export")
async def export(at: CaseReader, form: Annotated[str, Query(alias="format")] = "xlsx") -> Response:
    """What the ledger's filters show, as a file; nothing in it tells who reported."""
    if form not in FORMATS:
        raise NotFound
    wanted = chosen_cases(at)
    file = TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        async with at.runtime.database.snapshot() as session:
            lines = read_ledger(session, at.principal, at.city, wanted)
            await write_ledger(file, form, lines, at.city, words_for(at).say)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": f'attachment; filename="ledger.{form}"', "Cache-Control": "private, no-store"}
    return StreamingResponse(_pieces(file), media_type=FORMATS[form], headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece
