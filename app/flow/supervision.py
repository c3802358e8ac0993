"""督: the clocks become acts. One at a time under its case's lock, in one short transaction, in office hours only.

The look, what it says and the moment of the next look are committed together: a worker killed in between has done
nothing, and the next one finds the same row. What stays unanswered in spite of it all, leaders decide on; a clock
whose look keeps failing is released by hand.
"""

import time
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile, open_case_file
from app.clock import Clock
from app.close import interim
from app.database import Database
from app.deadlines import office_moment
from app.deliver.fan_out import enqueue
from app.directory.city import City, CityCache
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.log import get_logger
from app.models import CaseStatus, DeadlineKind, Decided, Instruction, Report
from app.problems import StorageFull, Unavailable
from app.supervise import instruct as instructing
from app.supervise import verify, watch
from app.supervise.pause import resume_clock

AFTER_A_FAILURE: Final = timedelta(hours=1)
REFRESH_SECONDS: Final = 15.0


class Supervisor:
    """Looks at the clocks; one for each worker process.

    Args:
        clock: database time.
    """

    def __init__(self, database: Database, clock: Clock, cities: CityCache) -> None:
        self._database, self._clock, self._cities = database, clock, cities
        self._refreshed: float | None = None

    async def look(self) -> bool:
        """Look at the due clock that has waited longest; whether there was one.

        Database failures are raised as problems; then nothing was done. Any other failure is counted and puts this
        clock off for an hour, the case's other clocks keep their turn; after five nobody looks at it any more.
        """
        now = self._clock.now()
        async with self._database.read() as session:
            if not await watch.has_due(session, now):
                return False
        await self._refresh()
        found: tuple[str, str] | None = None
        try:
            async with self._database.write() as session:
                found = await watch.lock_due_clock(session, now)
                if found is not None:
                    await _look_at_case(session, *found, self._cities.current, now)
        except (Unavailable, StorageFull):
            raise
        except Exception as error:
            if found is None:
                raise
            case_id, clock_id = found
            get_logger().error("supervision_failed", case=case_id, clock=clock_id, exc_info=error)
            async with self._database.write() as session:
                if await watch.put_off(session, clock_id, now + AFTER_A_FAILURE):
                    get_logger().error("supervision_quarantined", case=case_id, clock=clock_id)
        return found is not None

    async def _refresh(self) -> None:
        """A worker of its own has nobody else who follows packs and calendars."""
        if self._refreshed is None or time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            await self._cities.refresh()
            self._refreshed = time.monotonic()


async def _look_at_case(session: AsyncSession, case_id: str, clock_id: str, city: City, now: datetime) -> None:
    """One clock of the case: two that are due have two turns, so that each fails alone."""
    file = await open_case_file(
        session, case_id, calendar=city.calendar, names=city.names, terms=city.terms, now=now, actor=SYSTEM_ACTOR
    )
    deadline = watch.find_due(file, clock_id)
    if deadline is None:
        return
    next_hours = office_moment(now, city.calendar)
    deadline.failures = 0
    if next_hours > now:
        deadline.look_at = next_hours
    elif (act := watch.act_on(deadline, now)) is not None:
        act(file, deadline)
        if deadline.overdue_at == now:
            await interim.tell_delay(file, await _reports_on(file), deadline)
    elif deadline.kind is DeadlineKind.PAUSE:
        clock = resume_clock(file, deadline)
        interim.tell_resumption(file, await _reports_on(file), clock)
    else:
        verify.lapse(file, await _reports_on(file))
        file.advance_case(CaseStatus.IN_REVIEW)
    enqueue(file.batch, file.events, now)
    await file.batch.write(session)


async def _reports_on(file: CaseFile) -> list[Report]:
    rows = await file.session.scalars(
        select(Report).where(Report.case_id == file.case.id).order_by(Report.received_at, Report.id)
    )
    return list(rows)


async def instruct(
    desk: Desk,
    case_number: str,
    *,
    decision: Decided,
    note: str,
    look_again_on: date,
    expected_version: int | None = None,
) -> tuple[CaseFile, Instruction]:
    """批示: a leader decides on a case at level 3, which leaves the list until the day named."""
    file = await desk.open_numbered(case_number, expected_version)
    instruction = instructing.instruct(
        file, decision=decision, note=note, look_again_on=look_again_on, decided_by=desk.principal.holder
    )
    await desk.finish(file)
    return file, instruction


async def release(desk: Desk, case_number: str) -> CaseFile:
    """恢复: the worker looks again at the case's quarantined clocks."""
    file = await desk.open_numbered(case_number)
    watch.release(file)
    await desk.finish(file)
    return file
