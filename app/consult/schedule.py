"""Fixes date and place of a session, or moves them; gives the office more time once. The office's clock runs on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.consult.booking import Booking, MeetingClash, check_hours, find_clashes
from app.consult.session_file import USUAL_MINUTES, SessionFile, running_clocks
from app.deadlines import due_by
from app.disclosure import to_local
from app.lifecycle import OPEN_SESSIONS, advance
from app.models import Consultation, ConsultationStatus, Invitation, InvitationAnswer, Party
from app.problems import Conflict, InvalidInput


@dataclass(frozen=True, slots=True)
class Meeting:
    """When and where a session is to meet; aware time, length in minutes. `reason` where it is after the deadline."""

    at: datetime
    place: str | None = None
    minutes_long: int | None = None
    despite_clash: bool = False
    reason: str | None = None


class ReasonMissing(InvalidInput):
    code = "late_meeting_needs_reason"
    title_zh, title_en = "晚于会商时限须说明理由", "A meeting after the deadline needs a reason"

    def __init__(self, due: str) -> None:
        super().__init__(
            f"会议时间晚于会商时限({due})。请写明理由(reason)，或先申请延长时限；时限不因改期而顺延。",
            f"The meeting is later than the consultation's deadline ({due}). Give a `reason`, or extend the deadline "
            "first; it does not move with the meeting.",
            errors=[{"field": "reason", "zh": "须写明理由", "en": "is required"}],
        )


class ExtendedBefore(Conflict):
    code = "consultation_extended_before"
    title_zh, title_en = "会商时限已延长过", "The consultation was extended already"

    def __init__(self) -> None:
        super().__init__(
            "会商时限只能延长一次，议题中有事项已延长过。请尽快形成结论，或由统筹部门裁定。",
            "A consultation is extended once, and a case on its agenda has been. Conclude it, or rule.",
        )


async def read_bookings(session: AsyncSession, *, leaving_out: str = "") -> list[Booking]:
    """The meetings of all open sessions but one, with the departments that have not declined."""
    rows = await session.execute(
        select(Consultation, Invitation)
        .join(Invitation, Invitation.consultation_id == Consultation.id)
        .where(
            Consultation.status.in_(OPEN_SESSIONS),
            Consultation.meeting_at.is_not(None),
            Consultation.id != leaving_out,
            Invitation.withdrawn_at.is_(None),
        )
    )
    found: dict[str, tuple[Consultation, set[str]]] = {}
    for consultation, seat in rows:
        _, taken = found.setdefault(consultation.id, (consultation, set()))
        if seat.answer is not InvitationAnswer.DECLINED:
            taken.add(seat.department_code)
    return [booking_of(consultation, taken) for consultation, taken in found.values()]


def booking_of(
    consultation: Consultation,
    departments: Sequence[str] | set[str],
    *,
    start: datetime | None = None,
    minutes: int | None = None,
    place: str | None = None,
) -> Booking:
    """A session as a booking, at its own time and place or at others."""
    return Booking(
        consultation.number,
        start or consultation.meeting_at or consultation.convened_at,
        minutes or consultation.minutes_long or USUAL_MINUTES,
        frozenset(departments),
        place or consultation.place,
    )


def fix_meeting(sitting: SessionFile, others: Sequence[Booking], meeting: Meeting, departments: Sequence[str]) -> None:
    """Check and set when and where a session meets.

    Raises IllegalMove, OutsideOfficeHours, ReasonMissing or MeetingClash.
    """
    sitting.require_open(ConsultationStatus.SCHEDULED)
    session, file = sitting.consultation, next(iter(sitting.files.values()))
    minutes = meeting.minutes_long or session.minutes_long or USUAL_MINUTES
    check_hours(meeting.at, minutes, file.now, file.calendar)
    if meeting.at > session.due_at and not meeting.reason:
        raise ReasonMissing(to_local(session.due_at, file.calendar.zone))
    wanted = booking_of(session, departments, start=meeting.at, minutes=minutes, place=meeting.place)
    clashing = refuse_clash(wanted, others, file, despite_clash=meeting.despite_clash)
    earlier = to_local(session.meeting_at, file.calendar.zone) if session.meeting_at else None
    advance(session, ConsultationStatus.SCHEDULED)
    session.meeting_at, session.minutes_long = meeting.at, minutes
    session.place = meeting.place or session.place
    facts: dict[str, Any] = {"meeting_at": to_local(meeting.at, file.calendar.zone), "place": session.place}
    facts |= {"previously": earlier, "why": meeting.reason, "despite_clash": clashing}
    for each in sitting.files.values():
        each.record("consultation.scheduled", {"consultation": session.number} | {k: v for k, v in facts.items() if v})


def reschedule(sitting: SessionFile, others: Sequence[Booking], meeting: Meeting) -> None:
    """Fix or move the meeting and tell every seat; who had answered for another time is asked again.

    The office's reasons stay in the record. Raises what `fix_meeting` raises.
    """
    before = sitting.consultation.meeting_at
    fix_meeting(sitting, others, meeting, sitting.departments)
    for file in sitting.files.values():
        earlier = to_local(before, file.calendar.zone) if before else None
        sitting.tell(file, "consultation.rescheduled", {}, previous_meeting_at=earlier)
    if before is not None:
        for seat in sitting.seats:
            seat.answer = seat.deputy = seat.answer_reason = seat.answered_at = None


def refuse_clash(wanted: Booking, others: Sequence[Booking], file: CaseFile, *, despite_clash: bool) -> list[str]:
    """The numbers of sessions that clash where the office accepts that; raises MeetingClash where it does not."""
    clashes = find_clashes(wanted, others)
    if clashes and not despite_clash:
        raise MeetingClash(clashes, file.calendar)
    return [clash.number for clash in clashes]


def extend(sitting: SessionFile, working_days: int, reason: str) -> None:
    """The office gives itself more time, once: a later clock takes the place of each case's, the old rows stay.

    Raises IllegalMove or ExtendedBefore.
    """
    sitting.require_open("extension")
    for file in sitting.files.values():
        for clock in running_clocks(file):
            if any(d.extended_by == clock.id for d in file.deadlines):
                raise ExtendedBefore
            due = due_by(max(clock.due_at, file.now), working_days, file.calendar)
            later = file.start(
                clock.kind, Party.OFFICE, due=due, basis=f"extended once by the office, {working_days} working days"
            )
            clock.ended_at, clock.look_at, clock.extended_by = file.now, None, later.id
            file.settle_owner()
            until = to_local(due.at, file.calendar.zone)[:10]
            file.record(
                "consultation.extended", {"consultation": sitting.consultation.number, "until": until, "why": reason}
            )
    sitting.settle_due()
