"""Takes due deliveries in hand, in a short transaction of the caller's. It sends nothing.

A lease is written as the row's next due moment: while it is alive the row is not due, and once it has run out the very
same query finds the row again. A delivery that waits for an earlier one of its case (at the same address) is moved
behind it when it is met, so that blocked rows are looked at once and not on every claim (docs/decisions/0020).
What goes to people is claimed as messages: see `bundle` (docs/decisions/0063).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Row,
    ScalarSelect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.deliver.breaker import Breaker, room
from app.deliver.bundle import MOST_EVENTS, choose_message, load_message, without_gaps
from app.deliver.claimed import MOST_CRASHES, Claimed, ClaimedMessage, load_claimed
from app.models import Channel, Delivery, DeliveryStatus, Endpoint, new_id

LEASE = timedelta(seconds=45)
# Rows looked at for one address in one claim; a few when all goes well, all of them when many are blocked.
WINDOW = 100
BEHIND = timedelta(milliseconds=1)

_table = cast("Table", Delivery.__table__)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim did: webhooks and messages in hand, rows given up because they killed their worker, rows moved
    back in line or to the next office hours, or ended because their day is over.
    """

    taken: list[Claimed]
    quarantined: list[int]
    moved: int = 0
    messages: list[ClaimedMessage] = field(default_factory=list)

    @property
    def found_work(self) -> bool:
        return bool(self.taken or self.messages or self.quarantined or self.moved)


@dataclass(frozen=True, slots=True)
class _Locked:
    """An address that this claim may take from: how many calls it has room for; `quiet`: in office hours alone."""

    channel: Channel
    room: int
    quiet: bool


@dataclass(slots=True)
class _Choice:
    """Rows to take (webhooks, and each message by its first row's id), to put into quarantine, that wait."""

    webhooks: list[int] = field(default_factory=list)
    messages: list[list[Row[Any]]] = field(default_factory=list)
    poisoned: list[int] = field(default_factory=list)
    blocked: list[Row[Any]] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        return self.webhooks + [row.id for rows in self.messages for row in rows]


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
    session: AsyncSession,
    now: datetime,
    *,
    limit: int,
    cap: int,
    lease: timedelta = LEASE,
    last_chances: int = 1,
    opens_at: datetime | None = None,
) -> Claim:
    """Lease up to `limit` due deliveries, at most `cap` at a time for each address; none for one that rests.

    Addresses come in random order, so that none waits behind another's backlog; each is locked for the moment, so
    that two workers never count its leases at once. Of a case's deliveries to one address only the earliest
    unfinished is taken. A lease that ran out counts as a crash; the third puts the row into quarantine. What goes to
    people is taken as a message, which counts once.

    Args:
        now: database time.
        last_chances: how many that crashed twice may be taken. A worker has one of them in hand at most: what kills
            workers is then alone among the suspects, and those that only died with it are not quarantined.
        opens_at: outside office hours, when the next begin: what keeps to them waits until then.
    """
    locked = await _lock_endpoints(session, now, limit=limit, cap=cap, lease=lease)
    quiet = [key for key, address in locked.items() if address.quiet] if opens_at else []
    put_off = await _put_off(session, quiet, now, opens_at) if opens_at and quiet else 0
    awake = {key: address for key, address in locked.items() if key not in quiet}
    if not awake:
        return Claim([], [], put_off)
    given = {f"endpoint_{number}": endpoint_id for number, endpoint_id in enumerate(awake)}
    rows = (await session.execute(_windows(len(awake)), {**given, "now": now, "leased_until": now + lease})).all()
    outdated = [row.id for row in rows if row.expires_at is not None and row.expires_at <= now]
    if outdated:
        rows = [row for row in rows if row.id not in outdated]
    choice = _sort_out(rows, awake, limit=limit, last_chances=last_chances)
    choice.messages = [await without_gaps(session, message) for message in choice.messages]
    token, until = new_id(), now + lease
    if choice.ids:
        await _lease(session, choice.ids, now, token, until)
    if choice.poisoned:
        await _end(session, choice.poisoned, now, DeliveryStatus.QUARANTINED)
    if outdated:
        await _end(session, outdated, now, DeliveryStatus.OUTDATED)
    blocked, leased = choice.blocked, dict.fromkeys(choice.ids, until)
    moved = await _move_behind(session, blocked, leased) if blocked else 0
    taken = await load_claimed(session, choice.webhooks, token) if choice.webhooks else []
    messages = [await load_message(session, message, token) for message in choice.messages]
    moved += put_off + len(outdated)
    return Claim(taken, choice.poisoned, moved, [message for message in messages if message.rows])


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


def _live_leases(endpoint_id: Any, now: Any, until: Any) -> Select[int]:
    # A live lease is due within the lease's length from now: the range keeps later retries out of the count.
    return select(func.count()).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.due_at > now,
        Delivery.due_at <= until,
        Delivery.lease_token.is_not(None),
    )


