"""告警: the office is told when an address has failed for an hour, a day and three days, and when it says it is gone.

Each step once, whichever worker sees it first. Nothing is given up or disabled by an alert; it ends when a delivery
gets through, or when a person takes the address up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock
from app.database import Database, insert_if_absent
from app.log import get_logger
from app.models import Endpoint, EndpointAlert

STEPS_HOURS: Final = (1, 24, 72)
GONE: Final = 0
LOOK_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Alert:
    """The highest step that an address has reached and that still stands; `hours` 0: it said that it is gone (410)."""

    endpoint: Endpoint
    since: datetime
    hours: int


async def find_due(session: AsyncSession, now: datetime) -> list[tuple[str, datetime, int]]:
    """Steps that were reached and are not told yet: address, since when, hours."""
    due = []
    for hours in STEPS_HOURS:
        told = exists().where(
            EndpointAlert.endpoint_id == Endpoint.id,
            EndpointAlert.since == Endpoint.failing_since,
            EndpointAlert.hours == hours,
        )
        reached = Endpoint.failing_since <= now - timedelta(hours=hours)
        rows = await session.execute(
            select(Endpoint.id, Endpoint.failing_since).where(Endpoint.active, reached, ~told).order_by(Endpoint.id)
        )
        due += [(row.id, row.failing_since, hours) for row in rows]
    return due


async def raise_alert(
    session: AsyncSession, database: Database, endpoint_id: str, since: datetime, hours: int, now: datetime
) -> bool:
    """Keep one alert; False where another worker was first."""
    row = {"endpoint_id": endpoint_id, "since": since, "hours": hours, "raised_at": now}
    made = insert_if_absent(database, EndpointAlert).values(**row).returning(EndpointAlert.hours)
    return await session.scalar(made) is not None


async def end_alerts(session: AsyncSession, endpoint_ids: Iterable[str], now: datetime) -> None:
    """The addresses are well again, or a person has taken them up."""
    open_ones = and_(EndpointAlert.endpoint_id.in_(list(endpoint_ids)), EndpointAlert.ended_at.is_(None))
    await session.execute(
        update(EndpointAlert).where(open_ones).values(ended_at=now).execution_options(synchronize_session=False)
    )


async def list_alerts(session: AsyncSession) -> list[Alert]:
    """What stands, one for each address, the longest first."""
    # At one address only one failing stands open, and a later step is a later row of it.
    found = (
        select(EndpointAlert.endpoint_id, EndpointAlert.since, func.max(EndpointAlert.hours).label("hours"))
        .where(EndpointAlert.ended_at.is_(None))
        .group_by(EndpointAlert.endpoint_id, EndpointAlert.since)
        .subquery()
    )
    rows = await session.execute(
        select(Endpoint, found.c.since, found.c.hours)
        .join(found, found.c.endpoint_id == Endpoint.id)
        .order_by(found.c.since, Endpoint.id)
    )
    return [Alert(*row) for row in rows]


async def count_alerts(session: AsyncSession) -> dict[int, int]:
    """How many addresses stand at which step."""
    counts = dict.fromkeys((GONE, *STEPS_HOURS), 0)
    for alert in await list_alerts(session):
        counts[alert.hours] += 1
    return counts


class Watchman:
    """Looks twice a minute whether an address has failed for long enough to tell; one for each worker process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._looked: datetime | None = None

    async def look(self) -> bool:
        """Raise what is due; whether anything was. Database failures are raised as problems."""
        now = self._clock.now()
        if self._looked is not None and timedelta() <= now - self._looked < LOOK_EVERY:
            return False
        async with self._database.read() as session:
            due = await find_due(session, now)
        told = 0
        if due:
            async with self._database.write() as session:
                raised = [each for each in due if await raise_alert(session, self._database, *each, now)]
            for endpoint_id, since, hours in raised:
                seconds = round((now - since).total_seconds())
                get_logger().warning("endpoint_fails", endpoint=endpoint_id, hours=hours, seconds=seconds)
            told = len(raised)
        self._looked = now
        return told > 0
