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
    Evidence,
    Instruction,
    Invitation,
    LookBack,
    Pause,
    Reply,
    Report,
    Ruling,
    StatedPosition,
)

_MERGED = select(Case.id, Case.number).subquery()


def _parts() -> Iterable[tuple[str, Any]]:
    """What belongs to each case: the case's number first, then what is compared."""
    case, duty = Case.number, Assignment.department_code
    yield "case", select(
        case, Case.summary, Case.status, Case.outcome, Case.owner, Case.owner_department, Case.category, Case.route,
        Case.sources, Case.burden_types, Case.districts, Case.returns, Case.opened_at, Case.closed_at, Case.due_at,
        Case.answer_due_at, Case.urgency, Case.denials, Case.relapses, _MERGED.c.number,
    ).outerjoin(_MERGED, _MERGED.c.id == Case.merged_into)  # fmt: skip
    yield "report", select(
        case, Report.number, Report.observation_point_code, Report.title, Report.text, Report.occurred_on,
        Report.hours_per_month, Report.verification, Report.verification_comment, Report.received_at,
        _MERGED.c.number,
    ).join(Report, Report.case_id == Case.id).outerjoin(_MERGED, _MERGED.c.id == Report.came_from)  # fmt: skip
    yield (
        "reply",
        select(case, Report.number, Reply.kind, Reply.text, Reply.sent_at)
        .join(Report, Report.case_id == Case.id)
        .join(Reply, Reply.report_id == Report.id),
    )
    yield "assignment", select(
        case, duty, Assignment.kind, Assignment.role, Assignment.status, Assignment.on_behalf_of, Assignment.due_at,
        Assignment.dispatched_at, Assignment.extension, Assignment.extension_until, Assignment.resolved,
        Assignment.obligation, Assignment.paused_until,
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
        Deadline.working_days, Deadline.provisional, Deadline.promised_until, Deadline.rests_until,
    ).join(Deadline, Deadline.case_id == Case.id)  # fmt: skip
    yield (
        "ruling",
        select(case, Ruling.category, Ruling.receivers, Ruling.reason, Ruling.ruled_at).join(
            Ruling, Ruling.case_id == Case.id
        ),
    )
    yield from _session_parts(case)
    yield from _later_parts(case, duty)
    yield (
        "event",
        select(case, Event.type, Event.department_code, Event.happened_at).join(Event, Event.case_id == Case.id),
    )


def _session_parts(case: Any) -> Iterable[tuple[str, Any]]:
    """Sessions: agenda, seats, what was said and concluded."""
    yield "session", select(
        case, Consultation.number, Consultation.status, Consultation.minutes, Consultation.meeting_at,
        Consultation.place, AgendaItem.outcome, AgendaItem.conclusion,
    ).join(AgendaItem, AgendaItem.case_id == Case.id).join(
        Consultation, Consultation.id == AgendaItem.consultation_id
    )  # fmt: skip
    yield "seat", select(
        case, Consultation.number, Invitation.department_code, Invitation.answer, Invitation.deputy,
        Invitation.withdrawn_at,
    ).join(AgendaItem, AgendaItem.case_id == Case.id).join(
        Consultation, Consultation.id == AgendaItem.consultation_id
    ).join(Invitation, Invitation.consultation_id == Consultation.id)  # fmt: skip
    yield "opinion", select(
        case, StatedPosition.department_code, StatedPosition.position, StatedPosition.basis, StatedPosition.stated_at
    ).join(StatedPosition, StatedPosition.case_id == Case.id)  # fmt: skip


def _later_parts(case: Any, duty: Any) -> Iterable[tuple[str, Any]]:
    """Pauses, files, what leaders decided, looks back."""
    yield (
        "pause",
        select(case, duty, Pause.blocker, Pause.who, Pause.why, Pause.remaining_days)
        .join(Assignment, Assignment.case_id == Case.id)
        .join(Pause, Pause.assignment_id == Assignment.id),
    )
    yield (
        "evidence",
        select(case, duty, Evidence.name, Evidence.sha256, Evidence.uploaded_at, Evidence.act_id.is_(None))
        .join(Assignment, Assignment.case_id == Case.id)
        .join(Evidence, Evidence.assignment_id == Assignment.id),
    )
    yield "instruction", select(
        case, Instruction.decision, Instruction.note, Instruction.look_again_on, Instruction.decided_at
    ).join(Instruction, Instruction.case_id == Case.id)  # fmt: skip
    yield "look back", select(
        case, Report.number, LookBack.days, LookBack.due_at, LookBack.asked_at, LookBack.answer, LookBack.ended_at,
        LookBack.comment,
    ).join(LookBack, LookBack.case_id == Case.id).join(Report, Report.id == LookBack.report_id)  # fmt: skip


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
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items() if name != "id"}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value.isoformat() if isinstance(value, datetime | date) else value
