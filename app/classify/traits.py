"""What a text shows of each department it names, and of the whole matter: the traits that a pack's weights are for.

Names of traits: `v:imposes` a rule's votes; `A:要求` characters after a name within its clause, `B:` before it,
`a2:` and `b2:` directly beside it, `S:` and `P:` the rest of the sentence; `near:ca:demand` a word of the list `demand`
in the clause after (`cb` before, `sa` and `sb` the rest of the sentence); `o:same:up` another department of the same
line at a higher tier. Mentions within such characters stand as letters: D department, T tier, S system, W township,
X company. Decides nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import add

from app.classify.findings import Cue, Findings, Mention
from app.classify.roles import Masked
from app.classify.sources import RANK, Suspect, Words
from app.directory.pack import Tier
from app.directory.patterns import CLAUSE_ENDS, SLOTS, signs

_LETTERS = str.maketrans({sign: "D" if slot in "BN" else slot for slot, sign in SLOTS.items()})
_CLAUSE_END = re.compile(f"[{CLAUSE_ENDS}]")
_SENTENCE_END = re.compile("[。!?\n;]")
_FIGURES = re.compile(r"\d+")
# How far, in masked characters, words before and after a name are looked at: in its clause, in its sentence.
_BEFORE, _AFTER, _SENTENCE_BEFORE, _SENTENCE_AFTER = 10, 14, 30, 40
# Mentions of one department that are looked at; rules' votes above this say no more.
_MENTIONS, _VOTES = 4, 3.2
_SCALE = 0.5
# How far word lists are looked for; which other mentions are noted.
_FARTHEST, _OTHERS = 120, "DTWX"
_WATCHED = ("imposes", "adds", "forwards", "denied", "suffers", "baseline", "refuses", "helps")


def department_traits(
    candidates: Sequence[Suspect], masked: Masked, findings: Findings, kept: frozenset[str], final: frozenset[str]
) -> list[dict[str, float]]:
    """Traits of each candidate but for the words around it. `kept` and `final` are those the rules would name, before
    and after looking for the originator."""
    scopes = _scope_sums(findings.scopes)
    town = max((m.votes.get("imposes", 0.0) for m in findings.mentions if m.slot == "W"), default=0.0)
    outside = max((m.votes.get("imposes", 0.0) for m in findings.mentions if m.slot == "X"), default=0.0)
    lines = len({candidate.line for candidate in candidates})
    top = max((_demand(candidate) for candidate in candidates), default=0.0)
    length = max(1, len(masked.text))
    found = []
    for order, candidate in enumerate(candidates):
        traits = _own_traits(candidate)
        traits |= scopes
        traits[f"n:{min(len(candidates), 5)}"] = traits[f"lines:{min(lines, 4)}"] = 1.0
        traits[f"order:{min(order, 3)}"] = 1.0
        traits["gap"] = min(4.0, top - _demand(candidate)) * _SCALE
        traits["at"] = candidate.mentions[0].start / length
        traits["length"] = min(1.0, length / 400)
        flags = {
            "kept": candidate.code in kept,
            "final": candidate.code in final,
            "last": order == len(candidates) - 1,
            "top": len(candidates) > 1 and _demand(candidate) >= top,
            "outside": outside >= 1,
            "town": town >= 1,
        }
        traits.update((name, 1.0) for name, holds in flags.items() if holds)
        for other in candidates:
            if other is not candidate:
                traits.update(dict.fromkeys(_beside(candidate, other, final), 1.0))
        found.append(traits)
    return found


def _own_traits(candidate: Suspect) -> dict[str, float]:
    best = max(candidate.mentions, key=lambda mention: mention.margin)
    traits = {
        f"role:{best.role}": 1.0,
        f"form:{best.form}": 1.0,
        f"slot:{best.slot}": 1.0,
        f"tier:{candidate.tier}": 1.0,
        f"mentions:{min(len(candidate.mentions), 3)}": 1.0,
        "margin": max(-2.0, min(3.0, best.margin)) * _SCALE,
    }
    if best.inherited:
        traits["inherited"] = 1.0
    for mention in candidate.mentions:
        for role, votes in mention.votes.items():
            name = f"v:{role}"
            traits[name] = max(traits.get(name, 0.0), min(votes, _VOTES) * _SCALE)
            traits[f"has:{role}"] = 1.0
    return traits


def _demand(candidate: Suspect) -> float:
    return candidate.weight_of("imposes") + candidate.weight_of("adds")


def _beside(candidate: Suspect, other: Suspect, final: frozenset[str]) -> Iterator[str]:
    own, its = RANK[Tier(candidate.tier)], RANK[Tier(other.tier)]
    tier = "up" if its < own else "down" if its > own else "level"
    name = f"o:{'same' if other.line == candidate.line else 'other'}:{tier}"
    yield name
    if other.code in final:
        yield name + ":final"
    for role in _WATCHED:
        if other.weight_of(role) >= 1:
            yield f"{name}:{role}"


def _scope_sums(scopes: Sequence[Cue]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for cue in scopes:
        sums["scope:" + cue.name] = min(1.5, sums.get("scope:" + cue.name, 0.0) + cue.weight * _SCALE)
    return sums


def plain(masked: Masked) -> str:
    """The masked text with letters that can be read and written."""
    return masked.text.translate(_LETTERS)


def words_beside(mentions: Sequence[Mention], places: Mapping[int, int], text: str) -> Words:
    """The characters around the mentions of one department. `places` maps a mention (by `id`) to its letter; `text` is
    `plain(masked)`."""
    found = Words([], [])
    for mention in mentions[:_MENTIONS]:
        at = places.get(id(mention))
        if at is not None:
            _add_words(found, text, at)
    return found


def lists_within(text: str, lists: Mapping[str, tuple[int, re.Pattern[str]]]) -> list[tuple[str, int, re.Pattern[str]]]:
    """The pack's word lists of which a word may stand in the text, with the signs of their first characters."""
    present = signs(set(text))
    return [(name, firsts, pattern) for name, (firsts, pattern) in lists.items() if present & firsts]


