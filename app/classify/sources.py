"""From mentions with roles to source departments: lines and tiers from context, bystanders out, the originator."""

from dataclasses import dataclass, field
from typing import NamedTuple

from app.classify.findings import Cue, Findings, Mention
from app.classify.learned import learned_line
from app.classify.mentions import settle
from app.classify.roles import SOURCE_ROLES
from app.directory.knowledge import Knowledge
from app.directory.pack import Tier

RANK = {Tier.PROVINCE: 0, Tier.MUNICIPAL: 1, Tier.DISTRICT: 2}
# Votes that make a department more than a name, and what a report with bystanders loses in certainty.
_ACTIVE, _BYSTANDER = 0.9, 0.95
# Votes that make a demand of one's own, beside a higher tier of the same line that demands.
_OWN_DEMAND = 1.2
# More departments than this are an inventory, not a story: they are not compared with each other.
_MANY = 12
_CERTAINTY = {
    "full": 0.985, "org": 0.97, "central": 0.96, "inherent": 0.95, "adhoc": 0.95, "old": 0.95, "number": 0.93,
    "bare": 0.92, "system": 0.88, "outpost": 0.8, "typo": 0.85,
}  # fmt: skip


class Words(NamedTuple):
    """Words around the mentions of one department, and where each stands in the masked text."""

    words: list[str]
    spans: list[tuple[int, int]]


@dataclass(slots=True)
class Suspect:
    """A department that may be a source, with the mentions that speak for it."""

    code: str
    line: str
    tier: str
    mentions: list[Mention] = field(default_factory=list)
    certainty: float = 0.0
    around: Words = field(default_factory=lambda: Words([], []))

    @property
    def margin(self) -> float:
        """The strongest mention's margin for being a source."""
        return max(mention.margin for mention in self.mentions)

    @property
    def support(self) -> float:
        """How much in the text says that it demands, adds or pushes away."""
        return sum(self.weight_of(role) for role in (*SOURCE_ROLES, "refuses"))

    @property
    def active(self) -> bool:
        """True where this is more than a name."""
        return self.support >= _ACTIVE

    def weight_of(self, role: str) -> float:
        """The strongest vote for a role among the mentions."""
        return max(mention.votes.get(role, 0.0) for mention in self.mentions)

    def has(self, role: str) -> bool:
        """True where one of the mentions got a vote for this role."""
        return any(mention.votes.get(role, 0.0) > 0 for mention in self.mentions)


def complete_from_context(folded: str, findings: Findings, knowledge: Knowledge) -> str:
    """Gives 省厅, 市局, 省里 and bare lines what the rest of the text tells. Returns the line it is about, or ''."""
    mentions = findings.mentions
    named = {knowledge.group(m.line): m.line for m in mentions if m.slot in "DN" and m.line and m.role != "praised"}
    bare = {knowledge.group(m.line): m.line for m in mentions if m.slot in "BS" and m.line and m.role in SOURCE_ROLES}
    matter = next(iter(named.values())) if len(named) == 1 else ""
    if not matter and not named and len(bare) == 1:
        matter = next(iter(bare.values()))
    if not matter and not named and not bare:
        matter = leading_topic(findings.topics) or learned_line(folded, findings, knowledge)
    for mention in mentions:
        lineless = mention.slot == "T" or (mention.slot == "S" and not mention.line)
        if lineless and mention.tier and matter and not (named and _quoted(folded, mention)):
            _take_line(folded, mention, matter, knowledge)
    _tier_for_bare(mentions, knowledge)
    return matter


def _take_line(folded: str, mention: Mention, line: str, knowledge: Knowledge) -> None:
    """省厅 is a department of the line only where that is called 厅: a government office is no 省厅."""
    unit = knowledge.unit(line, mention.tier, mention.district)
    ending = folded[mention.end - 1]
    if mention.form == "org" and unit is not None and (unit.name[-1] != ending or unit.name[-3:-1] == "办公"):
        return
    mention.line = line
    settle(mention, knowledge)


def _quoted(folded: str, mention: Mention) -> bool:
    """True inside quotation marks, where a bare tier is somebody's phrase rather than the report's statement."""
    before = folded[: mention.start]
    return before.count("“") > before.count("”")


