"""先例 at intake: which precedents a decision cites, and whether a standing ruling dispatches the case at once.

Reads only. A precedent never changes what the machine decided; only a standing ruling, made by a person, changes what
is done about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.batch import Batch
from app.casefile import CaseFile
from app.classify import Decision, ReportText, Thresholds, classify
from app.classify.citing import Citation, cite, lacks_department, may_cite
from app.consult.conclude import CaseConclusion, Part, Task
from app.directory.city import City
from app.directory.precedents import PrecedentKnown, cited_in
from app.flow.desk import Desk
from app.flow.joining import traces_of
from app.models import AssignmentRole, CitedPrecedent, DeadlineKind, Precedent, Report, StandingRuling
from app.route.cluster import Traces
from app.route.policy import Duty
from app.route.precedent import WORDS, Match, find_precedents, settlements

MOST_CITED = 3


@dataclass(frozen=True, slots=True)
class Cited:
    """A decision with what it cites, and all the precedents that the report falls under."""

    decision: Decision
    matches: Sequence[Match] = ()


def cite_precedents(city: City, text: str, decision: Decision, traces: Traces) -> Cited:
    """Where precedents conflict, one of each kind is cited."""
    book = city.knowledge.precedents
    if not book or not may_cite(decision):
        return Cited(decision)
    matches = find_precedents(text, traces.features, traces.keys, book)
    citations = [
        Citation(m.precedent.number, m.start, m.end, m.weight, m.precedent.departments)
        for m in settlements(matches)[:MOST_CITED]
    ]
    return Cited(cite(decision, text, citations), matches)


def note_citations(batch: Batch, report: Report) -> None:
    """Keep who cites whom where it can be looked up from the precedent."""
    batch.add(*(CitedPrecedent(precedent=number, report_id=report.id) for number in cited_in(report.decision)))


def classify_with_precedents(city: City, report: ReportText, thresholds: Thresholds) -> Decision:
    """The decision that intake would make, for a dry run."""
    decision = classify(report, city.knowledge, thresholds)
    if not city.knowledge.precedents:
        return decision
    point = next((p.code for p in city.points.values() if p.name == report.unit), "")
    return cite_precedents(city, report.text, decision, traces_of(city, report.text, decision, point)).decision


# ── 常规裁定 ──


def standing_for(city: City, cited: Cited) -> PrecedentKnown | None:
    """The precedent whose standing ruling covers the report; None where there is none, or where precedents conflict.

    The machine must name the very sources of the precedent, or nobody while document or system are the same.
    """
    if len(settlements(cited.matches)) > 1:
        return None
    sources = {source.code for source in cited.decision.sources}
    for match in cited.matches:
        known = match.precedent
        same = sources == set(known.likeness["sources"]) if sources else False
        named = lacks_department(cited.decision) and match.kind != WORDS
        if known.ruling and (same or named) and all(code in city.departments for code in known.departments):
            return known
    return None


async def find_standing(desk: Desk, cited: Cited) -> PrecedentKnown | None:
    """The same, where the ruling holds today and was not ended since the city was read."""
    known = standing_for(desk.city, cited)
    if known is None or known.ruling is None:
        return None
    if not known.ruling.holds_on(desk.now.astimezone(desk.city.calendar.zone).date()):
        return None
    still = await desk.session.scalar(
        select(StandingRuling.id)
        .join(Precedent, Precedent.id == StandingRuling.precedent_id)
        .where(
            StandingRuling.id == known.ruling.id,
            StandingRuling.ended_at.is_(None),
            Precedent.withdrawn_at.is_(None),
        )
    )
    return known if still else None


def conclusion_of(known: PrecedentKnown) -> CaseConclusion:
    """What was settled, as it is concluded once more."""
    tasks: dict[str, list[Task]] = {}
    for department, obligation, term in known.obligations:
        tasks.setdefault(department, []).append(Task(obligation, term))
    return CaseConclusion([Part(code, code == known.lead, tuple(own)) for code, own in tasks.items()])


def settled_duties(desk: Desk, file: CaseFile, conclusion: CaseConclusion) -> list[Duty]:
    """One duty for each task; the lead's longest comes first, for by its end the reporters are promised an answer."""
    duties = [
        Duty(
            part.department,
            AssignmentRole.LEAD if part.leads else AssignmentRole.SUPPORTING,
            tuple(desk.city.represented_by(part.department, file.case.sources)),
            task.obligation,
            task.term,
        )
        for part in conclusion.parts
        for task in part.tasks
    ]

    def length(duty: Duty) -> int:
        kind = DeadlineKind.FORWARDING if duty.on_behalf_of else DeadlineKind.FEEDBACK
        return duty.term or file.term_of(kind).working_days

    return sorted(duties, key=length, reverse=True)
