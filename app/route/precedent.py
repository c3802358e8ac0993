"""Which precedents a report falls under: the same document or system, or nearly the same words, from the same sources.

Pure, and narrow on purpose: a precedent that is missed costs one session, one that is cited wrongly costs trust.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.directory.precedents import PrecedentBook, PrecedentKnown
from app.route.likeness import Features, compare, pairs_of
from app.route.sketch import keys_of
from app.route.wording import clauses_of, plain

NUMBER = re.compile(r"\d号$")
# What many systems are called; a name made of nothing else is no name.
_GENERIC = re.compile(
    "工作|管理|信息|业务|监测|监管|服务|综合|智慧|数据|统计|上报|填报|报送|办公|政务|基层|网格|系统|平台|app|小程序|公众号|库"
)
# Likeness from which the words alone count: as for joining, for texts of one template tell of many things. And how many
# are compared.
NEARLY_THE_SAME, MOST_COMPARED = 0.9, 3
DOCUMENT, SYSTEM, WORDS = "document", "system", "words"
WEIGHTS = {DOCUMENT: 3.0, SYSTEM: 2.5}


@dataclass(frozen=True, slots=True)
class Match:
    """A precedent that a report falls under: by what, where in its text, and how much that weighs."""

    precedent: PrecedentKnown
    kind: str
    start: int
    end: int
    weight: float


def kept_likeness(features: Features) -> dict[str, Any]:
    """What a precedent keeps of the report it settled; `keys` are those that its words give it."""
    named = set(keys_of(features, frozenset()))
    keys = [key for key in keys_of(features, pairs_of(features.words)) if key not in named]
    return {**features.to_dict(), "keys": keys}


def find_precedents(text: str, features: Features, keys: Iterable[int], book: PrecedentBook) -> list[Match]:
    """Those that the report falls under, the surest first, the newer one of two as sure.

    A report that names no source at all falls under one by its document or system only.
    """
    found = {match.precedent.number: match for match in _by_words(text, features, keys, book)}
    for kind, names in ((SYSTEM, _systems(features)), (DOCUMENT, _numbers(features))):
        for name in names:
            for known in book.by_name.get(name, ()):
                place = (features.systems if kind == SYSTEM else features.documents)[name]
                if _concerns(features, Features.from_dict(known.likeness), kind):
                    found[known.number] = Match(known, kind, *place, WEIGHTS[kind])
    return sorted(found.values(), key=lambda match: (match.weight, match.precedent.number), reverse=True)


def _numbers(features: Features) -> list[str]:
    """Numbers only: titles are shared by what has little in common."""
    return [name for name in features.documents if NUMBER.search(name)]


def _systems(features: Features) -> list[str]:
    return [name for name in features.systems if len(_GENERIC.sub("", name)) >= 2]


def _concerns(new: Features, old: Features, kind: str) -> bool:
    """Whether the sources meet and, where a system is the same, neither speaks of another document or system."""
    if new.sources and not new.sources & old.sources:
        return False
    if kind == DOCUMENT:
        return True
    numbers, theirs = set(_numbers(new)), set(_numbers(old))
    systems, their_systems = set(_systems(new)), set(_systems(old))
    one_within = systems <= their_systems or their_systems <= systems
    return one_within and not (numbers and theirs and not numbers & theirs)


def _by_words(text: str, features: Features, keys: Iterable[int], book: PrecedentBook) -> list[Match]:
    if not features.sources:
        return []
    shared: Counter[str] = Counter(known.number for key in keys for known in book.by_key.get(key, ()))
    found: list[Match] = []
    compared = 0
    for number, _ in sorted(shared.items(), key=lambda entry: (-entry[1], entry[0])):
        known = book.by_number[number]
        if features.sources != frozenset(known.likeness["sources"]) or compared == MOST_COMPARED:
            continue
        compared += 1
        score = compare(features, Features.from_dict(known.likeness)).score
        span = _same_clause(text, known.likeness["words"]) if score >= NEARLY_THE_SAME else None
        if span is not None:
            found.append(Match(known, WORDS, *span, round(2 * score, 2)))
    return found


def _same_clause(text: str, words: str) -> tuple[int, int] | None:
    """Where the longest clause stands that both have in the same words; None where they share no whole clause."""
    theirs = set(words.split("|"))
    same = [span for span in clauses_of(text) if plain(text[slice(*span)], ()) in theirs]
    return max(same, key=lambda span: (span[1] - span[0], -span[0]), default=None)


def settlements(matches: Sequence[Match]) -> list[Match]:
    """The surest of each way in which the matter was settled; more than one where precedents conflict."""
    found: dict[tuple[str, frozenset[str]], Match] = {}
    for match in matches:
        found.setdefault(match.precedent.settlement, match)
    return list(found.values())