def leading_topic(topics: list[Cue]) -> str:
    """The line most of the matter belongs to; empty where two lines are close."""
    scores: dict[str, float] = {}
    for cue in topics:
        scores[cue.name] = scores.get(cue.name, 0.0) + cue.weight
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    if not ordered or (len(ordered) > 1 and ordered[0][1] < ordered[1][1] * 1.5):
        return ""
    return ordered[0][0]


def _tier_for_bare(mentions: list[Mention], knowledge: Knowledge) -> None:
    """A bare line takes the tier the text gives for the same line, else the one all named departments share."""
    known = [m for m in mentions if m.code and m.slot in "DNST"]
    tiers = {(m.tier, m.district) for m in known if m.slot == "D" and m.role in SOURCE_ROLES}
    tiers |= {
        (m.tier, m.district)
        for m in mentions
        if m.slot == "T" and not m.code and m.tier and m.role in ("imposes", "adds")
    }
    for mention in mentions:
        if mention.slot not in "BS" or mention.code or not mention.line or mention.tier:
            continue
        same = [m for m in known if knowledge.group(m.line) == knowledge.group(mention.line)]
        same.sort(key=lambda m: m.role not in SOURCE_ROLES)
        if same:
            mention.tier, mention.district = same[0].tier, same[0].district
        elif len(tiers) == 1:
            mention.tier, mention.district = next(iter(tiers))
        else:
            continue
        mention.inherited = True
        settle(mention, knowledge)


def find_candidates(mentions: list[Mention], knowledge: Knowledge) -> list[Suspect]:
    """Every department with a mention, whatever part it plays, in order of appearance."""
    found: dict[str, Suspect] = {}
    for mention in mentions:
        if mention.code:
            unit = knowledge.pack.by_code[mention.code]
            suspect = found.setdefault(mention.code, Suspect(unit.code, _line_of(mention, knowledge), unit.tier))
            suspect.mentions.append(mention)
    return list(found.values())


def _line_of(mention: Mention, knowledge: Knowledge) -> str:
    """The line a mention speaks of; a matter with a counterpart of its own (12345) is a line of its own."""
    special = (mention.code, mention.line) in knowledge.pack.counterpart_exceptions
    return knowledge.group(mention.line if special else knowledge.pack.by_code[mention.code].line)


def find_suspects(folded: str, mentions: list[Mention], knowledge: Knowledge) -> list[Suspect]:
    """Departments with a mention whose role makes them a source, in order of appearance."""
    found: dict[str, Suspect] = {}
    for mention in mentions:
        if not mention.code or mention.role not in SOURCE_ROLES:
            continue
        guessed = mention.inherited and not mention.joined and mention.form != "system"
        if guessed and not _spoken_for(mention):
            continue
        unit = knowledge.pack.by_code[mention.code]
        suspect = found.setdefault(mention.code, Suspect(mention.code, _line_of(mention, knowledge), unit.tier))
        suspect.mentions.append(mention)
        suspect.certainty = max(suspect.certainty, _certainty(mention))
    cleared = {m.code for m in mentions if m.code and m.role in ("denied", "forwards", "ended")}
    suspects = [s for s in found.values() if not (s.code in cleared and s.margin < 2.0)]
    spoken = [s for s in suspects if s.active or any(mention.slot != "T" for mention in s.mentions)]
    suspects = spoken or suspects
    return _without_bystanders(folded, _without_lone_refusal(suspects))


def _without_lone_refusal(suspects: list[Suspect]) -> list[Suspect]:
    """One department that says 这归某局 while 某局 itself makes demands is no party to a dispute: it is ruled out."""
    refusing = [s for s in suspects if s.has("refuses")]
    demanding = [s for s in suspects if not s.has("refuses") and s.weight_of("imposes") >= 0.9]
    if len(refusing) == 1 and demanding and refusing[0].weight_of("imposes") < 1.0:
        return [suspect for suspect in suspects if suspect is not refusing[0]]
    return suspects


