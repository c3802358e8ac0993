"""Finds the clocks whose `look_at` has come, and says what each look amounts to. It sends and commits nothing.

A clock whose look keeps failing is quarantined: nobody looks at it before it is released.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.deadlines import HIGHEST_LEVEL, office_moment
from app.models import Case, Deadline, DeadlineKind, Party
from app.problems import Conflict
from app.supervise.overdue import WITH_LEVELS, await_promise, note_office_overdue, note_overdue, raise_level
from app.supervise.remind import chase, remind

Look = Callable[[CaseFile, Deadline], None]
# Looks that may fail, an hour apart, before a clock is quarantined; spelt out in the index of those that are.
MOST_FAILURES: Final = 5


class NothingQuarantined(Conflict):
    code = "nothing_quarantined"
    title_zh, title_en = "没有被隔离的时限", "No clock is quarantined"

    def __init__(self) -> None:
        super().__init__(
            "该事项没有因故障停止督办的时限，不需要恢复。请重新读取后再办理。",
            "None of this case's clocks is quarantined; there is nothing to release. Read the case again.",
        )


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(Deadline.look_at <= now, Deadline.ended_at.is_(None), Deadline.failures < MOST_FAILURES)


async def has_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a look could find anything; takes no lock."""
    return await session.scalar(select(Deadline.id).where(_is_due(now)).limit(1)) is not None


def next_look() -> ScalarSelect[datetime | None]:
    """The earliest moment at which a clock is to be looked at; null where none is."""
    running = (Deadline.ended_at.is_(None), Deadline.failures < MOST_FAILURES)
    return select(func.min(Deadline.look_at)).where(Deadline.look_at.is_not(None), *running).scalar_subquery()


async def lock_due_clock(session: AsyncSession, now: datetime) -> tuple[str, str] | None:
    """Lock the case whose clock has waited longest, passing over those that somebody is acting on; None: none.

    Answers the ids of case and clock. Whoever waited for nothing may still have been overtaken: the clock is to be read
    again under the lock.
    """
    found = await session.execute(
        select(Case.id, Deadline.id)
        .join(Deadline, Deadline.case_id == Case.id)
        .where(_is_due(now))
        .order_by(Deadline.look_at, Deadline.id)
        .limit(1)
        .with_for_update(of=Case, skip_locked=True)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def put_off(session: AsyncSession, clock_id: str, until: datetime) -> bool:
    """Count a failed look, and look again later; whether the clock is quarantined by now."""
    await session.execute(
        update(Deadline).where(Deadline.id == clock_id).values(look_at=until, failures=Deadline.failures + 1)
    )
    return (await session.scalar(select(Deadline.failures).where(Deadline.id == clock_id)) or 0) >= MOST_FAILURES


def find_due(file: CaseFile, clock_id: str) -> Deadline | None:
    """That clock of a locked case, if it is still to be looked at now."""
    due = (d for d in file.running() if d.id == clock_id and d.look_at is not None and d.look_at <= file.now)
    return next(due, None)


def is_quarantined(deadline: Deadline) -> bool:
    """Whether nobody looks at a running clock any more because looking at it keeps failing."""
    return deadline.ended_at is None and (deadline.failures or 0) >= MOST_FAILURES


def release(file: CaseFile) -> Sequence[Deadline]:
    """恢复: look at a case's quarantined clocks again from now on. Raises NothingQuarantined."""
    held = [d for d in file.running() if is_quarantined(d)]
    if not held:
        raise NothingQuarantined
    for deadline in held:
        deadline.failures, deadline.look_at = 0, file.now
    file.record("supervision.released", {"kinds": sorted(d.kind for d in held)})
    return held


def look_later(file: CaseFile, deadline: Deadline) -> None:
    """Nothing to say yet: look when the clock has run out."""
    deadline.look_at = office_moment(deadline.due_at, file.calendar)


def look_no_more(_: CaseFile, deadline: Deadline) -> None:
    """All has been said."""
    deadline.look_at = None


def act_on(deadline: Deadline, now: datetime) -> Look | None:
    """What a look at this clock in office hours comes to; None where the point's time to answer or a pause is over.

    Then the case changes its state, or its reporters are told: neither is for this module.
    """
    if now <= deadline.due_at:
        reminds = deadline.party is Party.DEPARTMENT and deadline.kind is not DeadlineKind.CHASE
        return remind if reminds and deadline.reminded_at is None else look_later
    if deadline.party is Party.POINT or deadline.kind is DeadlineKind.PAUSE:
        return None
    if deadline.party is Party.OFFICE:
        return note_office_overdue
    if deadline.kind is DeadlineKind.CHASE:
        return chase
    if deadline.overdue_at is None:
        return note_overdue
    return _beyond_notice(deadline, now)


def _beyond_notice(deadline: Deadline, now: datetime) -> Look:
    """The department knows that it is late: a promise is waited for; broken or not given, the next level follows."""
    promised = deadline.promised_until
    if promised is not None and now <= promised:
        return await_promise
    rises = deadline.kind in WITH_LEVELS and (deadline.level < HIGHEST_LEVEL or promised is not None)
    return raise_level if rises else look_no_more
