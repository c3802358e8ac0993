"""Queues deliveries in the transaction of the change that they tell of. It sends nothing."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Integer, Select, String, bindparam, insert, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.batch import Batch
from app.models import Delivery, DeliveryStatus, Endpoint, Event


async def queue_deliveries(session: AsyncSession, events: Sequence[Event], now: datetime) -> None:
    """Queue each addressed event for every active address of its department: one statement, or none at all.

    The events need not be flushed yet; they must be by the end of the transaction.
    """
    addressed = [event for event in events if event.department_code is not None and event.body is not None]
    if not addressed:
        return
    messages = union_all(*(_row_of(event) for event in addressed)).subquery("messages")
    status = Delivery.__table__.c.status.type
    moment = Delivery.__table__.c.due_at.type
    queued = (
        select(
            messages.c.event_id,
            Endpoint.id,
            messages.c.case_id,
            messages.c.seq,
            literal(DeliveryStatus.PENDING, status),
            literal(now, moment),
            literal(0, Integer),
            literal(0, Integer),
            literal(now, moment),
        )
        .join(messages, messages.c.department_code == Endpoint.department_code)
        .where(Endpoint.active)
        .order_by(messages.c.seq)
    )
    columns = ["event_id", "endpoint_id", "case_id", "seq", "status", "due_at", "attempts", "crashes", "created_at"]
    await session.execute(insert(Delivery).from_select(columns, queued, include_defaults=False))


def _row_of(event: Event) -> Select[str, str, int, str]:
    return select(
        literal(event.id, String).label("event_id"),
        literal(event.case_id, String).label("case_id"),
        literal(event.seq, Integer).label("seq"),
        literal(event.department_code, String).label("department_code"),
    )


_QUEUE = insert(Delivery).from_select(
    ["event_id", "endpoint_id", "case_id", "seq", "status", "due_at", "attempts", "crashes", "created_at"],
    select(
        bindparam("event_id", type_=String),
        Endpoint.id,
        bindparam("case_id", type_=String),
        bindparam("seq", type_=Integer),
        bindparam("status", type_=Delivery.__table__.c.status.type),
        bindparam("now", type_=Delivery.__table__.c.due_at.type),
        bindparam("none", type_=Integer),
        bindparam("none", type_=Integer),
        bindparam("now", type_=Delivery.__table__.c.due_at.type),
    ).where(Endpoint.department_code == bindparam("department", type_=String), Endpoint.active),
    include_defaults=False,
)


def enqueue(batch: Batch, events: Sequence[Event], now: datetime) -> None:
    """Queue each addressed event for every active address of its department, with the batch that adds the events."""
    batch.run(
        _QUEUE,
        (
            {
                "event_id": event.id,
                "case_id": event.case_id,
                "seq": event.seq,
                "status": DeliveryStatus.PENDING,
                "now": now,
                "none": 0,
                "department": event.department_code,
            }
            for event in events
            if event.department_code is not None and event.body is not None
        ),
    )
