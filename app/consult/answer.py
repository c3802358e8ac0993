"""What a department says of a session: whether it comes, and for each case its position with the basis it cites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.consult.session_file import SessionFile
from app.models import Consultation, InvitationAnswer, Position, StatedPosition
from app.problems import InvalidInput


class ResponseUnclear(InvalidInput):
    code = "response_unclear"
    title_zh, title_en = "参会答复不明确", "The response is not clear"

    def __init__(self) -> None:
        super().__init__(
            "委托代表参会的，须写明代表(deputy)，其他答复不填；不参会的，须写明理由(reason)。",
            "Name the `deputy` where one comes and nowhere else; give a `reason` where nobody comes.",
            errors=[{"field": "deputy", "zh": "与 answer 不符", "en": "does not fit `answer`"}],
        )


@dataclass(frozen=True, slots=True)
class Response:
    """Whether a department comes; `deputy` is a person's name or post."""

    answer: InvitationAnswer
    deputy: str | None = None
    reason: str | None = None


def respond(sitting: SessionFile, department: str, said: Response, now: datetime) -> None:
    """Keep a department's answer to its invitation; it may answer again until the session has ended.

    The event names no person: who deputises stands on the seat only. Raises NotFound, IllegalMove or ResponseUnclear.
    """
    seat = sitting.get_seat(department)
    sitting.require_open("response")
    unclear = bool(said.deputy) != (said.answer is InvitationAnswer.DEPUTY)
    if unclear or (said.answer is InvitationAnswer.DECLINED and not said.reason):
        raise ResponseUnclear
    seat.answer, seat.deputy, seat.answer_reason, seat.answered_at = said.answer, said.deputy, said.reason, now
    for file in sitting.files.values():
        file.record("consultation.responded", {"consultation": sitting.consultation.number, "answer": said.answer})


async def state_position(
    sitting: SessionFile, department: str, position: Position, basis: str, case_numbers: Sequence[str] | None = None
) -> None:
    """Keep what a department says its part is, of these cases or of all; an earlier one stays in the events.

    Raises NotFound for a department that is not invited or a case that does not wait on the agenda, IllegalMove once
    the session has ended.
    """
    sitting.get_seat(department)
    sitting.require_open("opinion")
    items = sitting.agenda if case_numbers is None else [sitting.get_item(number) for number in case_numbers]
    session = next(iter(sitting.files.values())).session
    known = {p.case_id: p for p in await positions_of(session, sitting.consultation) if p.department_code == department}
    for item in items:
        file = sitting.files[item.case_id]
        stated = known.get(item.case_id)
        if stated is None:
            file.batch.add(
                StatedPosition(
                    consultation_id=item.consultation_id,
                    case_id=item.case_id,
                    department_code=department,
                    position=position,
                    basis=basis,
                    stated_at=file.now,
                )
            )
        else:
            stated.position, stated.basis, stated.stated_at = position, basis, file.now
        facts = {"consultation": sitting.consultation.number, "position": position, "basis": basis}
        file.record("opinion.stated", facts)


async def positions_of(session: AsyncSession, consultation: Consultation) -> list[StatedPosition]:
    rows = await session.scalars(
        select(StatedPosition)
        .where(StatedPosition.consultation_id == consultation.id)
        .order_by(StatedPosition.department_code)
    )
    return list(rows)
