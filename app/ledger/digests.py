"""The daily digests as their recipients read them: by day, oldest first. Reads only."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Digest


async def read_digests(session: AsyncSession, recipient: str, *, after: date | None, limit: int) -> Sequence[Digest]:
    """One recipient's digests of later days than `after`. There is one a day at most, so that a day is a cursor."""
    statement = select(Digest).where(Digest.recipient == recipient).order_by(Digest.day).limit(limit)
    if after is not None:
        statement = statement.where(Digest.day > after)
    return (await session.scalars(statement)).all()
