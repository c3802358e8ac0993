"""A learned line is one more piece of evidence: it adds a line where the text gives none, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.classify import Category, Decision, Evidence, ReportText, UnclearReason, classify
from app.classify.learn import cross_validate, fit
from app.classify.learned import LEARNED, matter_of
from app.directory.knowledge import Knowledge, with_learned
from tests.classify.asking import ask, receivers
from tests.classify.teaching import texts_and_labels

CASES = Path(__file__).parent / "cases"
NAMELESS = "堤上割草一次要拍三回照片,泵站值守的本子还要重抄。"


@pytest.fixture(scope="module")
def taught(knowledge: Knowledge) -> Knowledge:
    texts, labels = texts_and_labels()
    return with_learned(knowledge, fit(texts, labels, sharpness=cross_validate(texts, labels).sharpness))


def suggested(decision: Decision) -> list[str]:
    return [code for suggestion in decision.suggestions for code in suggestion.receivers]


def learned_evidence(decision: Decision) -> list[tuple[int, int, str]]:
    return [(item.start, item.end, item.text) for item in of_learned_lines(decision)]


def of_learned_lines(decision: Decision) -> list[Evidence]:
    return [item for item in decision.evidence if item.rule == LEARNED and item.supports.startswith("line ")]


def test_where_nobody_is_named_it_suggests_its_line_and_abstains(knowledge: Knowledge, taught: Knowledge) -> None:
    assert suggested(ask(knowledge, NAMELESS)) == []
    decision = ask(taught, NAMELESS)
    assert decision.category is Category.UNCLEAR
    assert decision.reason in (UnclearReason.TIER_UNKNOWN, UnclearReason.NO_DEPARTMENT)
    assert decision.receivers == ()
    assert suggested(decision)[:2] == ["FR-SL", "CS-SL"]
    assert "水利" in decision.summary


def test_its_evidence_points_at_the_characters_that_weighed_most(taught: Knowledge) -> None:
    decision = ask(taught, NAMELESS)
    found = learned_evidence(decision)
    assert found
    assert all(NAMELESS[start:end] == text for start, end, text in found)
    assert any(word in text for _, _, text in found for word in ("堤上", "割草", "泵站", "值守"))
    assert {item.supports for item in of_learned_lines(decision)} == {"line 水利"}


@pytest.mark.parametrize(
    "text", [f"  {NAMELESS}", NAMELESS.replace("割", " 割\u200b"), NAMELESS.replace(",", ",\n　　")]
)
def test_spans_index_the_text_as_it_was_sent(taught: Knowledge, text: str) -> None:
    found = learned_evidence(ask(taught, text))
    assert found
    assert all(text[start:end] == shown for start, end, shown in found)


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from([*"堤上割草泵站值守,。 \n\u3000", "渠道除草", "省里要求", "腰鼓队排练", "\u200b", "😀"])
    )
)
def test_whatever_is_sent_every_span_is_exact(taught: Knowledge, pieces: list[str]) -> None:
    text = "".join(pieces)
    for start, end, shown in learned_evidence(ask(taught, text)):
        assert text[start:end] == shown != ""


def test_evidence_from_the_title_says_so(taught: Knowledge) -> None:
    decision = ask(taught, "一次都不能少,晚了点名。", title="堤上割草")
    assert "title" in {item.field for item in of_learned_lines(decision)}


def test_with_a_tier_in_the_text_it_may_decide(knowledge: Knowledge, taught: Knowledge) -> None:
    text = "省里要求堤上割草天天拍照上传,泵站值守也要打卡,少一张就通报。"
    assert ask(knowledge, text).category is Category.UNCLEAR
    decision = ask(taught, text)
    assert decision.category is Category.PROVINCIAL
    assert receivers(decision) == ["CS-SL"]
    assert learned_evidence(decision)


@pytest.mark.parametrize("name", ["区文旅局", "市教育局", "省民政厅", "区残联"])
def test_it_says_nothing_where_a_department_is_named(knowledge: Knowledge, taught: Knowledge, name: str) -> None:
    text = f"{name}要求{NAMELESS}"
    with_it, without = ask(taught, text), ask(knowledge, text)
    assert learned_evidence(with_it) == []
    assert replace(with_it, knowledge_version=without.knowledge_version) == without


def test_no_decision_on_the_own_cases_is_changed(knowledge: Knowledge, taught: Knowledge) -> None:
    """Whatever the model believes of them: a decision stands on names, and they come first."""
    certain = replace(taught.learned, sharpness=10_000.0) if taught.learned else None
    sure = with_learned(knowledge, certain)
    rows = [
        row for path in sorted(CASES.glob("*.jsonl")) for row in path.read_text(encoding="utf-8").split("\n") if row
    ]
    for line in map(json.loads, rows):
        report = ReportText(line["text"], line.get("district"))
        without = classify(report, knowledge)
        if without.category is not Category.UNCLEAR:
            with_it = classify(report, sure)
            assert replace(with_it, knowledge_version=without.knowledge_version) == without, line["text"]


def test_a_ticked_department_is_not_contradicted(knowledge: Knowledge, taught: Knowledge) -> None:
    report = ReportText(NAMELESS, "芙蓉区", declared_departments=("FR-JY",))
    assert receivers(classify(report, taught)) == receivers(classify(report, knowledge))


def test_unsure_uncalibrated_or_unknown_lines_are_not_used(knowledge: Knowledge, taught: Knowledge) -> None:
    texts, labels = texts_and_labels()
    assert taught.learned is not None
    unused = (
        replace(taught.learned, sharpness=0.01),
        fit(texts, labels),
        fit(texts, [f"旧条线{label}" for label in labels], sharpness=taught.learned.sharpness),
    )
    for model in unused:
        assert learned_evidence(ask(with_learned(knowledge, model), NAMELESS)) == []


def test_the_version_names_pack_and_model(knowledge: Knowledge, taught: Knowledge) -> None:
    assert taught.learned is not None
    assert taught.version == f"{knowledge.version}+{taught.learned.version}"
    assert ask(taught, NAMELESS).knowledge_version == taught.version
    assert with_learned(taught, None).version == knowledge.version


def test_names_are_no_part_of_what_is_learnt(knowledge: Knowledge) -> None:
    matter = matter_of(ReportText("区水利局要求渠道除草,芙蓉区教育局也要", "FR", title="市里的事"), knowledge)
    assert "渠道除草" in matter
    assert "水利" not in matter
    assert "教育" not in matter
    assert "市里" not in matter
