"""每日提要: what each department, and the office, is to be told of one working day. It reads clocks and ranks nobody.

Numbers, stages, days and links only: nothing of what a report says, and nothing of who reported.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.database import Database, insert_if_absent
from app.deadlines import Calendar, due_by, end_of, previous_working_day, start_of, working_days_left
from app.lifecycle import OPEN_SESSIONS
from app.models import (
    AgendaItem,
    Assignment,
    AssignmentStatus,
    Case,
    Consultation,
    Deadline,
    DeadlineKind,
    Delivery,
    DeliveryStatus,
    Digest,
    Endpoint,
    EndpointAlert,
    Invitation,
    Party,
    Report,
)

OFFICE: Final = "office"
# The recipient of the row that ends a day's round.
ROUND: Final = ""
SOON_WORKING_DAYS: Final = 2

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edition:
    """One working day's digests: the moment they are made, and the address their links begin with."""

    now: datetime
    calendar: Calendar
    address: str

    @property
    def day(self) -> date:
        return self.local_day(self.now)

    @property
    def soon(self) -> datetime:
        """Until when a clock may end to be told of as due."""
        return due_by(self.now, SOON_WORKING_DAYS, self.calendar).at

    @property
    def midnight(self) -> datetime:
        """The end of the local day."""
        local = self.now.astimezone(self.calendar.zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    @property
    def closed(self) -> datetime:
        """The end of the office hours before: what people were not told by then they read this morning."""
        return end_of(previous_working_day(self.day, self.calendar), self.calendar)

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.calendar.zone).date()

    def clock(self, clock: Deadline, number: str, path: str) -> Content:
        """What is told of one clock; `working_days` are those left, negative once late."""
        promised = clock.promised_until
        if promised is not None and promised < self.now:
            promised = None
        told = {
            "case": number,
            "stage": clock.kind,
            "due_on": self.local_day(clock.due_at).isoformat(),
            "working_days": working_days_left(self.now, clock.due_at, self.calendar),
            "level": clock.level or None,
            "promised_on": self.local_day(promised).isoformat() if promised else None,
            "link": f"{self.address}{path}{number}",
        }
        return {name: value for name, value in told.items() if value is not None}


async def find_made(session: AsyncSession, day: date) -> frozenset[str]:
    """Who has a digest of that day; with ROUND among them, nobody else gets one."""
    return frozenset(await session.scalars(select(Digest.recipient).where(Digest.day == day)))


async def keep(session: AsyncSession, database: Database, edition: Edition, recipient: str, content: Content) -> bool:
    """Store a digest; False where another worker has just stored the same one: that one stays."""
    row = {"recipient": recipient, "day": edition.day, "content": content, "made_at": edition.now}
    made = insert_if_absent(database, Digest).values(**row).returning(Digest.day)
    return await session.scalar(made) is not None


async def collect(session: AsyncSession, edition: Edition) -> Mapping[str, Content]:
    """Whoever has something to be told, and what: lists by kind, empty ones left out."""
    told: dict[str, Content] = defaultdict(lambda: defaultdict(list))
    await _collect_duties(session, edition, told)
    await _collect_invitations(session, edition, told)
    office = {name: value for name, value in (await _collect_office(session, edition)).items() if value}
    return {code: dict(told[code]) for code in sorted(told)} | ({OFFICE: office} if office else {})


# ── departments ──


def _duties(edition: Edition) -> Select[Deadline, str, AssignmentStatus]:
    """Departments' clocks that are over or nearly so, whatever was sent back, and new rounds of asking the province."""
    before = aliased(Deadline)
    renewed = and_(
        Deadline.kind == DeadlineKind.CHASE,
        Deadline.started_at >= start_of(edition.day, edition.calendar),
        exists().where(
            before.assignment_id == Deadline.assignment_id,
            before.kind == DeadlineKind.CHASE,
            before.ended_at.is_not(None),
        ),
    )
    told = or_(Deadline.due_at <= edition.soon, Assignment.status == AssignmentStatus.REWORKING, renewed)
    return (
        select(Deadline, Case.number, Assignment.status)
        .join(Assignment, Assignment.id == Deadline.assignment_id)
        .join(Case, Case.id == Deadline.case_id)
        .where(Deadline.party == Party.DEPARTMENT, Deadline.ended_at.is_(None), told)
        .order_by(Deadline.due_at, Case.number, Deadline.kind)
    )


async def _collect_duties(session: AsyncSession, edition: Edition, told: dict[str, Content]) -> None:
    for clock, number, status in await session.execute(_duties(edition)):
        entry = edition.clock(clock, number, "/v1/cases/") | {"assignment": clock.assignment_id}
        told[clock.department_code or ""][_kind_of(clock, status, edition)].append(entry)


def _kind_of(clock: Deadline, status: AssignmentStatus, edition: Edition) -> str:
    """Each clock stands once: what is late or nearly so under that, sent back or not."""
    if clock.kind is DeadlineKind.CHASE:
        return "chases"
    if clock.due_at < edition.now:
        return "overdue"
    if status is AssignmentStatus.REWORKING and clock.due_at > edition.soon:
        return "rework"
    return "due"


