"""The pack's fitted weights: what they are worth on reports never fitted to, their form, what they show as evidence."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.classify import Category, ReportText, Thresholds, classify
from app.classify.evaluate import evaluate
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack
from app.directory.pack_files import PackError
from app.directory.weights import Weights, pack_up

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared" / "data" / "reports_dev.jsonl"
LONGEST_SHARED_RUN = 22  # official names of departments are longer than most runs that two writers share


def lines_of(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("*.jsonl")) if folder.is_dir() else [folder]
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def asked(line: dict[str, Any]) -> ReportText:
    return ReportText(line["text"], line["district"], line.get("unit"), line.get("title"))


def runs(text: str) -> set[str]:
    return {text[start : start + LONGEST_SHARED_RUN] for start in range(len(text) - LONGEST_SHARED_RUN + 1)}


@pytest.fixture(scope="module")
def held_out() -> list[dict[str, Any]]:
    return lines_of(HERE / "held_out")


def test_reports_never_fitted_to_are_decided_as_the_bars_ask(
    knowledge: Knowledge, held_out: list[dict[str, Any]]
) -> None:
    scores = evaluate(held_out, [classify(asked(line), knowledge) for line in held_out])
    assert scores["category_accuracy"] >= 0.92
    assert scores["receivers_exact"] >= 0.9
    assert scores["decided_accuracy"] >= 0.95
    assert scores["triage_share"] <= 0.25
    assert scores["burden_micro_f1"] >= 0.8
    assert scores["expected_calibration_error"] <= 0.06


def test_without_weights_the_rules_decide_alone(knowledge: Knowledge, held_out: list[dict[str, Any]]) -> None:
    none = Weights()
    bare = replace(
        knowledge,
        pack=replace(knowledge.pack, source_weights=none, text_weights=none, certainty_weights=none),
    )
    by_rules = evaluate(held_out, [classify(asked(line), bare) for line in held_out])
    weighed = evaluate(held_out, [classify(asked(line), knowledge) for line in held_out])
    assert by_rules["category_accuracy"] >= 0.85
    assert weighed["category_accuracy"] > by_rules["category_accuracy"]
    assert weighed["burden_micro_f1"] > by_rules["burden_micro_f1"] + 0.1


def test_nothing_fitted_to_is_asked_again(held_out: list[dict[str, Any]]) -> None:
    kept = {run for line in held_out for run in runs(line["text"])}
    if SHARED.exists():
        kept |= {run for line in lines_of(SHARED) for run in runs(line["text"])}
    for line in lines_of(HERE / "corpus"):
        assert not runs(line["text"]) & kept, line["id"]


def test_a_higher_threshold_decides_less_and_better(knowledge: Knowledge, held_out: list[dict[str, Any]]) -> None:
    shares = []
    for level in (0.0, 0.6, 0.85):
        decisions = [classify(asked(line), knowledge, Thresholds(decide=level)) for line in held_out]
        scores = evaluate(held_out, decisions)
        shares.append((scores["triage_share"], scores["decided_accuracy"]))
    assert shares == sorted(shares)


def test_words_that_weighed_are_shown_where_they_stand(knowledge: Knowledge, held_out: list[dict[str, Any]]) -> None:
    shown = 0
    for line in held_out:
        decision = classify(asked(line), knowledge)
        for item in decision.evidence:
            if item.rule == "weights" and item.field == "text":
                shown += 1
                assert line["text"][item.start : item.end] == item.text
                assert item.weight >= 0.3
    assert shown > len(held_out) / 4


def test_a_source_is_never_shown_as_only_named(knowledge: Knowledge, held_out: list[dict[str, Any]]) -> None:
    for line in held_out:
        decision = classify(asked(line), knowledge)
        if decision.category is Category.UNCLEAR:
            continue
        supported = {item.supports.removeprefix("source ") for item in decision.evidence if "source " in item.supports}
        assert {source.code for source in decision.sources} == supported & knowledge.pack.by_code.keys(), line["id"]


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 5), st.integers(-9000, 9000)), max_size=6, unique_by=lambda pair: pair[0]
            ),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_one_addition_adds_the_weights_of_all_answers(entries: list[tuple[list[tuple[int, int]], bool]]) -> None:
    words = {str(n): pack_up([(index, value / 1000) for index, value in pairs]) for n, (pairs, _) in enumerate(entries)}
    weights = Weights(("a", "b", "c", "d", "e", "f"), {}, words)
    asked_for = [str(n) for n, (_, wanted) in enumerate(entries) if wanted]
    expected = [
        sum(value for pairs, wanted in entries if wanted for place, value in pairs if place == index) / 1000
        for index in range(6)
    ]
    assert weights.of_words([*asked_for, "unknown"]) == pytest.approx(expected)


def spoil(line: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with (folder / "source_weights.csv").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return write


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("word,A:甲,0.4", "weights"),
        ("word,A:甲,source:viel", "weights"),
        ("Wort,A:甲,source:1", "kind"),
        ("word,,source:1", "name"),
    ],
)
def test_a_faulty_weight_is_reported_with_file_line_and_field(tmp_path: Path, line: str, field: str) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for file in BUNDLED_PACK.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    spoil(line)(folder)
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    assert [(p.file, p.field) for p in caught.value.problems] == [("source_weights.csv", field)]
    assert caught.value.problems[0].line > 1


def test_fitting_twice_gives_the_same_files(tmp_path: Path) -> None:
    sample = tmp_path / "sample.jsonl"
    lines = (HERE / "corpus" / "written_1.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    sample.write_text("\n".join(lines), encoding="utf-8")
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        for file in BUNDLED_PACK.iterdir():
            if file.is_file():
                (folder / file.name).write_bytes(file.read_bytes())
        subprocess.run(
            [sys.executable, str(ROOT / "tools" / "fit_weights.py"), str(sample), "--pack", str(folder)],
            check=True, capture_output=True, cwd=ROOT, env={"PYTHONHASHSEED": seed, "PATH": ""},
        )  # fmt: skip
        written.append([(folder / f"{name}_weights.csv").read_bytes() for name in ("source", "text", "certainty")])
        assert compile_knowledge(load_pack(folder)).pack.source_weights
    assert written[0] == written[1]
