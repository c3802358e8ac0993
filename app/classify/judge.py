"""The routing policy: from what a text names and does to category, reason, sources, receivers and confidence.

The rules judge first; where the pack has fitted weights, these judge with the rules' answer before them.
"""

from dataclasses import dataclass, field

from app.classify.confidence import certainty_traits, sure
from app.classify.decision import BurdenFound, Category, Receiver, ReportText, Role, UnclearReason
from app.classify.findings import Cue, Findings, Mention
from app.classify.roles import SOURCE_ROLES, Masked
from app.classify.scope import out_of_scope
from app.classify.sources import Suspect, find_candidates, find_suspects, highest, originators
from app.classify.weighing import settle_parts, weigh_departments, weigh_matter
from app.directory.knowledge import Knowledge
from app.directory.pack import Tier

# Disputes between tiers are rare among all reports, not among those with two tiers of one line as sources.
DISPUTED_FROM = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The policy's answer before it is dressed as a Decision. `traits` are what the confidence was made of."""

    category: Category
    reason: UnclearReason | None
    suspects: tuple[Suspect, ...]
    receivers: tuple[Receiver, ...]
    confidence: float
    traits: dict[str, float] = field(default_factory=dict)

    @property
    def answer(self) -> tuple[Category, frozenset[str]]:
        """What two verdicts have in common where they say the same."""
        return self.category, frozenset(receiver.code for receiver in self.receivers)


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as it was read. `line` is what it is about, or ''; `burdens` are what the cues alone say, `of_words`
    what the pack's weights say of its words."""

    report: ReportText
    folded: str
    findings: Findings
    masked: Masked
    line: str
    of_words: list[float]
    cues: list[Cue]
    burdens: tuple[BurdenFound, ...]


def judge(reading: Reading, knowledge: Knowledge) -> Verdict:
    """Decides by the rules, then by the pack's weights where it has any."""
    suspects = find_suspects(reading.folded, reading.findings.mentions, knowledge)
    kept = frozenset(suspect.code for suspect in suspects)
    sources = originators(_with_declared(suspects, reading.report, knowledge))
    by_rules = _judge_by_rules(sources, reading, knowledge)
    if not knowledge.pack.source_weights:
        return by_rules
    return _judge_by_weights(by_rules, kept, frozenset(s.code for s in sources), reading, knowledge)


def _judge_by_rules(suspects: list[Suspect], reading: Reading, knowledge: Knowledge) -> Verdict:
    scope = out_of_scope(reading.findings, suspects, len(reading.burdens))
    if scope > 0.0:
        return _unclear(UnclearReason.OUT_OF_SCOPE, scope)
    if not suspects or _outsiders_alone(suspects, reading.findings):
        return _unclear(_reason_without_department(reading, knowledge), 0.9)
    disputed = len({s.code for s in suspects if any(m.role == "disputes" for m in s.mentions)}) > 1
    return _decided(suspects, disputed, reading.findings, knowledge)


def _judge_by_weights(
    by_rules: Verdict, kept: frozenset[str], final: frozenset[str], reading: Reading, knowledge: Knowledge
) -> Verdict:
    candidates = find_candidates(reading.findings.mentions, knowledge)
    if by_rules.receivers and final.isdisjoint(candidate.code for candidate in candidates):
        return by_rules  # a department that the reporter ticked, where the text demands nothing of any other
    chances = weigh_departments(candidates, reading.masked, reading.findings, kept, final, knowledge)
    answer = by_rules.reason.value if by_rules.reason else by_rules.category.value
    matter = weigh_matter(reading.findings, chances, answer, reading.of_words, knowledge)
    sources = settle_parts(candidates, matter, reading.masked, knowledge.pack.source_weights)
    if matter.is_decided and sources:
        verdict = _decided(sources, matter.disputed >= DISPUTED_FROM, reading.findings, knowledge)
    else:
        verdict = _unclear(_reason(matter.reason, by_rules, reading, knowledge), 0.0)
    settled = verdict.category is not Category.UNCLEAR or bool(verdict.suspects)
    traits = certainty_traits(
        chances,
        matter.decided if settled else 1.0 - matter.decided,
        len(sources),
        len({source.line for source in sources}),
        verdict.answer == by_rules.answer,
        settled,
    )
    return Verdict(
        verdict.category, verdict.reason, verdict.suspects, verdict.receivers, sure(traits, sources, knowledge), traits
    )


def _reason(weighed: UnclearReason | None, by_rules: Verdict, reading: Reading, knowledge: Knowledge) -> UnclearReason:
    """The reason for triage: what was weighed, but only the rules tell a bare line from nobody at all."""
    if weighed not in (None, UnclearReason.NO_DEPARTMENT):
        return weighed
    if by_rules.reason is not None and weighed is None:
        return by_rules.reason
    found = _reason_without_department(reading, knowledge)
    return found if found is UnclearReason.TIER_UNKNOWN or weighed is None else UnclearReason.NO_DEPARTMENT


def _unclear(reason: UnclearReason, confidence: float, suspects: tuple[Suspect, ...] = ()) -> Verdict:
    return Verdict(Category.UNCLEAR, reason, suspects, (), confidence)


