"""Finds systems by what they are called: a place, words of a line, 系统/平台/APP. Named ones are in the lexicon."""

import re

from app.classify.findings import Cue, Hit, Mention
from app.classify.tiers import resolve_reach
from app.directory.knowledge import Knowledge, PlaceName

_SYSTEM_NOUN = re.compile(r"系统|平台|app|小程序|终端|信息库|数据库|管家|专区")
_BREAKS = ",;:。!?\n、"
# How many characters a system's name may have before 系统 or 平台.
_REACH = 18


def find_systems(
    folded: str,
    knowledge: Knowledge,
    district: str | None,
    topics: list[Cue],
    hits: list[Hit],
    chosen: list[Mention],
    blocked: dict[int, int],
) -> list[Mention]:
    """Systems not in the lexicon (湖南省防止返贫监测帮扶信息平台), beside the mentions already chosen."""
    found: list[Mention] = []
    taken = bytearray(len(folded))
    for mention in chosen:
        taken[mention.start : mention.end] = b"\x01" * (mention.end - mention.start)
    for noun in _SYSTEM_NOUN.finditer(folded):
        end = noun.end()
        if any(taken[noun.start() : end]):
            continue
        low = max(0, noun.start() - _REACH)
        low = max(low, taken.rfind(1, low, noun.start()) + 1)
        low = max([low, *(folded.rfind(mark, low, noun.start()) + 1 for mark in _BREAKS)])
        place = _last_place(folded, low, noun.start(), knowledge, blocked)
        if place is None:
            continue
        start, name = place
        line = _line_within(start, end, topics, hits)
        tier, unit_code = resolve_reach(name.reach, name.district, knowledge, district)
        if name.reach in ("township", "self"):
            continue
        taken[start:end] = b"\x01" * (end - start)
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
