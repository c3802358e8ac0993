"""督 → 销: the points say whether the burden is really gone. All yes strikes the case off; the first no sends it back.

From the second no on the same case the office decides, so that nothing goes round for ever.
"""

from collections.abc import Sequence

from sqlalchemy import select

from app.casefile import CaseFile, live_assignments
from app.feedback import respond
from app.flow.desk import CaseChanged, Desk
from app.flow.strike_off import strike_off
from app.models import CaseOutcome, CaseStatus, Report
from app.problems import NotFound
from app.supervise import verify

NOT_RELIEVED = "观测点核实：负担尚未减下来，请继续整改。"


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
    report = next((r for r in reports if r.number == report_number), None)
    if report is None:
        # It was moved to another case while this waited for the lock.
        raise CaseChanged(file.case.last_seq)
    verify.answer(file, report, relieved=relieved, comment=comment)
    if not relieved:
        verify.end_round(reports)
    if not relieved and verify.is_office_to_decide(file):
        verify.hand_to_office(file)
    elif not relieved:
        for duty in live_assignments(file.assignments):
            respond.send_back(file, duty, NOT_RELIEVED)
        file.advance_case(CaseStatus.IN_PROGRESS)
    else:
        await close_if_relieved(file, reports)
    await desk.finish(file)
    return report


async def close_if_relieved(file: CaseFile, reports: Sequence[Report]) -> None:
    """Strike the case off where every point on it has said yes."""
    if file.case.status is CaseStatus.VERIFYING and verify.all_relieved(reports):
        await strike_off(file, reports, outcome=CaseOutcome.RELIEVED)
