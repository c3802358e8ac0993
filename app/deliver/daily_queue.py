"""每日提要 as deliveries: one for each channel of a department that has something left to be told. It sends nothing.

A digest is queued in the transaction that stores it, so that there is one without the other never; its day is the last
on which it is sent.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.daily import Daily, cases_in, choose_lines
from app.deliver.notices import Notice
from app.models import Case, Channel, Delivery, DeliveryStatus, Digest, Endpoint, Event, new_id

# Under this name a digest's content holds what goes out over channels.
LETTER: Final = "letter"
UNFINISHED: Final = (DeliveryStatus.PENDING, DeliveryStatus.DEAD, DeliveryStatus.QUARANTINED)
MOST_NUMBERS: Final = 500


async def choose_letters(
    session: AsyncSession, digests: Mapping[str, Mapping[str, Any]], day: date, since: datetime, address: str
) -> dict[str, dict[str, Any]]:
    """By department, what its digest has to tell over channels; who has no channel, or nothing left, is not there.

    Args:
        since: the end of the office hours before: of what has happened from then on people read this morning.
    """
    reached = await session.scalars(
        select(Endpoint.department_code).where(Endpoint.active, Endpoint.channel != Channel.WEBHOOK).distinct()
    )
    letters = {}
    for code in sorted(set(reached) & digests.keys()):
        notices = await _notices(session, code, cases_in(digests[code]), since)
        if daily := choose_lines(digests[code], day, notices, address):
            letters[code] = daily.kept()
    return letters


async def _notices(session: AsyncSession, code: str, numbers: Sequence[str], since: datetime) -> list[Notice]:
    found: list[Notice] = []
    for start in range(0, len(numbers), MOST_NUMBERS):
        rows = await session.execute(
            select(Case.number, Event.type, Event.body)
            .join(Event, Event.case_id == Case.id)
            .where(
                Case.number.in_(numbers[start : start + MOST_NUMBERS]),
                Event.department_code == code,
                Event.body.is_not(None),
                Event.happened_at >= since,
            )
        )
        found += [Notice(*row) for row in rows]
    return found


async def queue_daily(
    session: AsyncSession, department_code: str, day: date, now: datetime, expires_at: datetime
) -> None:
    """Queue the digest of that day for every active channel of its department, all under one message id."""
    reached = await session.scalars(
        select(Endpoint.id)
        .where(Endpoint.department_code == department_code, Endpoint.active, Endpoint.channel != Channel.WEBHOOK)
        .order_by(Endpoint.id)
    )
    message_id = new_id()
    session.add_all(
        Delivery(
            endpoint_id=endpoint_id,
            seq=0,
            status=DeliveryStatus.PENDING,
            due_at=now,
            attempts=0,
            crashes=0,
            message_id=message_id,
            digest_day=day,
            expires_at=expires_at,
            created_at=now,
        )
        for endpoint_id in reached
    )


async def load_daily(session: AsyncSession, endpoint_id: str, day: date) -> tuple[Daily, datetime]:
    """What an address is told of that day, and when it was put together."""
    found = (
        select(Digest.content, Digest.made_at)
        .join(Endpoint, Endpoint.department_code == Digest.recipient)
        .where(Endpoint.id == endpoint_id, Digest.day == day)
    )
    content, made_at = (await session.execute(found)).one()
    return Daily.of(day, content[LETTER]), made_at


async def end_outdated(session: AsyncSession, day: date, now: datetime) -> None:
    """End whatever of the digests before that day did not get there: today's says what is to be done now."""
    ended = (
        update(Delivery)
        .where(
            Delivery.digest_day < day,
            Delivery.status.in_(UNFINISHED),
            or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now),
        )
        .values(
            status=DeliveryStatus.OUTDATED,
            due_at=None,
            lease_token=None,
            lease_until=None,
            finished_at=func.coalesce(Delivery.finished_at, now),
        )
    )
    await session.execute(ended.execution_options(synchronize_session=False))
