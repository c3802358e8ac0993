"""交办 as one department reads its own: duties, the words told with them, what it said itself. Reads only.

What leaves here is what the interface tells departments: of a report its disclosed words, as far as it was in when the
duty was given; nothing else of who reported, no summary, no search in words that the department does not see.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.directory.city import City
from app.disclosure import disclose_case, disclose_report
from app.ledger.clocks import ClockRow, clocks_of
from app.ledger.finding import contain
from app.ledger.reach import count_points_for_department
from app.ledger.search import list_events
from app.ledger.sessions import open_invitations
from app.lifecycle import OVER, WITH_DEPARTMENT
from app.models import (
    Act,
    Assignment,
    AssignmentStatus,
    Case,
    Consultation,
    Deadline,
    Event,
    Evidence,
    Invitation,
    Party,
    Report,
)
from app.problems import NotFound

A = AssignmentStatus
ROWS: Final = 8
MOST_TOLD: Final = 3
MOST_SEARCHED: Final = 500
EXCERPT: Final = 80
# By what a department has to do next; what is late stands apart from where else it belongs.
STANDINGS: Final[Mapping[str, frozenset[AssignmentStatus]]] = {
    "waiting": frozenset({A.DISPATCHED}),
    "reworking": frozenset({A.REWORKING}),
    "working": frozenset({A.ACCEPTED, A.FORWARDED}),
    "answered": frozenset({A.RESPONDED, A.APPROVED}),
    "over": OVER | {A.RETURNED},
}
OVERDUE: Final = "overdue"
TO_DO: Final = ("waiting", "reworking", "working")
ORDERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "due": (Assignment.due_at, Case.number, Assignment.id),
    "-due": (Assignment.due_at.desc(), Case.number, Assignment.id),
    "number": (Case.number, Assignment.id),
    "-number": (Case.number.desc(), Assignment.id),
}

Told = Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One duty in a list: its case as departments read it, the words told with it, its nearest clock if one runs."""

    duty: Assignment
    case: Mapping[str, Any]
    told: Told
    clock: Deadline | None

    @property
    def excerpt(self) -> str:
        """How the first report begins, masked; before it what a session has settled, for one case may bring several."""
        first = next(iter(self.told), {})
        asked = f"{self.duty.obligation} · " if self.duty.consultation_id else ""
        words = " ".join((asked + (first.get("title") or first.get("text") or "")).split())
        return words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"


@dataclass(frozen=True, slots=True)
class Group:
    """The most urgent duties of one kind, and how many there are."""

    lines: Sequence[DutyLine]
    total: int


@dataclass(frozen=True, slots=True)
class DutyRecord:
    """A duty with all that its department may know of it.

    Attributes:
        clocks: those of the duty that run.
        acts: what the department did on it, oldest first.
        files: the evidence on it, oldest first.
        events: what the department was told of the case, in order.
        points: how many points report the burden; None where so few would tell who.
        session: the number of the consultation that it comes from.
    """

    duty: Assignment
    case: Mapping[str, Any]
    told: Told
    clocks: Sequence[ClockRow]
    acts: Sequence[Act]
    files: Sequence[Evidence]
    events: Sequence[Event]
    points: int | None
    session: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """The words that are looked for, all of them, as they were typed, and how to fold what they are looked for in."""

    words: tuple[str, ...]
    fold: Callable[[str], str]

    def finds(self, line: DutyLine) -> bool:
        """Whether the department can read them in the line: in its number, what is asked, or the words told with it."""
        told = (text for report in line.told for text in (report["title"], report["text"]) if text)
        texts = [self.fold(text) for text in (line.case["number"], line.duty.obligation, *told)]
        return all(any(self.fold(word) in text for text in texts) for word in self.words)

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the database can say of that: each word is in a report of the case, or in what is asked."""
        return [
            or_(and_(true(), *contain(word)), Assignment.obligation.contains(word, autoescape=True))
            for word in self.words
        ]


def _own(principal: Principal) -> ColumnElement[bool]:
    return Assignment.department_code == (principal.department or "")


def _is_late(now: datetime) -> ColumnElement[bool]:
    """A clock of the department's runs and is over; while one is paused, none of its does."""
    return exists().where(
        Deadline.assignment_id == Assignment.id,
        Deadline.ended_at.is_(None),
        Deadline.party == Party.DEPARTMENT,
        Deadline.due_at < now,
    )


def _standing(key: str, now: datetime) -> list[ColumnElement[bool]]:
    if key == OVERDUE:
        return [Assignment.status.in_(WITH_DEPARTMENT), _is_late(now)]
    return [Assignment.status.in_(STANDINGS[key])] if key in STANDINGS else []


# ── lists ──


async def read_to_do(session: AsyncSession, city: City, principal: Principal, now: datetime) -> dict[str, Group]:
    """What waits for a department: what is late first, then the rest by what is to be done; those due first lead."""
    groups = {}
    for key in (OVERDUE, *TO_DO):
        conditions = [_own(principal), *_standing(key, now)]
        if key != OVERDUE:
            conditions.append(not_(_is_late(now)))
        total = await _count(session, conditions)
        groups[key] = Group(await _lines(session, city, conditions, "due", 0, ROWS) if total else [], total)
    return groups