async def _lock_endpoints(
    session: AsyncSession, now: datetime, *, limit: int, cap: int, lease: timedelta
) -> dict[str, _Locked]:
    """Lock addresses that have something due and room, skipping those another worker holds; how many each may have.

    The count of leases is a first sieve here: it is taken again under the lock, where it is exact.
    """
    live = _live_leases(Endpoint.id, now, now + lease).correlate(Endpoint).scalar_subquery()
    found = (
        select(
            Endpoint.id,
            Endpoint.channel,
            Endpoint.office_hours,
            Endpoint.failures,
            Endpoint.rests_until,
            Endpoint.proven,
        )
        .where(_in_use(), _awake(now), _first_due() <= now, live < cap)
        .order_by(func.random())
        .limit(limit)
        # Not the strongest lock: queueing a delivery refers to the address and must not wait for a claim.
        .with_for_update(of=Endpoint, skip_locked=True, key_share=True)
    )
    return {
        row.id: _Locked(row.channel, room(Breaker(row.failures, row.rests_until, row.proven), cap), row.office_hours)
        for row in await session.execute(found)
    }


async def _put_off(session: AsyncSession, endpoint_ids: Sequence[str], now: datetime, until: datetime) -> int:
    """夜间不扰: let all that is due at these addresses wait together until then; how many there were."""
    put_off = update(_table).where(_table.c.endpoint_id.in_(endpoint_ids), _table.c.due_at <= now).values(due_at=until)
    moved = cast("CursorResult[Any]", await session.execute(put_off))
    return moved.rowcount


@cache
def _windows(addresses: int) -> Any:
    """The next due rows of so many addresses in one statement, with the head of each row's case and the leases alive.

    Asks for `endpoint_0` and so on, `now` and `leased_until`. To put it together takes longer than to run it.
    """
    parts = [select(_window(f"endpoint_{number}").subquery()) for number in range(addresses)]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _window(name: str) -> Any:
    endpoint_id, now = bindparam(name, type_=Endpoint.id.type), bindparam("now", type_=Delivery.due_at.type)
    until = bindparam("leased_until", type_=Delivery.due_at.type)
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
            Delivery.event_id,
            Delivery.case_id,
            Delivery.seq,
            Delivery.message_id,
            Delivery.digest_day,
            Delivery.expires_at,
            Delivery.crashes,
            Delivery.lease_token.is_not(None).label("crashed"),
            # What belongs to no case waits for nothing.
            func.coalesce(head, Delivery.id).label("head"),
            _live_leases(endpoint_id, now, until).scalar_subquery().label("live"),
        )
        .where(Delivery.endpoint_id == endpoint_id, Delivery.due_at.is_not(None), Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(WINDOW)
    )


def _sort_out(rows: Sequence[Row[Any]], locked: dict[str, _Locked], *, limit: int, last_chances: int) -> _Choice:
    """Which rows to take, which to put into quarantine, which wait for another."""
    choice = _Choice()
    to_people: dict[str, list[Row[Any]]] = {}
    for row in rows:
        if locked[row.endpoint_id].channel is not Channel.WEBHOOK:
            to_people.setdefault(row.endpoint_id, []).append(row)
    # First, for each address asks for one place only: systems with much to be told would leave them none.
    for endpoint_id, waiting in to_people.items():
        if len(choice.messages) < limit:
            last_chances -= _choose_message(choice, waiting, locked[endpoint_id].channel, last_chances)
    webhooks = [row for row in rows if row.endpoint_id not in to_people]
    _choose_webhooks(choice, webhooks, locked, limit=limit - len(choice.messages), last_chances=last_chances)
    return choice


def _choose_webhooks(
    choice: _Choice, rows: Sequence[Row[Any]], locked: dict[str, _Locked], *, limit: int, last_chances: int
) -> None:
    """Add the next webhooks of each address to the choice, as many as there is room for."""
    in_hand: dict[str, int] = {}
    for row in rows:
        if row.head != row.id:
            choice.blocked.append(row)
        elif row.crashed and row.crashes + 1 >= MOST_CRASHES:
            choice.poisoned.append(row.id)
        elif (
            in_hand.setdefault(row.endpoint_id, row.live) < locked[row.endpoint_id].room
            and len(choice.webhooks) < limit
        ):
            if row.crashes + row.crashed >= MOST_CRASHES - 1:
                if last_chances <= 0:
                    continue
                last_chances -= 1
            in_hand[row.endpoint_id] += 1
            choice.webhooks.append(row.id)


def _choose_message(choice: _Choice, waiting: Sequence[Row[Any]], channel: Channel, last_chances: int) -> bool:
    """Add one address's next message to the choice; whether that is its last chance."""
    message = choose_message(waiting, MOST_EVENTS[channel])
    if any(row.crashed and row.crashes + 1 >= MOST_CRASHES for row in message):
        choice.poisoned += [row.id for row in message]
        return False
    suspect = any(row.crashes + row.crashed >= MOST_CRASHES - 1 for row in message)
    if not message or (suspect and last_chances <= 0):
        return False
    choice.messages.append(message)
    chosen = {row.id for row in message}
    choice.blocked += [row for row in waiting if row.head != row.id and row.id not in chosen]
    return suspect


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


async def _end(session: AsyncSession, ids: list[int], now: datetime, status: DeliveryStatus) -> None:
    await session.execute(
        update(_table)
        .where(_table.c.id.in_(ids), _table.c.due_at <= now)
        .values(
            status=status,
            crashes=_table.c.crashes + int(status is DeliveryStatus.QUARANTINED),
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
