"""Reads sessions 会商 with agenda, seats and positions; by page for people, by cursor for systems. Writes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.access.principal import Principal
from app.ledger.precedents import PrecedentRecord, cited_on
from app.ledger.search import find_last, make_cursor
from app.lifecycle import OPEN_SESSIONS
from app.models import (
    AgendaItem,
    AgendaOutcome,
    Case,
    Consultation,
    ConsultationStatus,
    Deadline,
    DeadlineKind,
    Invitation,
    StatedPosition,
)
from app.problems import NotFound


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session with the cases that were on its agenda, the seats that stand, and what each department stated.

    `merged_into` is the number of the session that took over its agenda. `precedents` are those that a case's reports
    cite, by case id; None where many sessions were read at once.
    """

    consultation: Consultation
    agenda: Sequence[tuple[AgendaItem, Case]]
    invitations: Sequence[Invitation]
    positions: Sequence[StatedPosition]
    merged_into: str | None = None
    precedents: Mapping[str, Sequence[PrecedentRecord]] | None = None

    @property
    def stated(self) -> int:
        """How many of those invited have said what their part is."""
        return len({p.department_code for p in self.positions} & {seat.department_code for seat in self.invitations})

    def shown(self) -> list[tuple[AgendaItem, Case]]:
        """The agenda without what went to another session."""
        return [(item, case) for item, case in self.agenda if item.outcome is not AgendaOutcome.MOVED]

    def waiting(self) -> list[tuple[AgendaItem, Case]]:
        """What still needs a conclusion."""
        return [(item, case) for item, case in self.agenda if item.outcome is None]

    def has_stated(self, department: str) -> bool:
        return any(p.department_code == department for p in self.positions)

    def position_of(self, department: str, case_id: str | None = None) -> StatedPosition | None:
        """What a department said of a case; without one, of the whole agenda where it said the same of all."""
        stated = [p for p in self.positions if p.department_code == department and case_id in (None, p.case_id)]
        return stated[-1] if len({(p.position, p.basis) for p in stated}) == 1 else None


async def records_of(session: AsyncSession, consultations: Sequence[Consultation]) -> list[SessionRecord]:
    """The same sessions with what belongs to each, in their order; a handful of queries whatever their number."""
    ids = [found.id for found in consultations]
    agenda: dict[str, list[tuple[AgendaItem, Case]]] = defaultdict(list)
    seats: dict[str, list[Invitation]] = defaultdict(list)
    stated: dict[str, list[StatedPosition]] = defaultdict(list)
    merged = {found.merged_into for found in consultations if found.merged_into}
    numbers: dict[str, str] = {}
    if ids:
        items = select(AgendaItem, Case).join(Case, Case.id == AgendaItem.case_id).order_by(Case.number)
        for item, case in await session.execute(items.where(AgendaItem.consultation_id.in_(ids))):
            agenda[item.consultation_id].append((item, case))
        standing = Invitation.consultation_id.in_(ids), Invitation.withdrawn_at.is_(None)
        for seat in await session.scalars(select(Invitation).where(*standing).order_by(Invitation.department_code)):
            seats[seat.consultation_id].append(seat)
        said = select(StatedPosition).where(StatedPosition.consultation_id.in_(ids))
        for position in await session.scalars(said.order_by(StatedPosition.department_code, StatedPosition.stated_at)):
            stated[position.consultation_id].append(position)
    if merged:
        rows = await session.execute(select(Consultation.id, Consultation.number).where(Consultation.id.in_(merged)))
        numbers = {row.id: row.number for row in rows}
    return [
        SessionRecord(c, agenda[c.id], seats[c.id], stated[c.id], numbers.get(c.merged_into or ""))
        for c in consultations
    ]


async def page_consultations(
    session: AsyncSession,
    status: ConsultationStatus | None,
    *,
    offset: int,
    limit: int,
    principal: Principal | None = None,
) -> tuple[list[SessionRecord], int]:
    """Sessions, newest first, and how many there are; a department finds those it is invited to."""
    conditions = [] if status is None else [Consultation.status == status]
    counted = select(func.count()).select_from(Consultation).where(*conditions)
    total = await session.scalar(_scoped(counted, principal)) or 0
    rows = (
        _scoped(select(Consultation).where(*conditions), principal)
        .order_by(Consultation.convened_at.desc(), Consultation.number.desc())
        .offset(offset)
        .limit(limit)
    )
    return await records_of(session, (await session.scalars(rows)).all()), total


