"""Which burdens a text complains about: weighted cues per type, few types out. Says nothing about who causes them."""

import re
from collections.abc import Collection

from app.classify.decision import BurdenFound
from app.classify.findings import Cue, Findings
from app.directory.knowledge import Knowledge
from app.directory.weights import chance

_ENOUGH = 0.7
# Half sure at a score of `_DOUBT`; a type that is weak beside the strongest loses up to `_SHADE`.
_DOUBT, _SHADE = 0.6, 0.45
_MOST = 3
# By the weights: a type is said from this chance on.
_SAID = 0.38
# A burden report has a burden: where all cues are weak, the best of them is still said.
_HINT = 0.2
# What is asked for in a suggestion is no complaint.
_SUGGESTION = re.compile(r"(?:建议|希望|恳请|盼望|请求|呼吁|能不能|可否|能否)[^。!?\n]*")
_SUGGESTED = 0.35
_NAMES = ("full", "org", "old", "central", "inherent", "number", "typo")


def burden_cues(folded: str, findings: Findings, knowledge: Knowledge) -> list[Cue]:
    """The cues that count: not inside a department's name (统计局 is no statistics), and less inside a suggestion."""
    names = _marked(folded, [(m.start, m.end) for m in findings.mentions if m.form in _NAMES])
    suggestions = _marked(folded, [match.span() for match in _SUGGESTION.finditer(folded)])
    counted = []
    for cue in findings.burdens:
        if any(names[cue.start : cue.end]):
            continue
        counted.append(cue._replace(weight=cue.weight * _SUGGESTED) if suggestions[cue.start] else cue)
    return counted


def _marked(folded: str, spans: list[tuple[int, int]]) -> bytearray:
    """One byte for each character, 1 inside a span."""
    marks = bytearray(len(folded))
    for start, end in spans:
        marks[start:end] = b"\x01" * (end - start)
    return marks


def find_burdens(cues: list[Cue], threshold: float) -> tuple[BurdenFound, ...]:
    """Burden types by confidence, strongest first; at most three."""
    scores: dict[str, float] = {}
    reached: dict[str, int] = {}
    for cue in sorted(cues, key=lambda cue: (cue.start, -cue.end)):
        if cue.start >= reached.get(cue.name, 0):  # overlapping cues of one type count once
            reached[cue.name] = cue.end
            scores[cue.name] = scores.get(cue.name, 0.0) + cue.weight
    if not scores:
        return ()
    top = max(scores.values())
    found = []
    for code, score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        confidence = round(min(0.98, (score / (score + _DOUBT)) * (1 - _SHADE + _SHADE * score / top)), 3)
        if confidence >= threshold and (score >= _ENOUGH or score == top):
            found.append(BurdenFound(code, confidence))
    if not found and top >= _HINT:
        found = [BurdenFound(max(scores, key=lambda code: (scores[code], code)), threshold)]
    return tuple(found[:_MOST])


def burden_traits(cues: list[Cue], by_cues: Collection[BurdenFound]) -> dict[str, float]:
    """Traits for the weights of burden types: the sum of each type's cues, and what the cues alone would say."""
    traits = {f"said:{burden.code}": 1.0 for burden in by_cues}
    for cue in cues:
        traits["cues:" + cue.name] = min(3.0, traits.get("cues:" + cue.name, 0.0) + cue.weight)
    return traits


def weigh_burdens(
    cues: list[Cue], by_cues: tuple[BurdenFound, ...], of_words: list[float], knowledge: Knowledge
) -> tuple[BurdenFound, ...]:
    """Burden types by the pack's fitted weights; without weights those of the cues."""
    weights = knowledge.pack.text_weights
    if not weights:
        return by_cues
    scores = weights.scores(burden_traits(cues, by_cues), of_words)
    found = [
        (score, code) for score, code in zip(scores, weights.answers, strict=True) if code in knowledge.broken_rules
    ]
    found.sort(key=lambda item: (-item[0], item[1]))
    said = [(chance(score), code) for score, code in found[:_MOST]]
    said = [item for item in said if item[0] >= _SAID] or said[:1]
    return tuple(BurdenFound(code, round(min(0.98, value), 3)) for value, code in said)
