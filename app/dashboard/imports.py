"""导入: a spreadsheet is sent, looked at row by row, and brought in; what has faults is handed back."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Path, Request, Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.import_words import ROW_STATE, ROW_TONES, faulty_rows, say_fault, template
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.session import Importing, Office, Uploading
from app.flow.importing import read_sheet
from app.intake import imports
from app.intake.sheet import COLUMNS, Values, from_json
from app.ledger.imports import ImportRecord, RowRecord, get_import, list_imports, page_rows, read_about
from app.ledger.pages import names_of_users
from app.models import Import, ImportRow, RowState
from app.workbook import XLSX_TYPE, Table, to_xlsx

router = make_pages()
PATH: Final = "/dashboard/imports"
ImportId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
READ_AT_ONCE: Final = 2


@router.get("/imports")
async def show_imports(at: Importing) -> Response:
    """Where a file is sent, and what was sent before."""
    return await _imports_page(at)


async def _imports_page(at: Office, *, messages: tuple[Flash, ...] = (), status: int = 200) -> Response:
    state = ListState.from_query(PATH, at.request.query_params)
    state = ListState(PATH, page=state.page, size=state.size)
    async with at.read() as session:
        records, total = await list_imports(session, offset=state.offset, limit=state.size)
        people = await names_of_users(session, {_user_of(record.kept.uploaded_by) for record in records})
    facts = {
        "listing": Listing(state, records, total),
        "name_of": lambda record: _about(at, record.kept)[0],
        "who": lambda record: people.get(_user_of(record.kept.uploaded_by), ""),
    }
    return await page(at, "imports.html", "ledger", facts, messages=messages, status=status)


def _user_of(holder: str) -> str:
    return holder.removeprefix("user:")


def _about(at: Office, kept: Import) -> tuple[str, list[str]]:
    return read_about(at.runtime.sealer.open(kept.about, imports.about_place(kept.id)))


def _values(at: Office, row: ImportRow) -> Values:
    """What a row says; nothing once it is a report."""
    return from_json(at.runtime.sealer.open(row.content, imports.row_place(row.id))) if row.content else {}


@router.get("/imports/template")
async def get_template(at: Importing) -> Response:
    """The empty sheet that points fill in."""
    return await _download("template.xlsx", lambda: template(at.city))


async def _download(name: str, make: Callable[[], list[Table]]) -> Response:
    """A small workbook, made beside the event loop."""
    data = await asyncio.to_thread(lambda: to_xlsx(*make()))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(data, media_type=XLSX_TYPE, headers=headers)


@router.post("/imports")
async def upload(at: Uploading) -> Response:
    """Take a file in: read in a jail, judged, kept row by row; the file itself is gone with this request."""

    async def act() -> Response:
        sent_file = at.form.file
        if sent_file is None or not sent_file.filename:
            raise BadFields([N_("请选择要上传的表格文件。")])
        async with _turns(at.request):
            sent = await read_sheet(sent_file.file, at.city, sent_file.filename, at.now)
        async with at.desk(Permission.IMPORT_REPORTS) as desk:
            kept = await imports.keep(
                desk.session, at.runtime.database, desk.sealer, sent, by=at.principal.holder, now=desk.now
            )
        return go(at.request, f"{PATH}/{kept.id}")

    async def show_again(message: Flash, status: int) -> Response:
        return await _imports_page(at, messages=(message,), status=status)

    try:
        return await attempt(at, act, show_again)
    finally:
        await at.form.close()


def _turns(request: Request) -> asyncio.Semaphore:
    """So many files are read at once in this process; others wait."""
    turns: asyncio.Semaphore | None = getattr(request.app.state, "reading_sheets", None)
    if turns is None:
        turns = request.app.state.reading_sheets = asyncio.Semaphore(READ_AT_ONCE)
    return turns


@router.get("/imports/{id}")
async def show_import(id: ImportId, at: Importing) -> Response:  # noqa: A002 - the address says id
    """The rows of a file with what is wrong with each, or what became of it; how far it has got."""
    return await _import_page(at, id)


async def _import_page(at: Office, import_id: str, *, messages: tuple[Flash, ...] = (), status: int = 200) -> Response:
    path = f"{PATH}/{import_id}"
    state = ListState.from_query(path, at.request.query_params)
    wanted = state.value("state")
    async with at.read() as session:
        record = await get_import(session, import_id)
        shown = RowState(wanted) if wanted in ROW_STATE else _first_of(record)
        state = ListState(path, (("state", shown.value),), page=state.page, size=state.size)
        rows = await page_rows(session, import_id, [shown], offset=state.offset, limit=state.size)
    words = words_for(at)
    name, unknown = _about(at, record.kept)
    facts: dict[str, Any] = {
        "record": record,
        "name": name,
        "unknown": unknown,
        "path": path,
        "shown": shown,
        "states": ROW_STATE,
        "tones": ROW_TONES,
        "columns": COLUMNS,
        "listing": Listing(state, [_row_facts(at, row) for row in rows], record.counts[shown]),
        "say_fault": lambda fault: say_fault(fault, words.say),
    }
    return await page(at, "import.html", "ledger", facts, messages=messages, status=status)


def _first_of(record: ImportRecord) -> RowState:
    """What is shown first: what is wrong, else what can be done, else what was done."""
    return next((state for state in ROW_STATE if record.counts[RowState(state)]), RowState.DONE)  # type: ignore[return-value]


def _row_facts(at: Office, record: RowRecord) -> dict[str, Any]:
    return {"record": record, "row": record.row, "values": _values(at, record.row)}


@router.post("/imports/{id}/commit")
async def commit(id: ImportId, at: Importing) -> Response:  # noqa: A002 - the address says id
    """From now on it is the worker's: nobody has to wait for it, and nothing of it is lost."""

    async def act() -> Response:
        async with at.desk(Permission.IMPORT_REPORTS) as desk:
            await imports.commit(desk.session, id, by=at.principal.holder, now=desk.now)
        said = words_for(at).say(N_("已提交，正在导入。可以离开本页，稍后刷新查看进度。"))
        return go(at.request, f"{PATH}/{id}", Flash(said, "success"))

    return await attempt(at, act, lambda message, status: _import_page(at, id, messages=(message,), status=status))


@router.post("/imports/{id}/discard")
async def discard(id: ImportId, at: Importing) -> Response:  # noqa: A002 - the address says id
    """What was not brought in is forgotten at once."""

    async def act() -> Response:
        async with at.desk(Permission.IMPORT_REPORTS) as desk:
            await imports.discard(desk.session, id)
        return go(at.request, PATH, Flash(words_for(at).say(N_("已放弃，没有导入的内容已删除。")), "success"))

    return await attempt(at, act, lambda message, status: _import_page(at, id, messages=(message,), status=status))


@router.get("/imports/{id}/errors")
async def get_errors(id: ImportId, at: Importing) -> Response:  # noqa: A002 - the address says id
    """The rows with faults as a sheet that can be corrected and sent again."""
    async with at.read() as session:
        await get_import(session, id)
        rows = await page_rows(session, id, [RowState.FAULTY], offset=0)
    say = words_for(at).say

    def make() -> list[Table]:
        return [faulty_rows(((row.row.number, _values(at, row.row), row.row.faults) for row in rows), say)]

    return await _download("errors.xlsx", make)
