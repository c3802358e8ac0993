"""The main stream: 收 → 分 → 转 (or 商) → 送, in the reporter's own request and in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.casefile import CaseFile, live_assignments
from app.classify import Decision, ReportText, Route, classify
from app.consult.convene import Guest, convene
from app.directory.serials import CASE, CONSULTATION, REPORT
from app.flow.desk import Desk
from app.intake import accept
from app.intake.accept import Submission
from app.models import (
    Assignment,
    AssignmentRole,
    Case,
    CaseStatus,
    Consultation,
    Report,
    Urgency,
    VerificationStatus,
    new_id,
)
from app.route import assign
from app.route.policy import Duty

# What follows a report without anybody's hand is the service's own act, not the reporter's.
SYSTEM_ACTOR = "system"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the reporter is told: the numbers, the decision, who must act and by when."""

    report: Report
    case: Case
    decision: Decision
    assignments: list[Assignment]
    joined: bool
    provisional: bool


async def receive(desk: Desk, submission: Submission) -> Receipt:
    """Accept a report, decide, open or join a case, route it, and queue what departments are sent."""
    point = desk.city.points[desk.principal.observation_point or ""]
    for code in submission.declared_departments:
        desk.city.get_department(code, "declared_departments")
    accept.refuse_empty(submission)
    decision = decide(desk, submission, district=point.district, unit=point.name)
    # Numbers come first: taking one is a transaction of its own.
    number = await desk.numbers.take(REPORT, desk.now)
    file, joined = await _find_or_open(desk, submission, decision, point.district)
    report = accept.accept_report(
        file.batch,
        submission,
        number=number,
        case_id=file.case.id,
        point=point.code,
        decision=decision.to_dict(),
        sealer=desk.sealer,
        now=desk.now,
    )
    if joined:
        _join(file, report, point.district)
    else:
        facts = {"report": report.number, "category": decision.category, "sources": file.case.sources}
        file.record("case.opened", facts)
        file.actor = SYSTEM_ACTOR
        await _route(desk, file, decision, report)
    await desk.finish(file)
    provisional = any(d.provisional for d in file.running())
    return Receipt(report, file.case, decision, live_assignments(file.assignments), joined, provisional)


def decide(desk: Desk, submission: Submission, *, district: str | None, unit: str | None) -> Decision:
    """分: the machine's reading of a report; stores nothing."""
    text = ReportText(
        text=submission.text,
        title=submission.title,
        district=district,
        unit=unit,
        declared_departments=submission.declared_departments,
    )
    return classify(text, desk.city.knowledge, desk.thresholds)


async def _find_or_open(desk: Desk, submission: Submission, decision: Decision, district: str) -> tuple[CaseFile, bool]:
    number = await desk.numbers.take(CASE, desk.now)
    if decision.route is Route.CONSULTATION:
        await desk.numbers.reserve(CONSULTATION, desk.now)
    sources = [s.code for s in decision.sources]
    fingerprint = accept.fingerprint(submission.text, sources)
    open_id = await accept.find_open_case(desk.session, fingerprint)
    if open_id is not None:
        return await desk.open_file(open_id), True
    case = Case(
        id=new_id(),
        number=number,
        summary=accept.summarize(submission),
        category=decision.category,
        route=decision.route,
        sources=sources,
        burden_types=[b.code for b in decision.burden_types],
        districts=[district],
        fingerprint=fingerprint,
        search_text=accept.search_text(number, submission),
        urgency=Urgency.NORMAL,
        returns=0,
        opened_at=desk.now,
        last_seq=0,
        last_hash="",
    )
    return desk.new_file(case), False


def _join(file: CaseFile, report: Report, district: str) -> None:
    file.case.districts = sorted({*file.case.districts, district})
    if file.case.status is CaseStatus.VERIFYING:
        report.verification = VerificationStatus.ASKED
    file.record("report.joined", {"report": report.number})


async def _route(desk: Desk, file: CaseFile, decision: Decision, report: Report) -> None:
    """转: assignments and escalations are dispatched, a consultation is convened, the rest is the office's to rule."""
    receivers = [(r.code, AssignmentRole(r.role)) for r in decision.receivers]
    match decision.route:
        case Route.ASSIGNMENT | Route.ESCALATION:
            dispatch(desk, file, desk.duties(receivers, file.case.sources), [report])
        case Route.CONSULTATION:
            await summon(desk, [(file, [report])], [code for code, _ in receivers])
        case Route.TRIAGE:
            file.advance_case(CaseStatus.TRIAGE)


def dispatch(
    desk: Desk,
    file: CaseFile,
    duties: Sequence[Duty],
    reports: Sequence[Report],
    consultation_id: str | None = None,
) -> None:
    """交办: put the duties on the case; from now on the departments' clocks run."""
    assign.dispatch(file, duties, texts=desk.masked(reports), consultation_id=consultation_id)
    file.advance_case(CaseStatus.DISPATCHED)


async def summon(
    desk: Desk,
    matters: Sequence[tuple[CaseFile, Sequence[Report]]],
    departments: Sequence[str],
    *,
    meeting_at: datetime | None = None,
    place: str | None = None,
) -> Consultation:
    """会商: bring the departments together on these cases. The number must have been reserved."""
    number = await desk.numbers.take(CONSULTATION, desk.now)
    sources = [code for file, _ in matters for code in file.case.sources]
    guests = [Guest(code, tuple(desk.city.represented_by(code, sources))) for code in sorted(set(departments))]
    for file, _ in matters:
        file.advance_case(CaseStatus.CONSULTING)
    texts = {file.case.id: desk.masked(reports) for file, reports in matters}
    files = [file for file, _ in matters]
    return convene(files, guests, number=number, texts=texts, meeting_at=meeting_at, place=place)