async def _collect_invitations(session: AsyncSession, edition: Edition, told: dict[str, Content]) -> None:
    rows = await session.execute(
        select(Invitation.department_code, Consultation, Case.number)
        .join(Consultation, Consultation.id == Invitation.consultation_id)
        .join(AgendaItem, AgendaItem.consultation_id == Consultation.id)
        .join(Case, Case.id == AgendaItem.case_id)
        .where(
            Consultation.status.in_(OPEN_SESSIONS),
            AgendaItem.outcome.is_(None),
            Invitation.answer.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .order_by(Consultation.due_at, Consultation.number, Case.number)
    )
    for department, session_held, number in rows:
        entries = told[department]["invitations"]
        if entries and entries[-1]["consultation"] == session_held.number:
            entries[-1]["cases"].append(number)
            continue
        meeting = session_held.meeting_at
        entries.append(
            {
                "consultation": session_held.number,
                "cases": [number],
                "due_on": edition.local_day(session_held.due_at).isoformat(),
                "link": f"{edition.address}/v1/consultations/{session_held.id}",
            }
            | ({"meeting_on": edition.local_day(meeting).isoformat()} if meeting else {})
        )


# ── the office ──


async def _collect_office(session: AsyncSession, edition: Edition) -> Content:
    since = await _told_until(session, edition)

    async def count(statement: Any) -> int:
        return await session.scalar(statement) or 0

    def between(moment: InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
        return and_(moment > since, moment <= edition.now)

    total = select(func.count())
    return {
        "came_in": await count(total.select_from(Report).where(between(Report.received_at))),
        "opened": await count(total.select_from(Case).where(between(Case.opened_at))),
        **await _own_clocks(session, edition),
        "level_3": await _undecided(session, edition),
        "extensions": await _extensions(session, edition),
        "failed_deliveries": await count(
            total.select_from(Delivery).where(Delivery.status.in_([DeliveryStatus.DEAD, DeliveryStatus.QUARANTINED]))
        ),
        "silent_addresses": await _silent_addresses(session, edition, since),
        "quarantined": await count(total.select_from(Deadline).where(text("failures >= 5 AND ended_at IS NULL"))),
    }


async def _told_until(session: AsyncSession, edition: Edition) -> datetime:
    """Up to when the round before has counted; without one, the working day before."""
    last: datetime | None = await session.scalar(
        select(Digest.made_at).where(Digest.recipient == ROUND).order_by(Digest.day.desc()).limit(1)
    )
    return last or start_of(previous_working_day(edition.day, edition.calendar), edition.calendar)


async def _own_clocks(session: AsyncSession, edition: Edition) -> dict[str, list[Content]]:
    rows = await session.execute(
        select(Deadline, Case.number)
        .join(Case, Case.id == Deadline.case_id)
        .where(Deadline.party == Party.OFFICE, Deadline.ended_at.is_(None), Deadline.due_at < edition.midnight)
        .order_by(Deadline.due_at, Case.number)
    )
    told: dict[str, list[Content]] = {"due": [], "overdue": []}
    for clock, number in rows:
        kind = "overdue" if clock.due_at < edition.now else "due"
        told[kind].append(edition.clock(clock, number, "/dashboard/cases/"))
    return told


async def _undecided(session: AsyncSession, edition: Edition) -> list[Content]:
    """The leaders' list: at the highest level, and not resting by a leader's instruction."""
    rows = await session.execute(
        select(Deadline, Case.number)
        .join(Case, Case.id == Deadline.case_id)
        .where(text("level = 3 AND ended_at IS NULL"))
        .where(or_(Deadline.rests_until.is_(None), Deadline.rests_until <= edition.now))
        .order_by(Deadline.due_at, Case.number)
    )
    return [
        edition.clock(clock, number, "/dashboard/cases/") | {"department": clock.department_code}
        for clock, number in rows
    ]


async def _silent_addresses(session: AsyncSession, edition: Edition, since: datetime) -> list[Content]:
    """Addresses that reached a step of failing since the round before, and still stand there; each step once."""
    step = func.max(EndpointAlert.hours).label("hours")
    rows = await session.execute(
        select(Endpoint.id, Endpoint.department_code, EndpointAlert.since, step)
        .join(Endpoint, Endpoint.id == EndpointAlert.endpoint_id)
        .where(EndpointAlert.ended_at.is_(None), EndpointAlert.raised_at > since)
        .group_by(Endpoint.id, Endpoint.department_code, EndpointAlert.since)
        .order_by(EndpointAlert.since, Endpoint.id)
    )
    return [
        {
            "department": row.department_code,
            "failing_since": row.since.astimezone(edition.calendar.zone).isoformat(timespec="minutes"),
            "hours": row.hours,
            "link": f"{edition.address}/dashboard/endpoints/{row.id}",
        }
        for row in rows
    ]


async def _extensions(session: AsyncSession, edition: Edition) -> list[Content]:
    rows = await session.execute(
        select(Assignment, Case.number)
        .join(Case, Case.id == Assignment.case_id)
        .where(text("extension = 'requested'"))
        .order_by(Assignment.due_at, Case.number)
    )
    return [
        {
            "case": number,
            "department": duty.department_code,
            "due_on": edition.local_day(duty.due_at).isoformat(),
            "wished_until": edition.local_day(duty.extension_until or duty.due_at).isoformat(),
            "link": f"{edition.address}/dashboard/cases/{number}",
        }
        for duty, number in rows
    ]
