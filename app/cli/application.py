"""Assembles the command line. Exit codes: 0 done, 1 the thing checked is false, 2 bad usage or input."""

import typer

from app.cli import (
    accounts,
    api_keys,
    backtest,
    backup,
    calendar,
    classification,
    deliveries,
    demo,
    encryption,
    integration,
    learning,
    ledger,
    server,
    simulate,
    spreadsheets,
    supervision,
)

application = typer.Typer(
    name="yilong",
    help="一龙 Yilong: routes grassroots burden reports and follows each until it is struck off.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for group in (
    server, accounts, api_keys, calendar, classification, learning, backtest, spreadsheets, ledger, supervision,
    deliveries, encryption, backup, integration, demo, simulate,
):  # fmt: skip
    group.register(application)


def main() -> None:
    """Entry point of the console command."""
    application()
