"""Takes due deliveries in hand, in a short transaction of the caller's. It sends nothing.

A lease is written as the row's next due moment: while it is alive the row is not due, and once it has run out the very
same query finds the row again. A delivery that waits for an earlier one of its case (at the same address) is moved
behind it when it is met, so that blocked rows are looked at once and not on every claim (docs/decisions/0020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.deliver.breaker import Breaker, room
from app.models import Delivery, DeliveryStatus, Endpoint, Event, new_id

LEASE = timedelta(seconds=45)
MOST_CRASHES = 3
# Rows looked at for one address in one claim; a few when all goes well, all of them when many are blocked.
WINDOW = 100
BEHIND = timedelta(milliseconds=1)

_table = cast("Table", Delivery.__table__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in hand until `lease_until`; `attempts` and `crashes` count those before this one."""

    delivery_id: int
    event_id: str
    endpoint_id: str
    case_id: str
    seq: int
    url: str
    sealed_secret: bytes
    body: str | None
    attempts: int
    crashes: int
    created_at: datetime
    lease_token: str
    lease_until: datetime

    @property
    def on_last_chance(self) -> bool:
        """One crash more and it is quarantined."""
        return self.crashes >= MOST_CRASHES - 1


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim did: rows in hand, rows given up because they killed their worker, rows moved back in line."""

    taken: list[Claimed]
    quarantined: list[int]
    moved: int = 0

    @property
    def found_work(self) -> bool:
        return bool(self.taken or self.quarantined or self.moved)


async def has_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a claim could find anything: a look that takes no lock."""
    found = select(Endpoint.id).where(_in_use(), _awake(now), _first_due() <= now).limit(1)
    return await session.scalar(found) is not None


def next_due() -> ScalarSelect[datetime | None]:
    """The earliest moment at which a delivery may be sent; null where nothing waits. An address that rests waits."""
    waiting = case((Endpoint.rests_until > Delivery.due_at, Endpoint.rests_until), else_=Delivery.due_at)
    return (
        select(func.min(waiting))
        .select_from(Delivery)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(_in_use(), Delivery.due_at.is_not(None))
        .scalar_subquery()
    )


async def claim_due(
    session: AsyncSession, now: datetime, *, limit: int, cap: int, lease: timedelta = LEASE, last_chances: int = 1
) -> Claim:
    """Lease up to `limit` due deliveries, at most `cap` at a time for each address; none for one that rests.

    Addresses come in random order, so that none waits behind another's backlog; each is locked for the moment, so
    that two workers never count its leases at once. Of a case's deliveries to one address only the earliest
    unfinished is taken. A lease that ran out counts as a crash; the third puts the row into quarantine.

    Args:
        now: database time.
        last_chances: how many that crashed twice may be taken. A worker has one of them in hand at most: what kills
            workers is then alone among the suspects, and those that only died with it are not quarantined.
    """
    rooms = await _lock_endpoints(session, now, limit=limit, cap=cap, lease=lease)
    if not rooms:
        return Claim([], [])
    rows = (await session.execute(_windows(list(rooms), now, lease))).all()
    chosen, poisoned, blocked = _sort_out(rows, rooms, limit=limit, last_chances=last_chances)
    token, until = new_id(), now + lease
    if chosen:
        await _lease(session, chosen, now, token, until)
    if poisoned:
        await _quarantine(session, poisoned, now)
    moved = await _move_behind(session, blocked, dict.fromkeys(chosen, until)) if blocked else 0
    taken = await _load(session, chosen, token) if chosen else []
    return Claim(taken, poisoned, moved)


def _awake(now: datetime) -> ColumnElement[bool]:
    return or_(Endpoint.rests_until.is_(None), Endpoint.rests_until <= now)


def _first_due() -> ScalarSelect[datetime | None]:
    """The earliest due moment of an address: one probe of an index, however many rows wait."""
    return (
        select(Delivery.due_at)
        .where(Delivery.endpoint_id == Endpoint.id, Delivery.due_at.is_not(None))
        .order_by(Delivery.due_at)
        .limit(1)
        .correlate(Endpoint)
        .scalar_subquery()
    )


def _in_use() -> ColumnElement[bool]:
    """An address that has not answered its challenge yet gets no events; they wait for it."""
    return and_(Endpoint.active, Endpoint.confirmed_at.is_not(None))


def _live_leases(endpoint_id: Any, now: datetime, lease: timedelta) -> Select[int]:
    # A live lease is due within the lease's length from now: the range keeps later retries out of the count.
    return select(func.count()).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.due_at > now,
        Delivery.due_at <= now + lease,
        Delivery.lease_token.is_not(None),
    )


async def _lock_endpoints(
    session: AsyncSession, now: datetime, *, limit: int, cap: int, lease: timedelta
) -> dict[str, int]:
    """Lock addresses that have something due and room, skipping those another worker holds; how many each may have.

    The count of leases is a first sieve here: it is taken again under the lock, where it is exact.
    """
    live = _live_leases(Endpoint.id, now, lease).correlate(Endpoint).scalar_subquery()
    found = (
        select(Endpoint.id, Endpoint.failures, Endpoint.rests_until, Endpoint.proven)
        .where(_in_use(), _awake(now), _first_due() <= now, live < cap)
        .order_by(func.random())
        .limit(limit)
        # Not the strongest lock: queueing a delivery refers to the address and must not wait for a claim.
        .with_for_update(of=Endpoint, skip_locked=True, key_share=True)
    )
    rows = await session.execute(found)
    return {row.id: room(Breaker(row.failures, row.rests_until, row.proven), cap) for row in rows}


