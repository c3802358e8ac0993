"""What became of a report: for its own point, and for the office."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.models import Case, LookBack, LookBackAnswer, Reply, Report
from app.problems import NotFound


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A report, the case it sits in, what it was answered, and its point's looks back at the case; oldest first."""

    report: Report
    case: Case
    replies: list[Reply]
    look_backs: list[LookBack]


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
    return ReportRecord(report, case, list(replies), list(look_backs))
