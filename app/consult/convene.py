"""会商: calls a session on one or several cases and invites the departments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.disclosure import to_local
from app.lifecycle import CONSULTATION, advance
from app.models import AgendaItem, Case, Consultation, ConsultationStatus, Deadline, DeadlineKind, Invitation, new_id
from app.problems import InvalidInput, NotFound

OPEN = [status for status, state in CONSULTATION.states.items() if state.is_open]


class TooFewDepartments(InvalidInput):
    code = "too_few_departments"
    title_zh, title_en = "会商至少要有两个部门", "A consultation needs at least two departments"

    def __init__(self) -> None:
        super().__init__(
            "请至少邀请两个部门;只涉及一个部门的,请直接交办。",
            "Invite at least two departments; what concerns one is assigned directly.",
        )


@dataclass(frozen=True, slots=True)
class Guest:
    """A department to invite, and the provincial departments it stands for."""

    department: str
    on_behalf_of: tuple[str, ...] = ()


def convene(
    files: Sequence[CaseFile],
    guests: Sequence[Guest],
    *,
    number: str,
    texts: Mapping[str, list[dict[str, str | None]]],
    meeting_at: datetime | None = None,
    place: str | None = None,
) -> Consultation:
    """Open a session; each case must already be in consultation. `texts` holds each case's masked reports by case id.

    Each case's chain gets one invitation event for each department. Raises TooFewDepartments.
    """
    if len({g.department for g in guests}) < 2:
        raise TooFewDepartments
    first = files[0]
    due_at = min(d.due_at for file in files for d in file.running() if d.kind is DeadlineKind.CONSULTATION)
    consultation = Consultation(
        id=new_id(),
        number=number,
        convened_at=first.now,
        due_at=due_at,
        meeting_at=meeting_at,
        place=place,
    )
    advance(consultation, ConsultationStatus.CONVENED)
    batch = first.batch
    batch.add(consultation, *(AgendaItem(consultation_id=consultation.id, case_id=file.case.id) for file in files))
    for guest in sorted(guests, key=lambda g: g.department):
        batch.add(
            Invitation(
                id=new_id(),
                consultation_id=consultation.id,
                department_code=guest.department,
                on_behalf_of=list(guest.on_behalf_of),
                invited_at=first.now,
            )
        )
        for file in files:
            _invite(file, consultation, guest, guests, texts[file.case.id])
    return consultation


def _invite(
    file: CaseFile,
    consultation: Consultation,
    guest: Guest,
    guests: Sequence[Guest],
    texts: list[dict[str, str | None]],
) -> None:
    file.record(
        "consultation.invited",
        {"consultation": consultation.number, "department": guest.department},
        department_code=guest.department,
        message={
            **file.describe(),
            "consultation": disclose_consultation(consultation, file.calendar.zone)
            | {"invited": sorted(g.department for g in guests), "on_behalf_of": list(guest.on_behalf_of)},
            "reports": texts,
        },
    )


def disclose_consultation(consultation: Consultation, zone: ZoneInfo) -> dict[str, Any]:
    """The `consultation` member of what a department is sent."""
    return {
        "id": consultation.id,
        "number": consultation.number,
        "status": consultation.status,
        "due_at": to_local(consultation.due_at, zone),
        "meeting_at": to_local(consultation.meeting_at, zone) if consultation.meeting_at else None,
        "place": consultation.place,
    }


async def get_consultation(session: AsyncSession, consultation_id: str, *, lock: bool = False) -> Consultation:
    """The session with that id or number; raises NotFound."""
    statement = select(Consultation).where(
        (Consultation.id == consultation_id) | (Consultation.number == consultation_id)
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = await session.scalar(statement)
    if found is None:
        raise NotFound
    return found


async def lock_convened(session: AsyncSession, case_id: str) -> Consultation | None:
    """The session that is to settle a case, locked; a session is always locked before its cases."""
    found: Consultation | None = await session.scalar(
        select(Consultation)
        .join(AgendaItem, AgendaItem.consultation_id == Consultation.id)
        .where(AgendaItem.case_id == case_id, Consultation.status.in_(OPEN))
        .with_for_update(of=Consultation)
    )
    return found


async def follow_clocks(session: AsyncSession, consultation: Consultation) -> None:
    """A session is due when the first of its cases' clocks ends."""
    due_at = await session.scalar(
        select(func.min(Deadline.due_at))
        .join(AgendaItem, AgendaItem.case_id == Deadline.case_id)
        .where(
            AgendaItem.consultation_id == consultation.id,
            Deadline.kind == DeadlineKind.CONSULTATION,
            Deadline.ended_at.is_(None),
        )
    )
    consultation.due_at = due_at or consultation.due_at


async def agenda_of(session: AsyncSession, consultation: Consultation) -> list[AgendaItem]:
    rows = await session.scalars(
        select(AgendaItem).where(AgendaItem.consultation_id == consultation.id).order_by(AgendaItem.case_id)
    )
    return list(rows)


async def invitations_of(session: AsyncSession, consultation: Consultation) -> list[Invitation]:
    rows = await session.scalars(
        select(Invitation).where(Invitation.consultation_id == consultation.id).order_by(Invitation.department_code)
    )
    return list(rows)


async def case_numbers_of(session: AsyncSession, agenda: Sequence[AgendaItem]) -> dict[str, str]:
    """The numbers of the cases on an agenda, by their ids."""
    rows = await session.execute(select(Case.id, Case.number).where(Case.id.in_([item.case_id for item in agenda])))
    return {row.id: row.number for row in rows}
