"""A short storm on each database, both at once: nothing that was acknowledged is lost, no event vanishes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

KINDS = ("postgresql", "sqlite")


def test_nothing_is_lost_in_a_short_storm_on_either_database(tmp_path: Path) -> None:
    running = {}
    for kind in KINDS:
        command = [
            sys.executable, "-m", "tests.chaos", "--short", "--minutes", "0.4", "--database", kind,
            "--json", str(tmp_path / kind),
        ]  # fmt: skip
        running[kind] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for kind, process in running.items():
        told, _ = process.communicate(timeout=600)
        assert process.returncode == 0, told
        figures = json.loads((tmp_path / kind).read_text())[kind]["figures"]
        assert figures["kill -9"] >= 2
        assert figures["reports acknowledged"] > 0
        assert figures["callbacks acknowledged"] > 0
        assert figures["bad answers of ordinary systems"] > 0
        if kind == "postgresql":
            assert figures["database stopped"] >= 1
