"""Fitting: any labels, the same data gives the same bytes, figures only from texts the model had not seen."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from app.classify.learn import Recipe, TooFewTexts, cross_validate, fit, score_on
from tests.classify.teaching import labelled, texts_and_labels

ROOT = Path(__file__).resolve().parents[2]
PRINT_MODEL = (
    "from app.classify.learn import cross_validate, fit\n"
    "from tests.classify.teaching import texts_and_labels\n"
    "measured = cross_validate(*texts_and_labels())\n"
    "model = fit(*texts_and_labels(), sharpness=measured.sharpness)\n"
    "print(model.version, measured, model.predict('堤上割草要拍照'), model.explain('堤上割草要拍照', '水利'))\n"
)


def test_it_tells_what_it_was_taught_and_says_how_well() -> None:
    texts, labels = texts_and_labels()
    measured = cross_validate(texts, labels)
    model = fit(texts, labels, sharpness=measured.sharpness)
    assert measured.macro_f1 > 0.95
    assert measured.accuracy > 0.95
    assert set(measured.by_label) == {"水利", "文化旅游"}
    assert model.calibrated
    label, confidence = model.predict("泵站值守的本子又要重抄")[0]
    assert label == "水利"
    assert 0.6 < confidence < 1.0
    assert score_on(model, texts, labels)["accuracy"] == 1.0


def test_without_a_figure_it_is_not_calibrated() -> None:
    assert not fit(*texts_and_labels()).calibrated


def test_the_order_of_the_texts_makes_no_difference() -> None:
    pairs = labelled()[::-1]
    backwards = fit([text for text, _ in pairs], [line for _, line in pairs])
    assert backwards.to_bytes() == fit(*texts_and_labels()).to_bytes()


def test_two_processes_with_other_hash_seeds_learn_the_same_bytes() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PRINT_MODEL],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "20260302")
    ]
    assert outputs[0]
    assert outputs[0] == outputs[1]


def test_labels_with_fewer_texts_than_folds_are_learnt_and_counted_as_missed_where_unseen() -> None:
    texts, labels = texts_and_labels()
    measured = cross_validate([*texts, "只有一件的事"], [*labels, "孤例"])
    assert measured.by_label["孤例"] == 0.0
    assert "孤例" in fit([*texts, "只有一件的事"], [*labels, "孤例"]).labels


def test_chance_is_called_chance() -> None:
    """Labels that have nothing to do with the texts: near one half, and no great confidence in it."""
    texts, _ = texts_and_labels()
    draw = random.Random(5)
    measured = cross_validate(texts, [draw.choice("甲乙") for _ in texts])
    assert measured.accuracy < 0.75
    assert measured.spoken["0.9"]["share"] < 0.2


@pytest.mark.parametrize(
    ("texts", "labels", "folds"),
    [([], [], 5), (["一"], ["甲"], 5), (["一", "二"] * 5, ["甲"] * 10, 5), (["一", "二"], ["甲", "乙"], 5)],
)
def test_too_little_is_said_to_be_too_little(texts: list[str], labels: list[str], folds: int) -> None:
    with pytest.raises(TooFewTexts):
        cross_validate(texts, labels, folds=folds)


def test_longer_grams_can_be_asked_for() -> None:
    model = fit(*texts_and_labels(), Recipe(longest=3))
    assert any(len(gram) == 3 for gram in model.text)
    assert model.predict("水泵房值守要打卡")[0][0] == "水利"


def test_deciding_and_the_command_line_do_not_load_the_learning_library() -> None:
    script = (
        "import sys, app.classify, app.classify.learn, app.classify.learned, app.flow.learning, app.main, app.cli\n"
        "assert not {'numpy', 'scipy', 'sklearn'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
