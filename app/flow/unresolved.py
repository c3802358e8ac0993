"""挂账待解: a case whose burden cannot be lifted for now stands over: not closed, not hidden, and come back to.

It begins when the office accepts an answer that says so (by review), or by the office's own decision.
"""

from app.access.principal import Permission, Principal
from app.casefile import CaseFile, live_assignments
from app.close import unresolved
from app.feedback.rectification import Because
from app.flow.desk import Desk
from app.lifecycle import CASE, IllegalMove
from app.models import CaseStatus
from app.problems import InvalidInput
from app.route.triage import record_ruling


class ReasonMissing(InvalidInput):
    code = "reason_missing"
    title_zh, title_en = "缺少办结理由", "The reason for ending it is missing"

    def __init__(self) -> None:
        super().__init__(
            "挂账待解的事项，办结须写明理由(reason)，理由存档备查。",
            "A case that stands unresolved is ended with a `reason` only; it is kept on the record.",
            errors=[{"field": "reason", "zh": "必填", "en": "is required"}],
        )


async def stand_over(desk: Desk, file: CaseFile, statement: str | None = None) -> None:
    """Leave a case unresolved on what its departments said and the office has accepted."""
    accounts = await unresolved.collect_accounts(file, live_assignments(file.assignments))
    because = [account.because for account in accounts if account.because]
    reports = await desk.reports_on(file)
    unresolved.leave_unresolved(file, reports, accounts, because=because, statement=statement)


async def leave_unresolved(
    desk: Desk,
    case_number: str,
    *,
    because: Because,
    statement: str,
    term: int | None = None,
    expected_version: int | None = None,
) -> CaseFile:
    """The office itself leaves a case unresolved, or leaves it so once more when it comes back to it (再议).

    Raises IllegalMove unless the case is in review or stands unresolved.
    """
    file = await desk.open_numbered(case_number, expected_version)
    if not CASE.allows(file.case.status, CaseStatus.UNRESOLVED):
        raise IllegalMove(file.case.status, CaseStatus.UNRESOLVED)
    accounts = await unresolved.collect_accounts(file, live_assignments(file.assignments))
    reports = await desk.reports_on(file)
    unresolved.leave_unresolved(file, reports, accounts, because=[because], statement=statement, term=term)
    await desk.finish(file)
    return file


def check_ending(file: CaseFile, principal: Principal, reason: str | None) -> None:
    """A case that stands unresolved is ended by a leader and with a reason. Raises NotAllowed or ReasonMissing."""
    if file.case.status is not CaseStatus.UNRESOLVED:
        return
    principal.require(Permission.END_UNRESOLVED)
    if not reason or not reason.strip():
        raise ReasonMissing


def keep_reason(file: CaseFile, principal: Principal, reason: str) -> None:
    """The leader's decision is kept as a ruling, without receivers, like that of a reopening."""
    record_ruling(
        file, ruled_by=principal.holder, category=file.case.category, duties=[], reason=reason, overrules=False
    )
