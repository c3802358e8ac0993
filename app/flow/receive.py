"""The main stream: 收 → 分 → 转 (or 商) → 送, in the reporter's own request and in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.casefile import CaseFile, live_assignments
from app.classify import Category, Decision, ReportText, Route, Thresholds, classify
from app.close.unresolved import tell_joined
from app.consult.convene import Guest, convene, invite
from app.consult.schedule import Meeting, fix_meeting, read_bookings
from app.consult.session_file import SessionFile, lock_sessions
from app.directory.city import City
from app.directory.precedents import PrecedentKnown
from app.directory.serials import CASE, CONSULTATION, REPORT
from app.flow.citing import Cited, cite_precedents, conclusion_of, find_standing, note_citations, settled_duties
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.flow.joining import Place, find_place, traces_of
from app.flow.relapse import note_link, put_back
from app.intake import accept
from app.intake.accept import Submission
from app.models import (
    Assignment,
    AssignmentRole,
    Case,
    CaseStatus,
    Report,
    Urgency,
    VerificationStatus,
    new_id,
)
from app.route import assign, cluster
from app.route.cluster import Traces
from app.route.likeness import Reason
from app.route.policy import Duty
from app.route.triage import record_ruling


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the reporter is told: the numbers, the decision, who must act and by when.

    `reopened` says that the report brought a struck-off case back; `relapse_of` is the number of the struck-off case
    that a new one follows.
    `ruled_by` names the precedent whose standing ruling dispatched the case at once.
    """

    report: Report
    case: Case
    decision: Decision
    assignments: list[Assignment]
    joined: bool
    reopened: bool
    relapse_of: str | None
    provisional: bool
    joined_because: tuple[Reason, ...] = ()
    ruled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the machine makes of a report: the decision with the precedents it cites, and how it is compared."""

    city: City
    cited: Cited
    traces: Traces
    fingerprint: str


def read(city: City, thresholds: Thresholds, submission: Submission, point_code: str) -> Reading:
    """分: reads a report; stores nothing. Raises PointInactive, UnknownDepartment or EmptyText."""
    point = city.get_point(point_code)
    for code in submission.declared_departments:
        city.get_department(code, "declared_departments")
    accept.refuse_empty(submission)
    text = ReportText(
        text=submission.text,
        title=submission.title,
        district=point.district,
        unit=point.name,
        declared_departments=submission.declared_departments,
    )
    decision = classify(text, city.knowledge, thresholds)
    traces = traces_of(city, submission.text, decision, point.code)
    cited = cite_precedents(city, submission.text, decision, traces)
    return Reading(city, cited, traces, fingerprint_of(submission, decision))


async def receive(desk: Desk, submission: Submission, reading: Reading | None = None) -> Receipt:
    """Accept a report, decide, open or join a case, route it, and queue what departments are sent.

    `reading` may have been made ahead, outside the transaction that others wait for; it is made again where the city
    has changed since.
    """
    if reading is None or reading.city is not desk.city:
        reading = read(desk.city, desk.thresholds, submission, desk.principal.observation_point or "")
    decision = reading.cited.decision
    point = desk.city.get_point(desk.principal.observation_point)
    # Numbers come first: taking one is a transaction of its own.
    number = await desk.numbers.take(REPORT, desk.now)
    case_number = await desk.numbers.take(CASE, desk.now)
    if decision.route is Route.CONSULTATION:
        await desk.numbers.reserve(CONSULTATION, desk.now, least=1)
    place = await find_place(desk, reading.fingerprint, decision, reading.traces)
    file = place.file or new_case(
        desk,
        submission,
        decision,
        number=case_number,
        district=point.district,
        fingerprint=reading.fingerprint,
        follows=place.follows,
    )
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
    note_citations(file.batch, report)
    standing = None
    if place.file is not None:
        await _join(file, report, point.district, place)
    else:
        standing = await _open_new(desk, file, report, reading, place)
    if place.reopens:
        file.actor = SYSTEM_ACTOR
        reports = [*await desk.reports_on(file), report]
        await put_back(desk, file, reports, because="new_report", report=report.number)
    await desk.finish(file)
    return Receipt(
        report=report,
        case=file.case,
        decision=decision,
        assignments=live_assignments(file.assignments),
        joined=place.file is not None and not place.reopens,
        reopened=place.reopens,
        relapse_of=place.relapse_of,
        provisional=any(d.provisional for d in file.running()),
        joined_because=place.reasons,
        ruled_by=ruled_by(standing) if standing else None,
    )


async def _open_new(
    desk: Desk, file: CaseFile, report: Report, reading: Reading, place: Place
) -> PrecedentKnown | None:
    """Opens the case of a report that belongs to none; answers the precedent whose standing ruling dispatched it."""
    report.likeness = reading.traces.to_dict()
    cluster.remember(file.batch, report)
    cluster.suggest(file.batch, report, place.suggested, desk.now)
    if place.follows is not None:
        await note_link(desk, place.follows, report, file.case, score=place.score)
    standing = await find_standing(desk, reading.cited)
    await open_case(desk, file, reading.cited.decision, report, relapse_of=place.relapse_of, standing=standing)
    return standing


def fingerprint_of(submission: Submission, decision: Decision) -> str:
    return accept.fingerprint(submission.text, [s.code for s in decision.sources])


def new_case(
    desk: Desk,
    submission: Submission,
    decision: Decision,
    *,
    number: str,
    district: str,
    fingerprint: str,
    follows: CaseFile | None = None,
) -> CaseFile:
    """A case that this report opens; `follows` is the struck-off one whose burden came back with it."""
    case = Case(
        id=new_id(),
        number=number,
        summary=accept.summarize(submission),
        category=decision.category,
        route=decision.route,
        sources=[s.code for s in decision.sources],
        burden_types=[b.code for b in decision.burden_types],
        districts=[district],
        fingerprint=fingerprint,
        urgency=Urgency.NORMAL,
        returns=0,
        relapses=0,
        relapse_of=follows.case.id if follows else None,
        opened_at=desk.now,
        last_seq=0,
        last_hash="",
    )
    return desk.new_file(case)


async def open_case(
    desk: Desk,
    file: CaseFile,
    decision: Decision,
    report: Report,
    *,
    split_from: str | None = None,
    standing: PrecedentKnown | None = None,
    relapse_of: str | None = None,
) -> None:
    """Put a new case on the ledger and route it; under a standing ruling (`standing`) as its precedent was settled."""
    facts = {"report": report.number, "category": decision.category, "sources": file.case.sources}
    origin = {"split_from": split_from, "relapse_of": relapse_of}
    file.record("case.opened", facts | {name: number for name, number in origin.items() if number})
    file.actor = SYSTEM_ACTOR
    if standing is not None:
        _follow(desk, file, decision, report, standing)
    else:
        await route_case(desk, file, decision, report)


def ruled_by(precedent: PrecedentKnown) -> str:
    """Who ruled, where a standing ruling did."""
    return f"precedent {precedent.number}"


def _follow(desk: Desk, file: CaseFile, decision: Decision, report: Report, precedent: PrecedentKnown) -> None:
    """常规裁定: dispatch as the precedent was settled; a ruling beside the machine's decision says so."""
    duties = settled_duties(desk, file, conclusion_of(precedent))
    machine = {receiver.code for receiver in decision.receivers}
    record_ruling(
        file,
        ruled_by=ruled_by(precedent),
        category=Category.MULTI_DEPARTMENT,
        duties=list({duty.department: duty for duty in duties}.values()),
        reason=f"按先例 {precedent.number} 的常规裁定交办。",
        overrules=bool(machine) and machine != set(precedent.departments),
        precedent=precedent.number,
    )
    file.case.category, file.case.route = Category.MULTI_DEPARTMENT, Route.ASSIGNMENT
    dispatch(desk, file, duties, [report])


