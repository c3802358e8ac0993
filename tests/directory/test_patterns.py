"""What a pattern needs is never more than what it matches; the number sign."""

import json
from pathlib import Path

import pytest

from app.classify.mentions import find_all
from app.classify.normalize import prepare
from app.classify.roles import _mask
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack
from app.directory.patterns import compile_pattern, needed_characters, possible

CASES = Path(__file__).resolve().parents[1] / "classify" / "cases"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return compile_knowledge(load_pack(BUNDLED_PACK))


def test_no_match_is_lost_by_looking_at_the_characters_first(knowledge: Knowledge) -> None:
    lines = [line for path in sorted(CASES.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        folded = prepare(json.loads(line)["text"]).folded
        masked = _mask(folded, find_all(folded, knowledge, None).mentions)[0]
        kept = {rule.id for rule in possible(knowledge.rules, masked)}
        assert kept < {rule.id for rule in knowledge.rules}
        for rule in knowledge.rules:
            if rule.id not in kept:
                assert rule.expression.search(masked) is None, rule


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        ("(甲|乙)~4丙", [{"丙"}, {"甲", "乙"}]),
        ("甲?丙", [{"丙"}]),
        ("(甲|乙)?丙", [{"丙"}]),
        ("(甲?丁|乙)丙", [{"丙"}]),
        ("甲|丙", []),
        ("#份(?!报)", [{"份"}]),
        ("[甲乙]丙", [{"丙"}]),
        ("{word}丙", [{"丙"}, {"一", "二"}]),
    ],
)
def test_what_a_pattern_needs(pattern: str, needs: list[set[str]]) -> None:
    assert [set(part) for part in needed_characters(pattern, {"word": frozenset("一二")})] == needs


def test_the_number_sign_is_figures_or_characters() -> None:
    expression = compile_pattern("#份表", {})
    assert all(expression.search(text) for text in ("三份表", "12份表", "十二份表"))
    assert expression.search("这份表") is None
