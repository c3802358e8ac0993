"""The demonstration plays by itself, goes on from a past, ends on Ctrl-C and proves its ledger."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

PLAY = [sys.executable, "-m", "app.cli", "demo", "--port", "0", "--seed", "3"]
STAGES = ("收", "分", "送", "办", "督", "销")


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")}
    return kept | {"TMPDIR": str(tmp_path)}


def test_a_short_play_goes_through_every_stage_and_the_ledger_holds(tmp_path: Path) -> None:
    finished = subprocess.run(
        [*PLAY, "--days", "0", "--seconds", "12", "--tempo", "0.4"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for stage in STAGES:
        assert any(line[9:10] == stage for line in finished.stdout.splitlines()), f"nothing happened in stage {stage}"
    assert "对账无误，审计链完好" in finished.stdout
    assert finished.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_play_goes_on_from_its_past_and_an_interrupt_ends_it_with_its_summary(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PLAY, "--days", "4"],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as playing:
        guard = threading.Timer(90, playing.kill)
        guard.start()
        assert playing.stdout is not None
        before = []
        for line in playing.stdout:
            before.append(line)
            if line[9:10] == "办":
                break
        playing.send_signal(signal.SIGINT)
        rest, errors = playing.communicate()
        guard.cancel()
    assert playing.returncode == 0, rest + errors
    assert "往事演完" in "".join(before)
    assert "演示结束" in rest
    assert "对账无误" in rest
