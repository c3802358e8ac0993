"""Writes what came of attempts: the attempts themselves, the deliveries' new states, the next of each case set free.

Many at a time, in few statements: each one that finished meanwhile shares the commit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.backoff import next_attempt_at
from app.deliver.breaker import Breaker, after_call, after_limit
from app.deliver.claimed import Claimed
from app.deliver.send import Fault, Outcome
from app.log import get_logger
from app.models import Attempt, Delivery, DeliveryStatus, Endpoint

_table = cast("Table", Delivery.__table__)
_attempts = cast("Table", Attempt.__table__)
_endpoints = cast("Table", Endpoint.__table__)
_following = _table.alias("following")

# Built once: a statement that is built anew costs more than its running.
_held = (
    select(_table.c.id, _table.c.lease_token)
    .where(_table.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_table.c.id)
)
_write_state = (
    update(_table)
    .where(_table.c.id == bindparam("delivery"))
    .values(
        status=bindparam("new_status"),
        due_at=bindparam("new_due"),
        attempts=bindparam("made"),
        finished_at=bindparam("ended"),
        # It did not kill its worker this time: only crashes in a row lead to quarantine.
        crashes=0,
        lease_token=None,
        lease_until=None,
    )
)
_write_attempt = insert(_attempts)
_in_trouble = select(_endpoints.c.id).where(
    _endpoints.c.id.in_(bindparam("ids", expanding=True)),
    or_(_endpoints.c.failures > 0, _endpoints.c.rests_until.is_not(None)),
)
_breakers = (
    select(_endpoints.c.id, _endpoints.c.failures, _endpoints.c.rests_until, _endpoints.c.proven)
    .where(_endpoints.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_endpoints.c.id)
)
_write_breaker = (
    update(_endpoints)
    .where(_endpoints.c.id == bindparam("endpoint"))
    .values(failures=bindparam("new_failures"), rests_until=bindparam("new_rest"), proven=bindparam("new_proven"))
)
_wake_next = (
    update(_table)
    .where(
        _table.c.id
        == select(_following.c.id)
        .where(
            _following.c.endpoint_id == bindparam("endpoint"),
            _following.c.case_id == bindparam("of_case"),
            _following.c.due_at.is_not(None),
            _following.c.seq > bindparam("after"),
        )
        .order_by(_following.c.seq)
        .limit(1)
        .scalar_subquery(),
        _table.c.due_at > bindparam("moment"),
        _table.c.lease_token.is_(None),
    )
    .values(due_at=bindparam("moment"))
)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended; `chance` (0 up to 1) is the jitter of the next one."""

    claimed: Claimed
    outcome: Outcome
    chance: float


async def settle(session: AsyncSession, claimed: Claimed, outcome: Outcome, now: datetime, chance: float) -> bool:
    """Record one attempt; see `settle_all`. False where another worker has the row."""
    return not await settle_all(session, [Ended(claimed, outcome, chance)], now)


async def settle_all(session: AsyncSession, ended: Sequence[Ended], now: datetime) -> list[int]:
    """Record attempts whose leases are still held, and what follows from them.

    Args:
        now: database time, when the attempts ended.

    Returns the ids of deliveries that another worker has taken over; nothing is written for these.
    """
    breakers = await _lock_breakers(session, ended)
    tokens = await _lock(session, [each.claimed.delivery_id for each in ended])
    held = [each for each in ended if tokens.get(each.claimed.delivery_id) == each.claimed.lease_token]
    if held:
        states = [_state_after(each, now) for each in held]
        await session.execute(_write_state, states)
        await session.execute(_write_attempt, [_attempt_of(each, now) for each in held])
        finished = [each.claimed for each, state in zip(held, states, strict=True) if state["new_due"] is None]
        if finished:
            await _wake_those_behind(session, finished, now)
        await _write_breakers(session, breakers, held, now)
        await _pause_gone(session, held)
    kept = {each.claimed.delivery_id for each in held}
    return [each.claimed.delivery_id for each in ended if each.claimed.delivery_id not in kept]


