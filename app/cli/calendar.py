"""`yilong import-holidays`: the yearly notice, from a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import fail, run

if TYPE_CHECKING:
    from app.directory.announcing import DayChange
    from app.runtime import Runtime

WEEKDAYS = "一二三四五六日"


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("import-holidays")(import_holidays)


def import_holidays(
    file: Annotated[Path, typer.Argument(help="The notice's text, or CSV (day,working,name), or JSON ({year, days}).")],
    year: Annotated[int | None, typer.Option(help="Where the file does not name it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Load a year's holidays and make-up days; the worker then works provisional deadlines out anew."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"无法读取 {file}: {error}")

    async def work(runtime: "Runtime") -> "list[DayChange]":
        from app.access.principal import SYSTEM
        from app.api.door import make_desk
        from app.directory.announcing import read_announcement
        from app.flow.clocks import load_holidays

        said = read_announcement(text, year)
        async with runtime.database.write() as session:
            return await load_holidays(make_desk(runtime, session, SYSTEM), said, dry_run=dry_run)

    _tell(run(work), dry_run=dry_run)


def _tell(changes: "list[DayChange]", *, dry_run: bool) -> None:
    """Ordinary days that only became known are counted; every other change is listed."""
    for change in changes:
        if change.was is not None or change.working != (change.day.weekday() < 5):
            word = "上班" if change.working else "放假"
            typer.echo(f"{change.day} 周{WEEKDAYS[change.day.weekday()]} {word} {change.name or ''}".rstrip())
    if not changes:
        typer.echo("没有变化：这些日期都已载入。")
    else:
        typer.echo(f"{'将改动' if dry_run else '已载入'} {len(changes)} 天。")
