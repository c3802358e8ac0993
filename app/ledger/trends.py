"""趋势, 纵向对比: one unit month by month against its own past. Reads only; it never looks at two units at once.

Months are the city's. What a month is held against are up to twelve whole months before it: never the one in which the
unit's record begins, never the one that still runs. Medians and quartiles are those of a spreadsheet (QUARTILE.INC).
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import fsum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, case, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.deadlines import Calendar
from app.ledger import city_counts
from app.ledger.durations import Durations, durations_by_day, durations_of
from app.ledger.lessons import NOT_LASTING
from app.ledger.reach import ENOUGH
from app.models import Assignment, Case, CaseOutcome, ObservationPoint, Report

SHOWN: Final = 24
PAST: Final = 12
# Fewer say nothing of what is usual: whole months for counts and hours, cases for how long it took.
LEAST_MONTHS: Final = 6
LEAST_CASES: Final = 5
CHUNK: Final = 2000


class MonthState(StrEnum):
    """Whether a month can be held against others: in the first the record begins, the current one still runs."""

    FIRST = "first"
    WHOLE = "whole"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Unit:
    """Whose past: a department's duties, a point's reports, or the city's where neither is given."""

    department: str | None = None
    point: str | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """What was usual: the median, and the quartiles below and above it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a unit.

    Attributes:
        month: its first day. reports: received in it; points: from how many points.
        burdens: cases opened in it, by burden type; one with two types counts under both.
        relieved: cases struck off in it whose burden is gone, and has not come back as another case since.
        hours: a month, that points said those burdens cost; of each point on a case the largest. hours_stated: on how
            many of these cases a point named hours; hours_points: how many points. hours_total: with all months before.
        days, working_days: median from opening to striking off; None where nothing was relieved.
    """

    month: date
    state: MonthState
    reports: int
    points: int
    reports_before: Band | None
    burdens: Mapping[str, int]
    relieved: int
    hours: float
    hours_stated: int
    hours_points: int
    hours_total: float
    hours_before: Band | None
    days: float | None
    working_days: float | None
    working_days_before: Band | None

    @property
    def tells_no_point(self) -> bool:
        """Whether its reports may be told to whoever must not learn who reported."""
        return not 0 < self.points < ENOUGH

    @property
    def hours_tell_no_point(self) -> bool:
        return not 0 < self.hours_points < ENOUGH


@dataclass(frozen=True, slots=True)
class Trend:
    """A unit's months, the oldest first; empty where nothing of it is on record. `since`: when its record begins."""

    unit: Unit
    since: date | None = None
    months: Sequence[Month] = ()
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The months that are read, whole ones of the city's time; `borders` has their starts and the last one's end."""

    months: Sequence[date]
    borders: Sequence[datetime]

    @classmethod
    def between(cls, first: date, last: date, zone: ZoneInfo) -> "Window":
        months = [first]
        while months[-1] < last:
            months.append(later(months[-1], 1))
        starts = [*months, later(months[-1], 1)]
        return cls(months, [datetime.combine(day, time.min, zone).astimezone(UTC) for day in starts])

    def index_of(self, moment: Any) -> ColumnElement[int]:
        """The place of the month in which a moment lies, in SQL; -1 for what was before."""

        def choose(least: int, most: int) -> ColumnElement[int]:
            if least == most:
                return literal_column(str(least - 1), Integer)
            middle = (least + most) // 2
            return case((moment < self.borders[middle], choose(least, middle)), else_=choose(middle + 1, most))

        return choose(0, len(self.borders))

    def holds(self, moment: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return moment >= self.borders[0], moment < self.borders[-1]


class seconds(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """A moment in whole seconds since 1970: a fraction of what a datetime costs where there are a hundred thousand."""

    type = BigInteger()
    inherit_cache = True


@compiles(seconds)
def _in_standard_sql(element: seconds, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {compiler.process(element.clauses, **options)})) AS BIGINT)"


@compiles(seconds, "sqlite")
def _in_sqlite(element: seconds, compiler: SQLCompiler, **options: Any) -> str:
    """Without the fraction, which SQLite would round: the last millisecond of a month is not the next one's."""
    return f"CAST(strftime('%s', substr({compiler.process(element.clauses, **options)}, 1, 19)) AS INTEGER)"


def later(month: date, count: int) -> date:
    """The first day of the month so many after that one."""
    year, number = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(year, number + 1, 1)


