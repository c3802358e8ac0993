"""Health of addresses: what came of the last day's attempts, what waits, and how each stands. It writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Attempt, Delivery, DeliveryStatus, Endpoint

WINDOW: Final = timedelta(hours=24)


class Standing(StrEnum):
    """How an address stands, in a word; the first that applies."""

    INACTIVE = "inactive"
    UNCONFIRMED = "unconfirmed"
    RESTING = "resting"
    PROBING = "probing"
    FAILING = "failing"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Health:
    """One address.

    Attributes:
        delivered, failed: attempts of the last 24 hours.
        p50, p95: milliseconds of those attempts; None without any.
        waiting: deliveries still to be made; `oldest` is when the first of them was queued.
        given_up: deliveries dead or in quarantine.
    """

    endpoint: Endpoint
    standing: Standing
    delivered: int = 0
    failed: int = 0
    p50: int | None = None
    p95: int | None = None
    waiting: int = 0
    oldest: datetime | None = None
    given_up: int = 0


def standing_of(endpoint: Endpoint, now: datetime) -> Standing:
    """How an address stands at a moment."""
    if not endpoint.active:
        return Standing.INACTIVE
    if endpoint.confirmed_at is None:
        return Standing.UNCONFIRMED
    if endpoint.rests_until is not None:
        return Standing.RESTING if endpoint.rests_until > now else Standing.PROBING
    return Standing.FAILING if endpoint.failing_since is not None else Standing.WELL


async def read_health(session: AsyncSession, endpoints: Sequence[Endpoint], now: datetime) -> list[Health]:
    """The health of these addresses, in their order: three queries, however many there are."""
    ids = [endpoint.id for endpoint in endpoints]
    if not ids:
        return []
    attempts = await _by_endpoint(session, _attempts(ids, now - WINDOW))
    queues = await _by_endpoint(session, _queues(ids))
    return [Health(e, standing_of(e, now), **attempts.get(e.id, {}), **queues.get(e.id, {})) for e in endpoints]


async def _by_endpoint(session: AsyncSession, statement: Any) -> Mapping[str, dict[str, Any]]:
    rows = (dict(row) for row in (await session.execute(statement)).mappings())
    return {row.pop("endpoint_id"): row for row in rows}


def _attempts(ids: Sequence[str], since: datetime) -> Any:
    """Counts and percentiles by address. A percentile is the attempt at that place, the nearest rank from above."""
    of_endpoint = Delivery.endpoint_id
    ranked = (
        select(
            of_endpoint,
            Attempt.milliseconds,
            Attempt.error,
            func.row_number()
            .over(partition_by=of_endpoint, order_by=(Attempt.milliseconds, Attempt.id))
            .label("place"),
            func.count().over(partition_by=of_endpoint).label("total"),
        )
        .join(Delivery, Delivery.id == Attempt.delivery_id)
        .where(Attempt.started_at >= since, of_endpoint.in_(ids))
        .subquery()
    )

    def at(percent: int) -> Any:
        # In whole numbers, so that both databases round alike.
        return func.max(case((ranked.c.place * 100 < ranked.c.total * percent + 100, ranked.c.milliseconds)))

    return select(
        ranked.c.endpoint_id,
        func.count().filter(ranked.c.error.is_(None)).label("delivered"),
        func.count().filter(ranked.c.error.is_not(None)).label("failed"),
        at(50).label("p50"),
        at(95).label("p95"),
    ).group_by(ranked.c.endpoint_id)


def _queues(ids: Sequence[str]) -> Any:
    pending = Delivery.status == DeliveryStatus.PENDING
    return (
        select(
            Delivery.endpoint_id,
            func.count().filter(pending).label("waiting"),
            func.min(Delivery.created_at).filter(pending).label("oldest"),
            func.count()
            .filter(Delivery.status.in_([DeliveryStatus.DEAD, DeliveryStatus.QUARANTINED]))
            .label("given_up"),
        )
        .where(Delivery.endpoint_id.in_(ids), Delivery.status != DeliveryStatus.DELIVERED)
        .group_by(Delivery.endpoint_id)
    )
