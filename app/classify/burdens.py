"""Which burdens a text complains about: weighted cues per type, few types out. Says nothing about who causes them."""

import re

from app.classify.decision import BurdenFound
from app.classify.findings import Cue, Findings
from app.directory.knowledge import Knowledge

_ENOUGH = 0.7
# Half sure at a score of `_DOUBT`; a type that is weak beside the strongest loses up to `_SHADE`.
_DOUBT, _SHADE = 0.6, 0.45
_MOST = 3
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
    present = frozenset(folded)
    constructions = [
        Cue(*match.span(), pattern.code, pattern.weight)
        for pattern in knowledge.burden_patterns
        if not any(present.isdisjoint(needed) for needed in pattern.needs)
        for match in pattern.expression.finditer(folded)
    ]
    for cue in findings.burdens + constructions:
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
    seen: set[tuple[str, int]] = set()
    for cue in sorted(cues, key=lambda cue: (cue.start, -cue.end)):
        if any((cue.name, position) in seen for position in range(cue.start, cue.end)):
            continue
        seen.update((cue.name, position) for position in range(cue.start, cue.end))
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
