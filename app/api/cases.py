"""The ledger: the office reads and rules on every case, a department reads its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field, field_validator

from app.access.principal import Permission
from app.api.case_line import CaseOut, Version, to_case_out
from app.api.clocks import to_clock_out
from app.api.door import Door, In, Out, door, make_router
from app.api.precedents import to_precedent_out
from app.api.readings import CaseForDepartmentOut, CasePage, CaseRecordOut
from app.api.supervision import show_instruction, show_promises
from app.casefile import CaseFile
from app.classify import Category
from app.directory.city import City
from app.disclosure import day_of, disclose_assignment, disclose_case, disclose_report
from app.feedback.rectification import Because
from app.flow import office
from app.flow.desk import Desk
from app.flow.unresolved import leave_unresolved
from app.ledger import reach, search
from app.ledger.clocks import ClockRow, clocks_of
from app.ledger.pages import find_provisional
from app.ledger.precedents import cited_on, settled_by
from app.models import AssignmentRole, CaseOutcome, CaseStatus, Event, Urgency

router = make_router("cases 台账")
Number = Annotated[str, Path(max_length=24)]


class EventOut(Out):
    seq: int
    type: str
    happened_at: datetime
    actor: str
    department: str | None
    facts: dict[str, Any]
    hash: str


class ReceiverIn(In):
    code: str = Field(max_length=20)
    role: AssignmentRole = AssignmentRole.LEAD


class RulingIn(In):
    """The office's decision on a case. A reason is required; it is kept beside the machine's decision."""

    category: Category = Field(description="`unclear` cannot be ruled: close the case with a reply instead")
    receivers: list[ReceiverIn] = Field(min_length=1, max_length=20)
    reason: str = Field(min_length=2, max_length=2000)
    working_days: int | None = Field(None, ge=1, le=250, description="the answer's term; the usual one if absent")
    urgency: Urgency | None = Field(None, description="decides which terms apply; stays as it is if absent")
    version: Version = None


class ClosingIn(In):
    outcome: CaseOutcome = Field(description="how the case ends; `merged` is set by merging only")
    statement: str = Field(min_length=2, max_length=4000, description="goes into the reply to every reporter")
    reason: str | None = Field(
        None, max_length=2000, description="kept as a ruling; required, and a leader's, where the case is unresolved"
    )
    version: Version = None

    @field_validator("outcome")
    @classmethod
    def refuse_merged(cls, outcome: CaseOutcome) -> CaseOutcome:
        if outcome is CaseOutcome.MERGED:
            raise ValueError("merge the case instead")
        return outcome


class UnresolvedIn(In):
    """The burden cannot be lifted for now: why, what the reporters are told, and when the office comes back to it."""

    because: Because
    statement: str = Field(min_length=2, max_length=4000, description="goes into the reply to every reporter")
    working_days: int | None = Field(None, ge=1, le=250, description="until the office comes back; usually 60")
    version: Version = None


class ReopeningIn(In):
    reason: str = Field(min_length=2, max_length=2000)
    version: Version = None


async def _result(file: CaseFile) -> BaseModel:
    return to_case_out(file.case, provisional=any(d.provisional for d in file.running()))


@router.get("/cases", response_model=None, responses={200: {"description": "a page of cases", "model": CasePage}})
async def list_cases(
    request: Request,
    response: Response,
    at: Annotated[Door, door(Permission.READ_CASES)],
    status: Annotated[list[CaseStatus] | None, Query()] = None,
    department: Annotated[str | None, Query(max_length=20)] = None,
    overdue: Annotated[bool, Query()] = False,
    relapsed: Annotated[bool, Query(description="office only: what came back, or follows what was struck off")] = False,
    supervision_level: Annotated[int | None, Query(ge=1, le=3, description="a duty stands at that level")] = None,
    q: Annotated[
        str | None, Query(max_length=100, description="office only: words that the case contains, all of them")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=search.LARGEST_PAGE)] = 50,
) -> dict[str, Any]:
    """The ledger, newest first. A department sees what it was given; texts are masked for it."""
    wanted = search.CaseFilter(
        status=tuple(status or ()),
        overdue_at=at.runtime.clock.now() if overdue else None,
        department=department if at.principal.is_office else None,
        supervision_level=supervision_level,
        supervised_department=None if at.principal.is_office else at.principal.department or "",
        text=q or "" if at.principal.is_office else "",
        relapsed=relapsed and at.principal.is_office,
    )
    async with at.read() as session:
        page = await search.find_cases(session, at.principal, wanted, cursor=cursor, limit=limit)
        if at.principal.is_office:
            unsure = await find_provisional(session, [c.id for c in page.cases])
            items: list[Any] = [to_case_out(c, provisional=c.id in unsure).model_dump(mode="json") for c in page.cases]
        else:
            items = [disclose_case(c, at.runtime.cities.current.calendar.zone) for c in page.cases]
    if page.next_cursor:
        url = request.url.include_query_params(cursor=page.next_cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return {"cases": items, "next_cursor": page.next_cursor}


@router.get(
    "/cases/{number}",
    response_model=None,
    responses={200: {"description": "the case", "model": CaseRecordOut | CaseForDepartmentOut}},
)
async def get_case(number: Number, at: Annotated[Door, door(Permission.READ_CASES)]) -> dict[str, Any]:
    """One case with its duties. A department sees its own duties on it, and nothing of who reported."""
    city = at.runtime.cities.current
    zone = city.calendar.zone
    async with at.read() as session:
        case = await search.get_case(session, at.principal, number)
        department = None if at.principal.is_office else at.principal.department or ""
        duties = await search.assignments_of(session, case, department)
        shown = [disclose_assignment(a, city.names, zone) for a in duties]
        promises = await show_promises(session, duties, at.runtime.clock.now(), zone)
        rows = await clocks_of(session, case, department)
        clocks = [to_clock_out(row, None if department is None else zone).model_dump(mode="json") for row in rows]
        if department is not None:
            points = await reach.count_points_for_department(session, case)
            return {
                "case": disclose_case(case, zone),
                "assignments": shown,
                "deadlines": clocks,
                "promises": promises,
                "reach": {"points": points},
            }
        record = await search.read_record(session, case)
        merges = await reach.read_merges(session, case)
        cited = (await cited_on(session, [case.id])).get(case.id, [])
        made = await settled_by(session, case)
    return {
        "case": to_case_out(case, provisional=_is_provisional(rows)).model_dump(mode="json"),
        "reach": asdict(reach.reach_of(record.reports, city.points, zone)),
        "merged_into": merges.into,
        "merged": merges.merged,
        "assignments": shown,
        "reports": describe_reports(record, merges, city),
        "acts": [
            {"assignment": a.assignment_id, "kind": a.kind, "content": a.content, "applied": a.applied,
             "done_at": a.done_at.isoformat()}
            for a in record.acts
        ],
        "rulings": [
            {"category": r.category, "receivers": r.receivers, "reason": r.reason, "overrules": r.overrules,
             "ruled_by": r.ruled_by, "ruled_at": r.ruled_at.isoformat()}
            for r in record.rulings
        ],
        "deadlines": clocks,
        "promises": promises,
        "instructions": [show_instruction(i) for i in record.instructions],
        "consultations": [{"id": c.id, "number": c.number, "status": c.status} for c in record.consultations],
        "precedents": {
            "cited": [to_precedent_out(p).model_dump(mode="json") for p in cited],
            "made": [to_precedent_out(p).model_dump(mode="json") for p in made],
        },
        "relapse_of": record.relapse_of,
        "relapsed_as": list(record.relapsed_as),
        "look_backs": describe_look_backs(record),
        "second_opinion": describe_opinion(record, city.names),
    }  # fmt: skip


def describe_reports(record: search.CaseRecord, merges: reach.Merges, city: City) -> list[dict[str, Any]]:
    """Each report as it was sent, and as departments read it; not how to reach who sent it."""
    terms = city.terms_of_points(r.observation_point_code for r in record.reports)
    return [
        {"number": r.number, "text": r.text, "title": r.title, "decision": r.decision,
         "verification": r.verification, "received_at": r.received_at.isoformat(),
         "came_from": merges.origins.get(r.number), "disclosed": disclose_report(r, terms),
         "has_contact": r.number in record.with_contact}
        for r in record.reports
    ]  # fmt: skip


def _is_provisional(clocks: Sequence[ClockRow]) -> bool:
    return any(row.deadline.provisional for row in clocks if row.deadline.ended_at is None)


def describe_look_backs(record: search.CaseRecord) -> list[dict[str, Any]]:
    """回头看: what each point was or will be asked after the case was struck off, and what it said."""
    numbers = {r.id: r.number for r in record.reports}

    def moment(value: datetime | None) -> str | None:
        return value.isoformat() if value else None

    return [
        {"report": numbers.get(q.report_id), "days": q.days, "due_at": q.due_at.isoformat(),
         "asked_at": moment(q.asked_at), "answer_by": moment(q.answer_by), "answer": q.answer,
         "ended_at": moment(q.ended_at), "comment": q.comment}
        for q in record.look_backs
    ]  # fmt: skip


def describe_opinion(record: search.CaseRecord, names: Mapping[str, str]) -> dict[str, Any] | None:
    """What a model inside the deployment supposes: a suggestion, beside the decision and never part of it."""
    opinion = record.opinion
    if opinion is None:
        return None

    def named(codes: list[str]) -> list[dict[str, str]]:
        return [{"code": code, "name": names.get(code, code)} for code in codes]

    said = opinion.payload or {"departments": [], "category": None, "receivers": [], "quotes": []}
    return {
        "state": opinion.state,
        "reason": opinion.fault,
        "model": opinion.model,
        "attempts": opinion.attempts,
        "asked_at": opinion.asked_at.isoformat(),
        "ended_at": opinion.ended_at.isoformat() if opinion.ended_at else None,
        "report": next((r.number for r in record.reports if r.id == opinion.report_id), None),
        "departments": named(said["departments"]),
        "category": said["category"],
        "receivers": named(said["receivers"]),
        "quotes": said["quotes"],
    }


@router.get("/cases/{number}/events")
async def list_events(number: Number, at: Annotated[Door, door(Permission.READ_CASES)]) -> list[EventOut]:
    """A case's history in order; a department reads what was addressed to it."""
    async with at.read() as session:
        case = await search.get_case(session, at.principal, number)
        department = None if at.principal.is_office else at.principal.department or ""
        day_in = None if department is None else at.runtime.cities.current.calendar.zone
        return [to_event_out(e, day_in) for e in await search.list_events(session, case, department)]


