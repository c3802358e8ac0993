"""The routing policy: from what a text names and does to category, route, receivers, reason and confidence."""

from dataclasses import dataclass, replace

from app.classify.burdens import burden_cues, find_burdens
from app.classify.certificates import find_certificates
from app.classify.confidence import sure
from app.classify.decision import (
    ROUTES,
    BurdenFound,
    Category,
    Decision,
    NumberFound,
    Receiver,
    ReportText,
    Role,
    Source,
    Suggestion,
    Thresholds,
    UnclearReason,
)
from app.classify.explain import LOW_CONFIDENCE, collect_evidence, summarise
from app.classify.findings import Cue, Findings, Mention
from app.classify.mentions import find_all
from app.classify.normalize import Prepared, prepare
from app.classify.roles import SOURCE_ROLES, assign_roles
from app.classify.scope import mark_praise, out_of_scope
from app.classify.sources import Suspect, complete_from_context, find_suspects, highest, leading_topic, originators
from app.directory.knowledge import Knowledge
from app.directory.pack import Tier


@dataclass(frozen=True, slots=True)
class Verdict:
    """The policy's answer before it is dressed as a Decision."""

    category: Category
    reason: UnclearReason | None
    suspects: tuple[Suspect, ...]
    receivers: tuple[Receiver, ...]
    confidence: float


def classify(report: ReportText, knowledge: Knowledge, thresholds: Thresholds | None = None) -> Decision:
    """Decides one report. Pure and deterministic; never raises on any text."""
    limits = thresholds or Thresholds()
    district = _district_of(report, knowledge)
    title = report.title or ""
    prepared = prepare(f"{title}\n{report.text}" if title else report.text)
    findings = find_all(prepared.folded, knowledge, district)
    assign_roles(prepared.folded, findings.mentions, knowledge)
    mark_praise(prepared.folded, findings)
    matter = complete_from_context(prepared.folded, findings, knowledge)
    cues = burden_cues(prepared.folded, findings, knowledge)
    if len({m.code for m in findings.mentions if m.role == "disputes" or m.votes.get("refuses", 0.0) > 2.0}) > 1:
        cues.append(Cue(0, 1, knowledge.pack.dispute_burden, 1.0))
    burdens = find_burdens(cues, limits.burden)
    verdict = _judge(prepared.folded, findings, knowledge, report, burdens)
    return _dress(report, prepared, findings, verdict, burdens, knowledge, limits, matter)


def _district_of(report: ReportText, knowledge: Knowledge) -> str | None:
    unit = knowledge.pack.district(report.district) if report.district else None
    if unit is not None:
        return unit.code
    return next((point.district for point in knowledge.pack.observation_points if point.name == report.unit), None)


def _judge(
    folded: str, findings: Findings, knowledge: Knowledge, report: ReportText, burdens: tuple[BurdenFound, ...]
) -> Verdict:
    suspects = find_suspects(folded, findings.mentions, knowledge)
    suspects = originators(_with_declared(suspects, report, knowledge))
    scope = out_of_scope(findings, suspects, len(burdens))
    if scope > 0.0:
        return Verdict(Category.UNCLEAR, UnclearReason.OUT_OF_SCOPE, (), (), scope)
    coordinating = [s for s in suspects if s.line == knowledge.group(knowledge.pack.coordinating_line)]
    if coordinating:
        confidence = max(suspect.certainty for suspect in coordinating)
        return Verdict(Category.UNCLEAR, UnclearReason.CONFLICT_OF_INTEREST, tuple(coordinating), (), confidence)
    if not suspects or _outsiders_alone(suspects, findings):
        return _without_department(findings, knowledge)
    lines = list(dict.fromkeys(suspect.line for suspect in suspects))
    disputed = len({s.code for s in suspects if any(m.role == "disputes" for m in s.mentions)}) > 1
    confidence = sure(folded, suspects, findings, knowledge)
    if len(lines) > 1 or disputed:
        return Verdict(Category.MULTI_DEPARTMENT, None, tuple(suspects), _at_the_table(suspects, knowledge), confidence)
    top = highest(suspects)
    category = Category.PROVINCIAL if top.tier == Tier.PROVINCE else Category.MUNICIPAL_DISTRICT
    return Verdict(category, None, tuple(suspects), _one_line_receivers(top, suspects, knowledge), confidence)


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


def _receiver(suspect: Suspect, knowledge: Knowledge, role: Role) -> Receiver:
    unit = knowledge.pack.by_code[suspect.code]
    if unit.tier is Tier.PROVINCE:
        unit = knowledge.pack.receiver_of_province(unit.code, suspect.mentions[0].line)
    return Receiver(unit.code, unit.name, role)


def _at_the_table(suspects: list[Suspect], knowledge: Knowledge) -> tuple[Receiver, ...]:
    found: dict[str, Receiver] = {}
    for suspect in suspects:
        receiver = _receiver(suspect, knowledge, Role.SUPPORTING if found else Role.LEAD)
        found.setdefault(receiver.code, receiver)
    return tuple(found.values())


def _one_line_receivers(top: Suspect, suspects: list[Suspect], knowledge: Knowledge) -> tuple[Receiver, ...]:
    found = {(lead := _receiver(top, knowledge, Role.LEAD)).code: lead}
    for suspect in suspects:
        if suspect is not top:
            receiver = _receiver(suspect, knowledge, Role.SUPPORTING)
            found.setdefault(receiver.code, receiver)
    return tuple(found.values())


