"""回潮: a case whose burden came back returns to the ledger, straight to those who had it last."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.close import reopen as reopening
from app.flow.desk import Desk
from app.models import Assignment, CaseStatus, Report
from app.route import assign
from app.route.policy import Duty
from app.supervise import look_back, relapse


async def put_back(desk: Desk, file: CaseFile, reports: Sequence[Report], *, because: str, report: str) -> None:
    """Reopen a relapsed case under its old number, with new duties and new clocks for those who had it last.

    Not by way of triage: who is responsible was settled, and done or answered once. Where no department had the case,
    or one of them has left the directory, the office rules.
    """
    last = await relapse.last_duties(file)
    if any(duty.department_code not in desk.city.departments for duty in last):
        last = []
    relapse.note_relapse(file, because=because, report=report)
    await look_back.withdraw(file)
    reopening.reopen_relapsed(file, last)
    if last:
        assign.dispatch(file, [_again(duty) for duty in last], texts=desk.masked(reports))
        file.advance_case(CaseStatus.DISPATCHED)


def _again(duty: Assignment) -> Duty:
    return Duty(duty.department_code, duty.role, tuple(duty.on_behalf_of), duty.obligation)
