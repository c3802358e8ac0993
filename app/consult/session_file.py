"""会商卷: one session under its lock, with the cases still open on its agenda and its seats. It decides nothing.

Locks are taken in one order everywhere: cases by number, then sessions by id; so nobody waits for each other in a ring.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.disclosure import to_local
from app.lifecycle import OPEN_SESSIONS, IllegalMove
from app.models import AgendaItem, Case, Consultation, DeadlineKind, Event, Invitation
from app.problems import Conflict, NotFound

USUAL_MINUTES = 60


class AgendaChanged(Conflict):
    code = "agenda_changed"
    title_zh, title_en = "会商议题刚有变化", "The agenda has just changed"

    def __init__(self) -> None:
        super().__init__(
            "这场会商的议题刚被他人调整过。请重新读取后再办理。",
            "Somebody has just changed what is on this session's agenda. Read it again, then retry.",
        )


@dataclass(slots=True)
class SessionFile:
    """A locked session.

    Attributes:
        agenda: what still waits for its conclusion, in the order of the cases' numbers.
        seats: the invitations that stand, by department; a withdrawn one is left out.
        files: the locked files of the cases in `agenda`, by case id.
    """

    consultation: Consultation
    agenda: list[AgendaItem]
    seats: list[Invitation]
    files: dict[str, CaseFile] = field(default_factory=dict)

    @property
    def departments(self) -> list[str]:
        return [seat.department_code for seat in self.seats]

    def require_open(self, wanted: str) -> None:
        """Raises IllegalMove once the session has ended."""
        if self.consultation.status not in OPEN_SESSIONS:
            raise IllegalMove(self.consultation.status, wanted)

    def get_seat(self, department: str) -> Invitation:
        """Raises NotFound for a department that is not invited."""
        for seat in self.seats:
            if seat.department_code == department:
                return seat
        raise NotFound

    def get_item(self, case_number: str) -> AgendaItem:
        """Raises NotFound for a case that does not wait on this agenda."""
        for item in self.agenda:
            if self.files[item.case_id].case.number == case_number:
                return item
        raise NotFound

    def settle_due(self) -> None:
        """The session is due when the first of its cases is."""
        clocks = [d.due_at for file in self.files.values() for d in running_clocks(file)]
        self.consultation.due_at = min(clocks, default=self.consultation.due_at)

    def tell(self, file: CaseFile, event_type: str, facts: Mapping[str, Any], **data: Any) -> None:
        """Tell every seat of one case, as event and webhook; `data` is what the message says besides."""
        for department in self.departments:
            tell(file, self.consultation, department, event_type, facts, **data)


def tell(
    file: CaseFile,
    consultation: Consultation,
    department: str,
    event_type: str,
    facts: Mapping[str, Any],
    *,
    texts: Sequence[Mapping[str, str | None]] | None = None,
    **data: Any,
) -> Event:
    """One department is told of one case on a session's agenda; `texts` are its masked reports."""
    message = file.describe() | {"consultation": disclose_consultation(consultation, file.calendar.zone) | data}
    if texts is not None:
        message["reports"] = list(texts)
    return file.record(
        event_type,
        {"consultation": consultation.number, "department": department, **facts},
        department_code=department,
        message=message,
    )


def disclose_consultation(consultation: Consultation, zone: ZoneInfo) -> dict[str, Any]:
    """The `consultation` member of what a department is sent."""
    return {
        "id": consultation.id,
        "number": consultation.number,
        "status": consultation.status,
        "due_at": to_local(consultation.due_at, zone),
        "meeting_at": to_local(consultation.meeting_at, zone) if consultation.meeting_at else None,
        "minutes_long": consultation.minutes_long,
        "place": consultation.place,
    }


def running_clocks(file: CaseFile) -> list[Any]:
    return [d for d in file.running() if d.kind is DeadlineKind.CONSULTATION]


# ── reading under the lock ──


async def get_consultation(session: AsyncSession, id_or_number: str) -> Consultation:
    """The session with that id or number, not locked; raises NotFound."""
    found = await session.scalar(
        select(Consultation).where((Consultation.id == id_or_number) | (Consultation.number == id_or_number))
    )
    if found is None:
        raise NotFound
    return found


async def open_cases_of(session: AsyncSession, consultation_ids: Iterable[str]) -> dict[str, str]:
    """Numbers by id of the cases still open on these agendas, sorted by number: the order to lock them in."""
    rows = await session.execute(
        select(Case.id, Case.number)
        .join(AgendaItem, AgendaItem.case_id == Case.id)
        .where(AgendaItem.consultation_id.in_(list(consultation_ids)), AgendaItem.outcome.is_(None))
        .order_by(Case.number)
    )
    return {row.id: row.number for row in rows}


async def lock_sessions(session: AsyncSession, ids: Sequence[str], *, with_all_open: bool = False) -> None:
    """Lock these sessions by id; `with_all_open` all open ones too, so that two cannot book the same hour at once."""
    wanted: ColumnElement[bool] = Consultation.id.in_(ids)
    if with_all_open:
        wanted = or_(wanted, Consultation.status.in_(OPEN_SESSIONS))
    rows = select(Consultation).where(wanted).order_by(Consultation.id).with_for_update()
    await session.execute(rows.execution_options(populate_existing=True))


async def read_session_file(
    session: AsyncSession, consultation: Consultation, files: Mapping[str, CaseFile]
) -> SessionFile:
    """What belongs to a locked session; `files` are those locked before it. Raises AgendaChanged where others are
    on the agenda by now."""
    agenda = await open_agenda(session, consultation)
    if any(item.case_id not in files for item in agenda):
        raise AgendaChanged
    agenda.sort(key=lambda item: files[item.case_id].case.number)
    seats = await standing_seats(session, consultation)
    return SessionFile(consultation, agenda, seats, {item.case_id: files[item.case_id] for item in agenda})


async def open_agenda(session: AsyncSession, consultation: Consultation) -> list[AgendaItem]:
    """What waits for a conclusion, as the database has it now; changes not yet flushed keep their place in memory."""
    rows = await session.scalars(
        select(AgendaItem)
        .where(AgendaItem.consultation_id == consultation.id, AgendaItem.outcome.is_(None))
        .order_by(AgendaItem.case_id)
    )
    return list(rows)


async def standing_seats(session: AsyncSession, consultation: Consultation) -> list[Invitation]:
    """The invitations that were not withdrawn, by department."""
    rows = await session.scalars(
        select(Invitation)
        .where(Invitation.consultation_id == consultation.id, Invitation.withdrawn_at.is_(None))
        .order_by(Invitation.department_code)
    )
    return list(rows)
