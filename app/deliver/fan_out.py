"""Queues deliveries in the transaction of the change that they tell of. It sends nothing."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Integer, String, bindparam, insert, select

from app.batch import Batch
from app.models import Delivery, DeliveryStatus, Endpoint, Event

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
    """Queue each addressed event for every active address of its department, in the batch that adds the events."""
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
