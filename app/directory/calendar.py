"""The working calendar as data: seeded from the published notices, read into the pure `deadlines.Calendar`."""

from datetime import date, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar.constants import holidays, in_lieu_days, workdays
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.deadlines import Calendar, OfficeHours
from app.models import CalendarDay

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
    """The calendar as the database has it; its version names the last day known and how many days there are."""
    rows = await session.execute(select(CalendarDay.day, CalendarDay.working))
    days = {row.day: row.working for row in rows}
    return Calendar(days=days, version=await read_calendar_version(session), zone=zone, hours=hours)


async def read_calendar_version(session: AsyncSession) -> str:
    count, last = (await session.execute(select(func.count(), func.max(CalendarDay.day)))).one()
    return f"{last or 'none'}/{count}"
