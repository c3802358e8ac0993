"""When the worker next has something to do, as far as rows say so; for whoever plays time instead of waiting."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver.checks import next_check
from app.deliver.claim import next_due
from app.supervise.look_back import next_question
from app.supervise.watch import next_look

_NEXT = select(next_look(), next_due(), next_check(), next_question())


async def find_next_moment(session: AsyncSession) -> datetime | None:
    """The earliest moment of a clock, a delivery or a look back; None where nothing is planned."""
    known = (await session.execute(_NEXT)).one()
    return min((moment for moment in known if moment), default=None)