def _without_bystanders(folded: str, suspects: list[Suspect]) -> list[Suspect]:
    """Beside a department that demands something, one that is merely named is no source, unless both stand in the same
    construction (区民政局要一份,区残联一份)."""
    if len(suspects) > _MANY:
        return suspects
    active = [s for s in suspects if s.active and not all(mention.inherited for mention in s.mentions)]
    if not active:
        active = suspects[:1]
    kept = list(active)
    for _ in suspects:  # 甲、乙、丙: each stands with its neighbour
        kept = [s for s in suspects if s in kept or any(_parallel(folded, s, other) for other in kept)]
    kept += [s for s in suspects if s.active and s not in kept]
    kept.sort(key=lambda suspect: suspect.mentions[0].start)
    if len(kept) < len(suspects):
        for suspect in kept:
            suspect.certainty *= _BYSTANDER
    return kept


def _parallel(folded: str, one: Suspect, other: Suspect) -> bool:
    """Two tiers of one line are seldom listed side by side: there only the same words after both names count."""
    loose = one.line != other.line
    return any(_alike(folded, a, b, loose) for a in one.mentions[:4] for b in other.mentions[:4])


def _alike(folded: str, one: Mention, other: Mention, loose: bool) -> bool:
    first, second = (one, other) if one.start <= other.start else (other, one)
    if folded[first.end : second.start] in ("、", "和", "与", "及", "跟", "同", "以及", "还有"):
        return True
    after, then = folded[first.end : first.end + 2], folded[second.end : second.end + 2]
    before, ahead = folded[first.start - 1 : first.start], folded[second.start - 1 : second.start]
    if (after and after == then) or (after[:1] == then[:1] == ":") or (before.isdigit() and ahead.isdigit()):
        return True
    if not loose:
        return _same_ending(folded, first.end, second.end)
    if any(mark in folded[first.end : second.start] for mark in "。!?\n"):
        return False
    opens = all(not mark or mark in ",;:、。!?\n" for mark in (before, ahead))
    return opens or after[:1] == then[:1] or before == ahead


def _same_ending(folded: str, one: int, other: int) -> bool:
    """市应急局上半月来查,区应急局下半月来查: both clauses end alike."""
    ends = [
        next((at for at in range(start, len(folded)) if folded[at] in ",;。!?\n"), len(folded))
        for start in (one, other)
    ]
    if abs((ends[0] - one) - (ends[1] - other)) > 3:
        return False
    return (
        ends[0] < other and folded[max(one, ends[0] - 2) : ends[0]] == folded[max(other, ends[1] - 2) : ends[1]] != ""
    )


def _spoken_for(mention: Mention) -> bool:
    return any(mention.votes.get(role, 0.0) > 0.0 for role in SOURCE_ROLES)


def _certainty(mention: Mention) -> float:
    base = _CERTAINTY.get(mention.form, 0.85) * (0.93 if mention.inherited else 1.0)
    for bound, factor in ((2.0, 1.0), (1.5, 0.99), (0.9, 0.975), (0.4, 0.92)):
        if mention.margin >= bound:
            return base * factor
    return base * 0.7


def originators(suspects: list[Suspect]) -> list[Suspect]:
    """Within each line: where a lower tier added to a mild baseline, it alone is the source; else all tiers stay."""
    kept: list[Suspect] = []
    for line in dict.fromkeys(suspect.line for suspect in suspects):
        of_line = [suspect for suspect in suspects if suspect.line == line]
        adders = [suspect for suspect in of_line if suspect.has("adds")]
        above = [s for s in of_line if s not in adders and all(RANK[Tier(s.tier)] < RANK[Tier(a.tier)] for a in adders)]
        of_line = [s for s in of_line if not (adders and s in above)]
        kept += _without_go_betweens(of_line)
    return kept


def _without_go_betweens(of_line: list[Suspect]) -> list[Suspect]:
    """Below a tier that clearly demands, a lower one of the same line needs a demand of its own to be a source."""
    above = [s for s in of_line if s.weight_of("imposes") >= _OWN_DEMAND]
    if not above:
        return of_line
    top = min(RANK[Tier(s.tier)] for s in above)
    kept = [
        s
        for s in of_line
        if RANK[Tier(s.tier)] <= top or s.has("adds") or s.has("disputes") or s.weight_of("imposes") >= _OWN_DEMAND
    ]
    if len(kept) < len(of_line):
        for suspect in kept:
            suspect.certainty *= _BYSTANDER
    return kept


def highest(suspects: list[Suspect]) -> Suspect:
    """The suspect of the highest tier, the first named among equals."""
    return min(suspects, key=lambda suspect: RANK[Tier(suspect.tier)])
