"""What waits for the coordinating office, by urgency and kind, never by department. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.deadlines import Calendar, due_by
from app.ledger.finding import contain
from app.ledger.search import EXTENSION
from app.ledger.supervision import QUARANTINED
from app.lifecycle import OPEN_SESSIONS
from app.models import (
    Case,
    CaseStatus,
    Consultation,
    Deadline,
    Delivery,
    DeliveryStatus,
    Endpoint,
)

ROWS = 8
SOON_WORKING_DAYS = 2
FAILED = (DeliveryStatus.DEAD, DeliveryStatus.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Badges:
    """How much waits on each page of the menu; a case that waits for several reasons counts once."""

    home: int
    triage: int
    acceptance: int
    handling: int
    verification: int
    consultations: int
    supervision: int
    failed_deliveries: int

    def by_page(self) -> Mapping[str, int]:
        return {
            "home": self.home,
            "triage": self.triage,
            "acceptance": self.acceptance,
            "handling": self.handling,
            "verification": self.verification,
            "consultations": self.consultations,
            "supervision": self.supervision,
            "deliveries": self.failed_deliveries,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The most urgent cases of one kind, and how many there are in all."""

    cases: Sequence[Case]
    total: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Everything on the office's desk. Cases due by tonight stand under `overdue` or `due_today` only.

    `supervised` is the leaders' list: unanswered at the highest level of supervision and not decided on, or due
    to be looked at again. It, `quarantined` and `extensions` are apart from where else their cases stand.
    """

    supervised: Group
    quarantined: Group
    extensions: Group
    overdue: Group
    due_today: Group
    triage: Group
    review: Group
    verification: Group
    province: Group
    unresolved: Group
    consultations: Sequence[Consultation]
    failed_deliveries: int
    silent_addresses: int


# Spelt out for the partial index, which a bound number would not match.
_HIGHEST_LEVEL = select(Deadline.case_id).where(text("level = 3 AND ended_at IS NULL"))
FAILED_ROWS = text("deliveries.status IN ('dead', 'quarantined')")


def undecided(now: datetime) -> Select[str]:
    """Ids of cases for the leaders' list: at the highest level, and not resting by an instruction."""
    return _HIGHEST_LEVEL.where(or_(Deadline.rests_until.is_(None), Deadline.rests_until <= now))


# A rest that has ended without an answer counts too: the address has not shown that it is well.
# One that only had too many messages is well: nothing failed there.
_SILENT = select(func.count()).where(Endpoint.active, Endpoint.rests_until.is_not(None), Endpoint.failures > 0)


def end_of_today(now: datetime, zone: ZoneInfo) -> datetime:
    """The last moment of the local day."""
    return now.astimezone(zone).replace(hour=23, minute=59, second=59, microsecond=999999)


def _is_overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Case.status != CaseStatus.CLOSED, Case.due_at < now)


def _is_due_today(now: datetime, zone: ZoneInfo) -> ColumnElement[bool]:
    return and_(Case.status != CaseStatus.CLOSED, Case.due_at >= now, Case.due_at <= end_of_today(now, zone))


async def count_badges(session: AsyncSession, now: datetime, zone: ZoneInfo) -> Badges:
    """The counts of the menu, in one query."""

    def cases(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return select(func.count()).select_from(Case).where(condition).scalar_subquery()

    convened = select(func.count()).select_from(Consultation).where(Consultation.status.in_(OPEN_SESSIONS))
    failed = select(func.count()).select_from(Delivery).where(FAILED_ROWS)
    due = select(Case.id).where(Case.status != CaseStatus.CLOSED, Case.due_at <= end_of_today(now, zone))
    home = union(due, undecided(now), QUARANTINED, EXTENSION).subquery()
    row = (
        await session.execute(
            select(
                select(func.count()).select_from(home).scalar_subquery(),
                cases(Case.status == CaseStatus.TRIAGE),
                cases(Case.status == CaseStatus.DISPATCHED),
                cases(Case.status == CaseStatus.IN_PROGRESS),
                cases(Case.status == CaseStatus.VERIFYING),
                convened.scalar_subquery(),
                select(func.count()).select_from(undecided(now).subquery()).scalar_subquery(),
                failed.scalar_subquery(),
            )
        )
    ).one()
    return Badges(*row)


async def read_waiting(session: AsyncSession, now: datetime, calendar: Calendar) -> Waiting:
    """What the home page shows."""
    zone = calendar.zone
    tonight = end_of_today(now, zone)
    soon = due_by(now, SOON_WORKING_DAYS, calendar).at
    overdue, today = _is_overdue(now), _is_due_today(now, zone)
    later = or_(Case.due_at > tonight, Case.due_at.is_(None))

    async def group(condition: ColumnElement[bool], shown: ColumnElement[bool] | None = None) -> Group:
        total = await session.scalar(select(func.count()).select_from(Case).where(condition)) or 0
        rows = select(Case).where(condition).order_by(Case.due_at, Case.number).limit(ROWS)
        if not total:
            return Group((), 0)
        return Group(list(await session.scalars(rows if shown is None else rows.where(shown))), total)

    sessions = (
        select(Consultation)
        .where(Consultation.status.in_(OPEN_SESSIONS))
        .order_by(Consultation.due_at, Consultation.number)
        .limit(ROWS)
    )
    badges = await count_badges(session, now, zone)
    lapsing = and_(Case.status == CaseStatus.VERIFYING, Case.due_at <= soon)
    return Waiting(
        supervised=await group(and_(Case.status != CaseStatus.CLOSED, Case.id.in_(undecided(now)))),
        quarantined=await group(Case.id.in_(QUARANTINED)),
        extensions=await group(Case.id.in_(EXTENSION)),
        overdue=await group(overdue),
        due_today=await group(today),
        triage=await group(Case.status == CaseStatus.TRIAGE, later),
        review=await group(Case.status == CaseStatus.IN_REVIEW, later),
        verification=await group(lapsing, later),
        province=await group(Case.status == CaseStatus.AWAITING_PROVINCE, later),
        unresolved=await group(Case.status == CaseStatus.UNRESOLVED, later),
        consultations=list(await session.scalars(sessions)),
        failed_deliveries=badges.failed_deliveries,
        silent_addresses=await session.scalar(_SILENT) or 0,
    )


async def next_in_triage(session: AsyncSession, after: Case, text: str = "") -> str | None:
    """The number of the case to rule on after this one: the next by due time, else the first; None when none is left.

    `text` keeps to the cases that a search found.
    """
    waiting = (
        select(Case.number)
        .where(Case.status == CaseStatus.TRIAGE, Case.id != after.id, *contain(text))
        .order_by(Case.due_at, Case.number)
        .limit(1)
    )
    following = None
    if after.due_at is not None:
        behind = or_(Case.due_at > after.due_at, and_(Case.due_at == after.due_at, Case.number > after.number))
        following = await session.scalar(waiting.where(behind))
    return following or await session.scalar(waiting)
