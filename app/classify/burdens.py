"""Which burdens a text complains about: weighted cues per type, few types out. Says nothing about who causes them."""

from app.classify.decision import BurdenFound
from app.classify.mentions import Cue

_ENOUGH = 0.7
# Half sure at a score of `_DOUBT`; a type that is weak beside the strongest loses up to `_SHADE`.
_DOUBT, _SHADE = 0.6, 0.45
_MOST = 3
# A burden report has a burden: where all cues are weak, the best of them is still said.
_HINT = 0.3


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
