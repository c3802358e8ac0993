"""Trends: one unit month by month against its own past. There is no list of units with figures, and no order by one."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.access.principal import Permission
from app.api.door import Door, Out, door, make_router
from app.directory.city import City
from app.ledger.trend_book import find_trend
from app.ledger.trends import MonthState, Unit
from app.problems import InvalidInput, NotFound

router = make_router("ledger 台账")


class OneUnit(InvalidInput):
    code = "one_unit"
    title_zh, title_en = "一次只看一个单位", "One unit at a time"

    def __init__(self) -> None:
        super().__init__(
            "department 与 observation_point 只填其一；都不填为全市。",
            "Give department or observation_point, not both; without either it is the whole city.",
        )


class BandOut(Out):
    """What was usual in the twelve months before: median and quartiles."""

    median: float
    low: float
    high: float


class MonthOut(Out):
    month: date = Field(description="its first day, on the city's calendar")
    state: MonthState = Field(description="`first`: the record begins in it; `current`: it still runs; else `whole`")
    reports: int = Field(description="received in it")
    reports_before: BandOut | None = Field(description="null with less than six whole months of past")
    burdens: dict[str, int] = Field(description="cases opened in it, by burden type")
    relieved: int = Field(description="cases struck off in it as relieved, and not come back since")
    hours: float = Field(description="a month, lifted by them: of each point the largest it named")
    hours_stated: int = Field(description="on how many of these cases a point named hours")
    hours_total: float = Field(description="with all months before")
    hours_before: BandOut | None
    days: float | None = Field(description="median from opening to striking off; null where nothing was relieved")
    working_days: float | None
    working_days_before: BandOut | None = Field(description="over the cases relieved in the twelve months before")


class TrendOut(Out):
    """趋势: figures of one unit, to be held against its own past and nobody else's."""

    department: str | None
    observation_point: str | None
    since: date | None = Field(description="the day of its first report; null where there is none")
    counted_at: datetime | None = Field(
        description="of when the figures are: now, but up to ten minutes ago where they come from thousands of reports"
    )
    months: list[MonthOut] = Field(description="at most 25, the oldest first; the last one still runs")


def unit_of(city: City, department: str | None, point: str | None) -> Unit:
    """The unit that is meant. Raises OneUnit, UnknownDepartment, NotFound."""
    if department is not None and point is not None:
        raise OneUnit
    if department is not None:
        city.get_department(department)
    if point is not None and point not in city.points:
        raise NotFound
    return Unit(department, point)


@router.get("/trends")
async def get_trend(
    at: Annotated[Door, door(Permission.READ_TRENDS)],
    department: Annotated[str | None, Query(max_length=20)] = None,
    observation_point: Annotated[str | None, Query(max_length=20)] = None,
) -> TrendOut:
    """One department, one observation point, or the whole city: reports, burdens, hours lifted and time to relief."""
    city = at.runtime.cities.current
    unit = unit_of(city, department, observation_point)
    found = await find_trend(at.runtime.database, unit, city.calendar, at.runtime.clock.now())
    return TrendOut(
        department=unit.department,
        observation_point=unit.point,
        since=found.since,
        counted_at=found.counted_at,
        months=[MonthOut.model_validate(month) for month in found.months],
    )
