"""What becomes of a session between convening and conclusion: batches, invitations, date and place, its end."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.access.principal import Permission
from app.api.consultations import CaseNumber, Code, ConsultationOut, Id, Minutes, Reason, show
from app.api.door import Door, In, Out, door, make_router
from app.consult.answer import Response as Answer
from app.consult.propose import Waiting, propose_batches
from app.consult.schedule import Meeting
from app.flow import agenda
from app.flow import consultation as sessions
from app.flow.desk import Desk
from app.ledger.sessions import find_undated
from app.models import Consultation, InvitationAnswer

router = make_router("consultations 会商")


class ProposalOut(Out):
    """Sessions that could be held as one: post `sessions` to the batch of `consultation`."""

    consultation: str
    sessions: list[str]
    cases: list[str]
    departments: list[str]
    reason: str
    reason_en: str


class ProposalsOut(Out):
    proposals: list[ProposalOut]


class BatchIn(In):
    sessions: list[Annotated[str, Field(max_length=40)]] = Field(min_length=1, max_length=50)
    despite_clash: bool = False


class WithdrawalIn(In):
    case: CaseNumber
    reason: Reason


class CancellationIn(In):
    reason: Reason = Field(description="departments are told it")


class InvitationsIn(In):
    """Whom to invite besides, whom to let go; `reason` is required for the latter, who are told it."""

    departments: list[Code] = Field(default_factory=list, max_length=30)
    withdraw: list[Code] = Field(default_factory=list, max_length=30)
    reason: Reason | None = None
    despite_clash: bool = False


class ResponseIn(In):
    """Whether your department comes; `deputy` (a name or post) where one comes in its stead, `reason` where nobody."""

    answer: InvitationAnswer
    deputy: str | None = Field(None, min_length=1, max_length=120)
    reason: Reason | None = None


class SchedulingIn(In):
    meeting_at: AwareDatetime
    minutes_long: Minutes = None
    place: str = Field(min_length=1, max_length=200)
    despite_clash: bool = Field(False, description="meet although departments or the place are taken; is recorded")
    reason: Reason | None = Field(None, description="required where the meeting is after the deadline; is recorded")


class ExtensionIn(In):
    working_days: int = Field(ge=1, le=60, description="counted from the present deadline")
    reason: Reason


class SlotOut(Out):
    meeting_at: datetime
    ends_at: datetime


class SlotsOut(Out):
    """Free times; none where all until the deadline are taken or it is too near."""

    until: datetime
    minutes_long: int
    place: str | None
    departments: list[str]
    slots: list[SlotOut]


@router.get("/consultations/proposals")
async def get_proposals(at: Annotated[Door, door(Permission.CONVENE)]) -> ProposalsOut:
    """Sessions without a date that meet the same departments, or some of them, and could be held as one."""
    names = at.runtime.cities.current.names
    async with at.read() as session:
        proposals = propose_batches(Waiting(*found) for found in await find_undated(session))
    shown = []
    for proposal in proposals:
        who = "、".join(names.get(code, code) for code in proposal.departments)
        count = len(proposal.others) + 1
        same = "邀请的部门相同" if proposal.same else "邀请的部门相同或包含在内"
        same_en = "meet the same departments" if proposal.same else "meet the same departments or some of them"
        shown.append(
            ProposalOut(
                consultation=proposal.first.number,
                sessions=[other.number for other in proposal.others],
                cases=proposal.cases,
                departments=proposal.departments,
                reason=f"{count} 场会商{same}:{who}；都还没有定时间，可以合并召开。",
                reason_en=f"{count} sessions {same_en} ({', '.join(proposal.departments)}) and have no date yet.",
            )
        )
    return ProposalsOut(proposals=shown)


async def _shown(desk: Desk, found: Consultation) -> BaseModel:
    return await show(desk.session, found, desk.principal)


@router.post("/consultations/{id}/batch", response_model=ConsultationOut)
async def post_batch(id: Id, body: BatchIn, at: Annotated[Door, door(Permission.CONVENE)]) -> Response:  # noqa: A002
    """Hold other sessions together with this one: their cases and departments come here, and they end."""

    async def act(desk: Desk) -> BaseModel:
        return await _shown(desk, await agenda.batch(desk, id, body.sessions, despite_clash=body.despite_clash))

    return await at.write(act)


@router.post("/consultations/{id}/withdrawal", response_model=ConsultationOut)
async def post_withdrawal(
    id: Id,  # noqa: A002
    body: WithdrawalIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Take one case off the agenda; it goes back to triage, and the session ends with its last one."""

    async def act(desk: Desk) -> BaseModel:
        return await _shown(desk, await agenda.withdraw_case(desk, id, body.case, body.reason))

    return await at.write(act)


