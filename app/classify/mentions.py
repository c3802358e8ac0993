"""Finds who and what a text names: departments, bare lines, bare tiers, systems, document numbers, townships, companies.

Settles names only (which unit, by the reporter's district); what part each plays is for `roles.py`.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from app.classify.document_numbers import DocumentNumber, find_numbers, find_references
from app.directory.knowledge import Entry, Knowledge, PlaceName
from app.directory.pack import Tier

_SYSTEM_NOUN = re.compile(r"系统|平台|app|小程序|终端|信息库|数据库|管家|专区")
_ENUMERATION = "、和与及跟同"
_WEIGHTS = {
    "full": 3.1,
    "org": 2.6,
    "inherent": 2.4,
    "adhoc": 2.3,
    "old": 2.3,
    "central": 2.6,
    "outpost": 1.6,
    "bare": 1.6,
    "typo": 1.8,
}


@dataclass(slots=True)
class Mention:
    """One actor in the folded text. `slot` is its letter in the rules; `tier` is empty where the name does not tell it."""

    start: int
    end: int
    slot: str
    line: str = ""
    tier: str = ""
    district: str | None = None
    code: str = ""
    origin: str = ""
    weight: float = 1.0
    form: str = ""
    inherited: bool = False
    joined: bool = False
    votes: dict[str, float] = field(default_factory=dict)
    cues: list[tuple[str, str, float, int, int]] = field(default_factory=list)
    role: str = ""
    margin: float = 0.0

    @property
    def known(self) -> bool:
        """True where the department itself is settled."""
        return bool(self.code)


class Cue(NamedTuple):
    """A word that speaks for a line, a burden type or a scope."""

    start: int
    end: int
    name: str
    weight: float


@dataclass(slots=True)
class Findings:
    """Everything named in one text, in order of appearance."""

    mentions: list[Mention]
    topics: list[Cue]
    burdens: list[Cue]
    scopes: list[Cue]
    numbers: list[DocumentNumber]


Hit = tuple[int, int, tuple[Entry, ...]]


def find_all(folded: str, knowledge: Knowledge, district: str | None) -> Findings:
    """Reads the folded text once. `district` is the reporter's district code, None where unknown."""
    hits = _scan(folded, knowledge)
    numbers = find_numbers(folded, knowledge, district)
    findings = Findings([], [], [], [], numbers)
    candidates: list[Mention] = []
    blocked = _blocked(hits)
    for start, end, entries in hits:
        for entry in entries:
            if entry.kind == "topic":
                findings.topics.append(Cue(start, end, entry.line, entry.weight))
            elif entry.kind == "burden":
                findings.burdens.append(Cue(start, end, entry.code, entry.weight))
            elif entry.kind == "scope":
                findings.scopes.append(Cue(start, end, entry.code, entry.weight))
            else:
                found = _candidate(folded, knowledge, district, (start, end), entry, blocked)
                if found is not None:
                    candidates.append(found)
    for number in numbers + find_references(folded, knowledge, district):
        candidates.append(_number_mention(number, knowledge))
    chosen = _without_overlaps(candidates)
    chosen += _generic_systems(folded, knowledge, district, findings.topics, hits, chosen, blocked)
    findings.mentions = sorted(chosen, key=lambda mention: mention.start)
    _inherit_tiers(folded, findings.mentions)
    for mention in findings.mentions:
        settle(mention, knowledge)
    return findings


def _blocked(hits: list[Hit]) -> dict[int, int]:
    """Positions inside words that only look like a place (社区, 超市), each with the end of the word."""
    found: dict[int, int] = {}
    for start, end, entries in hits:
        if any(entry.kind == "block" for entry in entries):
            found.update(dict.fromkeys(range(start, end), end))
    return found


def settle(mention: Mention, knowledge: Knowledge) -> None:
    """Fills in the department where line, tier and (for a district) the district are known."""
    if not mention.code and mention.line and mention.tier:
        unit = knowledge.unit(mention.line, mention.tier, mention.district)
        if unit is not None and not unit.enterprise:
            mention.code = unit.code
            if mention.slot == "B":
                mention.slot = "D"


def _scan(folded: str, knowledge: Knowledge) -> list[Hit]:
    lengths, words = knowledge.lengths, knowledge.words
    hits: list[Hit] = []
    for start in range(len(folded) - 1):
        for length in lengths.get(folded[start : start + 2], ()):
            entries = words.get(folded[start : start + length])
            if entries is not None and start + length <= len(folded):
                hits.append((start, start + length, entries))
    return hits