def lists_beside(
    mentions: Sequence[Mention],
    places: Mapping[int, int],
    text: str,
    lists: Sequence[tuple[str, int, re.Pattern[str]]],
) -> dict[str, float]:
    """Which word lists (see `lists_within`), and which other mentions, stand around the mentions of one department."""
    found: dict[str, float] = {}
    for mention in mentions[:_MENTIONS]:
        at = places.get(id(mention))
        if at is None:
            continue
        for zone, (start, stop) in _zones(text, at).items():
            present = signs(text[start:stop])
            for name, firsts, pattern in lists:
                if present & firsts and pattern.search(text, start, stop):
                    found[f"near:{zone}:{name}"] = 1.0
            for letter in _OTHERS:
                if text.find(letter, start, stop) >= 0:
                    found[f"near:{zone}:{letter}"] = 1.0
        if text.count("“", 0, at) > text.count("”", 0, at):
            found["quoted"] = 1.0
    return found


def _zones(text: str, at: int) -> dict[str, tuple[int, int]]:
    """The clause before and after a letter, and the rest of its sentence."""
    left, right = _bounds(text, at, _CLAUSE_END)
    begin, end = _bounds(text, at, _SENTENCE_END)
    return {"ca": (at + 1, right), "cb": (left, at), "sa": (right, max(right, end)), "sb": (min(begin, left), left)}


def _bounds(text: str, at: int, ends: re.Pattern[str]) -> tuple[int, int]:
    low = max(0, at - _FARTHEST)
    before = max((match.end() for match in ends.finditer(text, low, at)), default=low)
    after = ends.search(text, at + 1, at + _FARTHEST)
    return before, after.start() if after else min(len(text), at + _FARTHEST)


def letters_of(masked: Masked) -> dict[int, int]:
    """Where each mention (by `id`) stands in the masked text."""
    return {id(mention): at for at, group in masked.at.items() for mention in group}


def _add_words(found: Words, text: str, at: int) -> None:
    words, spans = found
    for width in (1, 2, 3):
        low = max(0, at - width)
        words += (f"a{width}:{text[at + 1 : at + 1 + width]}", f"b{width}:{text[low:at]}")
        spans += ((at + 1, at + 1 + width), (low, at))
    after = _CLAUSE_END.search(text, at + 1, at + 1 + _AFTER)
    stop = after.start() if after else min(len(text), at + 1 + _AFTER)
    low = max(0, at - _BEFORE)
    begin = max((match.end() for match in _CLAUSE_END.finditer(text, low, at)), default=low)
    ending = _SENTENCE_END.search(text, at + 1, at + 1 + _SENTENCE_AFTER)
    last = ending.start() if ending else min(len(text), at + 1 + _SENTENCE_AFTER)
    low = max(0, at - _SENTENCE_BEFORE)
    head = max((match.end() for match in _SENTENCE_END.finditer(text, low, at)), default=low)
    for sign, start, end, widths in (
        ("A:", at + 1, stop, (1, 2, 3)),
        ("B:", begin, at, (2, 3)),
        ("S:", stop, last, (2,)),
        ("P:", head, begin, (2,)),
    ):
        for width in widths:
            run = range(start, end - width + 1)
            words += [sign + text[place : place + width] for place in run]
            spans += [(place, place + width) for place in run]


def matter_traits(findings: Findings, chances: Sequence[float], by_rules: str) -> dict[str, float]:
    """Traits of the report as a whole. `chances` are the candidates' chances of being a source, `by_rules` is what the
    rules alone would answer."""
    traits = _scope_sums(findings.scopes)
    traits["rules:" + by_rules] = traits[f"n:{min(3, len(chances))}"] = 1.0
    traits["best"] = max(chances, default=0.0)
    for mention in findings.mentions:
        traits[f"m:{mention.slot}"] = 1.0
        for role, votes in mention.votes.items():
            name = f"m:{mention.slot}:{role}"
            traits[name] = max(traits.get(name, 0.0), min(votes, 3.0) * _SCALE)
    return traits


def words_of(folded: str, findings: Findings) -> set[str]:
    """All runs of one to three characters within clauses; names of departments stand as D, figures as #."""
    pieces, reached = [], 0
    for mention in findings.mentions:
        if mention.start >= reached:
            letter = "D" if mention.slot in "DBN" else mention.slot
            pieces += [
                folded[reached : mention.start],
                folded[mention.start : mention.end] if letter == "S" else letter,
            ]
            reached = mention.end
    text = _FIGURES.sub("#", "".join(pieces) + folded[reached:])
    found: set[str] = set()
    for clause in _CLAUSE_END.split(text):
        pairs = list(map(add, clause, clause[1:]))
        found.update(clause, pairs, map(add, pairs, clause[2:]))
    return found
