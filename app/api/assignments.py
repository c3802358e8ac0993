"""Assignments: a department acts on its own, the office reviews what came back."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api import acts
from app.api.door import Door, In, door, make_router
from app.flow.desk import Desk
from app.flow.handle import review

router = make_router("assignments 交办")
Id = Annotated[str, Path(max_length=40)]
Department = Annotated[Door, door(Permission.ACT_ON_ASSIGNMENTS)]


class ReviewIn(In):
    """The office's review of feedback or of the province's answer."""

    accepted: bool
    comment: str = Field("", max_length=2000, description="what is still missing; required when sent back")
    version: int | None = Field(None, ge=0)


async def _act(at: Door, assignment_id: str, body: acts.ActIn) -> Response:
    return await at.write(lambda desk: acts.act_on(desk, assignment_id, body))


@router.post("/assignments/{id}/acceptance", response_model=acts.DutyOut)
async def post_acceptance(id: Id, body: acts.AcceptanceIn, at: Department) -> Response:  # noqa: A002
    """签收: sign for an assignment."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/return", response_model=acts.DutyOut)
async def post_return(id: Id, body: acts.ReturnIn, at: Department) -> Response:  # noqa: A002
    """退回: return it to the office, once a case, with a reason from the list."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/progress", response_model=acts.DutyOut)
async def post_progress(id: Id, body: acts.ProgressIn, at: Department) -> Response:  # noqa: A002
    """办理进展: say how far it is."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/feedback", response_model=acts.DutyOut)
async def post_feedback(id: Id, body: acts.FeedbackIn, at: Department) -> Response:  # noqa: A002
    """反馈: say what was rectified."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/forwarding", response_model=acts.DutyOut)
async def post_forwarding(id: Id, body: acts.ForwardingIn, at: Department) -> Response:  # noqa: A002
    """上报: record that the matter was carried to the province."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/upstream-reply", response_model=acts.DutyOut)
async def post_upstream_reply(id: Id, body: acts.UpstreamReplyIn, at: Department) -> Response:  # noqa: A002
    """上级答复: bring the province's answer home."""
    return await _act(at, id, body)


@router.post("/assignments/{id}/review", response_model=acts.DutyOut)
async def post_review(id: Id, body: ReviewIn, at: Annotated[Door, door(Permission.REVIEW)]) -> Response:  # noqa: A002
    """审核: accept what came back, or send it back to the department."""

    async def act(desk: Desk) -> BaseModel:
        file, assignment = await review(
            desk, id, accepted=body.accepted, comment=body.comment, expected_version=body.version
        )
        return acts.to_duty_out(file, assignment)

    return await at.write(act)
