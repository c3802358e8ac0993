"""Decides what part each mention plays (imposes, forwards, suffers …) by letting the pack's rules vote."""

from typing import NamedTuple

from app.classify.findings import Mention
from app.directory.knowledge import Knowledge
from app.directory.patterns import SLOTS, possible

# How far a bare mention speaks for itself as the source, before any rule has voted.
_PRIOR = {"D": 1.0, "N": 0.7, "S": 0.9, "T": 0.3, "B": 0.5, "W": 0.0, "X": 0.0}
SOURCE_ROLES = ("imposes", "adds", "disputes")
# Votes that do not speak against a mention being a source.
NOT_AGAINST = (*SOURCE_ROLES, "refuses", "baseline")
_CAP = 3.2
_JOINED = frozenset("、和与及跟同还有以")


class Masked(NamedTuple):
    """The folded text with each mention (or enumeration) as one letter; where each masked character begins and ends in
    the folded text; and the mentions at each letter."""

    text: str
    starts: list[int]
    ends: list[int]
    at: dict[int, list[Mention]]


def assign_roles(folded: str, mentions: list[Mention], knowledge: Knowledge) -> Masked:
    """Sets `votes`, `cues`, `role` and `margin` (imposing minus the best other role) of each mention."""
    found = _mask(folded, mentions)
    masked, starts, ends, at = found
    for rule in possible(knowledge.rules, masked):
        for match in rule.expression.finditer(masked):
            for group in range(1, rule.expression.groups + 1):
                span = starts[match.start()], ends[match.end() - 1]
                for mention in at.get(match.start(group), ()):
                    if all(cue[0] != rule.id for cue in mention.cues):
                        mention.cues.append((rule.id, rule.role, rule.weight, *span))
    for mention in mentions:
        settle_role(mention)
    return found


def _mask(folded: str, mentions: list[Mention]) -> Masked:
    pieces: list[str] = []
    starts: list[int] = []
    at: dict[int, list[Mention]] = {}
    ends: list[int] = []
    reached = 0
    for mention in mentions:
        between = folded[reached : mention.start]
        if _joins(between, at.get(len(starts) - 1, []), mention):
            at[len(starts) - 1].append(mention)
            reached = ends[-1] = mention.end
            continue
        pieces.append(between)
        starts.extend(range(reached, mention.start))
        ends.extend(range(reached + 1, mention.start + 1))
        at[len(starts)] = [mention]
        pieces.append(SLOTS[mention.slot])
        starts.append(mention.start)
        ends.append(mention.end)
        reached = mention.end
    pieces.append(folded[reached:])
    starts.extend(range(reached, len(folded)))
    ends.extend(range(reached + 1, len(folded) + 1))
    return Masked("".join(pieces), starts, ends, at)


def _joins(between: str, group: list[Mention], mention: Mention) -> bool:
    """True in 区民政局、残联和卫健局: one enumeration plays one part."""
    if not group or not 0 < len(between) <= 2 or group[0].slot not in "DB" or mention.slot not in "DB":
        return False
    return all(char in _JOINED for char in between)


def settle_role(mention: Mention) -> None:
    """Weighs the votes. Evidence for imposing that lies within stronger evidence for another role does not count:
    in 不是市局要求的 the words 市局要求 are part of the denial."""
    strong = [cue for cue in mention.cues if cue[1] not in NOT_AGAINST and cue[2] >= 2.0]
    votes: dict[str, float] = {}
    for _, role, weight, start, end in mention.cues:
        if role in ("imposes", "adds") and any(c[2] >= weight and c[3] < end and start < c[4] for c in strong):
            continue
        votes[role] = votes.get(role, 0.0) + weight
    mention.votes = votes
    imposing = _PRIOR[mention.slot] + min(_CAP, votes.get("imposes", 0.0)) + votes.get("adds", 0.0) / 2
    others = {role: weight for role, weight in votes.items() if role not in NOT_AGAINST}
    best = max(others, key=lambda role: (others[role], role), default="")
    mention.margin = imposing - others.get(best, 0.0)
    disputing = votes.get("disputes", 0.0) + votes.get("refuses", 0.0)
    barring = max((weight for role, weight in others.items() if role != "channel"), default=0.0)
    if disputing >= 2.0 and disputing >= max(imposing - 1.0, barring):
        mention.role, mention.margin = "disputes", max(mention.margin, disputing)
    elif best and mention.margin < 0:
        mention.role = best
    elif votes.get("adds", 0.0) > 0:
        mention.role = "adds"
    else:
        mention.role = "imposes"
