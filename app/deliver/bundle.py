"""Which of the events that wait for one address become one message, of the rows that a claim looks at.

People get one message at a time, and one for all that waits. A message once made stays as it is: it is tried again
under its own id, with the same events. A daily digest is a message of its own from the beginning.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Row, Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.claimed import ClaimedMessage, load_claimed
from app.deliver.daily import write_daily
from app.deliver.daily_queue import load_daily
from app.deliver.notices import Letter, Notice, write_letter
from app.models import Case, Channel, Delivery, Department, Endpoint, Event

_table = cast("Table", Delivery.__table__)
# Events that one message tells of: what the vendors' bounds leave room for, and what people still read.
MOST_EVENTS: Final[Mapping[Channel, int]] = {
    Channel.EMAIL: 50,
    Channel.WECOM: 10,
    Channel.DINGTALK: 30,
    Channel.FEISHU: 30,
    Channel.SMS: 5,
}


def choose_message(rows: Sequence[Row[Any]], most: int) -> list[Row[Any]]:
    """The rows of the next message, of the due ones of one address in order; none while one is under way.

    A case's events stay in order: one is told of only together with, or after, those before it.
    """
    first = next((row for row in rows if row.head == row.id), None)
    if first is None or any(row.live for row in rows):
        return []
    if first.message_id is not None:
        return [row for row in rows if row.message_id == first.message_id]
    chosen: list[Row[Any]] = []
    ids: set[int] = set()
    for row in rows:
        if row.message_id is None and (row.head == row.id or row.head in ids):
            chosen.append(row)
            ids.add(row.id)
        if len(chosen) == most:
            break
    return chosen


def message_id_of(chosen: Sequence[Row[Any]]) -> str:
    """The id under which a message goes out on every attempt: its first event's, where it has none yet."""
    first = chosen[0]
    known: str = first.message_id or first.event_id
    return known


async def without_gaps(session: AsyncSession, message: list[Row[Any]]) -> list[Row[Any]]:
    """The message without what comes after an event of its case that is unfinished and not told of with it."""
    if message[0].case_id is None:
        return message
    found = await session.execute(
        select(_table.c.case_id, func.min(_table.c.seq))
        .where(
            _table.c.endpoint_id == message[0].endpoint_id,
            _table.c.case_id.in_({row.case_id for row in message}),
            _table.c.due_at.is_not(None),
            _table.c.id.not_in([row.id for row in message]),
        )
        .group_by(_table.c.case_id)
    )
    missing = {row[0]: row[1] for row in found}
    return [row for row in message if row.case_id not in missing or row.seq < missing[row.case_id]]


async def load_message(session: AsyncSession, message: Sequence[Row[Any]], token: str) -> ClaimedMessage:
    """The message with all that it tells of; the rows that travel in it are named by its id from here on."""
    message_id, endpoint_id = message_id_of(message), message[0].endpoint_id
    ids = [row.id for row in message]
    await session.execute(
        update(_table).where(_table.c.id.in_(ids), _table.c.lease_token == token).values(message_id=message_id)
    )
    channel, department = await _addressee(session, endpoint_id)
    if message[0].digest_day is not None:
        rows = await load_claimed(session, ids, token)
        daily, made_at = await load_daily(session, endpoint_id, message[0].digest_day)
        return ClaimedMessage(message_id, channel, department, made_at, rows, [], daily)
    found = await session.execute(
        select(Case.number, Event.type, Event.body, Delivery.created_at)
        .select_from(Delivery)
        .join(Event, Event.id == Delivery.event_id)
        .join(Case, Case.id == Delivery.case_id)
        .where(Delivery.endpoint_id == endpoint_id, Delivery.message_id == message_id)
        .order_by(Delivery.id)
    )
    told = found.all()
    return ClaimedMessage(
        id=message_id,
        channel=channel,
        department=department,
        # The day alone: held back until office hours, its moment would tell when a point reported.
        written_at=min((row.created_at for row in told), default=message[0].due_at).replace(
            hour=0, minute=0, second=0, microsecond=0
        ),
        rows=await load_claimed(session, ids, token),
        notices=[Notice(row.number, row.type, row.body) for row in told],
    )


async def _addressee(session: AsyncSession, endpoint_id: str) -> tuple[Channel, str]:
    """The channel of an address, and the name of its department."""
    found = (
        select(Endpoint.channel, Department.name)
        .join(Department, Department.code == Endpoint.department_code)
        .where(Endpoint.id == endpoint_id)
    )
    channel, department = (await session.execute(found)).one()
    return channel, department


def write_message(message: ClaimedMessage, address: str) -> Letter:
    """The letter of a message, the same on every attempt; links begin with `address`."""
    if message.daily is None:
        return write_letter(message.id, message.department, message.written_at, message.notices, address)
    most = MOST_EVENTS[message.channel]
    return write_daily(message.id, message.department, message.written_at, message.daily, most=most, address=address)
