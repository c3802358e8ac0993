"""`yilong backup`: database and evidence as of one moment, while the service runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import FALSE, fail, run_plain

if TYPE_CHECKING:
    from app.flow.backup import BackedUp

MOST_NAMED = 20


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(backup)


def backup(target: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]) -> None:
    """Copy the embedded database and the evidence into a new folder; nothing is stopped, nothing is overwritten.

    On PostgreSQL use pg_dump, see docs/operations.md. Exit code 1: the backup is made, but evidence was missing before.
    """

    done = run_plain(_back_up(target))
    typer.echo(f"已备份 backed up: {target} ({done.bytes / 1e6:.1f} MB，材料 files of evidence: {done.files})")
    if done.in_bucket:
        typer.echo(
            "材料在对象存储的桶中，不在本备份内，请按 docs/operations.md 另行备份。"
            "Evidence lies in a bucket and is not in it: see docs/operations.md.",
            err=True,
        )
    typer.echo("密钥不在其中，请另行保管。The secret key is not in it: keep it elsewhere.", err=True)
    if done.lost:
        named = "\n".join(done.lost[:MOST_NAMED])
        fail(
            f"{named}\n这些材料（{len(done.lost)} 件）在册但文件缺失或损坏，请从更早的备份恢复。"
            f"These files ({len(done.lost)}) are on record but missing or damaged: restore them from an older backup.",
            FALSE,
        )


async def _back_up(target: Path) -> "BackedUp":
    """Asks for no schema at head: a backup is what comes before `migrate`."""
    import asyncio
    import sqlite3

    from app.database import to_async_url
    from app.flow.backup import backup as copy
    from app.settings import get_settings

    settings = get_settings()
    url = to_async_url(settings.resolved_database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        fail(
            "PostgreSQL 请用 pg_dump 备份，并复制材料目录，见 docs/operations.md。"
            "On PostgreSQL use pg_dump and copy the evidence folder, see docs/operations.md."
        )
    try:
        evidence = None if settings.evidence_s3_url else settings.resolved_evidence_dir
        return await asyncio.to_thread(copy, Path(url.database), evidence, target)
    except sqlite3.Error as error:
        fail(f"无法复制数据库：{error}。The database could not be copied: {error}.")
