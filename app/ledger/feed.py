"""What a department was sent, in the order it happened, read by a cursor that never skips an event."""

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Event


@dataclass(frozen=True, slots=True)
class Feed:
    """Bodies as webhooks carry them, and the cursor for what comes after."""

    bodies: list[str]
    next: int


async def read_feed(session: AsyncSession, department: str, after: int, limit: int, *, is_sqlite: bool) -> Feed:
    """The next events of a department. An erased body is left out; its position still moves the cursor.

    On PostgreSQL positions are given out before commit, so a later one may become visible first: events of
    transactions that might still have older ones running beside them wait for the next look.
    """
    statement = select(Event.position, Event.body).where(Event.department_code == department, Event.position > after)
    if not is_sqlite:
        oldest_open = text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        statement = statement.where(Event.written_in < oldest_open)
    rows = (await session.execute(statement.order_by(Event.position).limit(limit))).all()
    return Feed([row.body for row in rows if row.body is not None], rows[-1].position if rows else after)