async def _lock_breakers(session: AsyncSession, ended: Sequence[Ended]) -> dict[str, Breaker]:
    """The breakers that this may move, locked before any delivery is, as a claim does: nobody waits in a circle.

    An address that is well and answered is neither locked nor written.
    """
    moving = {each.claimed.endpoint_id for each in ended if not each.outcome.delivered}
    well = {each.claimed.endpoint_id for each in ended} - moving
    if well:
        moving |= set(await session.scalars(_in_trouble, {"ids": sorted(well)}))
    if not moving:
        return {}
    found = await session.execute(_breakers.with_for_update(key_share=True), {"ids": sorted(moving)})
    return {row.id: Breaker(row.failures, row.rests_until, row.proven) for row in found}


def _calls(held: Sequence[Ended]) -> Iterator[tuple[Outcome, str]]:
    """The calls that were made and to whom: a message that tells of several events was one call."""
    told: set[tuple[str, str]] = set()
    for each in held:
        endpoint_id, message_id = each.claimed.endpoint_id, each.claimed.message_id
        if message_id is None or (endpoint_id, message_id) not in told:
            yield each.outcome, endpoint_id
        if message_id is not None:
            told.add((endpoint_id, message_id))


async def _write_breakers(
    session: AsyncSession, before: dict[str, Breaker], held: Sequence[Ended], now: datetime
) -> None:
    after = dict(before)
    for outcome, endpoint_id in _calls(held):
        if endpoint_id not in after:
            continue
        if outcome.rest is not None:
            after[endpoint_id] = after_limit(after[endpoint_id], rest=outcome.rest, now=now)
        elif outcome.answered is not None:
            after[endpoint_id] = after_call(after[endpoint_id], answered=outcome.answered, now=now)
    moved = [
        {"endpoint": key, "new_failures": b.failures, "new_rest": b.rests_until, "new_proven": b.proven}
        for key, b in after.items()
        if b != before[key]
    ]
    if moved:
        await session.execute(_write_breaker, moved)
    for key, breaker in after.items():
        if breaker.rests_until is not None and breaker.rests_until != before[key].rests_until:
            seconds = round((breaker.rests_until - now).total_seconds())
            get_logger().warning("endpoint_rests", endpoint=key, count=breaker.failures, seconds=seconds)


async def _lock(session: AsyncSession, ids: list[int]) -> dict[int, str | None]:
    """The lease tokens of rows, locked in one order, so that two workers never wait for each other."""
    found = await session.execute(_held.with_for_update(key_share=True), {"ids": ids})
    return {row.id: row.lease_token for row in found}


def _state_after(each: Ended, now: datetime) -> dict[str, Any]:
    claimed, outcome = each.claimed, each.outcome
    due_at = None
    if not outcome.final:
        due_at = next_attempt_at(
            failures=claimed.attempts + 1,
            created_at=claimed.created_at,
            now=now,
            chance=each.chance,
            retry_after=outcome.retry_after,
        )
    status = DeliveryStatus.DEAD if due_at is None else DeliveryStatus.PENDING
    return {
        "delivery": claimed.delivery_id,
        "new_status": DeliveryStatus.DELIVERED if outcome.delivered else status,
        "new_due": due_at,
        "made": claimed.attempts + 1,
        "ended": now if due_at is None else None,
    }


def _attempt_of(each: Ended, now: datetime) -> dict[str, Any]:
    outcome = each.outcome
    return {
        "delivery_id": each.claimed.delivery_id,
        "number": each.claimed.attempts + 1,
        "started_at": now - timedelta(milliseconds=outcome.milliseconds),
        "milliseconds": outcome.milliseconds,
        "http_status": outcome.http_status,
        "error": outcome.fault,
        "answer": outcome.answer,
    }


async def _wake_those_behind(session: AsyncSession, finished: Sequence[Claimed], now: datetime) -> None:
    """Make the next unfinished delivery of each case due at once: it may have been moved behind the one just ended."""
    await session.execute(
        _wake_next,
        [{"endpoint": c.endpoint_id, "of_case": c.case_id, "after": c.seq, "moment": now} for c in finished],
    )


async def _pause_gone(session: AsyncSession, held: Sequence[Ended]) -> None:
    # The receiver said so itself: nothing more is sent there until a person registers or activates it again.
    gone = sorted({each.claimed.endpoint_id for each in held if each.outcome.fault is Fault.GONE})
    if gone:
        await session.execute(update(_endpoints).where(_endpoints.c.id.in_(gone)).values(active=False))
