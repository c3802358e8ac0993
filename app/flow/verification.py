"""督 → 销: the points say whether the burden is really gone. All yes strikes the case off; one no sends it back."""

from sqlalchemy import select

from app.casefile import live_assignments
from app.feedback import respond
from app.flow.desk import Desk
from app.flow.strike_off import strike_off
from app.models import CaseOutcome, CaseStatus, Report
from app.problems import NotFound
from app.supervise import verify

NOT_RELIEVED = "观测点核实:负担尚未减下来,请继续整改。"


async def answer_verification(desk: Desk, report_number: str, *, relieved: bool, comment: str | None) -> Report:
    """Take one point's answer. Raises NotFound, or `verify.NotAsked`."""
    statement = select(Report.case_id).where(Report.number == report_number)
    if not desk.principal.is_office:
        statement = statement.where(Report.observation_point_code == desk.principal.observation_point)
    case_id = await desk.session.scalar(statement)
    if case_id is None:
        raise NotFound
    file = await desk.open_file(case_id)
    reports = await desk.reports_on(file)
    report = next(r for r in reports if r.number == report_number)
    verify.answer(file, report, relieved=relieved, comment=comment)
    if not relieved:
        for duty in live_assignments(file.assignments):
            respond.send_back(file, duty, NOT_RELIEVED)
        file.advance_case(CaseStatus.IN_PROGRESS)
    elif verify.all_relieved(reports):
        await strike_off(file, reports, outcome=CaseOutcome.RELIEVED)
    await desk.finish(file)
    return report