def to_event_out(event: Event, day_in: ZoneInfo | None = None) -> EventOut:
    """An event as it is read; in `day_in`, the day alone of its moment, for what a point did may have set it off."""
    return EventOut(
        seq=event.seq,
        type=event.type,
        happened_at=event.happened_at if day_in is None else day_of(event.happened_at, day_in),
        actor=event.actor,
        department=event.department_code,
        facts=json.loads(event.facts),
        hash=event.hash,
    )


@router.post("/cases/{number}/ruling", response_model=CaseOut)
async def post_ruling(number: Number, body: RulingIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """Decide or overrule category, receivers, lead and deadline."""

    async def act(desk: Desk) -> BaseModel:
        file = await office.rule(
            desk,
            number,
            category=body.category,
            receivers=[(r.code, r.role) for r in body.receivers],
            reason=body.reason,
            term=body.working_days,
            urgency=body.urgency,
            expected_version=body.version,
        )
        return await _result(file)

    return await at.write(act)


@router.post("/cases/{number}/close", response_model=CaseOut)
async def post_close(number: Number, body: ClosingIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """End a case with the office's own statement; every reporter on it gets a reply."""

    async def act(desk: Desk) -> BaseModel:
        file = await office.close(
            desk,
            number,
            outcome=body.outcome,
            statement=body.statement,
            reason=body.reason,
            expected_version=body.version,
        )
        return await _result(file)

    return await at.write(act)


@router.post("/cases/{number}/unresolved", response_model=CaseOut)
async def post_unresolved(number: Number, body: UnresolvedIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """挂账待解: leave a case in review unresolved, or one that is so once more; every reporter is told why."""

    async def act(desk: Desk) -> BaseModel:
        file = await leave_unresolved(
            desk,
            number,
            because=body.because,
            statement=body.statement,
            term=body.working_days,
            expected_version=body.version,
        )
        return await _result(file)

    return await at.write(act)


@router.post("/cases/{number}/reopen", response_model=CaseOut)
async def post_reopen(number: Number, body: ReopeningIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """Put a closed case back on the ledger, under its old number."""

    async def act(desk: Desk) -> BaseModel:
        return await _result(await office.reopen(desk, number, reason=body.reason, expected_version=body.version))

    return await at.write(act)
