"""Loads a year's holidays into the calendar: from the notice's own words, or from a list of days. All or nothing.

A year that was not known is known on every day afterwards; of a known year a list changes the days it names.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.notice import FIRST_YEAR, LAST_YEAR, BadNotice, Notice, read_notice, refuse_missing_holidays
from app.directory.turn import lock_directory
from app.models import CalendarDay, CalendarImport

# 全年法定节假日 before 2025; a list with fewer days off cannot be a whole year's.
LEAST_DAYS_OFF = 11
YES, NO = frozenset({"1", "true", "yes", "是", "上班"}), frozenset({"0", "false", "no", "否", "休", "放假"})


@dataclass(frozen=True, slots=True)
class NamedDay:
    """One day as it was announced."""

    day: date
    working: bool
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is to be loaded; `whole` where it says all that a year needs, else it may also correct a known year."""

    year: int
    days: tuple[NamedDay, ...]
    source: str
    whole: bool


@dataclass(frozen=True, slots=True)
class DayChange:
    """A day that an announcement changes; `was` is None where it was not known."""

    day: date
    was: bool | None
    working: bool
    name: str | None


def of_notice(notice: Notice) -> Announcement:
    """The announcement that a notice's text makes."""
    days = [NamedDay(day, False, name) for day, name in notice.off.items()]
    days += [NamedDay(day, True, name) for day, name in notice.worked.items()]
    return Announcement(notice.year, tuple(sorted(days, key=lambda d: d.day)), f"放假通知 {notice.year}", whole=True)


def of_list(year: int, days: Iterable[NamedDay]) -> Announcement:
    """The announcement that a list of days makes. Raises BadNotice: no day, one twice, one of another year."""
    listed = sorted(days, key=lambda d: d.day)
    if not listed or not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadNotice("没有列出日期，或年份不合适。", "No day is listed, or the year does not fit.")
    for before, after in pairwise(listed):
        if before.day == after.day:
            raise BadNotice(f"{after.day} 出现了两次。", f"{after.day} is listed twice.")
    stray = next((d.day for d in listed if abs(d.day.year - year) > 1), None)
    if stray or not any(d.day.year == year for d in listed):
        day = stray or listed[0].day
        raise BadNotice(f"{day} 不属于 {year} 年。", f"{day} is not a day of {year}.")
    return Announcement(year, tuple(listed), f"放假安排 {year}", whole=False)


def read_announcement(text: str, year: int | None = None) -> Announcement:
    """JSON (`{"year", "days": [{"day", "working", "name"}]}`), CSV (day,working,name) or the notice's own words.

    Raises BadNotice.
    """
    start = text.lstrip("\ufeff \r\n\t")
    if start.startswith(("{", "[")):
        return _from_json(start, year)
    if start.partition("\n")[0].strip().lower().startswith("day,"):
        return _from_csv(start, year)
    return of_notice(read_notice(start, year))


def _from_json(text: str, year: int | None) -> Announcement:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise BadNotice("不是有效的 JSON。", "This is not valid JSON.") from None
    if isinstance(given, dict):
        year, given = year or given.get("year"), given.get("days")
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise BadNotice("JSON 中须有日期列表 days。", "The JSON needs a list of days.")
    return _of_rows(given, year)


def _from_csv(text: str, year: int | None) -> Announcement:
    try:
        rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    except csv.Error:
        raise BadNotice("不是有效的 CSV。", "This is not valid CSV.") from None
    return _of_rows([{(k or "").strip().lower(): v for k, v in row.items()} for row in rows], year)


def _of_rows(rows: list[dict[str, Any]], year: Any) -> Announcement:
    days = [_named_day(row) for row in rows]
    if year is None and days:
        year = max({d.day.year for d in days}, key=lambda y: sum(d.day.year == y for d in days))
    if not isinstance(year, int) or isinstance(year, bool):
        raise BadNotice("请写明年份。", "Give the year.")
    return of_list(year, days)


def _named_day(row: Mapping[str, Any]) -> NamedDay:
    word = str(row.get("working")).strip().lower()
    try:
        day = date.fromisoformat(str(row.get("day")).strip())
    except ValueError:
        day = None
    if day is None or word not in YES | NO:
        raise BadNotice(
            f"这一行读不懂：{row.get('day')},{row.get('working')}。日期写作 2027-01-01,working 写 true 或 false。"[
                :300
            ],
            "A row is not understood: day is written 2027-01-01, working true or false.",
        )
    return NamedDay(day, word in YES, str(row.get("name") or "").strip()[:40] or None)


async def announce(
    session: AsyncSession, said: Announcement, *, by: str, now: datetime, dry_run: bool = False
) -> list[DayChange]:
    """What the announcement changes, in the order of days; written and kept in the history unless `dry_run`.

    Nothing changes where all of it is known. Raises BadNotice where a year that is not known would stay half known.
    """
    await lock_directory(session)
    present = await _present(session, said)
    changes = _changes(said, {day: row.working for day, row in present.items()})
    if dry_run or not changes:
        return changes
    for change in changes:
        row = present.get(change.day)
        if row is None:
            row = CalendarDay(day=change.day)
            session.add(row)
        row.working, row.name, row.source = change.working, change.name, said.source
    session.add(
        CalendarImport(
            year=said.year,
            source=said.source,
            imported_by=by,
            imported_at=now,
            changed=[{"day": c.day.isoformat(), "was": c.was, "working": c.working} for c in changes],
        )
    )
    return changes


async def find_changes(session: AsyncSession, said: Announcement) -> list[DayChange]:
    """What the announcement would change at this moment; it only reads. Raises BadNotice."""
    return _changes(said, {day: row.working for day, row in (await _present(session, said)).items()})


async def _present(session: AsyncSession, said: Announcement) -> dict[date, CalendarDay]:
    first, last = date(said.year - 1, 1, 1), date(said.year + 1, 12, 31)
    rows = await session.scalars(select(CalendarDay).where(CalendarDay.day.between(first, last)))
    return {row.day: row for row in rows}


def _changes(said: Announcement, known: Mapping[date, bool]) -> list[DayChange]:
    wanted = {named.day: (named.working, named.name) for named in said.days}
    year = [date(said.year, 1, 1) + timedelta(days=n) for n in range(366)]
    year = [day for day in year if day.year == said.year]
    if said.whole or not all(day in known for day in year):
        if not said.whole:
            _refuse_half_a_year(said)
        wanted = {day: (day.weekday() < 5, None) for day in year} | wanted
    return [
        DayChange(day, known.get(day), working, name)
        for day, (working, name) in sorted(wanted.items())
        if known.get(day) is not working
    ]


def _refuse_half_a_year(said: Announcement) -> None:
    off = {named.day for named in said.days if not named.working and named.day.year == said.year}
    refuse_missing_holidays(said.year, off)
    if len(off) < LEAST_DAYS_OFF:
        raise BadNotice(
            f"{said.year} 年尚未载入，只列出 {len(off)} 天放假，不足全年安排。请提供全年的放假和调休日期。",
            f"{said.year} is not known yet and only {len(off)} days off are listed; give the whole year's.",
        )
