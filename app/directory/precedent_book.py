"""Reads the precedents in force for the city in memory, and tells cheaply whether they changed. Writes nothing."""

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.precedents import PrecedentKnown, RulingKnown
from app.models import Precedent, StandingRuling


async def read_precedents(session: AsyncSession) -> list[PrecedentKnown]:
    """All in force, each with its standing ruling."""
    in_force = and_(StandingRuling.precedent_id == Precedent.id, StandingRuling.ended_at.is_(None))
    rows = await session.execute(
        select(
            Precedent.number, Precedent.lead, Precedent.supporting, Precedent.obligations, Precedent.likeness,
            StandingRuling.id, StandingRuling.until,
        )
        .outerjoin(StandingRuling, in_force)
        .where(Precedent.withdrawn_at.is_(None))
    )  # fmt: skip
    return [
        PrecedentKnown(
            number=number,
            lead=lead,
            supporting=tuple(supporting),
            obligations=tuple((o["department"], o["obligation"], o["working_days"]) for o in obligations),
            likeness=likeness,
            ruling=RulingKnown(ruling, until) if ruling else None,
        )
        for number, lead, supporting, obligations, likeness, ruling, until in rows
    ]


async def read_precedents_version(session: AsyncSession) -> str:
    """How many were settled, withdrawn, made a standing ruling, and ended: every change adds to one of them."""
    kept = select(func.count(Precedent.id)).scalar_subquery()
    withdrawn = select(func.count(Precedent.withdrawn_at)).scalar_subquery()
    made = select(func.count(StandingRuling.id)).scalar_subquery()
    ended = select(func.count(StandingRuling.ended_at)).scalar_subquery()
    row = (await session.execute(select(kept, withdrawn, made, ended))).one()
    return ".".join(str(count) for count in row)
