"""补推: sends again what failed at an address since a moment, or what it never got. Queued in one transaction.

What is queued is work like any other: it survives whatever happens, keeps its id and its bytes, and goes out in the
order of its case. It sends nothing itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Integer, and_, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.endpoints import EndpointInactive, lock_endpoint
from app.models import Delivery, DeliveryStatus, Endpoint, Event
from app.problems import InvalidInput

GIVEN_UP: Final = (DeliveryStatus.DEAD, DeliveryStatus.QUARANTINED)


class What(StrEnum):
    """Which deliveries a replay is about: those given up, or events that were never queued for the address."""

    FAILED = "failed"
    MISSING = "missing"


class BadSpan(InvalidInput):
    code = "bad_span"
    title_zh, title_en = "起止时间不对", "The span is not right"

    def __init__(self) -> None:
        super().__init__(
            "起始时间须早于结束时间，且不得晚于现在。", "`since` must lie before `until`, and not in the future."
        )


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment on and before another, or up to now."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, since: datetime, until: datetime | None, now: datetime) -> "Span":
        """Raises BadSpan."""
        if since >= min(until or now, now):
            raise BadSpan
        # What happens at this very moment belongs to it.
        return cls(since, until or now + timedelta(microseconds=1))


async def replay(session: AsyncSession, endpoint_id: str, what: What, span: Span, now: datetime) -> int:
    """Queue again for one address; how many. Raises NotFound or EndpointInactive.

    Args:
        span: of when deliveries were queued (failed), or of when events happened (missing).
    """
    endpoint = await lock_endpoint(session, endpoint_id)
    if not endpoint.active:
        raise EndpointInactive
    return await (
        _failed(session, endpoint, span, now) if what is What.FAILED else _missing(session, endpoint, span, now)
    )


async def _failed(session: AsyncSession, endpoint: Endpoint, span: Span, now: datetime) -> int:
    again = (
        update(Delivery)
        .where(
            Delivery.endpoint_id == endpoint.id,
            Delivery.status.in_(GIVEN_UP),
            Delivery.created_at >= span.since,
            Delivery.created_at < span.until,
            or_(Delivery.expires_at.is_(None), Delivery.expires_at > now),
        )
        .values(
            status=DeliveryStatus.PENDING, due_at=now, finished_at=None, crashes=0, lease_token=None, lease_until=None
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", await session.execute(again)).rowcount


async def _missing(session: AsyncSession, endpoint: Endpoint, span: Span, now: datetime) -> int:
    """In the order of the events. The address is locked, and queueing by others concerns later events only."""
    queued = exists().where(Delivery.event_id == Event.id, Delivery.endpoint_id == endpoint.id)
    missing = and_(
        Event.department_code == endpoint.department_code,
        Event.body.is_not(None),
        Event.happened_at >= span.since,
        Event.happened_at < span.until,
        ~queued,
    )
    count = await session.scalar(select(func.count()).select_from(Event).where(missing)) or 0
    moment = Delivery.__table__.c.due_at.type
    rows = (
        select(
            Event.id,
            literal(endpoint.id),
            Event.case_id,
            Event.seq,
            literal(DeliveryStatus.PENDING, Delivery.__table__.c.status.type),
            literal(now, moment),
            literal(0, Integer),
            literal(0, Integer),
            literal(now, moment),
        )
        .where(missing)
        .order_by(Event.position)
    )
    columns = ["event_id", "endpoint_id", "case_id", "seq", "status", "due_at", "attempts", "crashes", "created_at"]
    if count:
        await session.execute(insert(Delivery).from_select(columns, rows, include_defaults=False))
    return count


async def replay_many(
    session: AsyncSession, what: What, span: Span, now: datetime, *, department: str | None = None
) -> int:
    """The same for each address in use, or those of one department; how many were queued."""
    wanted = select(Endpoint.id).where(Endpoint.active).order_by(Endpoint.id)
    if department is not None:
        wanted = wanted.where(Endpoint.department_code == department)
    ids = list(await session.scalars(wanted))
    return sum([await replay(session, endpoint_id, what, span, now) for endpoint_id in ids])
