"""Supervision: a leader decides on a case at level 3, the office urges, a clock is released; what was promised."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.disclosure import to_local
from app.flow import supervision
from app.flow.desk import Desk
from app.flow.urging import urge_departments
from app.ledger.supervision import list_promises
from app.models import Assignment, CaseStatus, Decided, Instruction
from app.supervise.urge import Spared

router = make_router("supervision 督办")
Number = Annotated[str, Path(max_length=24)]


class InstructionIn(In):
    """批示: what is decided; it is carried out by the usual acts, and recorded here."""

    decision: Decided
    note: str = Field(min_length=2, max_length=2000, description="stays with the office")
    look_again_on: date = Field(description="when the case is back on the list; within twenty working days")
    version: int | None = Field(None, ge=0, description="the version of the case you read; another one answers 409")


class InstructionOut(Out):
    case: str
    version: int
    decision: Decided
    note: str
    look_again_on: date
    decided_by: str
    decided_at: datetime


class UrgingIn(In):
    version: int | None = Field(None, ge=0, description="the version of the case you read; another one answers 409")


class SparedOut(Out):
    department: str
    because: Spared


class UrgingOut(Out):
    case: str
    version: int
    urged: list[str] = Field(description="codes of the departments that were told, each once")
    spared: list[SparedOut] = Field(description="who has something to answer and was not told, and why")


class ReleaseOut(Out):
    case: str
    version: int
    status: CaseStatus


@router.post("/cases/{number}/supervision", response_model=InstructionOut)
async def post_instruction(
    number: Number, body: InstructionIn, at: Annotated[Door, door(Permission.INSTRUCT)]
) -> Response:
    """批示: a leader decides on a case at level 3; it leaves the leaders' list until `look_again_on`."""

    async def act(desk: Desk) -> BaseModel:
        file, made = await supervision.instruct(
            desk,
            number,
            decision=body.decision,
            note=body.note,
            look_again_on=body.look_again_on,
            expected_version=body.version,
        )
        return InstructionOut(case=file.case.number, version=file.case.last_seq, **show_instruction(made))

    return await at.write(act)


@router.post("/cases/{number}/urging", response_model=UrgingOut)
async def post_urging(number: Number, body: UrgingIn, at: Annotated[Door, door(Permission.REVIEW)]) -> Response:
    """催办: tell each department with something to answer of its nearest clock, once a day; no clock moves."""

    async def act(desk: Desk) -> BaseModel:
        file, found = await urge_departments(desk, number, body.version)
        return UrgingOut(
            case=file.case.number,
            version=file.case.last_seq,
            urged=[outcome.department for outcome in found if outcome.spared is None],
            spared=[SparedOut(department=o.department, because=o.spared) for o in found if o.spared is not None],
        )

    return await at.write(act)


@router.post("/cases/{number}/supervision/release", response_model=ReleaseOut)
async def post_release(number: Number, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """恢复: look again at the case's clocks that were quarantined because looking at them kept failing."""

    async def act(desk: Desk) -> BaseModel:
        file = await supervision.release(desk, number)
        return ReleaseOut(case=file.case.number, version=file.case.last_seq, status=file.case.status)

    return await at.write(act)


def show_instruction(made: Instruction) -> dict[str, Any]:
    """What a leader decided, as the office reads it."""
    return {
        "decision": made.decision,
        "note": made.note,
        "look_again_on": made.look_again_on.isoformat(),
        "decided_by": made.decided_by,
        "decided_at": made.decided_at.isoformat(),
    }


async def show_promises(
    session: AsyncSession, duties: Sequence[Assignment], now: datetime, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """What was promised on these duties: level, day, and whether it is `open`, `kept`, `broken` or `lapsed`."""
    return [
        {
            "assignment": promise.assignment,
            "level": promise.level,
            "promised_on": promise.promised_on,
            "explanation": promise.explanation,
            "made_at": to_local(promise.made_at, zone),
            "state": promise.state,
        }
        for promise in await list_promises(session, duties, now)
    ]
