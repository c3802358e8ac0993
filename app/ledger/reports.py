"""What became of a report: for its own point, and for the office."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.ledger.clocks import clocks_of
from app.models import (
    Act,
    ActKind,
    Assignment,
    AssignmentStatus,
    Blocker,
    Case,
    CaseStatus,
    LookBack,
    LookBackAnswer,
    Reply,
    Report,
)
from app.problems import NotFound

# By the state of a duty, the acts on it that its reporters may know of.
_KNOWN = {
    AssignmentStatus.FORWARDED: (ActKind.FORWARDING,),
    AssignmentStatus.APPROVED: (ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY),
}


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A report, the case it sits in, and what it was answered, oldest reply first.

    `forwardings` are those whose answer from the province is awaited; `measures` the answers the point is asked about
    while its case is verified. Both with the duty they are on. `look_backs` are its point's at the case.
    `provisional`: a running clock rests on days not announced yet. `waiting_for`: what paused clocks wait for, and
    until when at the latest.
    """

    report: Report
    case: Case
    replies: list[Reply]
    forwardings: Sequence[tuple[Assignment, Act]] = field(default_factory=list)
    measures: Sequence[tuple[Assignment, Act]] = field(default_factory=list)
    provisional: bool = False
    waiting_for: Sequence[tuple[Blocker, datetime]] = ()
    look_backs: Sequence[LookBack] = field(default_factory=list)


async def get_report(session: AsyncSession, principal: Principal, number: str) -> ReportRecord:
    """The report with that number, a reporter's own point's only; raises NotFound either way."""
    statement = select(Report, Case).join(Case, Case.id == Report.case_id).where(Report.number == number)
    if not principal.is_office:
        statement = statement.where(Report.observation_point_code == principal.observation_point)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound
    report, case = row
    replies = await session.scalars(select(Reply).where(Reply.report_id == report.id).order_by(Reply.sent_at))
    look_backs = await session.scalars(
        select(LookBack)
        .join(Report, Report.id == LookBack.report_id)
        .where(
            LookBack.case_id == case.id,
            Report.observation_point_code == report.observation_point_code,
            or_(LookBack.answer.is_(None), LookBack.answer != LookBackAnswer.WITHDRAWN),
        )
        .order_by(LookBack.due_at, LookBack.id)
    )
    verifying = case.status is CaseStatus.VERIFYING
    clocks = [row for row in await clocks_of(session, case) if row.deadline.ended_at is None]
    return ReportRecord(
        report,
        case,
        list(replies),
        look_backs=list(look_backs),
        forwardings=await _newest_acts(session, case, AssignmentStatus.FORWARDED),
        measures=await _newest_acts(session, case, AssignmentStatus.APPROVED) if verifying else [],
        provisional=any(row.deadline.provisional for row in clocks),
        waiting_for=[(row.pause.blocker, row.deadline.due_at) for row in clocks if row.pause is not None],
    )


async def _newest_acts(session: AsyncSession, case: Case, status: AssignmentStatus) -> list[tuple[Assignment, Act]]:
    """The newest act of the kinds that matter on each duty of a case in that state, by department."""
    rows = await session.execute(
        select(Assignment, Act)
        .join(Act, Act.assignment_id == Assignment.id)
        .where(Assignment.case_id == case.id, Assignment.status == status, Act.kind.in_(_KNOWN[status]))
        .order_by(Assignment.department_code, Act.done_at, Act.id)
    )
    newest = {duty.id: (duty, act) for duty, act in rows}
    return list(newest.values())
