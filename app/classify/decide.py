"""Reads one report: finds, weighs, judges, and dresses the answer as a Decision that shows its evidence."""

from dataclasses import replace

from app.classify.burdens import burden_cues, find_burdens, weigh_burdens
from app.classify.certificates import find_certificates
from app.classify.decision import (
    ROUTES,
    BurdenFound,
    Category,
    Decision,
    NumberFound,
    ReportText,
    Source,
    Suggestion,
    Thresholds,
    UnclearReason,
)
from app.classify.explain import LOW_CONFIDENCE, collect_evidence, summarise
from app.classify.findings import Cue, Findings
from app.classify.judge import Reading, Verdict, judge
from app.classify.mentions import find_all
from app.classify.normalize import Prepared, prepare
from app.classify.roles import assign_roles
from app.classify.scope import mark_praise
from app.classify.sources import Suspect, complete_from_context, leading_topic
from app.classify.traits import words_of
from app.classify.weighing import weigh_words
from app.directory.knowledge import Knowledge
from app.directory.pack import Tier


def classify(report: ReportText, knowledge: Knowledge, thresholds: Thresholds | None = None) -> Decision:
    """Decides one report. Pure and deterministic; never raises on any text."""
    limits = thresholds or Thresholds()
    title = report.title or ""
    prepared = prepare(f"{title}\n{report.text}" if title else report.text)
    reading = read(report, prepared, knowledge, limits)
    burdens = weigh_burdens(reading.cues, reading.burdens, reading.of_words, knowledge)
    verdict = judge(reading, knowledge)
    return _dress(report, prepared, reading.findings, verdict, burdens, knowledge, limits, reading.line)


def read(report: ReportText, prepared: Prepared, knowledge: Knowledge, limits: Thresholds) -> Reading:
    """What the text names and does."""
    folded = prepared.folded
    findings = find_all(folded, knowledge, _district_of(report, knowledge))
    masked = assign_roles(folded, findings.mentions, knowledge)
    mark_praise(folded, findings)
    line = complete_from_context(folded, findings, knowledge)
    cues = burden_cues(folded, findings, knowledge)
    if len({m.code for m in findings.mentions if m.role == "disputes" or m.votes.get("refuses", 0.0) > 2.0}) > 1:
        cues.append(Cue(0, 1, knowledge.pack.dispute_burden, 1.0))
    burdens = find_burdens(cues, limits.burden)
    of_words = weigh_words(words_of(folded, findings), knowledge) if knowledge.pack.text_weights else []
    return Reading(report, folded, findings, masked, line, of_words, cues, burdens)


def _district_of(report: ReportText, knowledge: Knowledge) -> str | None:
    unit = knowledge.pack.district(report.district) if report.district else None
    if unit is not None:
        return unit.code
    return next((point.district for point in knowledge.pack.observation_points if point.name == report.unit), None)


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
