"""The observation points as the database keeps them: those of the pack, and those that it named once. It only reads."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ObservationPoint


async def read_points(session: AsyncSession) -> Sequence[ObservationPoint]:
    """All of them, by code."""
    return (await session.scalars(select(ObservationPoint).order_by(ObservationPoint.code))).all()
