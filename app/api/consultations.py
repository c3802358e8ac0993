"""Joint consultations: listed, convened and concluded by the office, with each department's opinion on each case."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission, Principal
from app.api.door import Door, In, Out, door, make_router
from app.api.precedents import PrecedentBrief, to_briefs
from app.consult.conclude import CaseConclusion, Part, Task
from app.consult.schedule import Meeting
from app.flow import consultation as sessions
from app.flow.consultation import term_until
from app.flow.desk import Desk
from app.ledger.search import LARGEST_PAGE
from app.ledger.sessions import SessionRecord, find_consultations, read_consultation
from app.models import AgendaOutcome, Attendance, Consultation, ConsultationStatus, InvitationAnswer, Manner, Position
from app.problems import InvalidInput

router = make_router("consultations 会商")
Id = Annotated[str, Path(max_length=40)]
CaseNumber = Annotated[str, Field(max_length=24)]
Code = Annotated[str, Field(max_length=20)]
Reason = Annotated[str, Field(min_length=2, max_length=2000)]
Minutes = Annotated[int | None, Field(ge=15, le=540, description="how long the meeting takes; an hour if absent")]


class ConveningIn(In):
    cases: list[CaseNumber] = Field(min_length=1, max_length=50)
    departments: list[Code] = Field(min_length=2, max_length=30)
    meeting_at: AwareDatetime | None = None
    minutes_long: Minutes = None
    place: str | None = Field(None, max_length=200)
    despite_clash: bool = False


class OpinionIn(In):
    """会商意见: what your part is, and on what basis."""

    position: Position
    basis: str = Field(min_length=2, max_length=2000)
    cases: list[CaseNumber] | None = Field(None, min_length=1, max_length=50, description="all on the agenda if absent")


class ObligationIn(In):
    """One thing to do with its own deadline: working days, or the last day. The usual ones where both are absent."""

    obligation: str | None = Field(None, max_length=2000)
    working_days: int | None = Field(None, ge=1, le=250)
    due_on: date | None = None


class PartIn(ObligationIn):
    """A department's part; several obligations, each an assignment of its own, go into `obligations` instead."""

    department: Code
    lead: bool = False
    obligations: list[ObligationIn] | None = Field(None, min_length=1, max_length=10)


class DissentIn(In):
    department: Code
    words: str = Field(min_length=2, max_length=2000)


class CaseConclusionIn(In):
    case: CaseNumber
    parts: list[PartIn] = Field(min_length=1, max_length=20)
    manner: Manner = Field(Manner.AGREED, description="`ruled`: no agreement, the office decides and gives its reason")
    reason: Reason | None = None
    dissent: list[DissentIn] = Field(default_factory=list, max_length=30)


class AttendanceIn(In):
    department: Code
    attendance: Attendance


class AdjournmentIn(In):
    """When what is left of the agenda is taken up again."""

    meeting_at: AwareDatetime
    minutes_long: Minutes = None
    place: str | None = Field(None, max_length=200)
    despite_clash: bool = False
    reason: Reason | None = None

    def to_meeting(self) -> Meeting:
        return Meeting(self.meeting_at, self.place, self.minutes_long, self.despite_clash, self.reason)


class ConclusionIn(In):
    """For each case on the agenda: exactly one lead, any number of supporting departments, a term for each obligation.

    Who is invited and named nowhere is found not concerned. A part of the agenda only, where the rest is `adjourned`.
    """

    conclusions: list[CaseConclusionIn] = Field(min_length=1, max_length=50)
    minutes: str = Field(min_length=2, max_length=20_000)
    attendance: list[AttendanceIn] = Field(default_factory=list, max_length=60)
    adjourned: AdjournmentIn | None = None


class InvitationOut(Out):
    department: str
    on_behalf_of: list[str]
    position: Position | None = Field(description="where it is the same for each case on the agenda")
    basis: str | None
    stated_at: datetime | None
    answer: InvitationAnswer | None
    deputy: str | None = Field(description="for the office only")
    answer_reason: str | None
    answered_at: datetime | None


class PositionOut(Out):
    department: str
    position: Position
    basis: str
    stated_at: datetime


class AgendaOut(Out):
    case: str
    outcome: AgendaOutcome | None = Field(description="null while the case waits for its conclusion")
    conclusion: dict[str, Any] | None
    positions: list[PositionOut]
    precedents: list[PrecedentBrief] | None = Field(description="how like matters were settled; null in a list")


class ConsultationOut(Out):
    id: str
    number: str
    status: ConsultationStatus
    convener: str | None = Field(description="for the office only")
    convened_at: datetime
    due_at: datetime
    meeting_at: datetime | None
    minutes_long: int | None
    place: str | None
    minutes: str | None
    merged_into: str | None = Field(description="the session that took over the whole agenda")
    ended_because: str | None
    agenda: list[AgendaOut]
    invitations: list[InvitationOut]


class ConsultationPage(Out):
    consultations: list[ConsultationOut]
    next_cursor: str | None


async def show(session: AsyncSession, consultation: Consultation, principal: Principal) -> ConsultationOut:
    """A session after a verb, in the verb's own transaction, as whoever did it sees it."""
    await session.flush()
    return to_consultation_out(await read_consultation(session, consultation.id, principal), principal)