def month_of(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date().replace(day=1)


async def read_trend(session: AsyncSession, unit: Unit, calendar: Calendar, now: datetime) -> Trend:
    """The last two years of a unit, with the month that still runs; in a snapshot, so that all is of one moment."""
    since = await _first_report(session, unit)
    current = month_of(now, calendar.zone)
    if since is None or month_of(since, calendar.zone) > current:
        return Trend(unit)
    first = month_of(since, calendar.zone)
    window = Window.between(max(first, later(current, -SHOWN - PAST)), current, calendar.zone)
    months = _Months(window, first)
    await _count_reports(session, unit, window, months)
    await _count_burdens(session, unit, window, months)
    await _add_hours(session, unit, window, months)
    months.durations = await _read_durations(session, unit, window, calendar)
    return Trend(unit, since.astimezone(calendar.zone).date(), months.last(SHOWN + 1), now)


# ── what is a unit's ──


def _own_cases(department: str) -> Any:
    return select(Assignment.case_id).where(
        Assignment.department_code == department, Assignment.status.not_in(NOT_LASTING)
    )


def _reports_of(unit: Unit) -> list[Any]:
    """Conditions over reports. All points by name: their index then serves the city too."""
    if unit.department is not None:
        return [Report.case_id.in_(_own_cases(unit.department))]
    if unit.point is not None:
        return [Report.observation_point_code == unit.point]
    return [Report.observation_point_code.in_(select(ObservationPoint.code))]


def _cases_of(unit: Unit) -> list[Any]:
    if unit.department is not None:
        return [Case.id.in_(_own_cases(unit.department))]
    if unit.point is not None:
        return [Case.id.in_(select(Report.case_id).where(Report.observation_point_code == unit.point))]
    return []


def _relieved(unit: Unit) -> list[Any]:
    """Cases whose burden is gone: struck off as relieved, and no later case says that it came back."""
    follower = aliased(Case)
    return [
        *_cases_of(unit),
        # Written out as the index has it; with a parameter SQLite would not use it.
        Case.outcome == literal_column(f"'{CaseOutcome.RELIEVED.value}'"),
        Case.id.not_in(select(follower.relapse_of).where(follower.relapse_of.is_not(None))),
    ]


async def _first_report(session: AsyncSession, unit: Unit) -> datetime | None:
    if unit != Unit():
        return await session.scalar(select(func.min(Report.received_at)).where(*_reports_of(unit)))
    # Of each point the first by its index: nothing else is read.
    of_point = select(func.min(Report.received_at)).where(Report.observation_point_code == ObservationPoint.code)
    firsts = await session.scalars(select(of_point.scalar_subquery()).select_from(ObservationPoint))
    return min((first for first in firsts if first is not None), default=None)


# ── counting, all of it in the database ──


async def _count_reports(session: AsyncSession, unit: Unit, window: Window, months: "_Months") -> None:
    if unit == Unit():
        for place, _, count in await city_counts.count_reports(session, window.borders):
            if count:
                months.reports[place] += count
                months.points[place] += 1
        return
    point = Report.observation_point_code.label("point")
    received = (
        select(window.index_of(Report.received_at).label("month"), point)
        .where(*_reports_of(unit), *window.holds(Report.received_at))
        .subquery()
    )
    counted = select(received.c.month, func.count(), func.count(func.distinct(received.c.point)))
    for month, reports, points in await session.execute(counted.group_by(received.c.month)):
        months.reports[month], months.points[month] = reports, points


async def _count_burdens(session: AsyncSession, unit: Unit, window: Window, months: "_Months") -> None:
    if unit == Unit():
        behind = max(0, len(window.months) - SHOWN - 1)
        for place, codes, count in await city_counts.count_burdens(session, window.borders[behind:]):
            for code in codes:
                months.burdens[place + behind][code] += count
        return
    opened = (
        select(window.index_of(Case.opened_at).label("month"), cast(Case.burden_types, Text).label("types"))
        .where(*_cases_of(unit), Case.merged_into.is_(None), *window.holds(Case.opened_at))
        .subquery()
    )
    counted = select(opened.c.month, opened.c.types, func.count()).group_by(opened.c.month, opened.c.types)
    for month, types, count in await session.execute(counted):
        for code in json.loads(types):
            months.burdens[month][code] += count


async def _add_hours(session: AsyncSession, unit: Unit, window: Window, months: "_Months") -> None:
    """Of each point on a case the largest that it named, as everywhere; the total has what was before the window."""
    month = window.index_of(Case.closed_at).label("month")
    point = Report.observation_point_code
    conditions = [*_relieved(unit), Report.hours_per_month.is_not(None), Case.closed_at < window.borders[-1]]
    if unit.point is not None:
        conditions.append(point == unit.point)
    largest = select(month, func.max(Report.hours_per_month).label("hours"))
    each = largest.join(Report, Report.case_id == Case.id).where(*conditions).group_by(Case.id, point).subquery()
    sums: dict[int, list[float]] = defaultdict(list)
    for place, hours, times in await session.execute(
        select(each.c.month, each.c.hours, func.count()).group_by(each.c.month, each.c.hours)
    ):
        sums[place].append(hours * times)
    months.hours = {place: fsum(values) for place, values in sums.items()}
    if not sums:
        return
    who = select(month, Case.id.label("case"), point.label("point")).join(Report, Report.case_id == Case.id)
    named = who.where(*conditions).subquery()
    stated = select(
        named.c.month, func.count(func.distinct(named.c.case)), func.count(func.distinct(named.c.point))
    ).group_by(named.c.month)
    for place, cases, points in await session.execute(stated):
        months.hours_stated[place], months.hours_points[place] = cases, points


async def _read_durations(session: AsyncSession, unit: Unit, window: Window, calendar: Calendar) -> list[Durations]:
    """How long the relieved cases of each month took; the rows come in small pieces, so that others get their turn."""
    if unit == Unit() and (days := await _days_of_all(session, window, calendar.zone)):
        found = await city_counts.list_durations(session, days, _relieved(unit), window.borders[0])
        return await asyncio.to_thread(durations_by_day, found, days, window.months, calendar)
    pairs: Counter[tuple[int, int]] = Counter()
    rows = await session.stream(
        select(seconds(Case.opened_at), seconds(Case.closed_at)).where(*_relieved(unit), *window.holds(Case.closed_at))
    )
    async for piece in rows.partitions(CHUNK):
        pairs.update((opened, closed) for opened, closed in piece)
    return await asyncio.to_thread(durations_of, pairs, window.months, later(window.months[-1], 1), calendar)


async def _days_of_all(session: AsyncSession, window: Window, zone: ZoneInfo) -> Sequence[datetime]:
    """When each day of the city began, from the first case's to the window's last; none where some began within an
    hour, for these are told by hours."""
    opened = await session.scalar(select(func.min(Case.opened_at)))
    first = min(opened or window.borders[0], window.borders[0]).astimezone(zone).date()
    count = (later(window.months[-1], 1) - first).days + 1
    days = [datetime.combine(first + timedelta(days=n), time.min, zone).astimezone(UTC) for n in range(count)]
    return days if all(day.minute == day.second == 0 for day in days) else ()


# ── medians and bands, pure ──


@dataclass(slots=True)
class _Months:
    """What was counted, by the place of the month in the window."""

    window: Window
    first: date
    reports: Counter[int] = field(default_factory=Counter)
    points: Counter[int] = field(default_factory=Counter)
    burdens: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    hours: dict[int, float] = field(default_factory=dict)
    hours_stated: dict[int, int] = field(default_factory=dict)
    hours_points: dict[int, int] = field(default_factory=dict)
    durations: Sequence[Durations] = ()

    def last(self, count: int) -> list[Month]:
        places = range(len(self.window.months))
        return [self._month(place) for place in places[-count:]]

    def _month(self, place: int) -> Month:
        before = [n for n in range(max(0, place - PAST), place) if self.window.months[n] != self.first]
        known = len(before) >= LEAST_MONTHS
        taken = self.durations[place]
        pooled = sum((self.durations[n].working_days for n in before), Counter[int]())
        return Month(
            month=self.window.months[place],
            state=self._state(place),
            reports=self.reports.get(place, 0),
            points=self.points.get(place, 0),
            reports_before=band_of(Counter(self.reports.get(n, 0) for n in before)) if known else None,
            burdens=dict(sorted(self.burdens.get(place, Counter[str]()).items())),
            relieved=taken.days.total(),
            hours=round(self.hours.get(place, 0.0), 2),
            hours_stated=self.hours_stated.get(place, 0),
            hours_points=self.hours_points.get(place, 0),
            hours_total=round(fsum(hours for month, hours in self.hours.items() if month <= place), 2),
            hours_before=band_of(Counter(self.hours.get(n, 0.0) for n in before)) if known else None,
            days=quantile(taken.days, 0.5) if taken.days else None,
            working_days=quantile(taken.working_days, 0.5) if taken.working_days else None,
            working_days_before=band_of(pooled) if known and pooled.total() >= LEAST_CASES else None,
        )

    def _state(self, place: int) -> MonthState:
        if place == len(self.window.months) - 1:
            return MonthState.CURRENT
        return MonthState.FIRST if self.window.months[place] == self.first else MonthState.WHOLE


def band_of(values: Mapping[Any, int]) -> Band:
    """Median and quartiles of values and how often each is there."""
    return Band(quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75))


def quantile(values: Mapping[Any, int], part: float) -> float:
    """Between the two nearest values by how far it lies from each (QUARTILE.INC); of at least one value."""
    last = sum(values.values()) - 1
    place, beyond = divmod(last * part, 1)
    low, high = _at(values, int(place)), _at(values, min(int(place) + 1, last))
    return round(float(low + (high - low) * beyond), 2)


def _at(values: Mapping[Any, int], place: int) -> Any:
    """The value at that place when all stand in order."""
    for value, count in sorted(values.items()):
        if place < count:
            return value
        place -= count
    raise IndexError(place)
