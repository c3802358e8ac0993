"""并案 and 拆分: the office says that cases are one burden, or that reports are not. Nothing is destroyed by either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, update

from app.casefile import CaseFile
from app.classify import Decision, Route
from app.close import merging
from app.close.unresolved import tell_joined
from app.consult.convene import find_last_invited
from app.directory.serials import CASE, CONSULTATION
from app.flow.desk import SYSTEM_ACTOR, CaseChanged, Desk
from app.flow.joining import read_traces
from app.flow.receive import dispatch, fingerprint_of, new_case, open_case, summon
from app.flow.verification import close_if_relieved
from app.intake import accept
from app.intake.accept import Submission
from app.models import Assignment, AssignmentStatus, Case, CaseStatus, Report
from app.problems import InvalidInput, NotFound
from app.route import cluster
from app.route.policy import Duty
from app.route.triage import record_ruling
from app.supervise import verify


class NotOnCase(InvalidInput):
    code = "report_not_on_case"
    title_zh, title_en = "线索不在该事项中", "The report is not on this case"

    def __init__(self) -> None:
        super().__init__(
            "请核对编号：有的线索不在该事项中。",
            "Check the numbers: not all of these reports are on this case.",
            errors=[{"field": "reports", "zh": "不在该事项中", "en": "not on this case"}],
        )


@dataclass(slots=True)
class Split:
    """What splitting made: the case as it goes on, and each case that reports went to, with their numbers."""

    file: CaseFile
    made: list[tuple[CaseFile, list[str]]] = field(default_factory=list)


# ── 并案 ──


async def merge(
    desk: Desk, survivor_number: str, numbers: Sequence[str], *, reason: str, seen: Mapping[str, int] | None = None
) -> CaseFile:
    """Merge cases into the one that goes on. `seen`: the versions that were read, by number.

    What is merged away leaves its session's agenda. Raises NotFound, MergedAway, CaseChanged or CannotMerge.
    """
    ids = {n: i for i, n in await _numbered(desk, Case.number.in_([survivor_number, *numbers]))}
    if not ids.keys() >= {survivor_number, *numbers}:
        raise NotFound
    # Cases are locked in the order of their numbers, whoever merges or splits.
    files = {number: await desk.open_numbered(number, (seen or {}).get(number)) for number in sorted(ids)}
    survivor, others = files[survivor_number], [files[number] for number in numbers]
    merging.check_merge(survivor, others)
    for file in others:
        _give_reason(desk, file, reason)
        await _merge_one(desk, survivor, file)
    await desk.finish(survivor)
    return survivor


async def _merge_one(desk: Desk, survivor: CaseFile, file: CaseFile) -> None:
    reports = await desk.reports_on(file)
    merging.merge_into(survivor, file, reports)
    await desk.session.flush()
    if asked := merging.to_be_asked(survivor, reports):
        await verify.ask_points(survivor, asked)
    await _explain(survivor, reports)
    # What had been merged into this one now points at the one that goes on: there are no chains.
    await desk.session.execute(
        update(Case).where(Case.merged_into == file.case.id).values(merged_into=survivor.case.id),
        execution_options={"synchronize_session": False},
    )
    await cluster.unite(desk.session, survivor.case.id, file.case.id)
    await desk.finish(file)


def _give_reason(desk: Desk, file: CaseFile, reason: str) -> None:
    record_ruling(
        file, ruled_by=desk.principal.holder, category=file.case.category, duties=[], reason=reason, overrules=False
    )


async def _numbered(desk: Desk, condition: object) -> list[tuple[str, str]]:
    """Ids and numbers of cases, in the order of their numbers."""
    rows = await desk.session.execute(select(Case.id, Case.number).where(condition).order_by(Case.number))  # type: ignore[arg-type]
    return [(case_id, number) for case_id, number in rows]


# ── 拆分 ──


async def split(
    desk: Desk, case_number: str, report_numbers: Sequence[str], *, reason: str, expected_version: int | None = None
) -> Split:
    """Take reports off a case: who came by merging goes back to its own case, others get one of their own.

    Raises NotFound, MergedAway, CaseChanged, NotOnCase, CannotSplit or LastReport.
    """
    await desk.numbers.reserve(CASE, desk.now)
    await desk.numbers.reserve(CONSULTATION, desk.now)
    file, homes = await _lock_with_homes(desk, case_number, report_numbers, expected_version)
    reports = await desk.reports_on(file)
    leaving = [r for r in reports if r.number in set(report_numbers)]
    staying = [r for r in reports if r not in leaving]
    if len(leaving) < len(set(report_numbers)):
        raise NotOnCase
    merging.check_split(file, staying)
    _give_reason(desk, file, reason)
    result = Split(file)
    for home in dict.fromkeys(r.came_from for r in leaving if r.came_from is not None):
        if home not in homes:
            raise CaseChanged(file.case.last_seq)
        group = [r for r in leaving if r.came_from == home]
        await _take_back(desk, homes[home], group, case_number)
        result.made.append((homes[home], [r.number for r in group]))
    for report in [r for r in leaving if r.case_id == file.case.id]:
        result.made.append((await _open_own(desk, report, case_number), [report.number]))
    facts = {"reports": [r.number for r in leaving], "cases": [made.case.number for made, _ in result.made]}
    file.record("reports.split_off", facts)
    await _settle_what_stays(desk, file, staying, founder_left=reports[0] in leaving)
    for made, _ in result.made:
        await desk.finish(made)
        await cluster.part(desk.session, made.case.id, file.case.id, desk.now)
    await desk.finish(file)
    return result


async def _lock_with_homes(
    desk: Desk, case_number: str, report_numbers: Sequence[str], expected_version: int | None
) -> tuple[CaseFile, dict[str, CaseFile]]:
    """The case, and by their ids those that its reports came from, locked in the order of their numbers."""
    homes = select(Report.came_from).where(Report.number.in_(report_numbers), Report.came_from.is_not(None))
    found = await _numbered(desk, (Case.number == case_number) | Case.id.in_(homes))
    files = {
        case_id: await (
            desk.open_numbered(number, expected_version) if number == case_number else desk.open_file(case_id)
        )
        for case_id, number in found
    }
    file = next((f for f in files.values() if f.case.number == case_number), None)
    if file is None:
        raise NotFound
    return file, {case_id: f for case_id, f in files.items() if f is not file}


async def _take_back(desk: Desk, file: CaseFile, group: Sequence[Report], split_from: str) -> None:
    reopened = merging.take_back(file, group, split_from)
    await desk.session.flush()
    reports = await desk.reports_on(file)
    file.case.districts = _districts(desk, reports)
    if reopened:
        file.actor = SYSTEM_ACTOR
        await _route_again(desk, file, reports)
    elif asked := merging.to_be_asked(file, group):
        await verify.ask_points(file, asked)
    else:
        await _explain(file, group)


async def _explain(file: CaseFile, reports: Sequence[Report]) -> None:
    """Who comes to a case that is left unresolved for now is told why."""
    if file.case.status is CaseStatus.UNRESOLVED:
        for report in reports:
            await tell_joined(file, report)


async def _route_again(desk: Desk, file: CaseFile, reports: Sequence[Report]) -> None:
    """As it was routed last, by ruling, session or decision; what had come back to the office waits in triage."""
    last = _last_duties(file)
    consulted = file.case.route == Route.CONSULTATION
    if last and not (consulted and last[0].consultation_id is None):
        if all(duty.status is not AssignmentStatus.RETURNED for duty in last):
            duties = [Duty(a.department_code, a.role, tuple(a.on_behalf_of), a.obligation) for a in last]
            dispatch(desk, file, duties, reports, last[0].consultation_id)
    elif consulted and (invited := await find_last_invited(desk.session, file.case.id)):
        await summon(desk, [(file, reports)], invited)


def _last_duties(file: CaseFile) -> list[Assignment]:
    latest = max((a.dispatched_at for a in file.assignments), default=None)
    return [a for a in file.assignments if a.dispatched_at == latest]


async def _open_own(desk: Desk, report: Report, split_from: str) -> CaseFile:
    """A case of its own for a report that joined, or opened, a case it does not belong to."""
    decision, submission = Decision.from_dict(report.decision), _submission(report)
    number = await desk.numbers.take(CASE, desk.now)
    district = next(iter(_districts(desk, [report])), "")
    fingerprint = fingerprint_of(submission, decision)
    file = new_case(desk, submission, decision, number=number, district=district, fingerprint=fingerprint)
    merging.move(report, file)
    _let_be_found(desk, file, report, decision)
    await open_case(desk, file, decision, report, split_from=split_from)
    merging.tell_split(file, [report])
    return file


def _let_be_found(desk: Desk, file: CaseFile, report: Report, decision: Decision) -> None:
    if report.likeness is None:
        report.likeness = read_traces(desk, report.text, decision, report.observation_point_code).to_dict()
        cluster.remember(file.batch, report)


def _submission(report: Report) -> Submission:
    return Submission(text=report.text, title=report.title)


def _districts(desk: Desk, reports: Sequence[Report]) -> list[str]:
    points = (desk.city.points.get(report.observation_point_code) for report in reports)
    return sorted({point.district for point in points if point is not None})


async def _settle_what_stays(desk: Desk, file: CaseFile, staying: Sequence[Report], *, founder_left: bool) -> None:
    """The case speaks by the oldest of its own reports; where all that stay have said yes, it is struck off."""
    file.case.districts = _districts(desk, staying)
    if founder_left:
        first = next(report for report in staying if report.came_from is None)
        decision, submission = Decision.from_dict(first.decision), _submission(first)
        file.case.summary = accept.summarize(submission)
        file.case.fingerprint = fingerprint_of(submission, decision)
        _let_be_found(desk, file, first, decision)
    await close_if_relieved(file, staying)
