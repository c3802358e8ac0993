"""Writes what came of an attempt: the attempt itself, the delivery's new state, and the next of the case set free."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.backoff import next_attempt_at
from app.deliver.claim import Claimed
from app.deliver.send import Fault, Outcome
from app.models import Attempt, Delivery, DeliveryStatus, Endpoint

_table = cast("Table", Delivery.__table__)
_attempts = cast("Table", Attempt.__table__)
_endpoints = cast("Table", Endpoint.__table__)


async def settle(session: AsyncSession, claimed: Claimed, outcome: Outcome, now: datetime, chance: float) -> bool:
    """Record an attempt if the lease is still held; False, and nothing written, where another worker has the row.

    Args:
        now: database time, when the attempt ended.
        chance: 0 up to 1, for the jitter of the next attempt.
    """
    due_at = None if outcome.final else _next(claimed, outcome, now, chance)
    status = _status_after(outcome, due_at)
    settled = await session.scalar(
        update(_table)
        .where(_table.c.id == claimed.delivery_id, _table.c.lease_token == claimed.lease_token)
        .values(
            status=status,
            due_at=due_at,
            attempts=claimed.attempts + 1,
            # It did not kill its worker this time: only crashes in a row lead to quarantine.
            crashes=0,
            lease_token=None,
            lease_until=None,
            finished_at=None if status is DeliveryStatus.PENDING else now,
        )
        .returning(_table.c.id)
    )
    if settled is None:
        return False
    await session.execute(insert(_attempts).values(**_attempt_of(claimed, outcome, now)))
    if status is not DeliveryStatus.PENDING:
        await wake_next(session, claimed.endpoint_id, claimed.case_id, claimed.seq, now)
    if outcome.fault is Fault.GONE:
        # The receiver said so itself: nothing more is sent there until a person registers or activates it again.
        await session.execute(update(_endpoints).where(_endpoints.c.id == claimed.endpoint_id).values(active=False))
    return True


def _next(claimed: Claimed, outcome: Outcome, now: datetime, chance: float) -> datetime | None:
    return next_attempt_at(
        failures=claimed.attempts + 1,
        created_at=claimed.created_at,
        now=now,
        chance=chance,
        retry_after=outcome.retry_after,
    )


def _status_after(outcome: Outcome, due_at: datetime | None) -> DeliveryStatus:
    if outcome.delivered:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.DEAD if due_at is None else DeliveryStatus.PENDING


def _attempt_of(claimed: Claimed, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "delivery_id": claimed.delivery_id,
        "number": claimed.attempts + 1,
        "started_at": now - timedelta(milliseconds=outcome.milliseconds),
        "milliseconds": outcome.milliseconds,
        "http_status": outcome.http_status,
        "error": outcome.fault,
        "answer": outcome.answer,
    }


async def wake_next(session: AsyncSession, endpoint_id: str, case_id: str, seq: int, now: datetime) -> None:
    """Make the next unfinished delivery of the case due at once: it may have been moved behind the one just ended."""
    following = (
        select(_table.c.id)
        .where(
            _table.c.endpoint_id == endpoint_id,
            _table.c.case_id == case_id,
            _table.c.due_at.is_not(None),
            _table.c.seq > seq,
        )
        .order_by(_table.c.seq)
        .limit(1)
        .scalar_subquery()
    )
    await session.execute(
        update(_table)
        .where(_table.c.id == following, _table.c.due_at > now, _table.c.lease_token.is_(None))
        .values(due_at=now)
    )
