"""What can be learnt from the ledger: reports whose department a person has ruled, or has lifted the burden unopposed.
And all past reports, to be decided once more in a back-test, or with the decision they had.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Assignment,
    AssignmentRole,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    Event,
    ObservationPoint,
    Precedent,
    Report,
    Ruling,
)

# Several departments share the matter: their text is of no single line.
_SEVERAL = "multi_department"
_PAGE = 500
# Duties that were sent back or given to another.
NOT_LASTING = (AssignmentStatus.RETURNED, AssignmentStatus.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A report and the department that leads on it; `ruled` by the office, or else settled without objection."""

    title: str | None
    text: str
    point: str
    department: str
    ruled: bool


@dataclass(frozen=True, slots=True)
class PastReport:
    """A report as it was sent."""

    number: str
    title: str | None
    text: str
    point: str
    declared_departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandledReport(PastReport):
    """The same with the case it is on and who has or had a lasting duty there, the lead first."""

    id: str
    case: str
    handled_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecidedReport:
    """A report with the decision it had, and the number of the case it is on."""

    id: str
    number: str
    case: str
    text: str
    point: str
    decision: dict[str, Any]


async def read_lessons(session: AsyncSession) -> list[Lesson]:
    """All lessons, oldest report first. What was ruled last counts; a case that was returned or reopened teaches only
    by its ruling."""
    ruled = await _ruled_leads(session)
    leads = await _unopposed_leads(session) | ruled
    rows = await session.execute(
        select(Report.case_id, Report.title, Report.text, Report.observation_point_code).order_by(Report.id)
    )
    return [
        Lesson(title, text, point, leads[case_id], case_id in ruled)
        for case_id, title, text, point in rows
        if leads.get(case_id)
    ]


async def _ruled_leads(session: AsyncSession) -> dict[str, str]:
    """Case to the department that leads under the last ruling that names any; to '' where several lines share it.

    What was taken back teaches nothing.
    """
    undone = select(Event.case_id, func.max(Event.happened_at)).where(Event.type == "ruling.taken_back")
    taken_back = {row[0]: row[1] for row in await session.execute(undone.group_by(Event.case_id))}
    rows = await session.execute(
        select(Ruling.case_id, Ruling.category, Ruling.receivers, Ruling.ruled_at).order_by(Ruling.ruled_at, Ruling.id)
    )
    leads: dict[str, str] = {}
    for case_id, category, receivers, ruled_at in rows:
        if receivers and not (case_id in taken_back and ruled_at <= taken_back[case_id]):
            leading = [r["code"] for r in receivers if r["role"] == AssignmentRole.LEAD]
            leads[case_id] = "" if category == _SEVERAL else (leading or [receivers[0]["code"]])[0]
    return leads


async def _unopposed_leads(session: AsyncSession) -> dict[str, str]:
    """Cases the machine decided, no department returned, no person touched, and the points called relieved."""
    statement: Select[str, str] = (
        select(Case.id, Assignment.department_code)
        .join(Assignment, Assignment.case_id == Case.id)
        .where(
            Case.status == CaseStatus.CLOSED,
            Case.outcome == CaseOutcome.RELIEVED,
            Case.returns == 0,
            Case.relapses == 0,
            Case.category != _SEVERAL,
            Assignment.role == AssignmentRole.LEAD,
            Assignment.status == AssignmentStatus.CLOSED,
            ~exists().where(Ruling.case_id == Case.id),
        )
        .order_by(Case.id, Assignment.id)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def read_past_reports(session: AsyncSession) -> AsyncIterator[PastReport]:
    """Every report, oldest first, a page at a time."""
    last = ""
    while True:
        rows = await session.execute(
            select(
                Report.id, Report.number, Report.title, Report.text, Report.observation_point_code,
                Report.declared_departments,
            )
            .where(Report.id > last)
            .order_by(Report.id)
            .limit(_PAGE)
        )  # fmt: skip
        page = rows.all()
        for _, number, title, text, point, declared in page:
            yield PastReport(number, title, text, point, tuple(declared))
        if len(page) < _PAGE:
            return
        last = page[-1][0]


async def read_decided(session: AsyncSession, *, since: datetime, after: str, but_not: str) -> list[DecidedReport]:
    """A page of the reports received since then, oldest first, after the one with that id; without those of the case
    that made the precedent `but_not`."""
    own = select(Precedent.case_id).where(Precedent.number == but_not)
    rows = await session.execute(
        select(Report.id, Report.number, Case.number, Report.text, Report.observation_point_code, Report.decision)
        .join(Case, Case.id == Report.case_id)
        .where(Report.received_at >= since, Report.id > after, Report.case_id.not_in(own))
        .order_by(Report.id)
        .limit(_PAGE)
    )
    return [DecidedReport(*row) for row in rows]


async def count_since(session: AsyncSession, since: datetime) -> int:
    """How many reports came in since then; by the index over points and moments alone."""
    of_all = Report.observation_point_code.in_(select(ObservationPoint.code))
    counted = select(func.count()).select_from(Report).where(of_all, Report.received_at >= since)
    return await session.scalar(counted) or 0


async def read_newest(session: AsyncSession, *, since: datetime, after: str | None, limit: int) -> list[HandledReport]:
    """Reports received since then, the newest first, those older than the one with that id."""
    wanted = select(
        Report.number, Report.title, Report.text, Report.observation_point_code, Report.declared_departments,
        Report.id, Report.case_id, Case.number,
    ).join(Case, Case.id == Report.case_id)  # fmt: skip
    wanted = wanted.where(Report.received_at >= since).order_by(Report.id.desc()).limit(limit)
    rows = (await session.execute(wanted if after is None else wanted.where(Report.id < after))).all()
    duties = await session.execute(
        select(Assignment.case_id, Assignment.department_code)
        .where(Assignment.case_id.in_({row[6] for row in rows}), Assignment.status.not_in(NOT_LASTING))
        .order_by(Assignment.role != AssignmentRole.LEAD, Assignment.dispatched_at, Assignment.id)
    )
    handled: dict[str, dict[str, None]] = {}
    for case_id, department in duties:
        handled.setdefault(case_id, {})[department] = None
    return [
        HandledReport(number, title, text, point, tuple(declared), report_id, case, tuple(handled.get(case_id, ())))
        for number, title, text, point, declared, report_id, case_id, case in rows
    ]
