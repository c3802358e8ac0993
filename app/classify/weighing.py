"""Lets a pack's fitted weights judge: which departments are sources, and what kind of matter the report is.

What the rules would answer is one of the traits. The words that weighed most are kept as evidence.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

from app.classify.decision import UnclearReason
from app.classify.findings import Findings
from app.classify.roles import SOURCE_ROLES, Masked
from app.classify.sources import Suspect
from app.classify.traits import (
    department_traits,
    letters_of,
    lists_beside,
    lists_within,
    matter_traits,
    plain,
    words_beside,
)
from app.directory.knowledge import Knowledge
from app.directory.weights import PRECISION, Weights, chance

SOURCE_FROM = 0.5
# Words shown as evidence for a source, and from how many thousandths of log-odds a word is worth it.
_SHOWN, _WORTH = 2, 300
# Below this a department is no source even where the report clearly has one.
_LEAST = 0.15
DECIDED, DISPUTED = "decided", "disputed"
ANSWERS = frozenset({DECIDED, DISPUTED, *UnclearReason})


@dataclass(frozen=True, slots=True)
class Matter:
    """What kind of matter a report is: `decided`, `disputed` (one line's tiers push it to each other), or a reason why
    it is unclear. `decided` and `disputed` are chances (0 to 1); the former includes the latter."""

    answer: str
    decided: float
    disputed: float

    @property
    def is_decided(self) -> bool:
        return self.answer in (DECIDED, DISPUTED)

    @property
    def reason(self) -> UnclearReason | None:
        return None if self.is_decided else UnclearReason(self.answer)


def weigh_departments(
    candidates: list[Suspect],
    masked: Masked,
    findings: Findings,
    kept: Collection[str],
    final: Collection[str],
    knowledge: Knowledge,
) -> list[float]:
    """The chance of each candidate to be a source; also its `certainty`."""
    weights = knowledge.pack.source_weights
    if not candidates:
        return []
    text, places = plain(masked), letters_of(masked)
    lists = lists_within(text, knowledge.role_lists)
    traits = department_traits(candidates, masked, findings, frozenset(kept), frozenset(final))
    for candidate, own in zip(candidates, traits, strict=True):
        own.update(lists_beside(candidate.mentions, places, text, lists))
        candidate.around = words_beside(candidate.mentions, places, text)
        candidate.certainty = chance(weights.scores(own, weights.of_words(set(candidate.around.words)))[0])
    return [candidate.certainty for candidate in candidates]


def settle_parts(candidates: list[Suspect], matter: Matter, masked: Masked, weights: Weights) -> list[Suspect]:
    """The candidates that are sources; the parts of all mentions are brought in line with that. Where the report has a
    source, the likeliest one counts."""
    sources = []
    bound = SOURCE_FROM
    if matter.is_decided:
        bound = max(_LEAST, min(bound, max((candidate.certainty for candidate in candidates), default=bound)))
    for candidate in candidates:
        if candidate.certainty >= bound:
            sources.append(candidate)
            _name_as_source(candidate)
            _keep_words(candidate, masked, weights)
        else:
            for mention in candidate.mentions:
                if mention.role in SOURCE_ROLES:
                    mention.role = "named"
    return sources


def _name_as_source(candidate: Suspect) -> None:
    if not any(mention.role in SOURCE_ROLES for mention in candidate.mentions):
        max(candidate.mentions, key=lambda mention: mention.margin).role = "imposes"


def _keep_words(candidate: Suspect, masked: Masked, weights: Weights) -> None:
    """The words that spoke most for a source, as cues of its first mention."""
    words, spans = candidate.around
    spoken = [
        (weights.words.get(word, 0), span) for word, span in zip(words, spans, strict=True) if span[1] - span[0] > 1
    ]
    shown: list[tuple[int, int]] = []
    for weight, span in sorted((item for item in spoken if item[0] >= _WORTH), key=lambda item: (-item[0], item[1])):
        start, stop = masked.starts[span[0]], masked.ends[min(span[1], len(masked.ends)) - 1]
        if len(shown) < _SHOWN and all(stop <= begin or end <= start for begin, end in shown):
            shown.append((start, stop))
            candidate.mentions[0].cues.append(("weights", "imposes", weight / PRECISION, start, stop))


def weigh_matter(
    findings: Findings, chances: list[float], by_rules: str, of_words: list[float], knowledge: Knowledge
) -> Matter:
    """What kind of matter the report is. `of_words` is what its words say (see `weigh_words`)."""
    weights = knowledge.pack.text_weights
    scores = weights.scores(matter_traits(findings, chances, by_rules), of_words)
    found = {answer: chance(score) for answer, score in zip(weights.answers, scores, strict=True) if answer in ANSWERS}
    best = max(sorted(found), key=lambda answer: found[answer])
    disputed = found.get(DISPUTED, 0.0)
    return Matter(best, (found.get(DECIDED, 0.0) + disputed) / (sum(found.values()) or 1.0), disputed)


def weigh_words(words: Collection[str], knowledge: Knowledge) -> list[float]:
    """What the words of a text say for each kind of matter and each burden type, in log-odds."""
    return knowledge.pack.text_weights.of_words(words, word_value(words))


def word_value(words: Collection[str]) -> float:
    """What one word of a text counts: the longer the text, the less."""
    return math.sqrt(100.0 / max(25.0, len(words)))