async def _join(file: CaseFile, report: Report, district: str, place: Place) -> None:
    file.case.districts = sorted({*file.case.districts, district})
    if file.case.status is CaseStatus.VERIFYING:
        report.verification = VerificationStatus.ASKED
    elif file.case.status is CaseStatus.UNRESOLVED:
        await tell_joined(file, report)
    facts: dict[str, Any] = {"report": report.number}
    if place.score is not None:
        facts |= {"score": place.score, "because": list(dict.fromkeys(reason.kind for reason in place.reasons))}
    file.record("report.joined", facts)


async def route_case(desk: Desk, file: CaseFile, decision: Decision, report: Report) -> None:
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


async def summon(
    desk: Desk,
    matters: Sequence[tuple[CaseFile, Sequence[Report]]],
    departments: Sequence[str],
    *,
    meeting: Meeting | None = None,
    place: str | None = None,
) -> SessionFile:
    """会商: bring the departments together on these cases. The number must have been reserved."""
    number = await desk.numbers.take(CONSULTATION, desk.now)
    for file, _ in matters:
        file.advance_case(CaseStatus.CONSULTING)
    texts = {file.case.id: desk.masked(reports) for file, reports in matters}
    files = [file for file, _ in matters]
    guests = guests_for(desk, departments, files)
    sitting = convene(files, guests, number=number)
    sitting.consultation.place = place
    if meeting is not None:
        await lock_sessions(desk.session, [], with_all_open=True)
        others = await read_bookings(desk.session)
        fix_meeting(sitting, others, meeting, [guest.department for guest in guests])
    invite(sitting, guests, texts)
    return sitting


def guests_for(desk: Desk, departments: Sequence[str], files: Sequence[CaseFile]) -> list[Guest]:
    """Departments as guests: each stands for the provincial sources of these cases whose counterpart it is."""
    sources = list(dict.fromkeys(code for file in files for code in file.case.sources))
    return [Guest(code, tuple(desk.city.represented_by(code, sources))) for code in sorted(set(departments))]
