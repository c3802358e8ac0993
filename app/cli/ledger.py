"""`yilong reconcile`, `verify-audit`, `import`, `export`: proving the ledger, and its way in and out as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import FALSE, run

if TYPE_CHECKING:
    from app.audit import BrokenLink
    from app.ledger.reconcile import Reconciliation
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(reconcile)
    application.command("verify-audit")(verify_audit)


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
    file: Annotated[Path | None, typer.Argument(help="An exported chain (JSON Lines); default: the database.")] = None,
) -> None:
    """Verify the event chain: exit 0, or exit 1 and the first broken link of each chain."""

    async def work(runtime: "Runtime") -> "tuple[int, list[BrokenLink]]":
        from app.ledger.reconcile import verify_chains

        async with runtime.database.snapshot() as session:
            return await verify_chains(session)

    count, broken = run(work)
    for link in broken:
        typer.echo(f"{link.case_id} #{link.seq}: {link.fault}")
    if broken:
        raise typer.Exit(FALSE)
    typer.echo(f"审计链完好:{count} 个事件。")
