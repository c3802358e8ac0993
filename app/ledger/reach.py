"""How far a case reaches: points, districts, hours. Facts only: nothing here ranks anybody. And what may be the same.

A department learns at most how many points there are, and only from `ENOUGH` on: fewer might tell who reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.pack import ObservationPoint
from app.models import Case, CaseStatus, Report, SimilarPair

ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Reach:
    """Of a case with its reports.

    Attributes:
        hours_per_month: the sum over points, of each the largest it named; None where no point named any.
        first_day, latest_day: local days on which reports came in; None where there is no report.
    """

    reports: int
    points: int
    districts: tuple[str, ...]
    hours_per_month: float | None
    first_day: date | None
    latest_day: date | None


def reach_of(reports: Sequence[Report], points: Mapping[str, ObservationPoint], zone: ZoneInfo) -> Reach:
    """What a case's reports add up to."""
    hours: dict[str, float] = {}
    for report in reports:
        if report.hours_per_month is not None:
            code = report.observation_point_code
            hours[code] = max(hours.get(code, 0.0), report.hours_per_month)
    codes = {report.observation_point_code for report in reports}
    days = sorted(report.received_at.astimezone(zone).date() for report in reports)
    return Reach(
        reports=len(reports),
        points=len(codes),
        districts=tuple(sorted({points[code].district for code in codes if code in points})),
        hours_per_month=sum(hours.values()) if hours else None,
        first_day=days[0] if days else None,
        latest_day=days[-1] if days else None,
    )


async def count_points_for_department(session: AsyncSession, case: Case) -> int | None:
    """How many points report this burden; None where so few would point at somebody."""
    points = await session.scalar(
        select(func.count(func.distinct(Report.observation_point_code))).where(Report.case_id == case.id)
    )
    return points if points is not None and points >= ENOUGH else None


async def find_similar(session: AsyncSession, case: Case) -> list[tuple[SimilarPair, Case]]:
    """Open cases that may be the same burden, the most alike first; none that the office has told apart from it."""
    if case.status is CaseStatus.CLOSED:
        return []
    mine = or_(
        (SimilarPair.first_id == case.id) & (Case.id == SimilarPair.second_id),
        (SimilarPair.second_id == case.id) & (Case.id == SimilarPair.first_id),
    )
    rows = await session.execute(
        select(SimilarPair, Case)
        .join(Case, mine)
        .where(
            or_(SimilarPair.first_id == case.id, SimilarPair.second_id == case.id),
            SimilarPair.parted.is_(False),
            SimilarPair.score > 0,
            Case.status != CaseStatus.CLOSED,
        )
        .order_by(SimilarPair.score.desc(), Case.id)
    )
    return [(pair, found) for pair, found in rows]


@dataclass(frozen=True, slots=True)
class Merges:
    """How a case stands to others: the number of the one it was merged into, those merged into it, and where each of
    its reports came from (report number to case number)."""

    into: str | None
    merged: list[str]
    origins: dict[str, str]


async def read_merges(session: AsyncSession, case: Case) -> Merges:
    into = await session.scalar(select(Case.number).where(Case.id == case.merged_into)) if case.merged_into else None
    merged = await session.scalars(select(Case.number).where(Case.merged_into == case.id).order_by(Case.number))
    origins = await session.execute(
        select(Report.number, Case.number).join(Case, Case.id == Report.came_from).where(Report.case_id == case.id)
    )
    return Merges(into, list(merged), {row[0]: row[1] for row in origins})
