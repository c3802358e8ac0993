"""办: a department acts on its duty, the office reviews what came back; the case follows its duties."""

from datetime import datetime

from sqlalchemy import select

from app.casefile import CaseFile
from app.classify import Category, Route
from app.close import interim
from app.directory.serials import CONSULTATION, Numbers
from app.feedback import extension, respond, returning
from app.feedback.returning import Return
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.flow.receive import summon
from app.flow.unresolved import stand_over
from app.lifecycle import CASE, IllegalMove, case_status_for
from app.models import Assignment, CaseStatus, Consultation, ExtensionState
from app.problems import NotFound
from app.route import assign
from app.supervise import verify


async def open_duty(desk: Desk, assignment_id: str, expected_version: int | None = None) -> tuple[CaseFile, Assignment]:
    """Lock the case of an assignment; a department finds only its own. Raises NotFound or StaleVersion."""
    statement = select(Assignment.case_id).where(Assignment.id == assignment_id)
    if not desk.principal.is_office:
        statement = statement.where(Assignment.department_code == desk.principal.department)
    case_id = await desk.session.scalar(statement)
    if case_id is None:
        raise NotFound
    file = await desk.open_file(case_id)
    assignment = file.get_assignment(assignment_id)
    respond.check_version(assignment, expected_version)
    return file, assignment


async def settle(desk: Desk, file: CaseFile, statement: str | None = None) -> None:
    """Bring the case in line with its duties; when all are approved, ask the points; queue what must be sent.

    Where what was approved says that the burden cannot be lifted, the case stands unresolved instead, and the
    reporters are told why, with the office's `statement`.
    """
    target = case_status_for(file.assignments, fallback=file.case.status)
    if target is CaseStatus.VERIFYING and file.case.status is CaseStatus.IN_REVIEW and not _approved_now(file):
        # The points let their time lapse and the case waits for the office: no further word of a department asks again.
        target = file.case.status
    if target is file.case.status:
        file.settle_owner()
    elif target is CaseStatus.UNRESOLVED:
        await stand_over(desk, file, statement)
    else:
        file.advance_case(target)
        if target is CaseStatus.VERIFYING:
            await verify.ask_points(file, await desk.reports_on(file))
    await desk.finish(file)


async def prepare_return(numbers: Numbers, now: datetime) -> None:
    """Have a session's number at hand, should the return become a consultation; before the transaction begins."""
    await numbers.reserve(CONSULTATION, now)


async def return_duty(desk: Desk, file: CaseFile, assignment: Assignment, said: Return) -> Consultation | None:
    """退回: the first one brings the case back to the office; there is no second one: it becomes a consultation.

    Answers the session, if one was opened. Raises what `returning.check_return` raises, UnknownDepartment,
    ReturnedBefore or SettledBefore.
    """
    if said.proposed_department:
        desk.city.get_department(said.proposed_department, "proposed_department")
    returning.check_return(file, assignment, said)
    if file.case.returns:
        return await _consult_instead(desk, file, assignment, said)
    returning.return_assignment(file, assignment, said)
    await settle(desk, file)
    return None


async def _consult_instead(desk: Desk, file: CaseFile, assignment: Assignment, said: Return) -> Consultation:
    """会商: bring those together who pass the case to each other; duties on it rest until they agree."""
    if assignment.consultation_id is not None:
        raise returning.SettledBefore
    seats = {desk.city.seat_of(code) for code in await returning.find_concerned(file, assignment, said)}
    if len(seats) < 2:
        raise returning.ReturnedBefore
    if not CASE.allows(file.case.status, CaseStatus.CONSULTING):
        raise IllegalMove(file.case.status, CaseStatus.CONSULTING)
    returning.refuse_return(file, assignment, said)
    file.actor = SYSTEM_ACTOR
    assign.supersede(file)
    file.case.category, file.case.route = Category.MULTI_DEPARTMENT, Route.CONSULTATION
    sitting = await summon(desk, [(file, await desk.reports_on(file))], sorted(seats))
    await desk.finish(file)
    return sitting.consultation


def _approved_now(file: CaseFile) -> bool:
    return any(event.type == "feedback.approved" for event in file.events)


async def review(
    desk: Desk,
    assignment_id: str,
    *,
    accepted: bool,
    comment: str,
    statement: str | None = None,
    expected_version: int | None = None,
) -> tuple[CaseFile, Assignment]:
    """审核: the office accepts what came back or sends it back; where more time was asked for, grants or refuses it.

    `statement` goes to the reporters where the case comes to stand unresolved by it.
    """
    file, assignment = await open_duty(desk, assignment_id, expected_version)
    if assignment.extension is ExtensionState.REQUESTED:
        later = extension.decide_extension(file, assignment, granted=accepted, comment=comment)
        if later is not None:
            interim.tell_extension(file, await desk.reports_on(file), assignment, later)
    else:
        respond.review(file, assignment, accepted=accepted, comment=comment)
    await settle(desk, file, statement)
    return file, assignment
