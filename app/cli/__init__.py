"""The `yilong` command: one Typer application, one file per group. Doors only: parse, call one verb, print."""

from app.cli.application import application, main

__all__ = ["application", "main"]
