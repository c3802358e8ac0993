"""The main stream: 收 → 分 → 转 (or 商) → 送, in the reporter's own request and in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.casefile import CaseFile, live_assignments
from app.classify import Decision, ReportText, Route, classify
from app.consult.convene import Guest, convene
from app.directory.serials import CASE, CONSULTATION, REPORT
from app.flow.desk import Desk
from app.flow.relapse import put_back
from app.intake import accept
from app.intake.accept import Submission
from app.models import (
    Assignment,
    AssignmentRole,
    Case,
    CaseStatus,
    Consultation,
    RelapseRule,
    Report,
    VerificationStatus,
    new_id,
)
from app.route import assign
from app.route.policy import Duty
from app.supervise import look_back, relapse

# What follows a report without anybody's hand is the service's own act, not the reporter's.
SYSTEM_ACTOR = "system"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the reporter is told: the numbers, the decision, who must act and by when.

    `reopened` says that the report brought a struck-off case back; `relapse_of` is the number of the struck-off case
    that a new one follows.
    """

    report: Report
    case: Case
    decision: Decision
    assignments: list[Assignment]
    joined: bool
    reopened: bool
    relapse_of: str | None
    provisional: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a report belongs: a new case, an open one, or a struck-off one; `earlier` is what a new one follows."""

    file: CaseFile
    is_new: bool = False
    earlier: CaseFile | None = None

    @property
    def is_back(self) -> bool:
        return not self.is_new and self.file.case.status is CaseStatus.CLOSED


async def receive(desk: Desk, submission: Submission) -> Receipt:
    """Accept a report, decide, open or join a case, route it, and queue what departments are sent."""
    point = desk.city.points[desk.principal.observation_point or ""]
    for code in submission.declared_departments:
        desk.city.get_department(code, "declared_departments")
    accept.refuse_empty(submission)
    decision = decide(desk, submission, district=point.district, unit=point.name)
    # Numbers come first: taking one is a transaction of its own.
    number = await desk.numbers.take(REPORT, desk.now)
    place = await _find_or_open(desk, submission, decision, point.district)
    file, reopened = place.file, place.is_back
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
    if place.is_new:
        await _open(desk, place, decision, report)
    else:
        _join(file, report, point.district)
    if reopened:
        file.actor = SYSTEM_ACTOR
        reports = [*await desk.reports_on(file), report]
        await put_back(desk, file, reports, because="new_report", report=report.number)
    await desk.finish(file)
    return Receipt(
        report=report,
        case=file.case,
        decision=decision,
        assignments=live_assignments(file.assignments),
        joined=not place.is_new and not reopened,
        reopened=reopened,
        relapse_of=place.earlier.case.number if place.earlier else None,
        provisional=any(d.provisional for d in file.running()),
    )


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


async def _find_or_open(desk: Desk, submission: Submission, decision: Decision, district: str) -> _Place:
    """An open case with the same words and sources, else one that comes back by the office's rule, else a new one.

    Which it is, is judged again under the case's lock.
    """
    number = await desk.numbers.take(CASE, desk.now)
    if decision.route is Route.CONSULTATION:
        await desk.numbers.reserve(CONSULTATION, desk.now)
    sources = [s.code for s in decision.sources]
    fingerprint = accept.fingerprint(submission.text, sources)
    known = await accept.find_open_case(desk.session, fingerprint)
    known = known or await relapse.find_closed_match(desk.session, fingerprint, desk.relapse, desk.now)
    earlier = await desk.open_file(known) if known else None
    if earlier is not None and earlier.case.status is not CaseStatus.CLOSED:
        return _Place(earlier)
    if earlier is not None and not relapse.comes_back(earlier.case, sources, desk.relapse, desk.now):
        earlier = None
    if earlier is not None and desk.relapse.rule is RelapseRule.REOPEN:
        return _Place(earlier)
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
        returns=0,
        relapses=0,
        relapse_of=earlier.case.id if earlier else None,
        opened_at=desk.now,
        last_seq=0,
        last_hash="",
    )
    return _Place(desk.new_file(case), is_new=True, earlier=earlier)


async def _open(desk: Desk, place: _Place, decision: Decision, report: Report) -> None:
    """Put a new case on the ledger; where it follows a struck-off one, that one's record says so too."""
    file, earlier = place.file, place.earlier
    facts = {"report": report.number, "category": decision.category, "sources": file.case.sources}
    if earlier is not None:
        facts["relapse_of"] = earlier.case.number
    file.record("case.opened", facts)
    file.actor = SYSTEM_ACTOR
    if earlier is not None:
        earlier.actor = SYSTEM_ACTOR
        relapse.note_relapse(earlier, because="new_report", report=report.number, relapsed_as=file.case.number)
        await look_back.withdraw(earlier)
        await desk.finish(earlier)
    await _route(desk, file, decision, report)


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
