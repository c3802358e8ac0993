"""Finds the clocks whose `look_at` has come, and says what each look amounts to. It sends and commits nothing."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.deadlines import HIGHEST_LEVEL, office_moment
from app.models import Case, Deadline, DeadlineKind, Party
from app.supervise.overdue import WITH_LEVELS, note_office_overdue, note_overdue, raise_level
from app.supervise.remind import chase, remind

Look = Callable[[CaseFile, Deadline], None]


async def has_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a look could find anything; takes no lock."""
    found = select(Deadline.id).where(Deadline.look_at <= now, Deadline.ended_at.is_(None)).limit(1)
    return await session.scalar(found) is not None


async def next_look(session: AsyncSession) -> datetime | None:
    """The earliest moment at which a clock is to be looked at; None where none is."""
    found = select(func.min(Deadline.look_at)).where(Deadline.look_at.is_not(None), Deadline.ended_at.is_(None))
    moment: datetime | None = await session.scalar(found)
    return moment


async def lock_due_case(session: AsyncSession, now: datetime) -> str | None:
    """Lock the case whose clock has waited longest, passing over those that somebody is acting on; None: none.

    Whoever waited for nothing may still have been overtaken: what is due is to be read again under the lock.
    """
    found: str | None = await session.scalar(
        select(Case.id)
        .join(Deadline, Deadline.case_id == Case.id)
        .where(Deadline.look_at <= now, Deadline.ended_at.is_(None))
        .order_by(Deadline.look_at, Deadline.id)
        .limit(1)
        .with_for_update(of=Case, skip_locked=True)
    )
    return found


async def put_off(session: AsyncSession, case_id: str, now: datetime, until: datetime) -> None:
    """Look at a case's due clocks again later, so that one which fails keeps no other from its turn."""
    await session.execute(
        update(Deadline).where(Deadline.case_id == case_id, Deadline.look_at <= now).values(look_at=until)
    )


def due_clocks(file: CaseFile) -> list[Deadline]:
    """The clocks of a locked case that are to be looked at now."""
    return [d for d in file.running() if d.look_at is not None and d.look_at <= file.now]


def look_later(file: CaseFile, deadline: Deadline) -> None:
    """Nothing to say yet: look when the clock has run out."""
    deadline.look_at = office_moment(deadline.due_at, file.calendar)


def look_no_more(_: CaseFile, deadline: Deadline) -> None:
    """All has been said."""
    deadline.look_at = None


def act_on(deadline: Deadline, now: datetime) -> Look | None:
    """What a look at this clock in office hours comes to; None where the point's time to answer is over.

    A case that a point left unanswered changes its state, which is not for this module.
    """
    if now <= deadline.due_at:
        reminds = deadline.party is Party.DEPARTMENT and deadline.kind is not DeadlineKind.CHASE
        return remind if reminds and deadline.reminded_at is None else look_later
    if deadline.party is Party.POINT:
        return None
    if deadline.party is Party.OFFICE:
        return note_office_overdue
    if deadline.kind is DeadlineKind.CHASE:
        return chase
    if deadline.overdue_at is None:
        return note_overdue
    return raise_level if deadline.kind in WITH_LEVELS and deadline.level < HIGHEST_LEVEL else look_no_more
