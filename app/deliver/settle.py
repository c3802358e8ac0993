"""Writes what came of attempts: the attempts themselves, the deliveries' new states, the next of each case set free.

Many at a time, in few statements: each one that finished meanwhile shares the commit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.alerts import GONE, end_alerts
from app.deliver.backoff import next_attempt_at
from app.deliver.breaker import Breaker, after_call, after_limit
from app.deliver.claimed import Claimed
from app.deliver.send import Fault, Outcome
from app.log import get_logger
from app.models import Attempt, Delivery, DeliveryStatus, Endpoint, EndpointAlert

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
    or_(_endpoints.c.failures > 0, _endpoints.c.rests_until.is_not(None), _endpoints.c.failing_since.is_not(None)),
)
_standings = (
    select(
        _endpoints.c.id,
        _endpoints.c.failures,
        _endpoints.c.rests_until,
        _endpoints.c.proven,
        _endpoints.c.failing_since,
    )
    .where(_endpoints.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_endpoints.c.id)
)
_write_standing = (
    update(_endpoints)
    .where(_endpoints.c.id == bindparam("endpoint"))
    .values(
        failures=bindparam("new_failures"),
        rests_until=bindparam("new_rest"),
        proven=bindparam("new_proven"),
        failing_since=bindparam("new_failing"),
    )
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
class Standing:
    """How an address stands: its breaker, and since when nothing has got through to it; None while it is well."""

    breaker: Breaker
    failing_since: datetime | None

    def after(self, outcome: Outcome, now: datetime) -> "Standing":
        """The same after one more attempt. A breaker asks for any answer; only a delivery ends the failing.

        Too many messages is no failing: the address rests for as long as it asked.
        """
        if outcome.rest is not None:
            return Standing(after_limit(self.breaker, rest=outcome.rest, now=now), self.failing_since)
        breaker = self.breaker
        if outcome.answered is not None:
            breaker = after_call(breaker, answered=outcome.answered, now=now)
        since = self.failing_since
        if outcome.delivered:
            since = None
        elif outcome.fault is not Fault.ERASED:
            since = since or now
        return Standing(breaker, since)


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
    standings = await _lock_standings(session, ended)
    tokens = await _lock(session, [each.claimed.delivery_id for each in ended])
    held = [each for each in ended if tokens.get(each.claimed.delivery_id) == each.claimed.lease_token]
    if held:
        states = [_state_after(each, now) for each in held]
        await session.execute(_write_state, states)
        await session.execute(_write_attempt, [_attempt_of(each, now) for each in held])
        finished = [each.claimed for each, state in zip(held, states, strict=True) if state["new_due"] is None]
        if finished:
            await _wake_those_behind(session, finished, now)
        await _write_standings(session, standings, held, now)
        await _pause_gone(session, held, now)
    kept = {each.claimed.delivery_id for each in held}
    return [each.claimed.delivery_id for each in ended if each.claimed.delivery_id not in kept]


async def _lock_standings(session: AsyncSession, ended: Sequence[Ended]) -> dict[str, Standing]:
    """The addresses that this may move, locked before any delivery is, as a claim does: nobody waits in a circle.

    An address that is well and took what it was sent is neither locked nor written.
    """
    moving = {each.claimed.endpoint_id for each in ended if not each.outcome.delivered}
    well = {each.claimed.endpoint_id for each in ended} - moving
    if well:
        moving |= set(await session.scalars(_in_trouble, {"ids": sorted(well)}))
    if not moving:
        return {}
    found = await session.execute(_standings.with_for_update(key_share=True), {"ids": sorted(moving)})
    return {r.id: Standing(Breaker(r.failures, r.rests_until, r.proven), r.failing_since) for r in found}


def _calls(held: Sequence[Ended]) -> Iterator[tuple[Outcome, str]]:
    """The calls that were made and to whom: a message that tells of several events was one call."""
    told: set[tuple[str, str]] = set()
    for each in held:
        endpoint_id, message_id = each.claimed.endpoint_id, each.claimed.message_id
        if message_id is None or (endpoint_id, message_id) not in told:
            yield each.outcome, endpoint_id
        if message_id is not None:
            told.add((endpoint_id, message_id))


async def _write_standings(
    session: AsyncSession, before: dict[str, Standing], held: Sequence[Ended], now: datetime
) -> None:
    after = dict(before)
    for outcome, endpoint_id in _calls(held):
        if endpoint_id in after:
            after[endpoint_id] = after[endpoint_id].after(outcome, now)
    moved = [_standing_row(key, standing) for key, standing in after.items() if standing != before[key]]
    if moved:
        await session.execute(_write_standing, moved)
    recovered = [key for key, s in after.items() if s.failing_since is None and before[key].failing_since is not None]
    if recovered:
        await end_alerts(session, recovered, now)
    for key, standing in after.items():
        rest = standing.breaker.rests_until
        if rest is not None and rest != before[key].breaker.rests_until:
            seconds = round((rest - now).total_seconds())
            get_logger().warning("endpoint_rests", endpoint=key, count=standing.breaker.failures, seconds=seconds)


def _standing_row(endpoint_id: str, standing: Standing) -> dict[str, Any]:
    breaker = standing.breaker
    return {
        "endpoint": endpoint_id,
        "new_failures": breaker.failures,
        "new_rest": breaker.rests_until,
        "new_proven": breaker.proven,
        "new_failing": standing.failing_since,
    }


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
    if due_at is not None and claimed.expires_at is not None and due_at >= claimed.expires_at:
        due_at, status = None, DeliveryStatus.OUTDATED
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
    ended = [
        {"endpoint": c.endpoint_id, "of_case": c.case_id, "after": c.seq, "moment": now}
        for c in finished
        if c.case_id is not None
    ]
    if ended:
        await session.execute(_wake_next, ended)


async def _pause_gone(session: AsyncSession, held: Sequence[Ended], now: datetime) -> None:
    # The receiver said so itself: nothing more is sent there until a person registers or activates it again.
    said = {each.claimed.endpoint_id for each in held if each.outcome.fault is Fault.GONE}
    if not said:
        return
    pause = update(_endpoints).where(_endpoints.c.id.in_(said), _endpoints.c.active).values(active=False)
    gone = sorted(await session.scalars(pause.returning(_endpoints.c.id)))
    # Told at once: nothing is disabled in silence.
    await end_alerts(session, gone, now)
    session.add_all(EndpointAlert(endpoint_id=key, since=now, hours=GONE, raised_at=now) for key in gone)
    await session.flush()
    for key in gone:
        get_logger().error("endpoint_gone", endpoint=key)
