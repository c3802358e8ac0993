"""Cites precedents in a decision: as evidence, first suggestion and note. What was decided stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.classify.decision import Category, Decision, Evidence, Suggestion, UnclearReason
from app.classify.explain import LOW_CONFIDENCE
from app.directory.precedents import NOTE

PRECEDENT = "precedent"
# Who causes the burden is all that was missing: what a precedent can tell.
_WANTING = frozenset({UnclearReason.NO_DEPARTMENT, UnclearReason.TIER_UNKNOWN})


@dataclass(frozen=True, slots=True)
class Citation:
    """A precedent to cite: its number, where in the text it matched, how much that weighs, and how it was settled."""

    number: str
    start: int
    end: int
    weight: float
    receivers: tuple[str, ...]


def lacks_department(decision: Decision) -> bool:
    """Unclear for want of a department only; not where the machine had a decision that it was too unsure of."""
    return decision.reason in _WANTING and LOW_CONFIDENCE not in decision.notes


def may_cite(decision: Decision) -> bool:
    """A conflict of interest, and what is out of scope or no department's doing, stay the office's own to judge."""
    return decision.category is not Category.UNCLEAR or decision.reason in _WANTING


def cite(decision: Decision, text: str, citations: Sequence[Citation]) -> Decision:
    """The decision with these citations, the surest first; `text` as it was sent."""
    if not citations:
        return decision
    evidence = tuple(
        Evidence(PRECEDENT, text[c.start : c.end], c.start, c.end, f"{PRECEDENT} {c.number}", c.weight)
        for c in citations
    )
    suggestions = tuple(
        Suggestion(Category.MULTI_DEPARTMENT, c.receivers, round(c.weight / (c.weight + 1), 3)) for c in citations
    )
    numbers = [c.number for c in citations]
    return replace(
        decision,
        suggestions=(*suggestions, *decision.suggestions),
        evidence=(*decision.evidence, *evidence),
        summary=f"{decision.summary}；参照先例：{'、'.join(numbers)}",
        notes=(*decision.notes, *(NOTE + number for number in numbers)),
    )
