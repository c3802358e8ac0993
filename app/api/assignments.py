"""Assignments: a department acts on its own, the office reviews what came back."""

from datetime import date
from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api import acts
from app.api.door import Door, In, door, make_router
from app.flow.desk import Desk
from app.flow.handle import prepare_return, review
from app.flow.pausing import pause_duty, resume_duty
from app.models import Blocker
from app.supervise.pause import PauseWish

router = make_router("assignments 交办")
Id = Annotated[str, Path(max_length=40)]
Department = Annotated[Door, door(Permission.ACT_ON_ASSIGNMENTS)]


class ReviewIn(In):
    """The office's review of feedback, of the province's answer, or of a request for more time."""

    accepted: bool = Field(description="feedback: accepted or sent back; extension: granted or refused")
    comment: str = Field(
        "",
        max_length=2000,
        description="the department is told; required when sent back: what is still missing",
    )
    statement: str | None = Field(
        None,
        max_length=4000,
        description="what the reporters are told besides, where an accepted answer leaves the case unresolved",
    )
    version: int | None = Field(None, ge=0)


class PauseIn(In):
    """暂停计时: the office lets the answer clock stand still for a named blocker, within bounds."""

    blocker: Blocker
    who: str = Field(min_length=2, max_length=120, description="who is waited for; the department reads it")
    why: str = Field(min_length=2, max_length=2000, description="the department reads it, the reporter does not")
    until: date | None = Field(None, description="the last day of the pause; give this or `working_days`")
    working_days: int | None = Field(None, ge=1, description="counted from today, at most 60")
    version: int | None = Field(None, ge=0)


class ResumptionIn(In):
    version: int | None = Field(None, ge=0)


async def _act(at: Door, assignment_id: str, body: acts.ActIn) -> Response:
    return await at.write(lambda desk: acts.act_on(desk, assignment_id, body))


@router.post("/assignments/{id}/acceptance", response_model=acts.DutyOut)
async def post_acceptance(id: Id, body: acts.AcceptanceIn, at: Department) -> Response:  # noqa: A002
    """签收: sign for an assignment."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/return", response_model=acts.DutyOut)
async def post_return(id: Id, body: acts.ReturnIn, at: Department) -> Response:  # noqa: A002
    """退回: return it to the office, once a case, within two working days, with a reason from the list.

    The second attempt on a case opens a consultation of the departments concerned; the answer names it.
    """

    async def act(desk: Desk) -> BaseModel:
        await prepare_return(desk.numbers, desk.now)
        return await acts.act_on(desk, id, body)

    return await at.write(act)


@router.post("/assignments/{id}/progress", response_model=acts.DutyOut)
async def post_progress(id: Id, body: acts.ProgressIn, at: Department) -> Response:  # noqa: A002
    """办理进展: say how far it is."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/feedback", response_model=acts.DutyOut)
async def post_feedback(id: Id, body: acts.FeedbackIn, at: Department) -> Response:  # noqa: A002
    """反馈: say what was rectified, or that the burden cannot be lifted and because of what."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/extension", response_model=acts.DutyOut)
async def post_extension(id: Id, body: acts.ExtensionIn, at: Department) -> Response:  # noqa: A002
    """延期: ask for more time, once an assignment and before its deadline. The office decides."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/forwarding", response_model=acts.DutyOut)
async def post_forwarding(id: Id, body: acts.ForwardingIn, at: Department) -> Response:  # noqa: A002
    """上报: record that the matter was carried to the province."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/upstream-reply", response_model=acts.DutyOut)
async def post_upstream_reply(id: Id, body: acts.UpstreamReplyIn, at: Department) -> Response:  # noqa: A002
    """上级答复: bring the province's answer home."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/supervision-reply", response_model=acts.DutyOut)
async def post_supervision_reply(id: Id, body: acts.SupervisionReplyIn, at: Department) -> Response:  # noqa: A002
    """督办答复: say why you are late and for which day you promise the answer; until then no further level follows."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/review", response_model=acts.DutyOut)
async def post_review(id: Id, body: ReviewIn, at: Annotated[Door, door(Permission.REVIEW)]) -> Response:  # noqa: A002
    """审核: accept what came back or send it back; where an extension is requested, grant or refuse it.

    Accepting an answer that says the burden cannot be lifted (`resolved: false`, or the province's refusal) asks no
    point: once all duties are in, the case becomes `unresolved` and stays on the ledger.
    """

    async def act(desk: Desk) -> BaseModel:
        file, assignment = await review(
            desk,
            id,
            accepted=body.accepted,
            comment=body.comment,
            statement=body.statement,
            expected_version=body.version,
        )
        return acts.to_duty_out(file, assignment)

    return await at.write(act)


@router.post("/assignments/{id}/pause", response_model=acts.DutyOut)
async def post_pause(id: Id, body: PauseIn, at: Annotated[Door, door(Permission.REVIEW)]) -> Response:  # noqa: A002
    """暂停计时: while the department works, let its clock stand still; it goes on by itself when the pause is over."""

    async def act(desk: Desk) -> BaseModel:
        wish = PauseWish(body.blocker, body.who, body.why, body.until, body.working_days)
        return acts.to_duty_out(*await pause_duty(desk, id, wish, body.version))

    return await at.write(act)


@router.post("/assignments/{id}/resume", response_model=acts.DutyOut)
async def post_resume(
    id: Id,  # noqa: A002
    body: ResumptionIn,
    at: Annotated[Door, door(Permission.REVIEW)],
) -> Response:
    """恢复计时: what was waited for has come; the clock goes on with the working days that were left."""

    async def act(desk: Desk) -> BaseModel:
        return acts.to_duty_out(*await resume_duty(desk, id, body.version))

    return await at.write(act)
