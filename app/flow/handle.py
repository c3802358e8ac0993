"""办: a department acts on its duty, the office reviews what came back; the case follows its duties."""

from sqlalchemy import select

from app.casefile import CaseFile
from app.feedback import respond
from app.flow.desk import Desk
from app.lifecycle import case_status_for
from app.models import Assignment, CaseStatus
from app.problems import NotFound
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


async def settle(desk: Desk, file: CaseFile) -> None:
    """Bring the case in line with its duties; when all are approved, ask the points; queue what must be sent."""
    target = case_status_for(file.assignments, fallback=file.case.status)
    if target is CaseStatus.VERIFYING and file.case.status is CaseStatus.IN_REVIEW and not _approved_now(file):
        # The points let their time lapse and the case waits for the office: no further word of a department asks again.
        target = file.case.status
    if target is file.case.status:
        file.settle_owner()
    else:
        file.advance_case(target)
        if target is CaseStatus.VERIFYING:
            verify.ask_points(file, await desk.reports_on(file))
    await desk.finish(file)


def _approved_now(file: CaseFile) -> bool:
    return any(event.type == "feedback.approved" for event in file.events)


async def review(
    desk: Desk, assignment_id: str, *, accepted: bool, comment: str, expected_version: int | None = None
) -> tuple[CaseFile, Assignment]:
    """审核: the office accepts what came back, or sends it back to the department."""
    file, assignment = await open_duty(desk, assignment_id, expected_version)
    respond.review(file, assignment, accepted=accepted, comment=comment)
    await settle(desk, file)
    return file, assignment
