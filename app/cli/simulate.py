"""`yilong simulate`: a city in fast time, seeded and reproducible; proves its ledger at the end."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import FALSE, fail, run_plain


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(simulate)


def simulate(
    days: Annotated[int, typer.Option(min=1, max=730, help="How long, in simulated days.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ledger.")] = 45,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day; 2026-01-01 where absent.")
    ] = None,
    reports_per_day: Annotated[float, typer.Option(min=0.1, max=100, help="Reports on an average working day.")] = 4.5,
    database_url: Annotated[
        str | None, typer.Option(help="An EMPTY database to play on, SQLite or PostgreSQL; else a throw-away one.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="An empty folder to leave the SQLite database in.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Then serve the dashboard over it, until Ctrl-C.")] = False,
) -> None:
    """Simulate a city: reports, departments, province and office for months or years, in minutes."""
    import logging

    from app.demo.simulate import DEFAULT_START, Simulation
    from app.demo.simulate import simulate as play
    from app.log import configure_logging

    if keep and database_url:
        fail("--keep 与 --database-url 只能给一个。Give --keep or --database-url, not both.")
    if database_url:
        _check_url(database_url)
    configure_logging(logging.ERROR)
    what = Simulation(
        days=days,
        seed=seed,
        start=start.date() if start else DEFAULT_START,
        per_day=reports_per_day,
        database_url=database_url,
        keep=keep,
        serve=serve,
    )
    if not run_plain(play(what, typer.echo), loop=_fastest_loop()):
        raise typer.Exit(FALSE)


def _check_url(url: str) -> None:
    from sqlalchemy.exc import ArgumentError

    from app.database import to_async_url

    try:
        to_async_url(url)
    except (ValueError, ArgumentError) as error:
        fail(f"--database-url: {error}")


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The one that serves, where it is installed: a sixth less work."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
