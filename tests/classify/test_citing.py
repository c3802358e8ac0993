"""Precedents in a decision: cited and suggested, while everything that was decided stays as it is."""

from dataclasses import replace

import pytest

from app.classify import Category, Decision, UnclearReason
from app.classify.citing import Citation, cite, lacks_department, may_cite
from app.classify.explain import LOW_CONFIDENCE
from app.directory.knowledge import Knowledge, with_precedents
from app.directory.precedents import PrecedentBook
from tests.classify.asking import ask

TEXT = "区民政局、区残联在防返贫监测系统里各要一张表"
CITED = Citation("XL-2026-000001", 9, 16, 2.5, ("FR-MZ", "FR-CL"))


def test_what_was_decided_stays_as_it_is(knowledge: Knowledge) -> None:
    before = ask(knowledge, TEXT)
    after = cite(before, TEXT, [CITED])
    kept = replace(
        after, suggestions=before.suggestions, evidence=before.evidence, notes=before.notes, summary=before.summary
    )
    assert kept == before
    assert after.suggestions[0].receivers == ("FR-MZ", "FR-CL")
    assert after.suggestions[0].category is Category.MULTI_DEPARTMENT
    assert after.evidence[-1].text == "防返贫监测系统" == TEXT[9:16]
    assert after.evidence[-1].supports == "precedent XL-2026-000001"
    assert after.notes == (*before.notes, "precedent:XL-2026-000001")
    assert after.summary.endswith("参照先例：XL-2026-000001")
    assert Decision.from_dict(after.to_dict()) == after


def test_nothing_cited_changes_nothing(knowledge: Knowledge) -> None:
    decision = ask(knowledge, TEXT)
    assert cite(decision, TEXT, []) is decision


def test_without_precedents_the_knowledge_version_is_the_packs(knowledge: Knowledge) -> None:
    assert with_precedents(knowledge, PrecedentBook()).version == knowledge.version
    assert with_precedents(knowledge, PrecedentBook(version="p1")).version == f"{knowledge.version}+p1"


@pytest.mark.parametrize(
    ("reason", "cites"),
    [
        (UnclearReason.NO_DEPARTMENT, True),
        (UnclearReason.TIER_UNKNOWN, True),
        (UnclearReason.CONFLICT_OF_INTEREST, False),
        (UnclearReason.OUT_OF_SCOPE, False),
        (UnclearReason.NON_DEPARTMENT_SOURCE, False),
        (UnclearReason.TOWNSHIP_SOURCE, False),
    ],
)
def test_only_want_of_a_department_is_what_a_precedent_may_fill(
    knowledge: Knowledge, reason: UnclearReason, cites: bool
) -> None:
    decision = replace(ask(knowledge, TEXT), category=Category.UNCLEAR, reason=reason, notes=())
    assert (may_cite(decision), lacks_department(decision)) == (cites, cites)
    unsure = replace(decision, notes=(LOW_CONFIDENCE,))
    assert (may_cite(unsure), lacks_department(unsure)) == (cites, False)
