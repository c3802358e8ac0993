"""Whether two reports tell of the same burden: what counts in a text, and a score from 0 to 1 with its evidence. Pure.

It decides nothing: the flow compares the score with the office's thresholds.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from app.route.wording import CLAUSE, NEGATIONS, documents_in, ordinals_in, periods_in, plain, systems_in

LONGEST = 800
# What speaks for the same burden, beside the words: each adds so much where the two agree.
SAME_SOURCE, SAME_BURDEN, SAME_DOCUMENT, SAME_SYSTEM, WORDS = 0.25, 0.10, 0.25, 0.20, 0.65
# Two reports that differ in something only a person can weigh stay below any sensible threshold for joining;
# those that name another document or another system stay below that for suggesting.
DOUBTFUL, OTHER_THING = 0.89, 0.5
# So much of the words must agree before the rest is compared clause by clause.
ALIKE = 0.7
_NEGATION = re.compile("|".join(NEGATIONS))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The office's settings: from `suggest` a pair is shown, from `join` a report joins; 1 or more never joins."""

    suggest: float = 0.55
    join: float = 0.9

    @property
    def joins(self) -> bool:
        return self.join < 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for the same burden. `start`/`end` index the newer report's text; 0 where there is none."""

    kind: str
    value: str
    start: int = 0
    end: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "value": self.value, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Features:
    """What counts of one report.

    Attributes:
        words: the text folded, without the reporter's own places, one wording for one thing; clauses parted by `|`.
        documents, systems: as named, with where they stand in the text.
        sources, burdens: codes of the machine's decision.
    """

    words: str
    documents: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    systems: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    burdens: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """What is kept beside the report; the positions are not needed again."""
        return {
            "words": self.words,
            "documents": sorted(self.documents),
            "systems": sorted(self.systems),
            "sources": sorted(self.sources),
            "burdens": sorted(self.burdens),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Features":
        """Reads back what `to_dict` wrote."""
        return cls(
            words=kept["words"],
            documents=dict.fromkeys(kept["documents"], (0, 0)),
            systems=dict.fromkeys(kept["systems"], (0, 0)),
            sources=frozenset(kept["sources"]),
            burdens=frozenset(kept["burdens"]),
        )


class Likeness(NamedTuple):
    """How alike two reports are, from 0 to 1, and why. `words` is the share of their words, `one` the newer report."""

    score: float
    words: float
    one: Features
    other: Features

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Worked out only when asked for: most comparisons are of interest by their score alone."""
        one, other = self.one, self.other
        return (
            *(Reason("document", name, *one.documents[name]) for name in _same(one.documents, other.documents)),
            *(Reason("system", name, *one.systems[name]) for name in _alike(one.systems, other.systems)),
            *(Reason("source", code) for code in sorted(one.sources & other.sources)),
            *(Reason("burden_type", code) for code in sorted(one.burdens & other.burdens)),
            Reason("words", f"{self.words:.2f}"),
        )


def read_features(
    text: str,
    *,
    places: Iterable[str],
    sources: Iterable[str],
    burdens: Iterable[str],
    documents: Iterable[str] = (),
    systems: Iterable[str] = (),
) -> Features:
    """Features of a report as it was sent; `documents` and `systems` are those that the classifier found in it."""
    return Features(
        words=plain(text, places)[:LONGEST],
        documents=documents_in(text, documents),
        systems=systems_in(text, systems),
        sources=frozenset(sources),
        burdens=frozenset(burdens),
    )


@lru_cache(maxsize=1024)
def pairs_of(words: str) -> frozenset[str]:
    """The pairs of neighbouring characters, across clauses."""
    run = words.replace(CLAUSE, "")
    return frozenset(map("".join, pairwise(run)))


def compare(new: Features, old: Features) -> Likeness:
    """How likely the two tell of the same burden."""
    documents = _same(new.documents, old.documents)
    shared = new.sources & old.sources
    if new.sources and old.sources and not shared and not documents:
        return Likeness(0.0, 0.0, new, old)
    mine, theirs = pairs_of(new.words), pairs_of(old.words)
    total = len(mine) + len(theirs)
    words = 2 * len(mine & theirs) / total if total else 0.0
    systems = _alike(new.systems, old.systems)
    score = WORDS * words + (SAME_SOURCE if shared else 0) + SAME_BURDEN * _overlap(new.burdens, old.burdens)
    score += (SAME_DOCUMENT if documents else 0) + (SAME_SYSTEM if systems else 0)
    if _another_thing(new, old, documents, systems):
        score = min(score, OTHER_THING)
    elif shared and new.sources == old.sources and words >= ALIKE and _nothing_else_differs(new, old):
        score = 1 - (1 - words) / 3
    else:
        score = min(score, DOUBTFUL)
    return Likeness(round(score, 4), words, new, old)


def _same(some: Iterable[str], others: Collection[str]) -> list[str]:
    return [name for name in some if name in others] if others else []


def _alike(some: Iterable[str], others: Collection[str]) -> list[str]:
    return [name for name in some if _named_alike(name, others)] if others else []


def _overlap(some: frozenset[str], others: frozenset[str]) -> float:
    return len(some & others) / len(some | others) if some | others else 0.0


def _named_alike(name: str, others: Iterable[str]) -> bool:
    """Whether one is the other's longer name: 防返贫监测系统 and 监测系统."""
    return any(name.endswith(other) or other.endswith(name) for other in others)


def _another_thing(new: Features, old: Features, documents: list[str], systems: list[str]) -> bool:
    """Both name a document and none is the same, or a system; or the third form and the fourth."""
    if new.documents and old.documents and not documents:
        return True
    if new.systems and old.systems and not systems:
        return True
    mine, theirs = ordinals_in(new.words), ordinals_in(old.words)
    return bool(mine and theirs and not mine & theirs)


def _nothing_else_differs(new: Features, old: Features) -> bool:
    """Whether one says whole clauses more than the other, and no more: no other period or system, no denial.

    Numbers in such a clause are the writer's own (我村326栋); in a clause that both have they must be the same.
    """
    if periods_in(new.words) != periods_in(old.words) or not _all_alike(new.systems, old.systems):
        return False
    ours, theirs = new.words.split(CLAUSE), old.words.split(CLAUSE)
    more, less = [c for c in ours if c not in theirs], [c for c in theirs if c not in ours]
    if any(_NEGATION.search(clause) for clause in (*more, *less)):
        return False
    # Where both have clauses of their own, these must be the same run of words, parted differently.
    return not more or not less or "".join(more) == "".join(less)


def _all_alike(some: Iterable[str], others: Iterable[str]) -> bool:
    one, two = list(some), list(others)
    return all(_named_alike(name, two) for name in one) and all(_named_alike(name, one) for name in two)
