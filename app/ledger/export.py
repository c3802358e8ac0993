"""台账导出: each case as one line, without anything of who reported: no point, no moment, words masked. Reads only."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from app.access.principal import Principal
from app.directory.city import City
from app.disclosure import disclose_report
from app.ledger.reach import ENOUGH
from app.ledger.search import CaseFilter, conditions_of, scope_cases
from app.models import Assignment, AssignmentRole, Case, Report

CHUNK: Final = 200
# What a line needs of a report; its decision takes longer to read than all of this.
SHOWN: Final = (
    Report.case_id, Report.came_from, Report.observation_point_code, Report.title, Report.text, Report.disclosed_title,
    Report.disclosed_text,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One case. `text` is what departments may read of its first report; `points` is None below five.

    Departments are codes, the lead first; days are the city's.
    """

    number: str
    status: str
    outcome: str | None
    category: str
    burden_types: Sequence[str]
    text: str
    sources: Sequence[str]
    owner_department: str | None
    departments: Sequence[str]
    urgency: str
    opened_on: date
    due_on: date | None
    closed_on: date | None
    returns: int
    relapses: int
    points: int | None


async def read_ledger(
    session: AsyncSession, principal: Principal, city: City, wanted: CaseFilter
) -> AsyncIterator[LedgerLine]:
    """The cases of a selection that the reader may see, by number; in a snapshot they are of one moment."""
    after = ""
    while True:
        chosen = scope_cases(select(Case).where(*conditions_of(wanted), Case.number > after), principal)
        cases = list(await session.scalars(chosen.order_by(Case.number).limit(CHUNK)))
        if not cases:
            return
        after = cases[-1].number
        reports, duties = await _reports_of(session, cases), await duties_of(session, cases)
        for line in await asyncio.to_thread(_to_lines, cases, reports, duties, city):
            yield line
        session.expunge_all()


async def _reports_of(session: AsyncSession, cases: Sequence[Case]) -> Mapping[str, list[Report]]:
    """The reports of each case, oldest first; a merged case has its own, wherever they are now."""
    ids = {case.id for case in cases}
    rows = await session.scalars(
        select(Report)
        .options(load_only(*SHOWN, raiseload=True))
        .where(or_(Report.case_id.in_(ids), Report.came_from.in_(ids)))
        .order_by(Report.received_at, Report.id)
    )
    found: dict[str, list[Report]] = defaultdict(list)
    for report in rows:
        for case_id in {report.case_id, report.came_from} & ids:
            found[str(case_id)].append(report)
    return found


async def duties_of(session: AsyncSession, cases: Sequence[Case]) -> Mapping[str, list[str]]:
    """The departments that have or had a duty on each case, the lead first."""
    rows = await session.execute(
        select(Assignment.case_id, Assignment.department_code)
        .where(Assignment.case_id.in_([case.id for case in cases]))
        .order_by(Assignment.role != AssignmentRole.LEAD, Assignment.dispatched_at, Assignment.id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for case_id, code in rows:
        if code not in found[case_id]:
            found[case_id].append(code)
    return found


async def points_of(session: AsyncSession, cases: Sequence[Case]) -> Mapping[str, int]:
    """How many points report each case, where it is at least five."""
    ids = [case.id for case in cases]
    told = union(
        *(
            select(home.label("case_id"), Report.observation_point_code.label("point")).where(home.in_(ids))
            for home in (Report.case_id, Report.came_from)
        )
    ).subquery()
    counted = select(told.c.case_id, func.count()).group_by(told.c.case_id).having(func.count() >= ENOUGH)
    return {row.case_id: row[1] for row in await session.execute(counted)}


def _to_lines(
    cases: Sequence[Case], reports: Mapping[str, list[Report]], duties: Mapping[str, list[str]], city: City
) -> list[LedgerLine]:
    return [_to_line(case, reports.get(case.id, []), duties.get(case.id, []), city) for case in cases]


def _to_line(case: Case, reports: Sequence[Report], duties: Sequence[str], city: City) -> LedgerLine:
    zone = city.calendar.zone
    points = {report.observation_point_code for report in reports}
    shown = disclose_report(reports[0], city.terms_of_points(points)) if reports else {"title": None, "text": ""}
    facts: dict[str, Any] = {
        name: getattr(case, name)
        for name in ("number", "category", "burden_types", "sources", "owner_department", "returns", "relapses")
    }
    return LedgerLine(
        **facts,
        status=case.status.value,
        outcome=case.outcome.value if case.outcome else None,
        text="\n".join(part for part in (shown["title"], shown["text"]) if part),
        departments=duties,
        urgency=case.urgency.value,
        opened_on=case.opened_at.astimezone(zone).date(),
        due_on=_day(case.due_at, zone),
        closed_on=_day(case.closed_at, zone),
        points=len(points) if len(points) >= ENOUGH else None,
    )


def _day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    return moment.astimezone(zone).date() if moment else None
