"""督: the clocks become acts. One case at a time under its lock, in one short transaction, in office hours only.

The look, what it says and the moment of the next look are committed together: a worker killed in between has done
nothing, and the next one finds the same row.
"""

import time
from datetime import datetime, timedelta
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
from app.flow.receive import SYSTEM_ACTOR
from app.log import get_logger
from app.models import CaseStatus, DeadlineKind, Report
from app.problems import StorageFull, Unavailable
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
        """Look at the due clocks of one case; whether there was one.

        Database failures are raised as problems; then nothing was done. Any other failure is logged and puts this
        case's clocks off for an hour.
        """
        now = self._clock.now()
        async with self._database.read() as session:
            if not await watch.has_due(session, now):
                return False
        await self._refresh()
        case_id: str | None = None
        try:
            async with self._database.write() as session:
                case_id = await watch.lock_due_case(session, now)
                if case_id is not None:
                    await _look_at_case(session, case_id, self._cities.current, now)
        except (Unavailable, StorageFull):
            raise
        except Exception as error:
            if case_id is None:
                raise
            get_logger().error("supervision_failed", case=case_id, exc_info=error)
            async with self._database.write() as session:
                await watch.put_off(session, case_id, now, now + AFTER_A_FAILURE)
        return case_id is not None

    async def _refresh(self) -> None:
        """A worker of its own has nobody else who follows packs and calendars."""
        if self._refreshed is None or time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            await self._cities.refresh()
            self._refreshed = time.monotonic()


async def _look_at_case(session: AsyncSession, case_id: str, city: City, now: datetime) -> None:
    file = await open_case_file(
        session, case_id, calendar=city.calendar, names=city.names, terms=city.terms, now=now, actor=SYSTEM_ACTOR
    )
    next_hours = office_moment(now, city.calendar)
    for deadline in watch.due_clocks(file):
        if next_hours > now:
            deadline.look_at = next_hours
        elif (act := watch.act_on(deadline, now)) is not None:
            act(file, deadline)
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
