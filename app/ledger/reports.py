"""What became of a report: for its own point, and for the office."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.ledger.clocks import clocks_of
from app.models import Blocker, Case, Reply, Report
from app.problems import NotFound


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A report, the case it sits in, and what it was answered, oldest reply first.

    `provisional`: a running clock rests on days not announced yet. `waiting_for`: what paused clocks wait for, and
    until when at the latest.
    """

    report: Report
    case: Case
    replies: list[Reply]
    provisional: bool = False
    waiting_for: Sequence[tuple[Blocker, datetime]] = ()


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
    clocks = [row for row in await clocks_of(session, case) if row.deadline.ended_at is None]
    return ReportRecord(
        report,
        case,
        list(replies),
        provisional=any(row.deadline.provisional for row in clocks),
        waiting_for=[(row.pause.blocker, row.deadline.due_at) for row in clocks if row.pause is not None],
    )
