"""The lists behind the office's pages: rows by page with their totals. Units never order a list. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.ledger.search import CaseFilter, conditions_of
from app.ledger.todo import FAILED, FAILED_ROWS
from app.models import (
    DIGEST_TYPE,
    Attempt,
    Case,
    CaseStatus,
    Deadline,
    Delivery,
    DeliveryStatus,
    Endpoint,
    Event,
    User,
)
from app.problems import NotFound

# Narrows nothing.
EVERYTHING = CaseFilter()


def _reversed(order: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(column.desc() for column in order)


_BY_NUMBER, _BY_OPENING = (Case.number,), (Case.opened_at, Case.id)
# Cases without a clock come last, whichever way the others are ordered.
_BY_DUE = (Case.due_at.asc().nulls_last(), Case.number)
_BY_DUE_LATEST = (Case.due_at.desc().nulls_last(), Case.number.desc())
# Each order, and the same backwards.
ORDERS: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "number": (_BY_NUMBER, _reversed(_BY_NUMBER)),
    "-number": (_reversed(_BY_NUMBER), _BY_NUMBER),
    "opened": (_BY_OPENING, _reversed(_BY_OPENING)),
    "-opened": (_reversed(_BY_OPENING), _BY_OPENING),
    "due": (_BY_DUE, (Case.due_at.desc().nulls_first(), Case.number.desc())),
    "-due": (_BY_DUE_LATEST, (Case.due_at.asc().nulls_first(), Case.number)),
}


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some cases, how many there are, and which of their running clocks are provisional."""

    cases: Sequence[Case]
    total: int
    provisional: frozenset[str]


@dataclass(frozen=True, slots=True)
class Balance:
    """对账: 挂账 N − 销号 M = 在账 K."""

    opened: int
    closed: int

    @property
    def on_ledger(self) -> int:
        return self.opened - self.closed


async def page_cases(
    session: AsyncSession,
    wanted: CaseFilter,
    narrowed: CaseFilter = EVERYTHING,
    *,
    order: str,
    offset: int,
    limit: int,
    total: int | None = None,
) -> CasePage:
    """One page of the ledger; `order` is a key of ORDERS, `total` how many there are, where that is known."""
    conditions = [*conditions_of(wanted), *conditions_of(narrowed)]
    if total is None:
        total = await session.scalar(select(func.count()).select_from(Case).where(*conditions)) or 0
    # What lies behind the middle is counted from the end.
    limit, backwards = min(limit, total - offset), offset > total // 2
    orders = ORDERS[order][backwards]
    skipped = total - offset - limit if backwards else offset
    rows = select(Case).where(*conditions).order_by(*orders).offset(skipped).limit(limit)
    cases = list(await session.scalars(rows)) if limit > 0 else []
    if backwards:
        cases.reverse()
    return CasePage(cases, total, await find_provisional(session, [case.id for case in cases]))


async def find_provisional(session: AsyncSession, case_ids: Sequence[str]) -> frozenset[str]:
    """Which of these cases have a running clock that rests on days not yet announced."""
    if not case_ids:
        return frozenset()
    found = select(Deadline.case_id).where(
        Deadline.case_id.in_(case_ids), Deadline.ended_at.is_(None), Deadline.provisional
    )
    return frozenset(await session.scalars(found))


async def balance(session: AsyncSession, wanted: CaseFilter, narrowed: CaseFilter) -> tuple[Balance, int]:
    """How many cases of a selection were put on the ledger and struck off; and how many of them are shown, where a
    further filter narrows it."""
    selected = conditions_of(wanted)
    counted = select(
        func.count(), func.count().filter(Case.status == CaseStatus.CLOSED)
    ).select_from(Case).where(*selected)  # fmt: skip
    found = Balance(*(await session.execute(counted)).one())
    known = known_of(found)
    if narrowed in known:
        return found, known[narrowed]
    shown = select(func.count()).select_from(Case).where(*selected, *conditions_of(narrowed))
    return found, await session.scalar(shown) or 0


def known_of(found: Balance) -> dict[CaseFilter, int]:
    """How many cases further filters leave that ask for no more than what was counted."""
    return {
        CaseFilter(): found.opened, CaseFilter(open_only=True): found.on_ledger,
        CaseFilter(status=(CaseStatus.CLOSED,)): found.closed,
    }  # fmt: skip


async def names_of_users(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    """Display names of people by id."""
    rows = await session.execute(select(User.id, User.display_name).where(User.id.in_(set(ids))))
    return {row.id: row.display_name for row in rows}


# ── deliveries ──


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery with what its row only refers to, and its last attempt; a digest belongs to no case."""

    delivery: Delivery
    event_type: str
    case_number: str | None
    endpoint: Endpoint
    last: Attempt | None


def _deliveries(conditions: Sequence[Any]) -> Select[Delivery, str, str | None, Endpoint, Attempt]:
    newest = (
        select(func.max(Attempt.id)).where(Attempt.delivery_id == Delivery.id).correlate(Delivery).scalar_subquery()
    )
    return (
        select(Delivery, func.coalesce(Event.type, DIGEST_TYPE), Case.number, Endpoint, Attempt)
        .outerjoin(Event, Event.id == Delivery.event_id)
        .outerjoin(Case, Case.id == Delivery.case_id)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .outerjoin(Attempt, Attempt.id == newest.scalar_subquery())
        .where(*conditions)
    )


async def page_deliveries(
    session: AsyncSession,
    *,
    status: tuple[DeliveryStatus, ...] = (),
    department: str | None = None,
    case_number: str | None = None,
    offset: int,
    limit: int,
) -> tuple[list[DeliveryRow], int]:
    """The delivery log, newest first, and how many there are."""
    conditions: list[Any] = []
    if status:
        failed = set(status) == set(FAILED)
        conditions.append(FAILED_ROWS if failed else Delivery.status.in_(status))
    if department:
        addresses = select(Endpoint.id).where(Endpoint.department_code == department)
        conditions.append(Delivery.endpoint_id.in_(addresses))
    if case_number:
        # By its events: deliveries have no index by case.
        told = select(Event.id).join(Case, Case.id == Event.case_id).where(Case.number == case_number)
        conditions.append(Delivery.event_id.in_(told))
    total = await session.scalar(select(func.count()).select_from(Delivery).where(*conditions)) or 0
    limit, backwards = min(limit, total - offset), offset > total // 2
    if limit <= 0:
        return [], total
    # Numbers first: what belongs to a row is read for those of the page only.
    order, skipped = (Delivery.id, total - offset - limit) if backwards else (Delivery.id.desc(), offset)
    ids = select(Delivery.id).where(*conditions).order_by(order).offset(skipped).limit(limit)
    rows = _deliveries([Delivery.id.in_(list(await session.scalars(ids)))]).order_by(Delivery.id.desc())
    return [DeliveryRow(*row) for row in await session.execute(rows)], total


async def read_delivery(session: AsyncSession, delivery_id: int) -> DeliveryRow:
    """One delivery; raises NotFound."""
    row = (await session.execute(_deliveries([Delivery.id == delivery_id]))).one_or_none()
    if row is None:
        raise NotFound
    return DeliveryRow(*row)