def _decided(suspects: list[Suspect], disputed: bool, findings: Findings, knowledge: Knowledge) -> Verdict:
    coordinating = [s for s in suspects if s.line == knowledge.group(knowledge.pack.coordinating_line)]
    if coordinating:
        certainty = max(suspect.certainty for suspect in coordinating)
        return _unclear(UnclearReason.CONFLICT_OF_INTEREST, certainty, tuple(coordinating))
    confidence = min(suspect.certainty for suspect in suspects)
    lines = {suspect.line for suspect in suspects}
    topics = frozenset(cue.name for cue in findings.topics)
    if len(lines) > 1 or (disputed and len(suspects) > 1):
        receivers = _at_the_table(suspects, topics, knowledge)
        return Verdict(Category.MULTI_DEPARTMENT, None, tuple(suspects), receivers, confidence)
    top = highest(suspects)
    category = Category.PROVINCIAL if top.tier == Tier.PROVINCE else Category.MUNICIPAL_DISTRICT
    return Verdict(category, None, tuple(suspects), _one_line_receivers(top, suspects, topics, knowledge), confidence)


def _with_declared(suspects: list[Suspect], report: ReportText, knowledge: Knowledge) -> list[Suspect]:
    """What the reporter ticked counts where the text names nobody; else the text decides."""
    if suspects or len(report.declared_departments) != 1:
        return suspects
    unit = knowledge.pack.department(report.declared_departments[0])
    if unit is None:
        return suspects
    declared = Mention(
        0, 0, "D", unit.line, unit.tier, unit.district, unit.code, "declared", 1.5, "declared", margin=1.0
    )
    return [Suspect(unit.code, knowledge.group(unit.line), unit.tier, [declared], 0.75)]


def _receiver(suspect: Suspect, topics: frozenset[str], knowledge: Knowledge, role: Role) -> Receiver:
    """Who receives for a source. A provincial department may have another counterpart for the matter told (12345)."""
    unit = knowledge.pack.by_code[suspect.code]
    if unit.tier is Tier.PROVINCE:
        special = (line for code, line in knowledge.pack.counterpart_exceptions if code == unit.code and line in topics)
        unit = knowledge.pack.receiver_of_province(unit.code, next(special, suspect.mentions[0].line))
    return Receiver(unit.code, unit.name, role)


def _at_the_table(suspects: list[Suspect], topics: frozenset[str], knowledge: Knowledge) -> tuple[Receiver, ...]:
    found: dict[str, Receiver] = {}
    for suspect in suspects:
        receiver = _receiver(suspect, topics, knowledge, Role.SUPPORTING if found else Role.LEAD)
        found.setdefault(receiver.code, receiver)
    return tuple(found.values())


def _one_line_receivers(
    top: Suspect, suspects: list[Suspect], topics: frozenset[str], knowledge: Knowledge
) -> tuple[Receiver, ...]:
    found = {(lead := _receiver(top, topics, knowledge, Role.LEAD)).code: lead}
    for suspect in suspects:
        if suspect is not top:
            receiver = _receiver(suspect, topics, knowledge, Role.SUPPORTING)
            found.setdefault(receiver.code, receiver)
    return tuple(found.values())


def _outsiders_alone(suspects: list[Suspect], findings: Findings) -> bool:
    """True where a company or the own township clearly demands, and departments are merely named."""
    if any(suspect.active for suspect in suspects):
        return False
    return any(
        m.slot in "WX" and m.role in SOURCE_ROLES and m.votes.get("imposes", 0.0) >= 2.0 for m in findings.mentions
    )


def _reason_without_department(reading: Reading, knowledge: Knowledge) -> UnclearReason:
    """Why nobody can be named."""
    findings = reading.findings

    def strongest(slots: str) -> float:
        return max((m.margin for m in findings.mentions if m.slot in slots and m.role in SOURCE_ROLES), default=-9.0)

    bare = [m for m in findings.mentions if m.slot in "BS" and m.line and m.role in SOURCE_ROLES]
    coordinating = knowledge.group(knowledge.pack.coordinating_line)
    if any(knowledge.group(m.line) == coordinating for m in bare):
        return UnclearReason.CONFLICT_OF_INTEREST
    company, township, unknown = strongest("X"), strongest("W"), strongest("T")
    if company > 0.9 and company >= township and company > unknown:
        return UnclearReason.NON_DEPARTMENT_SOURCE
    if bare:
        return UnclearReason.TIER_UNKNOWN
    if (township > 0.9 and township > unknown - 1.0) or (township > -0.1 and _higher_tiers_denied(findings)):
        return UnclearReason.TOWNSHIP_SOURCE
    owned = reading.line and not any(mention.code for mention in findings.mentions)
    if owned and not knowledge.expressions["unknown_who"].search(reading.folded):
        return UnclearReason.TIER_UNKNOWN
    return UnclearReason.NO_DEPARTMENT


def _higher_tiers_denied(findings: Findings) -> bool:
    """True where the text says that those above did not ask for it: then what the own township does is its own."""
    above = [mention for mention in findings.mentions if mention.slot in "DT"]
    return bool(above) and all(mention.role in ("denied", "ended", "cited") for mention in above)