async def page_duties(
    session: AsyncSession,
    city: City,
    principal: Principal,
    now: datetime,
    *,
    standing: str = "",
    search: Search | None = None,
    order: str = "due",
    offset: int,
    limit: int,
) -> tuple[Sequence[DutyLine], int]:
    """One page of a department's duties, and how many there are; `order` is a key of ORDERS.

    A search is made in what the database can find, of which only what the department can read is left.
    """
    conditions = [_own(principal), *_standing(standing, now)]
    if search is None:
        return await _lines(session, city, conditions, order, offset, limit), await _count(session, conditions)
    lines = await _lines(session, city, [*conditions, *search.conditions()], order, 0, MOST_SEARCHED)
    found = [line for line in lines if search.finds(line)]
    return found[offset : offset + limit], len(found)


async def count_waiting(session: AsyncSession, principal: Principal) -> dict[str, int]:
    """How much waits for a department on each page of its menu."""
    sessions = await open_invitations(session, principal)
    return {
        "duties": await _count(session, [_own(principal), Assignment.status.in_(WITH_DEPARTMENT)]),
        "invitations": sum(not record.has_stated(principal.department or "") for record in sessions),
    }


async def _count(session: AsyncSession, conditions: Sequence[ColumnElement[bool]]) -> int:
    return await session.scalar(select(func.count()).select_from(Assignment).where(*conditions)) or 0


async def _lines(
    session: AsyncSession, city: City, conditions: Sequence[ColumnElement[bool]], order: str, offset: int, limit: int
) -> list[DutyLine]:
    statement = select(Assignment, Case).join(Case, Case.id == Assignment.case_id).where(*conditions)
    rows = (await session.execute(statement.order_by(*ORDERS[order]).offset(offset).limit(limit))).all()
    told = await read_told(session, city, [(duty.case_id, duty.dispatched_at) for duty, _ in rows])
    running = select(Deadline).where(
        Deadline.assignment_id.in_([duty.id for duty, _ in rows]),
        Deadline.ended_at.is_(None),
        Deadline.party == Party.DEPARTMENT,
    )
    nearest: dict[str | None, Deadline] = {}
    for clock in await session.scalars(running.order_by(Deadline.due_at.desc())):
        nearest[clock.assignment_id] = clock
    zone = city.calendar.zone
    return [
        DutyLine(duty, disclose_case(case, zone), words, nearest.get(duty.id))
        for (duty, case), words in zip(rows, told, strict=True)
    ]


# ── what was told ──


async def read_told(session: AsyncSession, city: City, asked: Sequence[tuple[str, datetime]]) -> list[Told]:
    """The words of the reports on each case as departments read them now: the first few of those in by that moment.

    What came in later is not told: when it did would show.
    """
    columns = (Report.observation_point_code, Report.title, Report.text, Report.disclosed_title, Report.disclosed_text)
    rows = await session.execute(
        select(Report.case_id, Report.received_at, *columns)
        .where(Report.case_id.in_({case_id for case_id, _ in asked}))
        .order_by(Report.received_at, Report.id)
    )
    reports: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        reports[row.case_id].append(row)
    return [
        [_disclose(row, city) for row in reports[case_id] if row.received_at <= until][:MOST_TOLD]
        for case_id, until in asked
    ]


def _disclose(report: Any, city: City) -> Mapping[str, str | None]:
    return disclose_report(report, city.terms_of_points([report.observation_point_code]))


async def read_told_at_session(
    session: AsyncSession, city: City, seat: Invitation, cases: Sequence[Case]
) -> dict[str, Told]:
    """The same of the cases on a session's agenda, by their numbers, for a department that has a seat."""
    told = await read_told(session, city, [(case.id, seat.invited_at) for case in cases])
    return {case.number: words for case, words in zip(cases, told, strict=True)}


# ── one duty ──


async def read_duty(session: AsyncSession, city: City, principal: Principal, duty_id: str) -> DutyRecord:
    """One duty of a department; raises NotFound, for another's too."""
    found = (
        await session.execute(
            select(Assignment, Case)
            .join(Case, Case.id == Assignment.case_id)
            .where(Assignment.id == duty_id, _own(principal))
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    duty, case = found
    (told,) = await read_told(session, city, [(case.id, duty.dispatched_at)])
    acts = select(Act).where(Act.assignment_id == duty.id).order_by(Act.done_at, Act.id)
    files = select(Evidence).where(Evidence.assignment_id == duty.id).order_by(Evidence.uploaded_at, Evidence.id)
    clocks = await clocks_of(session, case, principal.department or "")
    return DutyRecord(
        duty=duty,
        case=disclose_case(case, city.calendar.zone),
        told=told,
        clocks=[c for c in clocks if c.deadline.assignment_id == duty.id and c.deadline.ended_at is None],
        acts=list(await session.scalars(acts)),
        files=list(await session.scalars(files)),
        events=await list_events(session, case, principal.department or ""),
        points=await count_points_for_department(session, case),
        session=await session.scalar(select(Consultation.number).where(Consultation.id == duty.consultation_id)),
    )
