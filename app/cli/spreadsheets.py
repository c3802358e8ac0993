"""`yilong import` and `yilong export`: spreadsheets of reports in, the ledger out."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

import typer

from app.cli.lines import at_work
from app.cli.running import USAGE, fail, run

if TYPE_CHECKING:
    from app.dashboard.import_words import FaultyRow
    from app.flow.importing import Importer
    from app.intake.imports import Sent
    from app.ledger.imports import ImportRecord
    from app.runtime import Runtime

MOST_NAMED, LARGEST_MB = 200, 10
FORMATS = ("xlsx", "csv", "jsonl")


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("import")(import_)
    application.command()(export)


# ── in ──


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An .xlsx or .csv made from the template.")],
    observation_point: Annotated[
        str | None, typer.Option(help="Code of the point for rows that name none, such as FR-01.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what is wrong with the rows, and store nothing.")] = False,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE.xlsx", help="Where to write the rows with faults, to be corrected.")
    ] = None,
) -> None:
    """Bring in reports from a spreadsheet. Rows with faults stop none of the others and are named; exit code 2 then.

    A run that was broken off is run again: it goes on where it was, and nothing is brought in twice.
    """
    if file.stat().st_size > LARGEST_MB * 1024 * 1024:
        fail(f"表格文件最大 {LARGEST_MB} MB。A spreadsheet may have {LARGEST_MB} MB.")
    sent, record, faulty = run(lambda runtime: _import(runtime, file, observation_point or "", check=check))
    if record is not None:
        done, known = (record.counts[state] for state in ("done", "known"))
        typer.echo(f"已导入 brought in: {done}；已有相同线索 known already: {known}")
    if sent.unknown:
        typer.echo(f"不认识的列，没有导入 headings that mean nothing: {'、'.join(sent.unknown)}", err=True)
    if errors is not None:
        errors.write_bytes(_workbook_of(faulty))
    if faulty:
        fail("\n".join(_name(faulty)), USAGE)
    if check:
        typer.echo(f"{len(sent.rows)} 行都没有问题。All {len(sent.rows)} rows can be brought in.")


async def _import(
    runtime: "Runtime", file: Path, point: str, *, check: bool
) -> "tuple[Sent, ImportRecord | None, list[FaultyRow]]":
    from app.access.principal import SYSTEM
    from app.flow.importing import Importer, read_sheet
    from app.intake import imports
    from app.ledger.imports import get_import

    city, now = runtime.cities.current, runtime.clock.now()
    with file.open("rb") as source, at_work("read"):
        sent = await read_sheet(source, city, file.name, now, point=city.get_point(point).code if point else "")
    if check:
        return sent, None, [(number, values, judged.faults) for number, values, judged in sent.rows if judged.faults]
    async with runtime.database.write() as session:
        kept = await imports.keep(session, runtime.database, runtime.sealer, sent, by=SYSTEM.holder, now=now)
    async with runtime.database.read() as session:
        record = await get_import(session, kept.id)
    if record.may_commit:
        async with runtime.database.write() as session:
            await imports.commit(session, kept.id, by=SYSTEM.holder, now=now)
    importer = Importer(
        runtime.database, runtime.clock, runtime.cities, runtime.numbers, runtime.sealer, runtime.settings
    )
    await _bring_in(importer, record)
    return sent, *await _outcome(runtime, kept.id)


async def _bring_in(importer: "Importer", record: "ImportRecord") -> None:
    """All rows that wait, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("import", total=record.total, completed=record.settled)
        async for count in importer.bring_in(record.kept.id):
            progress.advance(task, count)


async def _outcome(runtime: "Runtime", import_id: str) -> "tuple[ImportRecord, list[FaultyRow]]":
    from app.intake.imports import row_place
    from app.intake.sheet import from_json
    from app.ledger.imports import get_import, page_rows
    from app.models import RowState

    async with runtime.database.read() as session:
        record = await get_import(session, import_id)
        rows = await page_rows(session, import_id, [RowState.FAULTY], offset=0)
    return record, [
        (row.number, from_json(runtime.sealer.open(row.content or b"", row_place(row.id))), row.faults)
        for row in (found.row for found in rows)
    ]


def _name(faulty: "list[FaultyRow]") -> Iterator[str]:
    from app.dashboard.import_words import say_faults

    yield f"有问题的行 rows with faults: {len(faulty)}"
    for number, _, faults in faulty[:MOST_NAMED]:
        yield f"第 {number} 行 row {number}: {say_faults(faults, str)}"


def _workbook_of(faulty: "list[FaultyRow]") -> bytes:
    from app.dashboard.import_words import faulty_rows
    from app.workbook import to_xlsx

    return to_xlsx(faulty_rows(faulty, str))


# ── out ──


def export(
    form: Annotated[str, typer.Option("--format", help="xlsx, csv or jsonl.")] = "xlsx",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - for standard output.")
    ] = "-",
    department: Annotated[str | None, typer.Option(help="Only cases on which this department has a duty.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only cases that are not struck off.")] = False,
) -> None:
    """Write the ledger, a line for each case. Nothing in it tells who reported: no point, days only, words masked."""
    if form not in FORMATS:
        fail("--format 应为 xlsx、csv 或 jsonl。--format is xlsx, csv or jsonl.")
    if form == "xlsx" and output == "-" and sys.stdout.isatty():
        fail("请用 --output 给出文件名。Name a file with --output.")
    with _written(output) as target:
        count = run(lambda runtime: _export(runtime, target, form, department, open_only=open_only))
    typer.echo(f"已导出 {count} 件 cases written: {count}", err=True)


async def _export(runtime: "Runtime", target: IO[bytes], form: str, department: str | None, *, open_only: bool) -> int:
    from app.access.principal import SYSTEM
    from app.dashboard.exporting import write_ledger
    from app.dashboard.language import translator
    from app.ledger.export import read_ledger
    from app.ledger.search import CaseFilter

    city = runtime.cities.current
    wanted = CaseFilter(department=city.get_department(department).code if department else None, open_only=open_only)
    with at_work("export"):
        async with runtime.database.snapshot() as session:
            lines = read_ledger(session, SYSTEM, city, wanted)
            return await write_ledger(target, form, lines, city, translator("zh"))


@contextmanager
def _written(output: str) -> Iterator[IO[bytes]]:
    """A file that stands under its name only once it is whole."""
    folder = None if output == "-" else Path(output).resolve().parent
    if folder is not None and not folder.is_dir():
        fail(f"没有这个目录：{folder}。No such folder: {folder}.")
    with NamedTemporaryFile(dir=folder, prefix=".yilong-export-", delete=False) as target:
        path = Path(target.name)
        try:
            yield target
            target.flush()
            if folder is not None:
                umask = os.umask(0)
                os.umask(umask)
                path.chmod(0o666 & ~umask)
                path.replace(output)
            else:
                target.seek(0)
                shutil.copyfileobj(target, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        finally:
            path.unlink(missing_ok=True)
