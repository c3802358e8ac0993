"""`yilong demo`: a simulated city on a throw-away database, with time running fast."""

from typing import Annotated

import typer

from app.cli.running import FALSE, run_plain


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(demo)


def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End by itself after so many seconds; else on Ctrl-C.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 45,
    tempo: Annotated[
        float, typer.Option(min=0.05, max=20, help="Stretches every wait: 0.5 is twice as fast, 3 slow enough to read.")
    ] = 1.0,
    days: Annotated[int, typer.Option(min=0, max=365, help="Days of past to play first, in seconds; 0 for none.")] = 60,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default YILONG_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; default YILONG_PORT, 0 for any free one.")
    ] = None,
) -> None:
    """Play a city: 45 points report, departments answer by signed webhooks, the office rules. Nothing is kept."""
    import logging

    from app.demo.live import Play, play
    from app.log import configure_logging

    configure_logging(logging.ERROR)
    how = Play(seed=seed, seconds=seconds, tempo=tempo, host=host, port=port, days=days)
    if not run_plain(play(how, typer.echo)):
        raise typer.Exit(FALSE)
