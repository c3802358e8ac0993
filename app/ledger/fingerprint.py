"""One digest of all the ledger says: two ledgers with the same one hold the same cases, acts, clocks and words.

Identifiers, hashes and keys differ from database to database and are left out; so is the order of what happened to a
case at one moment. Reads only.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Act,
    AgendaItem,
    Assignment,
    Case,
    Consultation,
    Deadline,
    Event,
    Reply,
    Report,
    Ruling,
    StatedPosition,
)


def _parts() -> Iterable[tuple[str, Any]]:
    """What belongs to each case: the case's number first, then what is compared."""
    case, duty = Case.number, Assignment.department_code
    yield "case", select(
        case, Case.summary, Case.status, Case.outcome, Case.owner, Case.owner_department, Case.category, Case.route,
        Case.sources, Case.burden_types, Case.districts, Case.returns, Case.opened_at, Case.closed_at, Case.due_at,
        Case.answer_due_at,
    )  # fmt: skip
    yield "report", select(
        case, Report.number, Report.observation_point_code, Report.title, Report.text, Report.occurred_on,
        Report.hours_per_month, Report.verification, Report.verification_comment, Report.received_at,
    ).join(Report, Report.case_id == Case.id)  # fmt: skip
    yield (
        "reply",
        select(case, Report.number, Reply.kind, Reply.text, Reply.sent_at)
        .join(Report, Report.case_id == Case.id)
        .join(Reply, Reply.report_id == Report.id),
    )
    yield "assignment", select(
        case, duty, Assignment.kind, Assignment.role, Assignment.status, Assignment.on_behalf_of, Assignment.due_at,
        Assignment.dispatched_at, Assignment.extension,
    ).join(Assignment, Assignment.case_id == Case.id)  # fmt: skip
    yield (
        "act",
        select(case, duty, Act.kind, Act.content, Act.applied, Act.done_at)
        .join(Assignment, Assignment.case_id == Case.id)
        .join(Act, Act.assignment_id == Assignment.id),
    )
    yield "clock", select(
        case, Deadline.kind, Deadline.party, Deadline.department_code, Deadline.started_at, Deadline.due_at,
        Deadline.reminded_at, Deadline.overdue_at, Deadline.level, Deadline.ended_at, Deadline.met,
    ).join(Deadline, Deadline.case_id == Case.id)  # fmt: skip
    yield (
        "ruling",
        select(case, Ruling.category, Ruling.receivers, Ruling.reason, Ruling.ruled_at).join(
            Ruling, Ruling.case_id == Case.id
        ),
    )
    yield (
        "session",
        select(case, Consultation.number, Consultation.status, Consultation.minutes, AgendaItem.conclusion)
        .join(AgendaItem, AgendaItem.case_id == Case.id)
        .join(Consultation, Consultation.id == AgendaItem.consultation_id),
    )
    yield "opinion", select(
        case, StatedPosition.department_code, StatedPosition.position, StatedPosition.basis, StatedPosition.stated_at
    ).join(StatedPosition, StatedPosition.case_id == Case.id)  # fmt: skip
    yield (
        "event",
        select(case, Event.type, Event.department_code, Event.happened_at).join(Event, Event.case_id == Case.id),
    )


async def read_fingerprint(session: AsyncSession) -> str:
    """SHA-256 over the whole ledger, as 64 hexadecimal digits."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for name, statement in _parts():
        for number, *values in await session.execute(statement):
            lines[number].append(json.dumps([name, *map(_plain, values)], ensure_ascii=False, sort_keys=True))
    digest = hashlib.sha256()
    for number in sorted(lines):
        for line in [number, *sorted(lines[number])]:
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
