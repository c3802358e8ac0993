"""回头看: the worker asks in office hours whether relief holds; a point that says it does not brings the case back.

One case at a time under its lock, in one short transaction: a worker killed in between has asked nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import open_case_file
from app.clock import Clock
from app.database import Database
from app.deadlines import office_moment
from app.directory.city import City, CityCache
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.flow.relapse import put_back
from app.log import get_logger
from app.models import CaseStatus, Report
from app.problems import NotFound, StorageFull, Unavailable
from app.supervise import look_back

AFTER_A_FAILURE: Final = timedelta(hours=1)


class LookBacks:
    """Asks, and notes silence; one for each worker process.

    Args:
        clock: database time.
    """

    def __init__(self, database: Database, clock: Clock, cities: CityCache) -> None:
        self._database, self._clock, self._cities = database, clock, cities

    async def look(self) -> bool:
        """Act on the due questions of one case; whether there was one.

        Database failures are raised as problems; then nothing was done. Any other failure is logged and puts this
        case's questions off for an hour.
        """
        now = self._clock.now()
        async with self._database.read() as session:
            if not await look_back.has_due(session, now):
                return False
        await self._cities.refresh()
        case_id: str | None = None
        try:
            async with self._database.write() as session:
                case_id = await look_back.lock_due_case(session, now)
                if case_id is not None:
                    await _look_at_case(session, case_id, self._cities.current, now)
        except (Unavailable, StorageFull):
            raise
        except Exception as error:
            if case_id is None:
                raise
            get_logger().error("look_back_failed", case=case_id, exc_info=error)
            async with self._database.write() as session:
                await look_back.put_off(session, case_id, now, now + AFTER_A_FAILURE)
        return case_id is not None


async def _look_at_case(session: AsyncSession, case_id: str, city: City, now: datetime) -> None:
    file = await open_case_file(
        session, case_id, calendar=city.calendar, names=city.names, terms=city.terms, now=now, actor=SYSTEM_ACTOR
    )
    next_hours = office_moment(now, city.calendar)
    if file.case.status is not CaseStatus.CLOSED:
        await look_back.withdraw(file)
    elif next_hours > now:
        await look_back.put_off(session, case_id, now, next_hours)
    else:
        questions = await look_back.unfinished(session, case_id)
        rows = await session.execute(select(Report.id, Report.number).where(Report.case_id == case_id))
        numbers = {row.id: row.number for row in rows}
        look_back.lapse(file, questions, numbers)
        # What ends is written first: a report has one open question at a time, and the database holds to it.
        await session.flush()
        look_back.ask(file, questions, numbers)
    await file.batch.write(session)


async def answer_look_back(desk: Desk, report_number: str, *, holds: bool, comment: str | None) -> None:
    """Take a point's answer; a burden that came back puts the case back on the ledger, once.

    Raises NotFound, or `look_back.LookBackNotAsked`.
    """
    report = await desk.session.scalar(
        select(Report).where(
            Report.number == report_number, Report.observation_point_code == desk.principal.observation_point
        )
    )
    if report is None:
        raise NotFound
    file = await desk.open_file(report.case_id)
    await look_back.answer(file, report, holds=holds, comment=comment)
    if not holds:
        file.actor = SYSTEM_ACTOR
        await put_back(desk, file, await desk.reports_on(file), because="look_back", report=report.number)
    await desk.finish(file)
