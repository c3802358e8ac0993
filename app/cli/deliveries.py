"""`yilong redeliver`: sends deliveries again."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import run

if TYPE_CHECKING:
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("redeliver")(redeliver)


def redeliver(ids: Annotated[list[int], typer.Argument(help="Delivery ids, as the log shows them.")]) -> None:
    """Send deliveries again, with the same id and the same bytes."""

    async def work(runtime: "Runtime") -> None:
        from app.deliver.endpoints import redeliver as queue_again

        async with runtime.database.write() as session:
            for delivery_id in ids:
                await queue_again(session, delivery_id, runtime.clock.now())

    run(work)
    typer.echo(f"已重新排队:{len(ids)}")
