"""What the whole city's trend counts, by ranges of indexes: no row is read, none is sorted. Reads only.

Months and days are given as the moments at which they begin, the last one's end after them; a place counts from 0.
"""

import asyncio
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Integer, Text, case, cast, column, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.models import Case, ObservationPoint, Report
from app.models.columns import UtcDateTime

HOUR: Final = 3600


class hour_of(FunctionElement[str]):  # noqa: N801 - a function of SQL
    """The hour since 1970 in which a moment lies, as text."""

    type = Text()
    inherit_cache = True


@compiles(hour_of)
def _in_standard_sql(element: hour_of, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"CAST(CAST(FLOOR(date_part('epoch', {moment}) / {HOUR}) AS BIGINT) AS TEXT)"


@compiles(hour_of, "sqlite")
def _in_sqlite(element: hour_of, compiler: SQLCompiler, **options: Any) -> str:
    """As it is written there, to the hour: these sort as the others do."""
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


class _ranges(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """Ranges of moments as rows, from JSON: a thousand parameters take longer than what is asked with them."""

    inherit_cache = True


@compiles(_ranges, "sqlite")
def _ranges_on_sqlite(element: _ranges, compiler: SQLCompiler, **options: Any) -> str:
    written, _ = _written(element, compiler, **options)
    each = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(("since", "until")))
    return f"(SELECT key AS place, {each} FROM json_each({written}))"  # noqa: S608


@compiles(_ranges, "postgresql")
def _ranges_on_postgresql(element: _ranges, compiler: SQLCompiler, **options: Any) -> str:
    _, written = _written(element, compiler, **options)
    each = ", ".join(f"CAST(value ->> {n} AS timestamptz) AS {name}" for n, name in enumerate(("since", "until")))
    rows = f"jsonb_array_elements(CAST({written} AS jsonb)) WITH ORDINALITY AS of_them (value, number)"
    return f"(SELECT number - 1 AS place, {each} FROM {rows})"  # noqa: S608


def _written(element: _ranges, compiler: SQLCompiler, **options: Any) -> list[str]:
    options = {name: value for name, value in options.items() if name != "asfrom"}
    return [compiler.process(clause, **options) for clause in element.clauses.clauses]


def _between(borders: Sequence[datetime]) -> Any:
    """From each border to the next: `place`, `since`, `until`, as each database has moments."""
    written = [
        json.dumps(list(pairwise(border.astimezone(UTC).strftime(form) for border in borders)))
        for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%fZ")
    ]
    columns = column("place", Integer), column("since", UtcDateTime), column("until", UtcDateTime)
    return _ranges(*(literal(text) for text in written)).table_valued(*columns, name="ranges")


async def count_reports(session: AsyncSession, months: Sequence[datetime]) -> Iterator[tuple[int, str, int]]:
    """Place of the month, point, and how many reports came from it; also where there are none."""
    month = _between(months)
    received = Report.received_at >= month.c.since, Report.received_at < month.c.until
    count = select(func.count()).where(Report.observation_point_code == ObservationPoint.code, *received)
    asked = select(month.c.place, ObservationPoint.code, count.scalar_subquery())
    rows = await session.execute(asked.select_from(month.join(ObservationPoint, true())))
    return ((row[0], row[1], row[2]) for row in rows)


async def count_burdens(session: AsyncSession, months: Sequence[datetime]) -> Iterator[tuple[int, list[str], int]]:
    """Place of the month, burden types, and how many cases with just these were opened in it, merged ones left out."""
    # Each list of types there is, by leaps through their index.
    of_its_own = Case.merged_into.is_(None)
    first = select(Case.burden_types).where(of_its_own).order_by(Case.burden_types).limit(1)
    known = select(first.scalar_subquery().label("types")).cte("known", recursive=True)
    after = aliased(Case)
    following = select(after.burden_types).where(after.merged_into.is_(None), after.burden_types > known.c.types)
    following = following.order_by(after.burden_types).limit(1)
    known = known.union_all(select(following.scalar_subquery()).where(known.c.types.is_not(None)))
    month = _between(months)
    opened = Case.opened_at >= month.c.since, Case.opened_at < month.c.until
    count = select(func.count()).where(of_its_own, Case.burden_types == known.c.types, *opened).scalar_subquery()
    asked = select(month.c.place, cast(known.c.types, Text), count).where(known.c.types.is_not(None))
    rows = await session.execute(asked.select_from(month.join(known, true())))
    return ((row[0], json.loads(row[1]), row[2]) for row in rows if row[2])


async def list_durations(
    session: AsyncSession, days: Sequence[datetime], conditions: Sequence[Any], since: datetime
) -> list[tuple[int, int, int]]:
    """Place of the day on which cases were closed, of the day on which they were opened, and how many these were.

    `days` go back to when the first was opened, and each begins with an hour; `conditions` say which cases; what was
    closed before the day that begins at `since` is left out.
    """
    day = _between(days)
    closed = Case.closed_at >= day.c.since, Case.closed_at < day.c.until
    opened = select(func.aggregate_strings(hour_of(Case.opened_at), ",")).where(*conditions, *closed)
    shown = case((day.c.since >= since, opened.scalar_subquery()))
    asked = select(hour_of(day.c.since), shown).select_from(day).order_by(day.c.place)
    rows = [(row[0], row[1]) for row in await session.execute(asked)]
    return await asyncio.to_thread(_place, rows)


class _Places(dict[str, int]):
    """The place of the day in which an hour lies."""

    def __init__(self, starts: Sequence[str]) -> None:
        super().__init__()
        self.starts = starts

    def __missing__(self, hour: str) -> int:
        self[hour] = place = bisect_right(self.starts, hour) - 1
        return place


def _place(rows: Sequence[tuple[str, str | None]]) -> list[tuple[int, int, int]]:
    places = _Places([start for start, _ in rows])
    return [
        (place, day, count)
        for place, (_, hours) in enumerate(rows)
        if hours is not None
        for day, count in Counter([places[hour] for hour in hours.split(",")]).items()
    ]
