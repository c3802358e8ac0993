"""时限: the office sets terms and loads the yearly notice; the worker then works provisional clocks out anew.

One case at a time under its lock, in one short transaction: a worker killed in between has done nothing, and the next
one finds the same clocks by the calendar's version.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import ANSWER_CLOCKS, CaseFile, open_case_file
from app.clock import Clock
from app.consult.agenda import follow_clocks
from app.database import Database
from app.deadlines import Calendar
from app.deliver.fan_out import enqueue
from app.directory.announcing import Announcement, DayChange, announce, find_changes
from app.directory.calendar import read_calendar_version
from app.directory.city import City, CityCache
from app.directory.term_book import TermWish, change_term
from app.directory.turn import lock_directory
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.ledger.clocks import read_provisional
from app.log import get_logger
from app.models import Case, CaseStatus, Deadline, TermChange
from app.problems import Conflict, StorageFull, Unavailable
from app.supervise.recount import Plan, plan_recount, recount

AFTER_A_FAILURE: Final = timedelta(hours=1)
# A process that had not yet heard of the newest notice may have started clocks since; they are looked for again.
LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)
AT_ONCE: Final = 20


async def set_term(desk: Desk, wish: TermWish) -> TermChange:
    """Set a term, or withdraw the rule on it; clocks that run keep theirs. Raises BadTerm."""
    known = [kind.code for kind in desk.city.pack.burden_types]
    return await change_term(desk.session, wish, burden_types=known, set_by=desk.principal.holder, now=desk.now)


class CalendarChanged(Conflict):
    code = "calendar_changed"
    title_zh, title_en = "日历已有变动", "The calendar has changed"

    def __init__(self) -> None:
        super().__init__(
            "预览之后日历已有变动，没有载入。请重新预览。",
            "The calendar has changed since the preview; nothing was loaded. Look at a new preview.",
        )


async def load_holidays(
    desk: Desk, said: Announcement, *, dry_run: bool = False, seen: str | None = None
) -> list[DayChange]:
    """Load a year's holidays, or say what that would change.

    Args:
        seen: the calendar's version that the one who decides has looked at; any where it is None.

    Raises BadNotice, CalendarChanged.
    """
    if seen is not None:
        await lock_directory(desk.session)
        if seen != await read_calendar_version(desk.session):
            raise CalendarChanged
    return await announce(desk.session, said, by=desk.principal.holder, now=desk.now, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class NoticePreview:
    """What a notice would do: the days that it changes, how many running clocks rest on assumed days, and how many of
    these get another date."""

    changes: list[DayChange]
    provisional: int
    moving: int


async def preview_holidays(database: Database, city: City, said: Announcement) -> NoticePreview:
    """Say what loading a year's holidays would change and move; nothing is written. Raises BadNotice."""
    provisional = moving = 0
    async with database.read() as session:
        changes = await find_changes(session, said)
        days = {**city.calendar.days, **{change.day: change.working for change in changes}}
        calendar = replace(city.calendar, days=days, version="preview")
        async for cases in read_provisional(session):
            plans = await asyncio.to_thread(_plan, cases, calendar)
            provisional += sum(deadline.ended_at is None for plan in plans for deadline, _ in plan.dates)
            moving += sum(plan.moving for plan in plans)
    return NoticePreview(changes, provisional, moving)


def _plan(cases: Sequence[tuple[datetime | None, list[Deadline]]], calendar: Calendar) -> list[Plan]:
    return [plan_recount(deadlines, promised, calendar) for promised, deadlines in cases]


class Recounter:
    """Works out what rested on days that were not announced; one for each worker process.

    Args:
        clock: database time.
    """

    def __init__(self, database: Database, clock: Clock, cities: CityCache) -> None:
        self._database, self._clock, self._cities = database, clock, cities
        self._done_with: tuple[str, datetime] | None = None
        self._put_off: dict[str, datetime] = {}

    async def look(self) -> bool:
        """Work out the clocks of one case; whether there was one.

        Database failures are raised as problems. Any other failure is logged, and this case is left for an hour.
        """
        now = self._clock.now()
        self._put_off = {case: until for case, until in self._put_off.items() if until > now}
        async with self._database.read() as session:
            version = await read_calendar_version(session)
            if self._done_with and self._done_with[0] == version and now < self._done_with[1]:
                return False
            waiting = await _find_stale(session, version, self._put_off)
        if not waiting:
            self._done_with = (version, now + LOOK_AGAIN_AFTER)
            return False
        await self._cities.refresh()
        if self._cities.current.calendar.version != version:
            return False
        return await self._recount_one(waiting, now)

    async def _recount_one(self, waiting: list[str], now: datetime) -> bool:
        for case_id in waiting:
            try:
                async with self._database.write() as session:
                    if await _recount_case(session, case_id, self._cities.current, now):
                        return True
            except (Unavailable, StorageFull):
                raise
            except Exception as error:
                get_logger().error("recount_failed", case=case_id, exc_info=error)
                self._put_off[case_id] = now + AFTER_A_FAILURE
                return True
        return False


async def _find_stale(session: AsyncSession, version: str, but_not: Collection[str]) -> list[str]:
    """Some open cases with a clock, or a promise, that rests on days assumed under another calendar."""
    promise = and_(Deadline.kind.in_(ANSWER_CLOCKS), Deadline.due_at == Case.answer_due_at)
    found = await session.scalars(
        select(Case.id)
        .join(Deadline, Deadline.case_id == Case.id)
        .where(
            Deadline.provisional,
            Deadline.calendar_version != version,
            Case.status != CaseStatus.CLOSED,
            Case.id.not_in(but_not),
            or_(Deadline.ended_at.is_(None), promise),
        )
        .order_by(Case.id)
        .distinct()
        .limit(AT_ONCE)
    )
    return list(found)


async def _recount_case(session: AsyncSession, case_id: str, city: City, now: datetime) -> bool:
    """Whether the case was to be had: somebody who acts on it at the moment is not waited for."""
    free = select(Case.id).where(Case.id == case_id).with_for_update(skip_locked=True)
    if await session.scalar(free) is None:
        return False
    file: CaseFile = await open_case_file(
        session, case_id, calendar=city.calendar, names=city.names, terms=city.terms, now=now, actor=SYSTEM_ACTOR
    )
    recount(file)
    await follow_clocks(file)
    enqueue(file.batch, file.events, now)
    await file.batch.write(session)
    return True
