"""会商: calls a session on one or several cases and invites the departments; invites further ones or lets one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.consult.session_file import SessionFile, standing_seats, tell
from app.lifecycle import advance
from app.models import AgendaItem, AgendaOutcome, Consultation, ConsultationStatus, Invitation, day_id, new_id
from app.problems import Conflict, InvalidInput

Texts = Mapping[str, list[dict[str, str | None]]]


class TooFewDepartments(InvalidInput):
    code = "too_few_departments"
    title_zh, title_en = "会商至少要有两个部门", "A consultation needs at least two departments"

    def __init__(self) -> None:
        super().__init__(
            "请至少邀请两个部门；只涉及一个部门的，请直接交办。",
            "Invite at least two departments; what concerns one is assigned directly.",
        )


class MeetingBegun(Conflict):
    code = "meeting_begun"
    title_zh, title_en = "会议已经开始", "The meeting has begun"

    def __init__(self) -> None:
        super().__init__(
            "会议时间已到，不能再取消邀请。不涉及的部门，请在结论中不列入即可。",
            "The meeting has begun; an invitation can no longer be withdrawn. Leave who is not concerned out of the "
            "conclusion.",
        )


@dataclass(frozen=True, slots=True)
class Guest:
    """A department to invite, and the provincial departments it stands for."""

    department: str
    on_behalf_of: tuple[str, ...] = ()


def convene(files: Sequence[CaseFile], guests: Sequence[Guest], *, number: str) -> SessionFile:
    """Open a session for these guests, who are still to be invited; each case must already be in consultation.

    Raises TooFewDepartments.
    """
    if len({g.department for g in guests}) < 2:
        raise TooFewDepartments
    first = files[0]
    session = Consultation(
        id=day_id(), number=number, convener=first.actor[:80], convened_at=first.now, due_at=first.now
    )
    advance(session, ConsultationStatus.CONVENED)
    agenda = [AgendaItem(consultation_id=session.id, case_id=file.case.id) for file in files]
    sitting = SessionFile(session, agenda, [], {file.case.id: file for file in files})
    sitting.settle_due()
    first.batch.add(session, *agenda)
    return sitting


def invite(sitting: SessionFile, guests: Sequence[Guest], texts: Texts, withdrawn: Sequence[Invitation] = ()) -> None:
    """Give seats to those who have none yet, and tell them of every case; who was let go before sits down again.

    `texts` holds each case's masked reports by case id; each case's chain gets one event for each department.
    Those who sit there already may stand for other provincial departments from now on.
    """
    batch = next(iter(sitting.files.values())).batch
    now = next(iter(sitting.files.values())).now
    known = {seat.department_code: seat for seat in sitting.seats}
    for guest in guests:
        if guest.department in known:
            known[guest.department].on_behalf_of = list(guest.on_behalf_of)
    new = sorted((g for g in guests if g.department not in known), key=lambda g: g.department)
    again = {seat.department_code: seat for seat in withdrawn}
    for guest in new:
        seat = again.get(guest.department)
        if seat is None:
            seat = Invitation(
                id=new_id(), consultation_id=sitting.consultation.id, department_code=guest.department, invited_at=now
            )
            batch.add(seat)
        seat.on_behalf_of, seat.withdrawn_at = list(guest.on_behalf_of), None
        sitting.seats.append(seat)
    sitting.seats.sort(key=lambda seat: seat.department_code)
    for guest in new:
        for file in sitting.files.values():
            tell_invited(sitting, file, guest.department, texts[file.case.id])


def tell_invited(
    sitting: SessionFile, file: CaseFile, department: str, texts: Sequence[Mapping[str, str | None]]
) -> None:
    """One seat learns of one case on the agenda."""
    seat = sitting.get_seat(department)
    tell(
        file,
        sitting.consultation,
        department,
        "consultation.invited",
        {},
        texts=texts,
        invited=sitting.departments,
        on_behalf_of=seat.on_behalf_of,
    )


def let_go(sitting: SessionFile, department: str, reason: str) -> None:
    """Withdraw an invitation before the meeting; two departments at least have to remain.

    Raises IllegalMove, NotFound, MeetingBegun or TooFewDepartments.
    """
    session = sitting.consultation
    sitting.require_open("invitations")
    seat = sitting.get_seat(department)
    now = next(iter(sitting.files.values())).now
    if session.meeting_at is not None and session.meeting_at <= now:
        raise MeetingBegun
    if len(sitting.seats) <= 2:
        raise TooFewDepartments
    seat.withdrawn_at = now
    seat.answer = seat.deputy = seat.answer_reason = seat.answered_at = None
    for file in sitting.files.values():
        tell(
            file,
            session,
            department,
            "consultation.cancelled",
            {"because": "uninvited", "why": reason},
            because="uninvited",
            reason=reason,
        )
    sitting.seats.remove(seat)


async def withdrawn_seats(session: AsyncSession, consultation: Consultation) -> list[Invitation]:
    """Invitations that were withdrawn, so that a department can be invited again."""
    rows = await session.scalars(
        select(Invitation).where(Invitation.consultation_id == consultation.id, Invitation.withdrawn_at.is_not(None))
    )
    return list(rows)


async def find_last_invited(session: AsyncSession, case_id: str) -> list[str]:
    """Whom the last session on the case had invited and did not uninvite; one it was moved away from does not count."""
    last = await session.scalar(
        select(Consultation)
        .join(AgendaItem, AgendaItem.consultation_id == Consultation.id)
        .where(AgendaItem.case_id == case_id, AgendaItem.outcome.is_distinct_from(AgendaOutcome.MOVED))
        .order_by(Consultation.convened_at.desc(), Consultation.id.desc())
        .limit(1)
    )
    return [] if last is None else [seat.department_code for seat in await standing_seats(session, last)]
