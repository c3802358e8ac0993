"""How sure a decision is: the chance that it is right, from what the weights said of its parts.

Fitted on decisions about reports that the weights had not seen (`tools/fit_weights.py`).
"""

import math
from collections.abc import Sequence

from app.classify.sources import Suspect
from app.directory.knowledge import Knowledge
from app.directory.weights import chance


def certainty_traits(
    chances: Sequence[float], matter: float, sources: int, lines: int, agrees: bool, decided: bool
) -> dict[str, float]:
    """Traits of a decision: the chances of the candidates and of the matter, how many sources of how many lines, and
    whether the rules alone would have said the same."""
    side = "decided" if decided else "unclear"
    sure = [max(value, 1.0 - value) for value in chances]
    traits = {
        f"{side}": 1.0,
        f"{side}:all": _log_odds(math.prod(sure)),
        f"{side}:matter": _log_odds(matter),
        f"{side}:weakest": _log_odds(min(sure, default=0.99)),
    }
    if agrees:
        traits[f"{side}:agrees"] = 1.0
    if decided:
        traits[f"sources:{min(sources, 3)}"] = 1.0
        if sources > 1:
            kind = "one-line" if lines == 1 else "several-lines"
            traits[kind], traits[f"{kind}:all"] = 1.0, traits["decided:all"]
    return traits


def _log_odds(value: float) -> float:
    bounded = min(0.995, max(0.005, value))
    return math.log(bounded / (1.0 - bounded))


def sure(traits: dict[str, float], suspects: Sequence[Suspect], knowledge: Knowledge) -> float:
    """Confidence (0 to 1). Without weights in the pack: what the least certain name is worth."""
    weights = knowledge.pack.certainty_weights
    if weights:
        return chance(weights.scores(traits, [0.0])[0])
    return min((suspect.certainty for suspect in suspects), default=0.9)
