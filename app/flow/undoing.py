"""撤回裁定: whoever has just ruled takes it back, while no department has done anything with it."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select

from app.casefile import CaseFile, live_assignments
from app.classify import Decision
from app.flow.desk import Desk
from app.models import AssignmentStatus, CaseStatus, Ruling
from app.problems import Conflict
from app.route import assign

UNDONE_WITHIN: Final = timedelta(minutes=10)


class CannotUndo(Conflict):
    code = "cannot_undo"
    title_zh, title_en = "不能撤回裁定", "The ruling cannot be taken back"

    def __init__(self) -> None:
        super().__init__(
            "裁定只能由本人在十分钟内、单位尚未办理时撤回。请到事项页改派。",
            "A ruling is taken back by whoever made it, within ten minutes and before a department acts. "
            "Rule again on the case's page.",
        )


async def take_back_ruling(desk: Desk, case_number: str, *, expected_version: int | None = None) -> CaseFile:
    """The case waits in triage again; its departments are told that their duty ended. Raises CannotUndo.

    What the reporter was promised falls away where this ruling promised it.
    """
    file = await desk.open_numbered(case_number, expected_version)
    last = await desk.session.scalar(
        select(Ruling).where(Ruling.case_id == file.case.id).order_by(Ruling.ruled_at.desc(), Ruling.id.desc()).limit(1)
    )
    live = live_assignments(file.assignments)
    untouched = all(duty.status is AssignmentStatus.DISPATCHED for duty in live)
    if file.case.status is not CaseStatus.DISPATCHED or last is None or not untouched:
        raise CannotUndo
    if last.ruled_by != desk.principal.holder or desk.now - last.ruled_at > UNDONE_WITHIN:
        raise CannotUndo
    decision = Decision.from_dict((await desk.reports_on(file))[0].decision)
    first = len(live) == len(file.assignments)
    assign.supersede(file)
    file.case.category, file.case.route = decision.category, decision.route
    file.advance_case(CaseStatus.TRIAGE)
    if first:
        file.case.answer_due_at = None
    file.record("ruling.taken_back", {"ruling": last.id})
    await desk.finish(file)
    return file
