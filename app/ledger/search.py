"""Finds cases: filters, pages by cursor, scoped to what the reader may see."""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.ledger.finding import contain
from app.models import (
    Act,
    AgendaItem,
    Assignment,
    Case,
    CaseStatus,
    Consultation,
    Deadline,
    Event,
    Instruction,
    Invitation,
    LookBack,
    Pause,
    Reply,
    Report,
    ReportContact,
    Ruling,
    SecondOpinion,
)
from app.problems import InvalidInput, NotFound

LARGEST_PAGE = 200
# Spelt out for partial indexes, which bound values would not match.
_RELAPSED = text("(cases.relapses > 0 OR cases.relapse_of IS NOT NULL)")
_SUPERVISED = text("deadlines.level > 0 AND deadlines.ended_at IS NULL")
EXTENSION = select(Assignment.case_id).where(text("assignments.extension = 'requested'"))


class BadCursor(InvalidInput):
    code = "bad_cursor"
    title_zh, title_en = "翻页标记无效", "The cursor is not valid"

    def __init__(self) -> None:
        super().__init__(
            "请使用上一页返回的翻页标记，或去掉它从头读起。", "Use the cursor of the page before, or leave it out."
        )


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What to look for; None asks nothing."""

    status: tuple[CaseStatus, ...] = ()
    open_only: bool = False
    overdue_at: datetime | None = None
    department: str | None = None
    category: str | None = None
    text: str = ""
    relapsed: bool = False
    supervision_level: int | None = None
    supervised_department: str | None = None
    extension_requested: bool = False
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some cases and the cursor of the next page, if there is one."""

    cases: list[Case]
    next_cursor: str | None


def scope_cases(statement: Select[Any], principal: Principal) -> Select[Any]:
    """Restrict a query over cases to what the reader may see: the office all, a department what it was given."""
    if principal.is_office:
        return statement
    code = principal.department or ""
    assigned = exists().where(Assignment.case_id == Case.id, Assignment.department_code == code)
    invited = exists().where(
        AgendaItem.case_id == Case.id,
        Invitation.consultation_id == AgendaItem.consultation_id,
        Invitation.department_code == code,
        Invitation.withdrawn_at.is_(None),
    )
    return statement.where(or_(assigned, invited))


def conditions_of(wanted: CaseFilter) -> list[Any]:
    """What a filter asks, as conditions of a query over cases."""
    conditions: list[Any] = []
    if wanted.status:
        conditions.append(Case.status.in_(wanted.status))
    if wanted.open_only:
        conditions.append(Case.status != CaseStatus.CLOSED)
    if wanted.overdue_at:
        conditions.append(and_(Case.status != CaseStatus.CLOSED, Case.due_at < wanted.overdue_at))
    if wanted.department:
        given = select(Assignment.case_id).where(Assignment.department_code == wanted.department)
        conditions.append(Case.id.in_(given))
    if wanted.category:
        conditions.append(Case.category == wanted.category)
    if wanted.relapsed:
        conditions.append(_RELAPSED)
    if wanted.supervision_level is not None:
        conditions.append(_supervised(wanted.supervision_level, wanted.supervised_department))
    if wanted.extension_requested:
        conditions.append(Case.id.in_(EXTENSION))
    if wanted.numbers:
        conditions.append(Case.number.in_(wanted.numbers))
    return [*conditions, *contain(wanted.text)]


def _supervised(level: int, department: str | None) -> Any:
    """A duty stands at that level of supervision; of one department only where it is named."""
    clock = select(Deadline.case_id).where(_SUPERVISED, Deadline.level == level)
    return Case.id.in_(clock.where(Deadline.department_code == department) if department is not None else clock)


