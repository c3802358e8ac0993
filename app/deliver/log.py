"""The delivery log: what was sent where, and what came of it. It writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import DIGEST_TYPE, Attempt, Delivery, DeliveryStatus, Endpoint, Event


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """A delivery with what its row only refers to; a digest's `event_type` is DIGEST_TYPE."""

    delivery: Delivery
    event_type: str
    department_code: str
    url: str
    endpoint_active: bool


async def list_deliveries(
    session: AsyncSession,
    *,
    before: int | None = None,
    limit: int = 50,
    status: DeliveryStatus | None = None,
    department_code: str | None = None,
    endpoint_id: str | None = None,
    case_id: str | None = None,
) -> list[LoggedDelivery]:
    """Deliveries, newest first; `before` is the id of the last one of the page before."""
    wanted = (
        select(
            Delivery, func.coalesce(Event.type, DIGEST_TYPE), Endpoint.department_code, Endpoint.url, Endpoint.active
        )
        .outerjoin(Event, Event.id == Delivery.event_id)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    filters = {Delivery.status: status, Endpoint.department_code: department_code, Delivery.endpoint_id: endpoint_id}
    for column, value in filters.items():
        if value is not None:
            wanted = wanted.where(column == value)
    if case_id is not None:
        # By the case's events and the index that keeps each from going twice to an address; one by case there is not.
        wanted = wanted.where(Delivery.event_id.in_(select(Event.id).where(Event.case_id == case_id)))
    if before is not None:
        wanted = wanted.where(Delivery.id < before)
    return [LoggedDelivery(*row) for row in await session.execute(wanted)]


async def list_attempts(session: AsyncSession, delivery_id: int) -> Sequence[Attempt]:
    """All attempts at a delivery, first one first; empty where there is no such delivery."""
    found = select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(Attempt.id)
    return (await session.scalars(found)).all()


async def list_endpoints(session: AsyncSession, department_code: str | None = None) -> Sequence[Endpoint]:
    """Addresses, active or not, by department and age."""
    wanted = select(Endpoint).order_by(Endpoint.department_code, Endpoint.created_at, Endpoint.id)
    if department_code is not None:
        wanted = wanted.where(Endpoint.department_code == department_code)
    return (await session.scalars(wanted)).all()


async def count_by_status(session: AsyncSession) -> dict[DeliveryStatus, int]:
    """How many deliveries stand where."""
    rows = await session.execute(select(Delivery.status, func.count()).group_by(Delivery.status))
    return {row[0]: row[1] for row in rows}


async def count_resting(session: AsyncSession, now: datetime) -> int:
    """How many addresses rest, because they did not answer."""
    resting = select(func.count()).where(Endpoint.active, Endpoint.rests_until > now)
    return await session.scalar(resting) or 0


async def count_unconfirmed(session: AsyncSession) -> int:
    """How many addresses have not answered their challenge."""
    waiting = select(func.count()).where(Endpoint.active, Endpoint.confirmed_at.is_(None))
    return await session.scalar(waiting) or 0


async def oldest_due(session: AsyncSession) -> datetime | None:
    """The earliest moment at which a waiting delivery is or was due."""
    return await session.scalar(select(func.min(Delivery.due_at)).where(Delivery.status == DeliveryStatus.PENDING))


async def oldest_due_by_endpoint(session: AsyncSession) -> list[tuple[str, str, datetime]]:
    """For each address with something waiting: its id, its department, the earliest moment one is or was due."""
    rows = await session.execute(
        select(Endpoint.id, Endpoint.department_code, func.min(Delivery.due_at))
        .join(Delivery, Delivery.endpoint_id == Endpoint.id)
        .where(Delivery.due_at.is_not(None))
        .group_by(Endpoint.id, Endpoint.department_code)
    )
    return [(row[0], row[1], row[2]) for row in rows if row[2]]
