"""What a worker has in hand: deliveries, and messages that carry several. It claims nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.daily import Daily
from app.deliver.notices import Notice
from app.models import Channel, Delivery, Endpoint, Event

MOST_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in hand until `lease_until`; `attempts` and `crashes` count those before this one.

    A digest belongs to no case, and goes out under its message's id.
    """

    delivery_id: int
    event_id: str
    endpoint_id: str
    case_id: str | None
    seq: int
    url: str
    sealed_secret: bytes
    body: str | None
    attempts: int
    crashes: int
    created_at: datetime
    lease_token: str
    lease_until: datetime
    message_id: str | None = None
    expires_at: datetime | None = None

    @property
    def on_last_chance(self) -> bool:
        """One crash more and it is quarantined."""
        return self.crashes >= MOST_CRASHES - 1


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message to people in hand: the deliveries it carries, and all that it tells of, however often it was sent.

    It tells of events, or of one day's digest.
    """

    id: str
    channel: Channel
    department: str
    written_at: datetime
    rows: list[Claimed]
    notices: list[Notice]
    daily: Daily | None = None


async def load_claimed(session: AsyncSession, ids: Sequence[int], token: str) -> list[Claimed]:
    """What was leased under that token, oldest first."""
    found = await session.execute(
        select(
            Delivery.id.label("delivery_id"),
            func.coalesce(Delivery.event_id, Delivery.message_id).label("event_id"),
            Delivery.endpoint_id,
            Delivery.case_id,
            Delivery.seq,
            Endpoint.url,
            Endpoint.secret.label("sealed_secret"),
            Event.body,
            Delivery.attempts,
            Delivery.crashes,
            Delivery.created_at,
            Delivery.lease_token,
            Delivery.lease_until,
            Delivery.message_id,
            Delivery.expires_at,
        )
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .outerjoin(Event, Event.id == Delivery.event_id)
        .where(Delivery.id.in_(ids), Delivery.lease_token == token)
        .order_by(Delivery.created_at, Delivery.id)
    )
    return [Claimed(**row) for row in found.mappings()]
