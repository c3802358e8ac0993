"""What may be issued: one occasion for each document that a case or a session calls for as it stands. Pure.

A key names what the document is issued for, and with it all that makes another one necessary: another duty, a higher
level of supervision, a meeting that was moved.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.audit import to_canonical_json
from app.deadlines import HIGHEST_LEVEL
from app.lifecycle import OPEN_SESSIONS, WITH_DEPARTMENT
from app.models import (
    AgendaItem,
    AgendaOutcome,
    Assignment,
    AssignmentKind,
    Case,
    Consultation,
    Deadline,
    DocumentKind,
    Instruction,
    Invitation,
)

ORDERS = {
    AssignmentKind.ASSIGNMENT: DocumentKind.ASSIGNMENT,
    AssignmentKind.ESCALATION: DocumentKind.ESCALATION,
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """One document that may be issued. On a case it is to the department of `duty`; `clock` is what is overdue, and
    `instruction` the leader's, where that is the occasion."""

    kind: DocumentKind
    key: str
    duty: Assignment | None = None
    clock: Deadline | None = None
    instruction: Instruction | None = None


def occasions_of_case(
    case: Case, duties: Sequence[Assignment], clocks: Sequence[Deadline], instructions: Sequence[Instruction]
) -> list[Occasion]:
    """An order for each duty that stands; supervision of each that is overdue, by level and by instruction."""
    if case.merged_into is not None:
        return []
    standing = {duty.id: duty for duty in duties if duty.status in WITH_DEPARTMENT}
    found = [Occasion(ORDERS[duty.kind], f"{ORDERS[duty.kind]}:{duty.id}", duty) for duty in standing.values()]
    for clock in clocks:
        duty = standing.get(clock.assignment_id or "")
        if duty is None or clock.ended_at is not None or not clock.level:
            continue
        key = f"{DocumentKind.SUPERVISION}:{clock.id}"
        found.append(Occasion(DocumentKind.SUPERVISION, f"{key}:{clock.level}", duty, clock))
        if clock.level >= HIGHEST_LEVEL:
            found += [
                Occasion(DocumentKind.SUPERVISION, f"{key}:{made.id}", duty, clock, made)
                for made in instructions
                if made.decided_at >= clock.started_at
            ]
    return found


def occasions_of_session(
    session: Consultation, agenda: Iterable[AgendaItem], seats: Iterable[Invitation]
) -> list[Occasion]:
    """The invitation to a meeting with a date, anew where date, place, agenda or guests change; minutes once there are
    any."""
    found = []
    items = list(agenda)
    waiting = sorted(item.case_id for item in items if item.outcome is None)
    if session.status in OPEN_SESSIONS and session.meeting_at is not None and waiting:
        facts = [
            session.meeting_at.isoformat(),
            session.place,
            waiting,
            sorted(seat.department_code for seat in seats),
        ]
        print_of = hashlib.sha256(to_canonical_json(facts).encode()).hexdigest()[:16]
        found.append(Occasion(DocumentKind.INVITATION, f"{DocumentKind.INVITATION}:{session.id}:{print_of}"))
    concluded = [item for item in items if item.outcome is AgendaOutcome.CONCLUDED]
    if session.minutes and session.concluded_at is not None and concluded:
        moment = int(session.concluded_at.timestamp())
        found.append(Occasion(DocumentKind.MINUTES, f"{DocumentKind.MINUTES}:{session.id}:{moment}"))
    return found