def _candidate(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    span: tuple[int, int],
    entry: Entry,
    blocked: dict[int, int],
) -> Mention | None:
    start, end = span
    if entry.kind == "name":
        unit = knowledge.pack.by_code[entry.code]
        return Mention(start, end, "D", unit.line, unit.tier, unit.district, unit.code, "full-name", 3.1, "full")
    if entry.kind == "stem":
        return _stem_mention(folded, knowledge, district, span, entry, blocked)
    if entry.kind == "block":
        return Mention(start, end, "", origin="block")
    if entry.kind in ("township", "outside"):
        return Mention(start, end, "W" if entry.kind == "township" else "X", origin=entry.kind)
    if entry.kind == "tier":
        start, named = _named_before_tier(folded, start, knowledge)
        reach = (named.reach, named.district) if named else (entry.reach, None)
        tier, unit_code = _reach(*reach, knowledge, district)
        return Mention(start, end, "T", "", tier, unit_code, origin="tier-word", weight=0.8, form=entry.form)
    return _named_system(folded, knowledge, district, span, entry, blocked)


def _named_before_tier(folded: str, start: int, knowledge: Knowledge) -> tuple[int, PlaceName | None]:
    """长沙市局 is the city's bureau in every district: a named place in front of 市局 or 市里 settles it."""
    low = max(0, start - 4)
    match = knowledge.place_before.search(folded[low : start + 1])
    if match is None or match.end(1) - match.start(1) < 2:
        return start, None
    place = knowledge.places[match.group(1)]
    return (low + match.start(), place) if place.reach not in ("township", "self") else (start, None)


def _named_system(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    span: tuple[int, int],
    entry: Entry,
    blocked: dict[int, int],
) -> Mention:
    start, end = span
    begin, place = _place_in_front(folded, start, knowledge, blocked)
    tier, unit_code = entry.reach, None
    inside = knowledge.places.get(folded[start : start + 3]) or knowledge.places.get(folded[start : start + 2])
    if inside is not None and not tier:
        tier, unit_code = _reach(inside.reach, inside.district, knowledge, district)
    if place is not None and place.reach not in ("township", "self"):
        start = begin
        tier, unit_code = _reach(place.reach, place.district, knowledge, district)
    return Mention(start, end, "S", entry.line, tier, unit_code, "", "system", entry.weight + 0.5, "system")


def _stem_mention(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    span: tuple[int, int],
    entry: Entry,
    blocked: dict[int, int],
) -> Mention | None:
    start, end = span
    begin, place = _place_in_front(folded, start, knowledge, blocked)
    if place is not None and place.reach == "self":
        return None
    if place is not None and place.reach == "township":
        if entry.form in ("bare", "org") and not folded.startswith(("办", "站", "所", "中心"), end):
            place = None
        elif entry.form != "outpost":
            return Mention(begin, end, "W", origin="township")
        else:
            place = None
    if entry.form == "bare" and not _reads_as_department(folded, start, end, place, knowledge):
        return None
    if entry.reach and entry.reach != "own" and entry.form != "outpost" and (place is None or not place.named):
        reach, unit_code = _reach(entry.reach, place.district if place else None, knowledge, district)
    elif place is not None:
        reach, unit_code = _reach(place.reach, place.district, knowledge, district)
    elif entry.reach:
        reach, unit_code = _reach("own" if entry.reach == "district" else entry.reach, None, knowledge, district)
    else:
        reach, unit_code = "", None
    weight = _WEIGHTS[entry.form] if reach else 1.0
    origin = {"org": "short-name", "bare": "line-name"}.get(entry.form, entry.form + "-name")
    begin = begin if place is not None else start
    return Mention(begin, end, "D" if reach else "B", entry.line, reach, unit_code, "", origin, weight, entry.form)


def _reads_as_department(folded: str, start: int, end: int, place: PlaceName | None, knowledge: Knowledge) -> bool:
    """民政 is a department in 民政要一份 or 民政、残联; in 民政资金 or 消防通道 it is a topic."""
    if knowledge.expressions["not_org_after"].match(folded, end):
        return False
    if place is not None:
        return True
    if folded.startswith("、", end) or (start and folded[start - 1] == "、"):
        return True
    if knowledge.endings["org_before"].search(folded[max(0, start - 3) : start]):
        return True
    return knowledge.expressions["org_after"].match(folded, end) is not None


