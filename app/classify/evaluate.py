"""Compares decisions with gold labels: accuracies, F1, coverage against accuracy, calibration. No files."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.classify.decision import Category, Decision

_CATEGORIES = tuple(category.value for category in Category)
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)


def evaluate(gold_lines: Sequence[Mapping[str, Any]], decisions: Sequence[Decision]) -> dict[str, Any]:
    """Scores decisions against lines whose `gold` has category, route, receivers and burden_types. Raises ValueError on
    different lengths. Shares are 0 to 1; macro-F1 is over the categories that occur in gold or prediction."""
    if len(gold_lines) != len(decisions):
        raise ValueError(f"{len(gold_lines)} gold lines, {len(decisions)} decisions")
    pairs = [(line["gold"], decision) for line, decision in zip(gold_lines, decisions, strict=True)]
    decided = [pair for pair in pairs if pair[1].category is not Category.UNCLEAR]
    return {
        "reports": len(pairs),
        "category_accuracy": _share([_category_right(*pair) for pair in pairs]),
        "route_accuracy": _share([gold["route"] == decision.route.value for gold, decision in pairs]),
        "receivers_exact": _share([_receivers_right(*pair) for pair in pairs]),
        "category_macro_f1": _macro_f1(pairs),
        "burden_micro_f1": _burden_f1(pairs),
        "document_numbers_exact": _share([_numbers_right(*pair) for pair in pairs if "doc_numbers" in pair[0]]),
        "reason_accuracy": _share([_reason_right(*pair) for pair in pairs if pair[0]["category"] == "unclear"]),
        "triage_share": _share([decision.category is Category.UNCLEAR for _, decision in pairs]),
        "decided_accuracy": _share([_category_right(*pair) and _receivers_right(*pair) for pair in decided]),
        "decided_category_accuracy": _share([_category_right(*pair) for pair in decided]),
        "expected_calibration_error": _calibration_error(pairs),
        "confusion": _confusion(pairs),
        "coverage": [_coverage(pairs, level) for level in _LEVELS],
    }


Pair = tuple[Mapping[str, Any], Decision]


def _share(truths: Sequence[bool]) -> float:
    return round(sum(truths) / len(truths), 4) if truths else 0.0


def _category_right(gold: Mapping[str, Any], decision: Decision) -> bool:
    return bool(gold["category"] == decision.category.value)


def _receivers_right(gold: Mapping[str, Any], decision: Decision) -> bool:
    return set(gold["receivers"]) == {receiver.code for receiver in decision.receivers}


def _numbers_right(gold: Mapping[str, Any], decision: Decision) -> bool:
    return sorted(gold["doc_numbers"]) == sorted(number.text for number in decision.document_numbers)


def _reason_right(gold: Mapping[str, Any], decision: Decision) -> bool:
    return decision.reason is not None and gold.get("reason") == decision.reason.value


def _f1(right: int, wrong: int, missed: int) -> float:
    total = 2 * right + wrong + missed
    return 2 * right / total if total else 1.0


def _macro_f1(pairs: Sequence[Pair]) -> float:
    scores = []
    for category in _CATEGORIES:
        right = sum(gold["category"] == category == decision.category.value for gold, decision in pairs)
        said = sum(decision.category.value == category for _, decision in pairs)
        meant = sum(gold["category"] == category for gold, _ in pairs)
        if said or meant:
            scores.append(_f1(right, said - right, meant - right))
    return round(sum(scores) / len(scores), 4) if scores else 0.0


def _burden_f1(pairs: Sequence[Pair]) -> float:
    right = wrong = missed = 0
    for gold, decision in pairs:
        meant = set(gold.get("burden_types", ()))
        said = {burden.code for burden in decision.burden_types}
        right += len(meant & said)
        wrong += len(said - meant)
        missed += len(meant - said)
    return round(_f1(right, wrong, missed), 4)


def _calibration_error(pairs: Sequence[Pair], bins: int = 10) -> float:
    """Expected calibration error of the category over ten equal bins of confidence."""
    total = 0.0
    for index in range(bins):
        inside = [p for p in pairs if index <= min(p[1].confidence * bins, bins - 1e-9) < index + 1]
        if inside:
            sure = sum(decision.confidence for _, decision in inside) / len(inside)
            right = sum(_category_right(*pair) for pair in inside) / len(inside)
            total += len(inside) * abs(sure - right)
    return round(total / len(pairs), 4) if pairs else 0.0


def _confusion(pairs: Sequence[Pair]) -> dict[str, dict[str, int]]:
    """Gold category to predicted category to count."""
    table = {meant: dict.fromkeys(_CATEGORIES, 0) for meant in _CATEGORIES}
    for gold, decision in pairs:
        table[gold["category"]][decision.category.value] += 1
    return table


def _coverage(pairs: Sequence[Pair], level: float) -> dict[str, float]:
    """Share decided, and how many of those right, had the office set this threshold."""
    kept = [p for p in pairs if p[1].category is not Category.UNCLEAR and p[1].confidence >= level]
    return {
        "threshold": level,
        "decided": round(len(kept) / len(pairs), 4) if pairs else 0.0,
        "accuracy": _share([_category_right(*pair) and _receivers_right(*pair) for pair in kept]),
    }
