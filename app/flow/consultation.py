"""会商: the office convenes and fixes a date, departments state their positions, the conclusion becomes assignments."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.classify import Category, Decision, Route
from app.consult import conclude as concluding
from app.consult import schedule as scheduling
from app.consult.answer import state_position
from app.consult.booking import Booking, suggest_times
from app.consult.conclude import CaseConclusion
from app.consult.schedule import Meeting, booking_of, read_bookings
from app.consult.session_file import SessionFile, get_consultation, standing_seats
from app.deadlines import due_on, working_days_left
from app.directory.city import City
from app.directory.serials import CONSULTATION, PRECEDENT
from app.flow.agenda import finish, open_session
from app.flow.citing import settled_duties
from app.flow.desk import Desk
from app.flow.office import keep_ruling
from app.flow.precedents import keep_precedent
from app.flow.receive import dispatch, summon
from app.models import Attendance, Consultation, InvitationAnswer, Manner, Position
from app.problems import InvalidInput
from app.route import assign

A_YEAR: Final = timedelta(days=366)


class DayPassed(InvalidInput):
    code = "deadline_passed"
    title_zh, title_en = "办理期限不合适", "The deadline does not fit"

    def __init__(self) -> None:
        super().__init__(
            "办理期限(due_on)须晚于今天，且在一年之内。",
            "A deadline (`due_on`) has to be later than today and within a year.",
            errors=[{"field": "due_on", "zh": "须晚于今天", "en": "must be later than today"}],
        )


def term_until(desk: Desk, day: date) -> int:
    """The working days from now up to that day, or to the next one that is worked; raises DayPassed."""
    calendar = desk.city.calendar
    today = desk.now.astimezone(calendar.zone).date()
    term = working_days_left(desk.now, due_on(day, calendar).at, calendar) if today < day < today + A_YEAR else 0
    if term < 1:
        raise DayPassed
    return term


async def convene_on(
    desk: Desk,
    case_numbers: Sequence[str],
    departments: Sequence[str],
    *,
    meeting: Meeting | None = None,
    place: str | None = None,
) -> Consultation:
    """The office calls a session on one or several cases; duties already out are replaced by what it concludes."""
    for code in departments:
        desk.city.get_department(code, "departments")
    await desk.numbers.reserve(CONSULTATION, desk.now)
    matters = []
    for number in sorted(set(case_numbers)):
        file = await desk.open_numbered(number)
        assign.supersede(file)
        file.case.category, file.case.route = Category.MULTI_DEPARTMENT, Route.CONSULTATION
        matters.append((file, await desk.reports_on(file)))
    sitting = await summon(desk, matters, departments, meeting=meeting, place=place)
    return await finish(desk, sitting)


async def schedule(desk: Desk, session_id: str, meeting: Meeting) -> Consultation:
    """The office fixes date and place of a session, or moves it."""
    sitting = await open_session(desk, session_id, to_book=True)
    await _fix(desk, sitting, meeting)
    return await finish(desk, sitting)


async def _fix(desk: Desk, sitting: SessionFile, meeting: Meeting) -> None:
    others = await read_bookings(desk.session, leaving_out=sitting.consultation.id)
    scheduling.reschedule(sitting, others, meeting)


async def find_times(
    session: AsyncSession,
    city: City,
    now: datetime,
    session_id: str,
    *,
    minutes: int | None,
    place: str | None,
    limit: int,
) -> tuple[Booking, list[datetime], datetime]:
    """Times before the deadline at which every department that has not declined, and the place, are free.

    Answers what was looked for, the times, and the deadline. Reads only; raises NotFound.
    """
    found = await get_consultation(session, session_id)
    seats = await standing_seats(session, found)
    departments = {s.department_code for s in seats if s.answer is not InvitationAnswer.DECLINED}
    wanted = booking_of(found, departments, minutes=minutes, place=place)
    others = await read_bookings(session, leaving_out=found.id)
    times = suggest_times(wanted, others, now=now, until=found.due_at, calendar=city.calendar, limit=limit)
    return wanted, times, found.due_at


async def extend(desk: Desk, session_id: str, working_days: int, reason: str) -> Consultation:
    """The office gives itself more time for a session, once, with its reason on the record."""
    sitting = await open_session(desk, session_id)
    scheduling.extend(sitting, working_days, reason)
    return await finish(desk, sitting)


async def give_opinion(
    desk: Desk, session_id: str, position: Position, basis: str, cases: Sequence[str] | None = None
) -> Consultation:
    """A department says what its part is, on what basis; of all cases on the agenda, or of these."""
    sitting = await open_session(desk, session_id)
    await state_position(sitting, desk.principal.department or "", position, basis, cases)
    return await finish(desk, sitting)


async def conclude(
    desk: Desk,
    session_id: str,
    conclusions: Mapping[str, CaseConclusion],
    minutes: str,
    *,
    attendance: Mapping[str, Attendance] | None = None,
    adjourned: Meeting | None = None,
) -> Consultation:
    """The office records for each case who leads and who supports; these become assignments with their deadlines.

    Where the departments did not agree, the office's ruling is kept as one; either way it is a precedent from now on.
    What is not covered is adjourned to a date.
    """
    for part in (part for conclusion in conclusions.values() for part in conclusion.parts):
        desk.city.get_department(part.department, "conclusions")
    await desk.numbers.reserve(PRECEDENT, desk.now)
    sitting = await open_session(desk, session_id, to_book=adjourned is not None)
    sitting.require_open("concluded")
    numbers = [file.case.number for file in sitting.files.values()]
    said = attendance or {}
    concluding.check_conclusions(numbers, sitting.departments, conclusions, said, adjourns=adjourned is not None)
    seen = concluding.attendance_of(sitting.seats, said)
    for file, conclusion in concluding.conclude(sitting, conclusions, minutes, seen):
        await _assign(desk, file, conclusion, sitting.consultation)
    if adjourned is not None:
        await _fix(desk, sitting, adjourned)
    return await finish(desk, sitting)


async def _assign(desk: Desk, file: CaseFile, conclusion: CaseConclusion, consultation: Consultation) -> None:
    reports = await desk.reports_on(file)
    duties = settled_duties(desk, file, conclusion)
    if conclusion.manner is Manner.RULED:
        machine = Decision.from_dict(reports[0].decision)
        receivers = list({duty.department: duty for duty in duties}.values())
        keep_ruling(desk, file, Category.MULTI_DEPARTMENT, receivers, conclusion.reason or "", machine)
    dispatch(desk, file, duties, reports, consultation.id)
    await keep_precedent(desk, file, conclusion, reports, consultation)
    await desk.finish(file)
