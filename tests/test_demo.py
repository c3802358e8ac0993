"""The demonstration plays by itself, ends on Ctrl-C, proves its ledger, and follows its seed."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from itertools import islice
from pathlib import Path

from app.classify import ReportText, classify
from app.demo.mail import fill, read_file, roll, write_letters
from app.directory.knowledge import compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack

PLAY = [sys.executable, "-m", "app.cli", "demo", "--port", "0"]
STAGES = ("收", "分", "送", "办", "督", "销")


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")}
    return kept | {"TMPDIR": str(tmp_path)}


def test_a_short_play_goes_through_every_stage_and_the_ledger_holds(tmp_path: Path) -> None:
    finished = subprocess.run(
        [*PLAY, "--seconds", "9", "--tempo", "0.5"],
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
    assert "对账无误,审计链完好" in finished.stdout
    assert finished.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_play_ends_with_its_summary(tmp_path: Path) -> None:
    with subprocess.Popen(
        PLAY, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as playing:
        guard = threading.Timer(60, playing.kill)
        guard.start()
        assert playing.stdout is not None
        for line in playing.stdout:
            if line[9:10] == "办":
                break
        playing.send_signal(signal.SIGINT)
        rest, errors = playing.communicate()
        guard.cancel()
    assert playing.returncode == 0, rest + errors
    assert "演示结束" in rest
    assert "对账无误" in rest


def test_the_same_seed_writes_the_same_letters_and_another_seed_others() -> None:
    pack = load_pack(BUNDLED_PACK)
    districts = {d.code: d for d in pack.districts}

    def first(seed: int) -> list[tuple[str, str]]:
        letters = write_letters(pack.observation_points, districts, seed=seed, mean_seconds=1.0)
        return [(letter.point.code, letter.text) for letter in islice(letters, 100)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert len({point for point, _ in first(1)[:45]}) == 45


def test_there_are_enough_templates_and_nearly_all_are_understood_as_their_author_meant() -> None:
    pack = load_pack(BUNDLED_PACK)
    knowledge = compile_knowledge(pack)
    districts = {d.code: d for d in pack.districts}
    templates = read_file()[0]
    assert len({t.text for t in templates}) >= 40
    outcome: Counter[bool] = Counter()
    for number, template in enumerate(templates):
        point = pack.observation_points[number % len(pack.observation_points)]
        text = fill(template, point, districts[point.district], roll(1, number))
        decision = classify(ReportText(text=text, district=point.district, unit=point.name), knowledge)
        outcome[decision.category == template.kind] += 1
    assert outcome[True] / outcome.total() >= 0.85
