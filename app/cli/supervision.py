"""`yilong release`: sets supervision going again where looking at a clock kept failing."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import run

if TYPE_CHECKING:
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("release")(release)


def release(
    numbers: Annotated[
        list[str] | None, typer.Argument(help="Numbers of cases; all whose supervision stopped if none is given.")
    ] = None,
) -> None:
    """Look again at clocks that were quarantined after failed looks, once the fault is mended."""

    async def work(runtime: "Runtime") -> int:
        from app.access.principal import SYSTEM
        from app.api.door import make_desk
        from app.flow.supervision import release as release_case
        from app.ledger.supervision import list_quarantined

        async with runtime.database.read() as session:
            wanted = numbers or await list_quarantined(session)
        for number in wanted:
            async with runtime.database.write() as session:
                await release_case(make_desk(runtime, session, SYSTEM), number)
        return len(wanted)

    typer.echo(f"已恢复督办：{run(work)} 件")
