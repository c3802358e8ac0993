"""Lets `python -m app.cli` stand for the `yilong` command."""

from app.cli import main

main()
