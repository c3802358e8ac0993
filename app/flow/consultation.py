"""会商: the office convenes, departments state their positions, the conclusion becomes assignments."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.classify import Category, Route
from app.consult import conclude as concluding
from app.consult.conclude import Part
from app.consult.convene import agenda_of, get_consultation, invitations_of
from app.consult.position import state_position
from app.directory.serials import CONSULTATION
from app.flow.desk import Desk
from app.flow.receive import dispatch, summon
from app.models import AssignmentRole, Consultation, Position
from app.route import assign
from app.route.policy import Duty


async def convene_on(
    desk: Desk,
    case_numbers: Sequence[str],
    departments: Sequence[str],
    *,
    meeting_at: datetime | None = None,
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
    consultation = await summon(desk, matters, departments, meeting_at=meeting_at, place=place)
    for file, _ in matters:
        await desk.finish(file)
    return consultation


async def give_opinion(desk: Desk, consultation_id: str, position: Position, basis: str) -> Consultation:
    """A department says what its part is, and on what basis."""
    consultation = await get_consultation(desk.session, consultation_id, lock=True)
    department = desk.principal.department or ""
    await state_position(desk.session, consultation, department, position, basis, desk.now)
    for item in await agenda_of(desk.session, consultation):
        file = await desk.open_file(item.case_id)
        file.record("opinion.stated", {"consultation": consultation.number, "position": position})
        await desk.finish(file)
    return consultation


async def conclude(
    desk: Desk, consultation_id: str, conclusions: Mapping[str, Sequence[Part]], minutes: str
) -> Consultation:
    """The office records for each case who leads and who supports; these become assignments with their deadlines."""
    for part in (part for parts in conclusions.values() for part in parts):
        desk.city.get_department(part.department, "conclusions")
    consultation = await get_consultation(desk.session, consultation_id, lock=True)
    agenda = await agenda_of(desk.session, consultation)
    files = {item.case_id: await desk.open_file(item.case_id) for item in agenda}
    numbers = {case_id: file.case.number for case_id, file in files.items()}
    concluding.check_conclusions(agenda, numbers, conclusions)
    invitations = await invitations_of(desk.session, consultation)
    concluding.conclude(consultation, agenda, invitations, files, conclusions, minutes)
    for file in files.values():
        duties = [_duty(desk, part, file.case.sources) for part in conclusions[file.case.number]]
        dispatch(desk, file, duties, await desk.reports_on(file), consultation.id)
        await desk.finish(file)
    return consultation


def _duty(desk: Desk, part: Part, sources: Sequence[str]) -> Duty:
    return Duty(
        part.department,
        AssignmentRole.LEAD if part.leads else AssignmentRole.SUPPORTING,
        tuple(desk.city.represented_by(part.department, sources)),
        part.obligation,
        part.term,
    )