def _place_in_front(
    folded: str, start: int, knowledge: Knowledge, blocked: dict[int, int]
) -> tuple[int, PlaceName | None]:
    low = max(0, start - 14)
    match = knowledge.place_before.search(folded[low:start])
    if match is None:
        return start, None
    begin = low + match.start()
    if match.end(1) - match.start(1) == 1 and blocked.get(begin, start + 1) <= start:
        return start, None
    place = knowledge.places[match.group(1)]
    further = knowledge.place_before.search(folded[max(0, begin - 8) : begin])
    if further is not None and place.reach not in ("township", "self"):
        begin -= further.end() - further.start()
    if folded.startswith("中共", begin - 2) and begin >= 2:
        begin -= 2
    return begin, place


def _reach(reach: str, named: str | None, knowledge: Knowledge, district: str | None) -> tuple[str, str | None]:
    """Tier and district for a place word: a bare 市 is the own city in a county-level city, else the city's."""
    if named:
        return Tier.DISTRICT.value, named
    own = knowledge.pack.district(district) if district else None
    if reach == "city":
        if own is not None and own.kind == "市":
            return Tier.DISTRICT.value, own.code
        return Tier.MUNICIPAL.value, None
    if reach in ("own", "district"):
        return Tier.DISTRICT.value, own.code if own else None
    return ("" if reach == "unknown" else reach), None


def _number_mention(number: DocumentNumber, knowledge: Knowledge) -> Mention:
    code = number.issuer.code if number.issuer else None
    unit = knowledge.pack.by_code[code] if code else None
    mention = Mention(number.start, number.end, "N", origin="document-number", weight=2.2, form="number")
    if unit is not None:
        mention.line, mention.tier, mention.district, mention.code = unit.line, unit.tier, unit.district, unit.code
    return mention


def _without_overlaps(candidates: list[Mention]) -> list[Mention]:
    """Leftmost wins, then longest, then the more telling one."""
    ordered = sorted(candidates, key=lambda mention: (mention.start, -mention.end, -mention.weight))
    chosen: list[Mention] = []
    reached = 0
    for mention in ordered:
        if mention.start >= reached:
            reached = mention.end
            if mention.slot:
                chosen.append(mention)
    return chosen


def _generic_systems(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    topics: list[Cue],
    hits: list[Hit],
    chosen: list[Mention],
    blocked: dict[int, int],
) -> list[Mention]:
    """Systems known by what they are called: a place, words of a line, and 系统/平台/APP (湖南省防止返贫监测帮扶信息平台)."""
    found: list[Mention] = []
    for noun in _SYSTEM_NOUN.finditer(folded):
        end = noun.end()
        taken = chosen + found
        if any(mention.start < end and noun.start() < mention.end for mention in taken):
            continue
        low = max([0, noun.start() - 18, *(mention.end for mention in taken if mention.end <= noun.start())])
        low = max(low, max(folded.rfind(mark, low, noun.start()) + 1 for mark in ",;:。!?\n、"))
        place = _last_place(folded, low, noun.start(), knowledge, blocked)
        if place is None:
            continue
        start, name = place
        line = _line_within(start, end, topics, hits)
        tier, unit_code = _reach(name.reach, name.district, knowledge, district)
        if name.reach in ("township", "self"):
            continue
        found.append(Mention(start, end, "S", line, tier, unit_code, "", "system", 1.9, "system"))
    return found


def _last_place(
    folded: str, low: int, high: int, knowledge: Knowledge, blocked: dict[int, int]
) -> tuple[int, PlaceName] | None:
    best: tuple[int, PlaceName] | None = None
    for start in range(low, high):
        for length in (6, 5, 4, 3, 2, 1):
            name = knowledge.places.get(folded[start : start + length])
            if name is None or start + length > high:
                continue
            if length == 1 and (start in blocked or folded[start + 1] not in "里级统的直"):
                continue
            if best is None or start >= best[0] + 1:
                best = (start, name) if best is None or not best[1].named or name.named else best
            break
    return best


def _line_within(start: int, end: int, topics: list[Cue], hits: list[Hit]) -> str:
    inside = [(cue.end - cue.start, cue.name) for cue in topics if start <= cue.start and cue.end <= end]
    for begin, stop, entries in hits:
        if start <= begin and stop <= end:
            inside += [(stop - begin, entry.line) for entry in entries if entry.kind in ("stem", "system")]
    return max(inside)[1] if inside else ""


def _inherit_tiers(folded: str, mentions: list[Mention]) -> None:
    """区民政局、残联和卫健局: what follows in the same enumeration takes the tier of the one before."""
    for before, after in zip(mentions, mentions[1:], strict=False):
        between = folded[before.end : after.start]
        joined = 0 < len(between) <= 2 and all(char in _ENUMERATION + "以还有" for char in between)
        if joined and before.slot == "D" and after.slot == "B" and before.tier:
            after.tier, after.district, after.weight = before.tier, before.district, 2.0
            after.inherited = after.joined = True