async def was_extended(session: AsyncSession, record: SessionRecord) -> bool:
    """Whether the running clock of a case on the agenda is an extended one already: it is extended only once."""
    running, earlier = aliased(Deadline), aliased(Deadline)
    extended = (
        select(running.id)
        .join(earlier, earlier.extended_by == running.id)
        .where(
            running.case_id.in_([case.id for _, case in record.waiting()]),
            earlier.case_id == running.case_id,
            running.kind == DeadlineKind.CONSULTATION,
            running.ended_at.is_(None),
        )
    )
    return await session.scalar(extended.limit(1)) is not None


async def read_consultation(
    session: AsyncSession, id_or_number: str, principal: Principal | None = None
) -> SessionRecord:
    """One session by id or number; raises NotFound, for a department also where it has no seat."""
    statement = select(Consultation).where((Consultation.id == id_or_number) | (Consultation.number == id_or_number))
    found = await session.scalar(_scoped(statement, principal) if principal else statement)
    if found is None:
        raise NotFound
    (record,) = await records_of(session, [found])
    return replace(record, precedents=await cited_on(session, [case.id for _, case in record.agenda]))


async def find_consultations(
    session: AsyncSession,
    principal: Principal,
    status: Sequence[ConsultationStatus],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[SessionRecord], str | None]:
    """Newest first, with the next page's cursor; a department finds those it is invited to. Raises BadCursor."""
    statement = _scoped(select(Consultation), principal)
    if status:
        statement = statement.where(Consultation.status.in_(status))
    if cursor:
        moments: Any = select(Consultation.convened_at, Consultation.id)
        moment, last_id = await find_last(session, _scoped(moments, principal), Consultation.number, cursor)
        same = and_(Consultation.convened_at == moment, Consultation.id < last_id)
        statement = statement.where(or_(Consultation.convened_at < moment, same))
    order = (Consultation.convened_at.desc(), Consultation.id.desc())
    rows = list(await session.scalars(statement.order_by(*order).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    return await records_of(session, rows), make_cursor(rows[-1].number) if more else None


async def open_invitations(session: AsyncSession, principal: Principal) -> list[SessionRecord]:
    """The sessions at which a department has a seat and which have not ended, those due first."""
    waiting = select(Consultation).where(Consultation.status.in_(OPEN_SESSIONS))
    rows = await session.scalars(_scoped(waiting, principal).order_by(Consultation.due_at, Consultation.number))
    return await records_of(session, rows.all())


async def find_undated(session: AsyncSession) -> list[tuple[str, frozenset[str], tuple[str, ...]]]:
    """Sessions that wait for a date: the number of each, whom it meets, and the numbers of the cases that wait on it.

    Three queries that read nothing else, for there may be hundreds.
    """
    waiting = Consultation.status == ConsultationStatus.CONVENED, Consultation.meeting_at.is_(None)
    numbers = await session.execute(select(Consultation.id, Consultation.number).where(*waiting))
    seats: dict[str, set[str]] = defaultdict(set)
    of_undated = Invitation.consultation_id.in_(select(Consultation.id).where(*waiting))
    seated = select(Invitation.consultation_id, Invitation.department_code)
    for held, department in await session.execute(seated.where(of_undated, Invitation.withdrawn_at.is_(None))):
        seats[held].add(department)
    cases: dict[str, list[str]] = defaultdict(list)
    items = select(AgendaItem.consultation_id, Case.number).join(Case, Case.id == AgendaItem.case_id)
    items = items.join(Consultation, Consultation.id == AgendaItem.consultation_id)
    for held, number in await session.execute(items.where(*waiting, AgendaItem.outcome.is_(None))):
        cases[held].append(number)
    # One without seats got its date between two of the queries.
    found = sorted((row for row in numbers if row.id in seats), key=lambda row: row.number)
    return [(row.number, frozenset(seats[row.id]), tuple(sorted(cases[row.id]))) for row in found]


def _scoped(statement: Select[Any], principal: Principal | None) -> Select[Any]:
    if principal is None or principal.is_office:
        return statement
    invited = exists().where(
        Invitation.consultation_id == Consultation.id,
        Invitation.department_code == (principal.department or ""),
        Invitation.withdrawn_at.is_(None),
    )
    return statement.where(invited)
