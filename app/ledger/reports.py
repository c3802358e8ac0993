"""What became of a report: for its own point, and for the office."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
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
    VerificationStatus,
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


@dataclass(frozen=True, slots=True)
class Question:
    """What a point is asked about one of its reports, and by when its answer counts.

    `look_back` is None for 核实: whether the burden is gone; else it is asked whether it has stayed away.
    """

    report: Report
    answer_by: datetime | None
    look_back: LookBack | None = None


def _own(principal: Principal) -> ColumnElement[bool]:
    return Report.observation_point_code == principal.observation_point


async def open_questions(session: AsyncSession, principal: Principal) -> list[Question]:
    """What waits for a point's answer, those that run out first in front."""
    asked = await session.execute(
        select(Report, Case.due_at)
        .join(Case, Case.id == Report.case_id)
        .where(
            _own(principal),
            Report.verification == VerificationStatus.ASKED,
            Case.status == CaseStatus.VERIFYING,
        )
    )
    looking = await session.execute(
        select(Report, LookBack)
        .join(LookBack, LookBack.report_id == Report.id)
        .where(_own(principal), LookBack.asked_at.is_not(None), LookBack.ended_at.is_(None))
    )
    questions = [Question(report, due) for report, due in asked]
    questions += [Question(report, look.answer_by, look) for report, look in looking]
    return sorted(questions, key=lambda q: (q.answer_by is None, q.answer_by, q.report.number))


async def page_reports(
    session: AsyncSession, principal: Principal, *, text: str = "", is_open: bool | None = None, offset: int, limit: int
) -> tuple[list[tuple[Report, Case]], int]:
    """A point's own reports with their cases, newest first, and how many there are.

    Args:
        text: what the number or the words contain; empty for all.
        is_open: of cases still open, or of closed ones; None for all.
    """
    conditions = [_own(principal)]
    if text:
        said = (Report.number, Report.title, Report.text)
        conditions.append(or_(*(column.contains(text, autoescape=True) for column in said)))
    if is_open is not None:
        conditions.append((Case.status != CaseStatus.CLOSED) if is_open else (Case.status == CaseStatus.CLOSED))
    joined = select(Report, Case).join(Case, Case.id == Report.case_id).where(*conditions)
    total = await session.scalar(joined.with_only_columns(func.count())) or 0
    newest = Report.received_at.desc(), Report.id.desc()
    rows = await session.execute(joined.order_by(*newest).offset(offset).limit(limit))
    return [(report, case) for report, case in rows], total


async def get_report(session: AsyncSession, principal: Principal, number: str) -> ReportRecord:
    """The report with that number, a reporter's own point's only; raises NotFound either way."""
    statement = select(Report, Case).join(Case, Case.id == Report.case_id).where(Report.number == number)
    if not principal.is_office:
        statement = statement.where(_own(principal))
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
