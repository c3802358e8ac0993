"""Tells the tier from a place word in front of a name, in the light of the reporter's district."""

from app.directory.knowledge import Knowledge, PlaceName
from app.directory.pack import Tier


def place_in_front(
    folded: str, start: int, knowledge: Knowledge, blocked: dict[int, int]
) -> tuple[int, PlaceName | None]:
    """Where the name with its place begins, and the place (长沙市芙蓉区 + 民政局). `blocked` are look-alikes."""
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


def resolve_reach(reach: str, named: str | None, knowledge: Knowledge, district: str | None) -> tuple[str, str | None]:
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


def named_before_tier(folded: str, start: int, knowledge: Knowledge) -> tuple[int, PlaceName | None]:
    """长沙市局 is the city's bureau in every district: a named place in front of 市局 or 市里 settles it."""
    low = max(0, start - 4)
    match = knowledge.place_before.search(folded[low : start + 1])
    if match is None or match.end(1) - match.start(1) < 2:
        return start, None
    place = knowledge.places[match.group(1)]
    return (low + match.start(), place) if place.reach not in ("township", "self") else (start, None)