async def find_cases(
    session: AsyncSession, principal: Principal, wanted: CaseFilter, *, cursor: str | None = None, limit: int = 50
) -> Page:
    """Newest first. Raises BadCursor."""
    statement = scope_cases(select(Case).where(*conditions_of(wanted)), principal)
    if cursor:
        moments: Any = select(Case.opened_at, Case.id)
        last = await find_last(session, scope_cases(moments, principal), Case.number, cursor)
        statement = statement.where(or_(Case.opened_at < last[0], and_(Case.opened_at == last[0], Case.id < last[1])))
    limit = max(1, min(limit, LARGEST_PAGE))
    rows = list(await session.scalars(statement.order_by(Case.opened_at.desc(), Case.id.desc()).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, make_cursor(rows[-1].number) if more else None)


async def count_cases(session: AsyncSession, principal: Principal, wanted: CaseFilter) -> int:
    statement = scope_cases(select(func.count()).select_from(Case).where(*conditions_of(wanted)), principal)
    return await session.scalar(statement) or 0


async def count_by_status(session: AsyncSession) -> dict[CaseStatus, int]:
    """How many cases stand where; for the menu's badges."""
    rows = await session.execute(select(Case.status, func.count()).group_by(Case.status))
    return {row[0]: row[1] for row in rows}


def make_cursor(number: str) -> str:
    """The number of the last row shown and nothing else: a moment or an id would tell when a point reported."""
    return base64.urlsafe_b64encode(number.encode()).decode().rstrip("=")


async def find_last(session: AsyncSession, readable: Select[Any], number: Any, cursor: str) -> tuple[datetime, str]:
    """Moment and id of the row after which a page begins, of those that the reader may see. Raises BadCursor."""
    try:
        named = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise BadCursor from None
    row = (await session.execute(readable.where(number == named))).one_or_none() if named.isprintable() else None
    if row is None:
        raise BadCursor
    return row[0], row[1]


async def get_case(session: AsyncSession, principal: Principal, number: str) -> Case:
    """The case with that number, if the reader may see it; raises NotFound either way."""
    case: Case | None = await session.scalar(scope_cases(select(Case).where(Case.number == number), principal))
    if case is None:
        raise NotFound
    return case


async def find_numbered(session: AsyncSession, numbers: Sequence[str]) -> Sequence[Case]:
    """The cases with these numbers, the oldest first; for the office only."""
    rows = select(Case).where(Case.number.in_(numbers)).order_by(Case.opened_at, Case.id)
    return (await session.scalars(rows)).all()


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case with everything that belongs to it, as the office sees it.

    `relapse_of` and `relapsed_as` are the numbers of the struck-off case that it follows and of those that follow it.
    `with_contact` are the numbers of the reports whose contact is kept.
    """

    case: Case
    reports: Sequence[Report]
    assignments: Sequence[Assignment]
    deadlines: Sequence[Deadline]
    acts: Sequence[Act]
    events: Sequence[Event]
    rulings: Sequence[Ruling]
    replies: Sequence[Reply]
    consultations: Sequence[Consultation]
    look_backs: Sequence[LookBack] = ()
    relapse_of: str | None = None
    relapsed_as: Sequence[str] = ()
    opinion: SecondOpinion | None = None
    instructions: Sequence[Instruction] = ()
    pauses: Sequence[Pause] = ()
    with_contact: frozenset[str] = frozenset()


async def read_record(session: AsyncSession, case: Case) -> CaseRecord:
    """Everything about a case; for the office only."""

    async def rows(statement: Select[Any]) -> list[Any]:
        return list(await session.scalars(statement))

    assignments = await rows(
        select(Assignment).where(Assignment.case_id == case.id).order_by(Assignment.dispatched_at, Assignment.id)
    )
    # A merged case shows its own reports, wherever they are now.
    its_own = Report.case_id == case.id if case.merged_into is None else Report.came_from == case.id
    return CaseRecord(
        case=case,
        reports=await rows(select(Report).where(its_own).order_by(Report.received_at, Report.id)),
        assignments=assignments,
        deadlines=await rows(select(Deadline).where(Deadline.case_id == case.id).order_by(Deadline.started_at)),
        acts=await rows(
            select(Act).where(Act.assignment_id.in_([a.id for a in assignments])).order_by(Act.done_at, Act.id)
        ),
        events=await list_events(session, case),
        rulings=await rows(select(Ruling).where(Ruling.case_id == case.id).order_by(Ruling.ruled_at, Ruling.id)),
        replies=await rows(select(Reply).where(Reply.case_id == case.id).order_by(Reply.sent_at, Reply.id)),
        consultations=await rows(
            select(Consultation)
            .join(AgendaItem, AgendaItem.consultation_id == Consultation.id)
            .where(AgendaItem.case_id == case.id)
            .order_by(Consultation.convened_at, Consultation.id)
        ),
        look_backs=await rows(
            select(LookBack).where(LookBack.case_id == case.id).order_by(LookBack.due_at, LookBack.id)
        ),
        relapse_of=await session.scalar(select(Case.number).where(Case.id == case.relapse_of))
        if case.relapse_of
        else None,
        relapsed_as=await rows(select(Case.number).where(Case.relapse_of == case.id).order_by(Case.number)),
        opinion=await session.get(SecondOpinion, case.id),
        instructions=await rows(
            select(Instruction).where(Instruction.case_id == case.id).order_by(Instruction.decided_at, Instruction.id)
        ),
        with_contact=frozenset(
            await session.scalars(
                select(Report.number).join(ReportContact, ReportContact.report_id == Report.id).where(its_own)
            )
        ),
        pauses=await rows(select(Pause).where(Pause.assignment_id.in_([a.id for a in assignments])).order_by(Pause.id)),
    )


async def list_events(session: AsyncSession, case: Case, department: str | None = None) -> list[Event]:
    """A case's events in order; for a department those addressed to it."""
    statement = select(Event).where(Event.case_id == case.id).order_by(Event.seq)
    if department is not None:
        statement = statement.where(Event.department_code == department)
    return list(await session.scalars(statement))


async def find_latest_act(session: AsyncSession, number: str, quiet: Collection[str]) -> Event | None:
    """What was last done on a case, apart from the types named; None where there is no such case."""
    done = select(Event).join(Case, Case.id == Event.case_id).where(Case.number == number, Event.type.not_in(quiet))
    latest: Event | None = await session.scalar(done.order_by(Event.seq.desc()).limit(1))
    return latest


async def assignments_of(session: AsyncSession, case: Case, department: str | None = None) -> list[Assignment]:
    """The duties on a case; for a department its own."""
    statement = select(Assignment).where(Assignment.case_id == case.id)
    if department is not None:
        statement = statement.where(Assignment.department_code == department)
    return list(await session.scalars(statement.order_by(Assignment.dispatched_at, Assignment.id)))
