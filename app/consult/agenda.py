"""议题: moves cases between sessions, takes one off, cancels a session. It does not decide where a case goes then."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.consult.answer import positions_of
from app.consult.convene import Guest, Texts, invite, tell_invited, withdrawn_seats
from app.consult.session_file import SessionFile, lock_sessions, open_agenda, standing_seats, tell
from app.lifecycle import advance
from app.models import (
    AgendaItem,
    AgendaOutcome,
    CaseStatus,
    Consultation,
    ConsultationStatus,
    Deadline,
    DeadlineKind,
    StatedPosition,
    columns_of,
)


async def take_over(target: SessionFile, source: SessionFile, guests: Sequence[Guest], texts: Texts) -> None:
    """Put every case of `source` on `target`'s agenda; `source` ends there. Nobody's opinion is lost: it follows.

    Who sat at the source is told once for each case where it is now talked of; who sits only at the target, and who
    comes to it from the source, is invited to the cases that are new to it.
    """
    database = next(iter(source.files.values())).session
    before, known = set(target.departments), set(source.departments)
    await _move_items(target, source)
    invite(target, guests, texts, await withdrawn_seats(database, target.consultation))
    target.files |= source.files
    target.settle_due()
    end_if_empty(source.consultation, ())
    source.consultation.merged_into = target.consultation.id
    for file in source.files.values():
        facts = {"consultation": target.consultation.number, "moved_from": source.consultation.number}
        file.record("consultation.moved", facts)
        for department in target.departments:
            if department in known:
                tell(
                    file,
                    target.consultation,
                    department,
                    "consultation.rescheduled",
                    {"moved_from": source.consultation.number},
                    moved_from=source.consultation.number,
                )
            elif department in before:
                tell_invited(target, file, department, texts[file.case.id])
    target.agenda.sort(key=lambda item: target.files[item.case_id].case.number)


async def _move_items(target: SessionFile, source: SessionFile) -> None:
    """The old rows stay and say that they were moved; a case that comes back finds its old row."""
    session = next(iter(target.files.values())).session
    here = await session.scalars(select(AgendaItem).where(AgendaItem.consultation_id == target.consultation.id))
    earlier = {item.case_id: item for item in here}
    stated = await positions_of(session, source.consultation)
    kept = {(p.case_id, p.department_code): p for p in await positions_of(session, target.consultation)}
    for item in source.agenda:
        item.outcome = AgendaOutcome.MOVED
        file = source.files[item.case_id]
        again = earlier.get(item.case_id)
        if again is None:
            again = AgendaItem(consultation_id=target.consultation.id, case_id=item.case_id)
            file.batch.add(again)
        again.outcome = None
        target.agenda.append(again)
        for position in (p for p in stated if p.case_id == item.case_id):
            known = kept.get((item.case_id, position.department_code))
            if known is None:
                copied = columns_of(position) | {"consultation_id": target.consultation.id}
                file.batch.add(StatedPosition(**copied))
            else:
                known.position, known.basis, known.stated_at = position.position, position.basis, position.stated_at


def take_off(sitting: SessionFile, item: AgendaItem, because: str, reason: str) -> None:
    """One case leaves the agenda without a conclusion, and every seat is told. Its file is the caller's to finish."""
    file = sitting.files[item.case_id]
    item.outcome = AgendaOutcome.WITHDRAWN
    sitting.agenda.remove(item)
    said = {"because": because, "why": reason}
    sitting.tell(file, "consultation.cancelled", said, because=because, reason=reason)


def withdraw(sitting: SessionFile, item: AgendaItem, reason: str) -> None:
    """One case comes off the agenda; without its last one the session is over. Raises IllegalMove."""
    sitting.require_open("withdrawal")
    take_off(sitting, item, "withdrawn", reason)
    end_if_empty(sitting.consultation, sitting.agenda, reason)


def cancel(sitting: SessionFile, reason: str) -> None:
    """The whole session is off; what it concluded before stays concluded. Raises IllegalMove."""
    sitting.require_open(ConsultationStatus.CANCELLED)
    for item in list(sitting.agenda):
        take_off(sitting, item, "cancelled", reason)
    end_if_empty(sitting.consultation, sitting.agenda, reason)


def end_if_empty(session: Consultation, agenda: Sequence[AgendaItem], reason: str | None = None) -> None:
    """A session without a case is over: concluded where it settled something before, cancelled where it did not."""
    if agenda:
        return
    session.ended_because = reason
    advance(session, ConsultationStatus.CONCLUDED if session.minutes else ConsultationStatus.CANCELLED)


async def leave_agenda(file: CaseFile) -> None:
    """A case that has just left consultation by another door, ruled on or closed, leaves its session's agenda too."""
    if file.case.status is CaseStatus.CONSULTING or not _stopped_now(file):
        return
    database = file.session
    await database.flush()
    open_item = select(AgendaItem).where(AgendaItem.case_id == file.case.id, AgendaItem.outcome.is_(None))
    item = await database.scalar(open_item)
    if item is None:
        return
    await lock_sessions(database, [item.consultation_id])
    session = await database.get_one(Consultation, item.consultation_id)
    item.outcome = AgendaOutcome.SETTLED
    for seat in await standing_seats(database, session):
        tell(file, session, seat.department_code, "consultation.cancelled", {"because": "settled"}, because="settled")
    rest = [other for other in await open_agenda(database, session) if other.outcome is None]
    end_if_empty(session, rest)
    await _settle_due(database, session, rest)


async def follow_clocks(file: CaseFile) -> None:
    """Where a case's clock has moved, the session that is to settle it falls due with the first of its cases."""
    database = file.session
    await database.flush()
    open_item = select(AgendaItem).where(AgendaItem.case_id == file.case.id, AgendaItem.outcome.is_(None))
    item = await database.scalar(open_item)
    if item is not None:
        await lock_sessions(database, [item.consultation_id])
        session = await database.get_one(Consultation, item.consultation_id)
        await _settle_due(database, session, await open_agenda(database, session))


async def _settle_due(database: AsyncSession, session: Consultation, agenda: Sequence[AgendaItem]) -> None:
    clocks = select(func.min(Deadline.due_at)).where(
        Deadline.case_id.in_([item.case_id for item in agenda]),
        Deadline.kind == DeadlineKind.CONSULTATION,
        Deadline.ended_at.is_(None),
    )
    session.due_at = await database.scalar(clocks) or session.due_at


def _stopped_now(file: CaseFile) -> bool:
    clocks = (d for d in file.deadlines if d.kind is DeadlineKind.CONSULTATION)
    return any(d.ended_at == file.now and d.extended_by is None for d in clocks)