@router.post("/consultations/{id}/cancellation", response_model=ConsultationOut)
async def post_cancellation(
    id: Id,  # noqa: A002
    body: CancellationIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Call the session off; its cases go back to triage."""

    async def act(desk: Desk) -> BaseModel:
        return await _shown(desk, await agenda.cancel(desk, id, body.reason))

    return await at.write(act)


@router.post("/consultations/{id}/invitations", response_model=ConsultationOut)
async def post_invitations(
    id: Id,  # noqa: A002
    body: InvitationsIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Invite further departments, or let some go before the meeting."""

    async def act(desk: Desk) -> BaseModel:
        changed = await agenda.change_invitations(
            desk,
            id,
            departments=body.departments,
            withdraw=body.withdraw,
            reason=body.reason,
            despite_clash=body.despite_clash,
        )
        return await _shown(desk, changed)

    return await at.write(act)


@router.post("/consultations/{id}/response", response_model=ConsultationOut)
async def post_response(
    id: Id,  # noqa: A002
    body: ResponseIn,
    at: Annotated[Door, door(Permission.STATE_OPINION)],
) -> Response:
    """Say whether your department comes, itself or by a deputy; may be said again until the session ends."""

    async def act(desk: Desk) -> BaseModel:
        return await answer_invitation(desk, id, body)

    return await at.write(act)


async def answer_invitation(desk: Desk, consultation_id: str, body: ResponseIn) -> BaseModel:
    """What API and callback do alike."""
    said = Answer(body.answer, body.deputy, body.reason)
    return await _shown(desk, await agenda.answer_invitation(desk, consultation_id, said))


@router.post("/consultations/{id}/schedule", response_model=ConsultationOut)
async def post_schedule(
    id: Id,  # noqa: A002
    body: SchedulingIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Fix when and where the session meets, or move it: in office hours, and clear of other sessions."""
    meeting = Meeting(body.meeting_at, body.place, body.minutes_long, body.despite_clash, body.reason)

    async def act(desk: Desk) -> BaseModel:
        return await _shown(desk, await sessions.schedule(desk, id, meeting))

    return await at.write(act)


@router.post("/consultations/{id}/extension", response_model=ConsultationOut)
async def post_extension(
    id: Id,  # noqa: A002
    body: ExtensionIn,
    at: Annotated[Door, door(Permission.CONVENE)],
) -> Response:
    """Give the office more time for this session, once; the reason is kept."""

    async def act(desk: Desk) -> BaseModel:
        return await _shown(desk, await sessions.extend(desk, id, body.working_days, body.reason))

    return await at.write(act)


@router.get("/consultations/{id}/slots")
async def get_slots(
    id: Id,  # noqa: A002
    at: Annotated[Door, door(Permission.CONVENE)],
    minutes_long: Annotated[int | None, Query(ge=15, le=540)] = None,
    place: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> SlotsOut:
    """Working hours before the deadline when every department that has not declined, and the place, are free."""
    city, now = at.runtime.cities.current, at.runtime.clock.now()
    async with at.read() as session:
        wanted, times, until = await sessions.find_times(
            session, city, now, id, minutes=minutes_long, place=place, limit=limit
        )
    length = timedelta(minutes=wanted.minutes)
    return SlotsOut(
        until=until,
        minutes_long=wanted.minutes,
        place=wanted.place,
        departments=sorted(wanted.departments),
        slots=[SlotOut(meeting_at=start, ends_at=start + length) for start in times],
    )
