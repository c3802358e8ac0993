"""Health of addresses: what came of the last day's attempts, what waits, and how each stands. It writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import case, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Attempt, Delivery, Endpoint

WINDOW: Final = timedelta(hours=24)
# Spelt out for the partial index, which a bound value would not match.
FAILED: Final = text("deliveries.status IN ('dead', 'quarantined')")


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
    if not endpoints:
        return []
    attempts = await _by_endpoint(session, _attempts(now - WINDOW))
    waiting = await _by_endpoint(session, _waiting())
    given_up = await _by_endpoint(session, _given_up())
    return [
        Health(e, standing_of(e, now), **attempts.get(e.id, {}), **waiting.get(e.id, {}), **given_up.get(e.id, {}))
        for e in endpoints
    ]


async def _by_endpoint(session: AsyncSession, statement: Any) -> Mapping[str, dict[str, Any]]:
    rows = (dict(row) for row in (await session.execute(statement)).mappings())
    return {row.pop("endpoint_id"): row for row in rows}


# Each is asked of all addresses, by the index of what is asked: a condition on addresses would lead through all that
# was ever sent to them.


def _attempts(since: datetime) -> Any:
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
        .where(Attempt.started_at >= since)
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


def _waiting() -> Any:
    """What is due to be sent some time, now or later."""
    return (
        select(Delivery.endpoint_id, func.count().label("waiting"), func.min(Delivery.created_at).label("oldest"))
        .where(Delivery.due_at.is_not(None))
        .group_by(Delivery.endpoint_id)
    )


def _given_up() -> Any:
    # As an expression, so that rows are not read in the order of an index of all.
    of_endpoint = func.coalesce(Delivery.endpoint_id, "")
    return select(of_endpoint.label("endpoint_id"), func.count().label("given_up")).where(FAILED).group_by(of_endpoint)
