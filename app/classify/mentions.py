"""Finds who and what a text names: departments, lines, tiers, systems, document numbers, townships, companies.

Settles names only (which unit, by the reporter's district); what part each plays is for `roles.py`.
"""

from itertools import pairwise

from app.classify.document_numbers import DocumentNumber, find_numbers, find_references
from app.classify.findings import Cue, Findings, Hit, Mention
from app.classify.systems import find_systems
from app.classify.tiers import named_before_tier, place_in_front, resolve_reach
from app.directory.knowledge import Entry, Knowledge, PlaceName
from app.directory.pack import Tier

_BRANCHES = ("分局", "分中心", "支局")
_ENUMERATION = "、和与及跟同"
_WEIGHTS = {
    "full": 3.1,
    "org": 2.6,
    "inherent": 2.7,
    "adhoc": 2.3,
    "old": 2.3,
    "central": 2.6,
    "outpost": 1.6,
    "bare": 1.6,
    "typo": 1.8,
}


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
    for mention in candidates:
        settle(mention, knowledge)
    chosen = _without_overlaps(candidates)
    chosen += find_systems(folded, knowledge, district, findings.topics, hits, chosen, blocked)
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
        start, named = named_before_tier(folded, start, knowledge)
        reach = (named.reach, named.district) if named else (entry.reach, None)
        tier, unit_code = resolve_reach(*reach, knowledge, district)
        return Mention(start, end, "T", "", tier, unit_code, origin="tier-word", weight=0.8, form=entry.form)
    return _named_system(folded, knowledge, district, span, entry, blocked)


def _named_system(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    span: tuple[int, int],
    entry: Entry,
    blocked: dict[int, int],
) -> Mention:
    start, end = span
    begin, place = place_in_front(folded, start, knowledge, blocked)
    tier, unit_code = entry.reach, None
    inside = knowledge.places.get(folded[start : start + 3]) or knowledge.places.get(folded[start : start + 2])
    if inside is not None and not tier:
        tier, unit_code = resolve_reach(inside.reach, inside.district, knowledge, district)
    if place is not None and place.reach not in ("township", "self"):
        start = begin
        tier, unit_code = resolve_reach(place.reach, place.district, knowledge, district)
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
    begin, place = place_in_front(folded, start, knowledge, blocked)
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
        reach, unit_code = resolve_reach(entry.reach, place.district if place else None, knowledge, district)
    elif place is not None:
        reach, unit_code = resolve_reach(place.reach, place.district, knowledge, district)
    elif entry.reach:
        reach, unit_code = resolve_reach("own" if entry.reach == "district" else entry.reach, None, knowledge, district)
    else:
        reach, unit_code = "", None
    branch = _branch(folded, end, knowledge) if reach == Tier.MUNICIPAL and entry.form in ("org", "old") else None
    if branch is not None:
        end, unit_code = branch
        reach = Tier.DISTRICT.value
    weight = _WEIGHTS[entry.form] if reach else 1.0
    origin = {"org": "short-name", "bare": "line-name"}.get(entry.form, entry.form + "-name")
    begin = begin if place is not None else start
    return Mention(begin, end, "D" if reach else "B", entry.line, reach, unit_code, "", origin, weight, entry.form)


def _branch(folded: str, end: int, knowledge: Knowledge) -> tuple[int, str] | None:
    """市生态环境局岳麓分局: the branch in a district; where its name ends, and the district."""
    for length in (6, 3, 2):
        place = knowledge.places.get(folded[end : end + length])
        if place is not None and place.district and folded.startswith(_BRANCHES, end + length):
            stop = next(end + length + len(word) for word in _BRANCHES if folded.startswith(word, end + length))
            return stop, place.district
    return None


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


def _number_mention(number: DocumentNumber, knowledge: Knowledge) -> Mention:
    code = number.issuer.code if number.issuer else None
    unit = knowledge.pack.by_code[code] if code else None
    mention = Mention(number.start, number.end, "N", origin="document-number", weight=2.2, form="number")
    if unit is not None:
        mention.line, mention.tier, mention.district, mention.code = unit.line, unit.tier, unit.district, unit.code
    return mention


def _without_overlaps(candidates: list[Mention]) -> list[Mention]:
    """Leftmost wins, then longest, then one that stands for a department, then the more telling one."""
    ordered = sorted(candidates, key=lambda m: (m.start, -m.end, m.slot in "DB" and not m.code, -m.weight))
    chosen: list[Mention] = []
    reached = 0
    for mention in ordered:
        if mention.start >= reached:
            reached = mention.end
            if mention.slot:
                chosen.append(mention)
    return chosen


def _inherit_tiers(folded: str, mentions: list[Mention]) -> None:
    """区民政局、残联和卫健局: what follows in the same enumeration takes the tier of the one before."""
    for before, after in pairwise(mentions):
        between = folded[before.end : after.start]
        joined = 0 < len(between) <= 2 and all(char in _ENUMERATION + "以还有" for char in between)
        if joined and before.slot == "D" and after.slot == "B" and before.tier:
            after.tier, after.district, after.weight = before.tier, before.district, 2.0
            after.inherited = after.joined = True