def _outsiders_alone(suspects: list[Suspect], findings: Findings) -> bool:
    """True where a company or the own township clearly demands, and departments are merely named."""
    if any(suspect.active for suspect in suspects):
        return False
    return any(
        m.slot in "WX" and m.role in SOURCE_ROLES and m.votes.get("imposes", 0.0) >= 2.0 for m in findings.mentions
    )


def _without_department(findings: Findings, knowledge: Knowledge) -> Verdict:
    def strongest(slots: str) -> float:
        return max((m.margin for m in findings.mentions if m.slot in slots and m.role in SOURCE_ROLES), default=-9.0)

    bare = [m for m in findings.mentions if m.slot in "BS" and m.line and m.role in SOURCE_ROLES]
    coordinating = knowledge.group(knowledge.pack.coordinating_line)
    if any(knowledge.group(m.line) == coordinating for m in bare):
        return Verdict(Category.UNCLEAR, UnclearReason.CONFLICT_OF_INTEREST, (), (), 0.9)
    company, township, unknown = strongest("X"), strongest("W"), strongest("T")
    if company > 0.9 and company >= township and company > unknown:
        return Verdict(Category.UNCLEAR, UnclearReason.NON_DEPARTMENT_SOURCE, (), (), 0.92)
    if bare:
        return Verdict(Category.UNCLEAR, UnclearReason.TIER_UNKNOWN, (), (), 0.92)
    if (township > 0.9 and township > unknown - 1.0) or (township > -0.1 and _higher_tiers_denied(findings)):
        return Verdict(Category.UNCLEAR, UnclearReason.TOWNSHIP_SOURCE, (), (), 0.9)
    return Verdict(Category.UNCLEAR, UnclearReason.NO_DEPARTMENT, (), (), 0.92)


def _higher_tiers_denied(findings: Findings) -> bool:
    """True where the text says that those above did not ask for it: then what the own township does is its own."""
    above = [mention for mention in findings.mentions if mention.slot in "DT"]
    return bool(above) and all(mention.role in ("denied", "ended", "cited") for mention in above)


def _dress(
    report: ReportText,
    prepared: Prepared,
    findings: Findings,
    verdict: Verdict,
    burdens: tuple[BurdenFound, ...],
    knowledge: Knowledge,
    limits: Thresholds,
    matter: str,
) -> Decision:
    confidence = round(min(0.99, verdict.confidence), 3)
    sources = tuple(_source(suspect, knowledge) for suspect in verdict.suspects)
    category, reason, receivers = verdict.category, verdict.reason, verdict.receivers
    suggestions: tuple[Suggestion, ...] = ()
    certificates = find_certificates(prepared.folded, knowledge)
    notes = tuple(f"certificate:{certificate.number}" for certificate in certificates)
    if category is not Category.UNCLEAR and confidence < limits.decide:
        suggestions = (Suggestion(category, tuple(r.code for r in receivers), confidence),)
        category, reason, receivers, sources = Category.UNCLEAR, UnclearReason.NO_DEPARTMENT, (), ()
        notes = (LOW_CONFIDENCE, *notes)
        confidence = round(1.0 - confidence, 3)
    elif reason in (UnclearReason.TIER_UNKNOWN, UnclearReason.NO_DEPARTMENT):
        suggestions = _suggest(findings, knowledge, report, matter)
    if reason is UnclearReason.OUT_OF_SCOPE:
        burdens = ()
    decision = Decision(
        category=category,
        route=ROUTES[category],
        reason=reason,
        sources=sources,
        receivers=receivers,
        burden_types=tuple(replace(burden, rule=knowledge.broken_rules.get(burden.code, "")) for burden in burdens),
        document_numbers=tuple(
            NumberFound(prepared.sent[slice(*prepared.span(n.start, n.end))], n.issuer.code if n.issuer else None)
            for n in findings.numbers
        ),
        confidence=confidence,
        suggestions=suggestions,
        evidence=collect_evidence(prepared, findings, len(report.title or "")),
        knowledge_version=knowledge.version,
        notes=notes,
        certificates=certificates,
        id=report.id,
    )
    return replace(decision, summary=summarise(decision, knowledge))


def _source(suspect: Suspect, knowledge: Knowledge) -> Source:
    unit = knowledge.pack.by_code[suspect.code]
    return Source(unit.code, unit.name, unit.tier.value, unit.line, round(min(0.99, suspect.certainty), 3))


def _suggest(findings: Findings, knowledge: Knowledge, report: ReportText, matter: str) -> tuple[Suggestion, ...]:
    """Where only a line is known: the departments of that line at each tier, none with more than a small confidence."""
    line = matter or leading_topic(findings.topics)
    if not line:
        return ()
    district = _district_of(report, knowledge)
    found = []
    for tier, confidence in ((Tier.DISTRICT, 0.35), (Tier.MUNICIPAL, 0.3), (Tier.PROVINCE, 0.2)):
        unit = knowledge.unit(line, tier, district)
        if unit is None or unit.enterprise or unit.line == knowledge.pack.coordinating_line:
            continue
        receiver = knowledge.pack.receiver_of_province(unit.code) if tier is Tier.PROVINCE else unit
        category = Category.PROVINCIAL if tier is Tier.PROVINCE else Category.MUNICIPAL_DISTRICT
        found.append(Suggestion(category, (receiver.code,), confidence))
    return tuple(found)
