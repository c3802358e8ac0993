"""The working calendar as data: seeded from the published notices, read into the pure `deadlines.Calendar`."""

from collections.abc import Sequence
from datetime import date, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar.constants import holidays, in_lieu_days, workdays
from sqlalchemy import extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.deadlines import Calendar, OfficeHours
from app.models import CalendarDay, CalendarImport

FIRST_SEEDED_YEAR = 2024


def published_days() -> dict[date, tuple[bool, str | None]]:
    """Every day of the years whose notice the library knows: whether it is worked, and the holiday's name."""
    last = max({day.year for day in (*holidays, *workdays, *in_lieu_days)})
    day, days = date(FIRST_SEEDED_YEAR, 1, 1), {}
    while day.year <= last:
        _, name = chinese_calendar.get_holiday_detail(day)
        days[day] = (chinese_calendar.is_workday(day), name)
        day += timedelta(days=1)
    return days


async def seed_calendar(session: AsyncSession) -> int:
    """Add the days that are not there yet; days somebody imported stay as they are. Answers how many were added."""
    present = set(await session.scalars(select(CalendarDay.day)))
    source = f"chinesecalendar {version('chinesecalendar')}"
    new = [
        CalendarDay(day=day, working=working, name=name, source=source)
        for day, (working, name) in published_days().items()
        if day not in present
    ]
    session.add_all(new)
    return len(new)


async def read_calendar(session: AsyncSession, zone: ZoneInfo, hours: OfficeHours) -> Calendar:
    """The calendar as the database has it."""
    rows = await session.execute(select(CalendarDay.day, CalendarDay.working))
    days = {row.day: row.working for row in rows}
    return Calendar(days=days, version=await read_calendar_version(session), zone=zone, hours=hours)


async def read_calendar_version(session: AsyncSession) -> str:
    """Names the last day known, how many days there are, and how many notices were loaded after the seed."""
    imports = select(func.count(CalendarImport.id)).scalar_subquery()
    row = (await session.execute(select(func.count(CalendarDay.day), func.max(CalendarDay.day), imports))).one()
    return f"{row[1] or 'none'}/{row[0]}" + (f"/{row[2]}" if row[2] else "")


async def read_days(session: AsyncSession, year: int) -> Sequence[CalendarDay]:
    """The days of a year that are known."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    rows = await session.scalars(select(CalendarDay).where(CalendarDay.day.between(first, last)))
    return rows.all()


async def read_years(session: AsyncSession) -> dict[int, int]:
    """How many days are known of each year of which any is."""
    year = extract("year", CalendarDay.day)
    rows = await session.execute(select(year, func.count()).group_by(year).order_by(year))
    return {int(row[0]): row[1] for row in rows}


async def read_imports(session: AsyncSession, year: int) -> Sequence[CalendarImport]:
    """What was loaded for a year, the newest first."""
    rows = await session.scalars(
        select(CalendarImport).where(CalendarImport.year == year).order_by(CalendarImport.imported_at.desc())
    )
    return rows.all()
