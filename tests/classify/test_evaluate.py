"""The evaluation counts what the contract lists."""

from dataclasses import replace
from typing import Any

import pytest

from app.classify import Category, Decision, Route
from app.classify.evaluate import evaluate
from app.directory.knowledge import Knowledge
from tests.classify.asking import ask


def gold(category: str, route: str, *receivers: str) -> dict[str, Any]:
    return {"gold": {"category": category, "route": route, "receivers": list(receivers), "burden_types": ["FORMS"]}}


@pytest.fixture
def decision(knowledge: Knowledge) -> Decision:
    return replace(ask(knowledge, "区民政局要求每天填表上报"), confidence=0.9)


def test_all_right_is_one_everywhere(decision: Decision) -> None:
    scores = evaluate([gold("municipal_district", "assignment", "FR-MZ")], [decision])
    assert scores["category_accuracy"] == scores["receivers_exact"] == scores["category_macro_f1"] == 1.0
    assert scores["decided_accuracy"] == 1.0
    assert scores["triage_share"] == 0.0
    assert scores["expected_calibration_error"] == pytest.approx(0.1)


def test_a_wrong_category_shows_in_the_confusion(decision: Decision) -> None:
    lines = [gold("provincial", "escalation", "CS-MZ"), gold("municipal_district", "assignment", "FR-MZ")]
    scores = evaluate(lines, [decision, decision])
    assert scores["category_accuracy"] == 0.5
    assert scores["confusion"]["provincial"]["municipal_district"] == 1
    assert scores["category_macro_f1"] == pytest.approx(0.3333, abs=1e-4)


def test_coverage_falls_with_the_threshold(decision: Decision) -> None:
    lines = [gold("municipal_district", "assignment", "FR-MZ")] * 2
    scores = evaluate(lines, [decision, replace(decision, confidence=0.7)])
    assert [row["decided"] for row in scores["coverage"] if row["threshold"] in (0.6, 0.8, 0.95)] == [1.0, 0.5, 0.0]


def test_what_goes_to_triage_is_not_counted_as_decided(decision: Decision) -> None:
    unclear = replace(decision, category=Category.UNCLEAR, route=Route.TRIAGE, receivers=())
    scores = evaluate([gold("unclear", "triage")], [unclear])
    assert (scores["triage_share"], scores["decided_accuracy"]) == (1.0, 0.0)


def test_lists_of_different_length_are_refused(decision: Decision) -> None:
    with pytest.raises(ValueError, match="1 gold lines"):
        evaluate([gold("unclear", "triage")], [])
