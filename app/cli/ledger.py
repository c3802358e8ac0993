"""`yilong reconcile`, `verify-audit`, `export-audit`: proving the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import FALSE, fail, run

if TYPE_CHECKING:
    from app.audit import BrokenLink
    from app.ledger.reconcile import Reconciliation
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(reconcile)
    application.command("verify-audit")(verify_audit)
    application.command("export-audit")(export_audit)


def reconcile() -> None:
    """Prove 件件有回应: exit 0 and counts, or exit 1 and each offender."""

    async def work(runtime: "Runtime") -> "Reconciliation":
        from app.ledger.reconcile import reconcile as check

        async with runtime.database.snapshot() as session:
            return await check(session)

    result = run(work)
    typer.echo(f"线索 {result.reports} · 挂账 {result.opened} − 销号 {result.closed} = 在账 {result.on_ledger}")
    for offender in result.offenders:
        typer.echo(f"{offender.number}: {offender.fault}")
    if not result.holds:
        raise typer.Exit(FALSE)
    typer.echo("对账无误:件件有着落,件件有回应。")


def verify_audit(
    file: Annotated[
        Path | None, typer.Argument(help="A file written by `export-audit`; default: the database.")
    ] = None,
) -> None:
    """Verify the event chains: exit 0, or exit 1 and the first broken link of each chain."""
    count, broken = _verify_file(file) if file else run(_verify_database)
    for link in broken:
        typer.echo(f"{link.case_id} #{link.seq}: {link.fault}")
    if broken:
        raise typer.Exit(FALSE)
    typer.echo(f"审计链完好:{count} 个事件。")


def _verify_file(file: Path) -> "tuple[int, list[BrokenLink]]":
    from app.ledger.chain_file import NotAChainFile, verify_lines

    try:
        with file.open(encoding="utf-8") as lines:
            return verify_lines(lines)
    except (OSError, NotAChainFile) as error:
        fail(str(error))


async def _verify_database(runtime: "Runtime") -> "tuple[int, list[BrokenLink]]":
    from app.ledger.reconcile import verify_chains

    async with runtime.database.snapshot() as session:
        return await verify_chains(session)


def export_audit(file: Annotated[Path, typer.Argument(help="Where to write; one JSON line a case.")]) -> None:
    """Write the event chains to a file that `verify-audit` can check elsewhere."""

    async def work(runtime: "Runtime") -> int:
        from app.ledger.chain_file import write_chains

        count = 0
        with file.open("w", encoding="utf-8") as target:
            async with runtime.database.snapshot() as session:
                async for line in write_chains(session):
                    target.write(line + "\n")
                    count += 1
        return count

    typer.echo(f"已导出 {run(work)} 条审计链:{file}")