def to_consultation_out(record: SessionRecord, principal: Principal) -> ConsultationOut:
    """The office sees all; a department its own seat and positions, and what was concluded."""
    office, found = principal.is_office, record.consultation
    positions = [p for p in record.positions if office or p.department_code == principal.department]
    seats = [seat for seat in record.invitations if office or seat.department_code == principal.department]
    agenda = [
        AgendaOut(
            case=case.number,
            outcome=item.outcome,
            conclusion=item.conclusion,
            positions=[
                PositionOut(department=p.department_code, position=p.position, basis=p.basis, stated_at=p.stated_at)
                for p in positions
                if p.case_id == item.case_id
            ],
            precedents=None if record.precedents is None else to_briefs(record.precedents.get(item.case_id, ())),
        )
        for item, case in record.agenda
    ]
    invitations = []
    for seat in seats:
        stated = record.position_of(seat.department_code)
        invitations.append(
            InvitationOut(
                department=seat.department_code,
                on_behalf_of=seat.on_behalf_of,
                position=stated.position if stated else None,
                basis=stated.basis if stated else None,
                stated_at=stated.stated_at if stated else None,
                answer=seat.answer,
                deputy=seat.deputy if office else None,
                answer_reason=seat.answer_reason,
                answered_at=seat.answered_at,
            )
        )
    known = {name: getattr(found, name) for name in ConsultationOut.model_fields if hasattr(found, name)}
    known |= {"convener": found.convener if office else None, "merged_into": record.merged_into}
    if not office:
        # A report that concerns several departments convenes them in its own request.
        known["convened_at"] = found.convened_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return ConsultationOut(**known | {"agenda": agenda, "invitations": invitations})


@router.get(
    "/consultations",
    response_model=None,
    responses={200: {"description": "a page of sessions", "model": ConsultationPage}},
)
async def list_consultations(
    request: Request,
    response: Response,
    at: Annotated[Door, door(Permission.READ_CASES)],
    status: Annotated[list[ConsultationStatus] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> dict[str, Any]:
    """Sessions, newest first: the office's all, a department's those it is invited to."""
    async with at.read() as session:
        records, following = await find_consultations(session, at.principal, status or (), cursor=cursor, limit=limit)
    if following:
        url = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    shown = [to_consultation_out(record, at.principal).model_dump(mode="json") for record in records]
    return {"consultations": shown, "next_cursor": following}


@router.post("/consultations", status_code=201, response_model=ConsultationOut)
async def post_consultation(body: ConveningIn, at: Annotated[Door, door(Permission.CONVENE)]) -> Response:
    """Convene a session on one or several cases, with or without a date."""
    meeting = None
    if body.meeting_at is not None:
        meeting = Meeting(body.meeting_at, body.place, body.minutes_long, body.despite_clash)

    async def act(desk: Desk) -> BaseModel:
        made = await sessions.convene_on(desk, body.cases, body.departments, meeting=meeting, place=body.place)
        return await show(desk.session, made, desk.principal)

    return await at.write(act, status=201)


@router.get("/consultations/{id}")
async def get_one(id: Id, at: Annotated[Door, door(Permission.READ_CASES)]) -> ConsultationOut:  # noqa: A002
    """A session by id or number."""
    async with at.read() as session:
        return to_consultation_out(await read_consultation(session, id, at.principal), at.principal)


@router.post("/consultations/{id}/opinions", response_model=ConsultationOut)
async def post_opinion(
    id: Id,  # noqa: A002
    body: OpinionIn,
    at: Annotated[Door, door(Permission.STATE_OPINION)],
) -> Response:
    """State your department's position, on all cases or on some: lead, supporting or not concerned, on what basis."""

    async def act(desk: Desk) -> BaseModel:
        return await state_opinion(desk, id, body)

    return await at.write(act)


async def state_opinion(desk: Desk, consultation_id: str, body: OpinionIn) -> BaseModel:
    """What API and callback do alike."""
    found = await sessions.give_opinion(desk, consultation_id, body.position, body.basis, body.cases)
    return await show(desk.session, found, desk.principal)


@router.post("/consultations/{id}/conclusion", response_model=ConsultationOut)
async def post_conclusion(
    id: Id,  # noqa: A002
    body: ConclusionIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Record what was concluded; it becomes assignments and, for later reports, a precedent."""

    async def act(desk: Desk) -> BaseModel:
        found = await sessions.conclude(
            desk,
            id,
            _conclusions(desk, body),
            body.minutes,
            attendance={entry.department: entry.attendance for entry in body.attendance},
            adjourned=body.adjourned.to_meeting() if body.adjourned else None,
        )
        return await show(desk.session, found, desk.principal)

    answer = await at.write(act)
    await at.runtime.cities.refresh()
    return answer


def _conclusions(desk: Desk, body: ConclusionIn) -> dict[str, CaseConclusion]:
    """By case; raises InvalidInput where a case, or both kinds of deadline, are given twice."""
    if len({entry.case for entry in body.conclusions}) != len(body.conclusions):
        raise InvalidInput("每个议题只能写一条结论。", "Give one conclusion for each case.")
    return {
        entry.case: CaseConclusion(
            parts=[Part(p.department, p.lead, _tasks(desk, p)) for p in entry.parts],
            manner=entry.manner,
            reason=entry.reason,
            dissent={said.department: said.words for said in entry.dissent},
        )
        for entry in body.conclusions
    }


def _tasks(desk: Desk, part: PartIn) -> tuple[Task, ...]:
    own = part.obligation or part.working_days or part.due_on
    if part.obligations and own:
        raise InvalidInput(
            "办理要求请全部写入 obligations。", "Put every obligation and its deadline into `obligations`."
        )
    return tuple(_task(desk, entry) for entry in part.obligations or [part])


def _task(desk: Desk, entry: ObligationIn) -> Task:
    if entry.due_on is None:
        return Task(entry.obligation, entry.working_days)
    if entry.working_days is not None:
        raise InvalidInput("期限请在 working_days 与 due_on 中二者择一。", "Give `working_days` or `due_on`, not both.")
    return Task(entry.obligation, term_until(desk, entry.due_on))