def _windows(endpoint_ids: Sequence[str], now: datetime, lease: timedelta) -> Any:
    """The next due rows of each address in one statement, with the head of each row's case and the leases alive."""
    parts = [select(_window(endpoint_id, now, lease).subquery()) for endpoint_id in endpoint_ids]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _window(endpoint_id: str, now: datetime, lease: timedelta) -> Select[Any]:
    earlier = aliased(Delivery)
    head = (
        select(earlier.id)
        .where(
            earlier.endpoint_id == Delivery.endpoint_id,
            earlier.case_id == Delivery.case_id,
            earlier.due_at.is_not(None),
        )
        .order_by(earlier.seq)
        .limit(1)
        .correlate(Delivery)
        .scalar_subquery()
    )
    return (
        select(
            Delivery.id,
            Delivery.endpoint_id,
            Delivery.due_at,
            Delivery.crashes,
            Delivery.lease_token.is_not(None).label("crashed"),
            head.label("head"),
            _live_leases(literal(endpoint_id), now, lease).scalar_subquery().label("live"),
        )
        .where(Delivery.endpoint_id == endpoint_id, Delivery.due_at.is_not(None), Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(WINDOW)
    )


def _sort_out(
    rows: Sequence[Row[Any]], rooms: dict[str, int], *, limit: int, last_chances: int
) -> tuple[list[int], list[int], list[Row[Any]]]:
    """Which rows to take, which to put into quarantine, which wait for another."""
    chosen: list[int] = []
    poisoned: list[int] = []
    blocked: list[Row[Any]] = []
    in_hand: dict[str, int] = {}
    for row in rows:
        if row.head != row.id:
            blocked.append(row)
        elif row.crashed and row.crashes + 1 >= MOST_CRASHES:
            poisoned.append(row.id)
        elif in_hand.setdefault(row.endpoint_id, row.live) < rooms[row.endpoint_id] and len(chosen) < limit:
            if row.crashes + row.crashed >= MOST_CRASHES - 1:
                if last_chances <= 0:
                    continue
                last_chances -= 1
            in_hand[row.endpoint_id] += 1
            chosen.append(row.id)
    return chosen, poisoned, blocked


async def _lease(session: AsyncSession, ids: list[int], now: datetime, token: str, until: datetime) -> None:
    # Due is asked once more: a late worker may have settled an expired row since it was read.
    await session.execute(
        update(_table)
        .where(_table.c.id.in_(ids), _table.c.due_at <= now)
        .values(
            crashes=_table.c.crashes + case((_table.c.lease_token.is_not(None), 1), else_=0),
            lease_token=token,
            lease_until=until,
            due_at=until,
        )
    )


async def _quarantine(session: AsyncSession, ids: list[int], now: datetime) -> None:
    await session.execute(
        update(_table)
        .where(_table.c.id.in_(ids), _table.c.due_at <= now)
        .values(
            status=DeliveryStatus.QUARANTINED,
            crashes=_table.c.crashes + 1,
            lease_token=None,
            lease_until=None,
            due_at=None,
            finished_at=now,
        )
    )


async def _move_behind(session: AsyncSession, blocked: Sequence[Row[Any]], leased: dict[int, datetime]) -> int:
    """Make blocked rows due just after the head of their case; how many were moved.

    The heads are locked: a worker that finishes one meanwhile waits, sees the moved row and wakes it. One that holds
    a head already is not waited for; its rows are looked at again.
    """
    others = {row.head for row in blocked} - leased.keys()
    heads = dict(leased)
    if others:
        found = await session.execute(
            select(_table.c.id, _table.c.due_at)
            .where(_table.c.id.in_(others), _table.c.due_at.is_not(None))
            .with_for_update(skip_locked=True, key_share=True)
        )
        heads |= {row.id: row.due_at for row in found}
    moves = [
        {"row": row.id, "due": heads[row.head] + BEHIND, "seen": row.due_at}
        for row in blocked
        if row.head in heads and row.due_at <= heads[row.head]
    ]
    if moves:
        move = (
            update(_table)
            .where(_table.c.id == bindparam("row"), _table.c.due_at == bindparam("seen"))
            .values(due_at=bindparam("due"))
        )
        await session.execute(move, moves)
    return len(moves)


async def _load(session: AsyncSession, ids: list[int], token: str) -> list[Claimed]:
    found = await session.execute(
        select(
            Delivery.id.label("delivery_id"),
            Delivery.event_id,
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
        )
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .join(Event, Event.id == Delivery.event_id)
        .where(Delivery.id.in_(ids), Delivery.lease_token == token)
        .order_by(Delivery.created_at, Delivery.id)
    )
    return [Claimed(**row) for row in found.mappings()]
