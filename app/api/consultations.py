"""Joint consultations: convened and concluded by the office, with each department's opinion."""

from collections import defaultdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.consult.conclude import Part
from app.consult.convene import agenda_of, case_numbers_of, get_consultation, invitations_of
from app.flow import consultation as sessions
from app.flow.desk import Desk
from app.models import Consultation, ConsultationStatus, Position
from app.problems import NotFound

router = make_router("consultations 会商")
Id = Annotated[str, Path(max_length=40)]


class ConveningIn(In):
    cases: list[Annotated[str, Field(max_length=24)]] = Field(min_length=1, max_length=50)
    departments: list[Annotated[str, Field(max_length=20)]] = Field(min_length=2, max_length=30)
    meeting_at: AwareDatetime | None = None
    place: str | None = Field(None, max_length=200)


class OpinionIn(In):
    position: Position
    basis: str = Field(min_length=2, max_length=2000)


class PartIn(In):
    department: str = Field(max_length=20)
    lead: bool = False
    obligation: str | None = Field(None, max_length=2000)
    working_days: int | None = Field(None, ge=1, le=250)


class CaseConclusionIn(In):
    case: str = Field(max_length=24)
    parts: list[PartIn] = Field(min_length=1, max_length=20)


class ConclusionIn(In):
    """For each case on the agenda: exactly one lead, any number of supporting departments, a term for each."""

    conclusions: list[CaseConclusionIn] = Field(min_length=1, max_length=50)
    minutes: str = Field(min_length=2, max_length=20_000)


class InvitationOut(Out):
    department: str
    on_behalf_of: list[str]
    position: Position | None
    basis: str | None
    stated_at: datetime | None


class AgendaOut(Out):
    case: str
    conclusion: dict[str, Any] | None


class ConsultationOut(Out):
    id: str
    number: str
    status: ConsultationStatus
    convened_at: datetime
    due_at: datetime
    meeting_at: datetime | None
    place: str | None
    minutes: str | None
    agenda: list[AgendaOut]
    invitations: list[InvitationOut]


async def show(session: Any, consultation: Consultation, department: str | None = None) -> ConsultationOut:
    """A session as the office sees it; a department sees its own seat and no minutes of others' cases."""
    agenda = await agenda_of(session, consultation)
    invitations = await invitations_of(session, consultation)
    if department is not None:
        invitations = [i for i in invitations if i.department_code == department]
        if not invitations:
            raise NotFound
    numbers = await case_numbers_of(session, agenda)
    return ConsultationOut(
        id=consultation.id,
        number=consultation.number,
        status=consultation.status,
        convened_at=consultation.convened_at,
        due_at=consultation.due_at,
        meeting_at=consultation.meeting_at,
        place=consultation.place,
        minutes=consultation.minutes,
        agenda=[AgendaOut(case=numbers[i.case_id], conclusion=i.conclusion) for i in agenda],
        invitations=[
            InvitationOut(
                department=i.department_code,
                on_behalf_of=i.on_behalf_of,
                position=i.position,
                basis=i.basis,
                stated_at=i.stated_at,
            )
            for i in invitations
        ],
    )


@router.post("/consultations", status_code=201, response_model=ConsultationOut)
async def post_consultation(body: ConveningIn, at: Annotated[Door, door(Permission.CONVENE)]) -> Response:
    """Convene a session on one or several cases."""

    async def act(desk: Desk) -> BaseModel:
        made = await sessions.convene_on(
            desk, body.cases, body.departments, meeting_at=body.meeting_at, place=body.place
        )
        await desk.session.flush()
        return await show(desk.session, made)

    return await at.write(act, status=201)


@router.get("/consultations/{id}")
async def get_one(id: Id, at: Annotated[Door, door(Permission.READ_CASES)]) -> ConsultationOut:  # noqa: A002
    """A session by id or number."""
    department = None if at.principal.is_office else at.principal.department or ""
    async with at.read() as session:
        return await show(session, await get_consultation(session, id), department)


@router.post("/consultations/{id}/opinions", response_model=ConsultationOut)
async def post_opinion(
    id: Id,  # noqa: A002
    body: OpinionIn,
    at: Annotated[Door, door(Permission.STATE_OPINION)],
) -> Response:
    """State your department's position: lead, supporting or not concerned, and on what basis."""

    async def act(desk: Desk) -> BaseModel:
        found = await sessions.give_opinion(desk, id, body.position, body.basis)
        await desk.session.flush()
        return await show(desk.session, found, desk.principal.department)

    return await at.write(act)


@router.post("/consultations/{id}/conclusion", response_model=ConsultationOut)
async def post_conclusion(
    id: Id,  # noqa: A002
    body: ConclusionIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Record what was concluded; it becomes assignments."""
    parts: dict[str, list[Part]] = defaultdict(list)
    for entry in body.conclusions:
        parts[entry.case] += [Part(p.department, p.lead, p.obligation, p.working_days) for p in entry.parts]

    async def act(desk: Desk) -> BaseModel:
        found = await sessions.conclude(desk, id, parts, body.minutes)
        await desk.session.flush()
        return await show(desk.session, found)

    return await at.write(act)
