"""挂账待解: a burden that cannot be lifted for now stays on the ledger, and every reporter is told why.

It ends the duties, not the case: the office comes back to it by its own clock.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from app.casefile import CaseFile, live_assignments
from app.close.reply import compose_unresolved, official_date
from app.models import (
    Act,
    ActKind,
    Assignment,
    AssignmentStatus,
    CaseStatus,
    DeadlineKind,
    Event,
    ReplyKind,
    Report,
)

LEFT: Final = "case.left_unresolved"


@dataclass(frozen=True, slots=True)
class Account:
    """What one department wrote for the reporters, and why the burden stays; None where its own part is done."""

    department: str
    reply: str
    because: str | None


async def collect_accounts(file: CaseFile, duties: Sequence[Assignment]) -> list[Account]:
    """The newest answer on each of these duties, lead first."""
    acts = await file.session.scalars(
        select(Act)
        .where(
            Act.assignment_id.in_([a.id for a in duties]),
            Act.kind.in_([ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY]),
        )
        .order_by(Act.done_at, Act.id)
    )
    newest = {act.assignment_id: act.content for act in acts}
    ordered = sorted(duties, key=lambda a: (a.role != "lead", a.department_code))
    return [
        Account(
            file.names.get(a.department_code, a.department_code),
            newest[a.id]["public_reply"],
            newest[a.id].get("because") if a.resolved is False else None,
        )
        for a in ordered
        if a.id in newest
    ]


def leave_unresolved(
    file: CaseFile,
    reports: Sequence[Report],
    accounts: Sequence[Account],
    *,
    because: Sequence[str],
    statement: str | None,
    term: int | None = None,
) -> None:
    """Keep the case on the ledger as unresolved: duties end, a new clock of the office starts, reporters are answered.

    Args:
        because: why, words of `reply.BECAUSE`.
        statement: what the office adds for the reporters.
        term: working days until the office comes back to it; the usual ones if None.
    """
    ended = live_assignments(file.assignments)
    for duty in ended:
        _end(file, duty)
    for deadline in file.running():
        if deadline.kind is DeadlineKind.REVISIT:
            file.stop(deadline)
    file.advance_case(CaseStatus.UNRESOLVED, term=term)
    file.case.answer_due_at = None
    tell_unresolved(file, reports, accounts, because=because, statement=statement)
    file.record(
        LEFT,
        {
            "because": list(because),
            "statement": statement,
            "duties": [duty.id for duty in ended],
            "reports": [r.number for r in reports],
            "until": _revisit_by(file).astimezone(file.calendar.zone).date().isoformat(),
        },
    )
    for duty in ended:
        reason = "unresolved_accepted" if duty.status is AssignmentStatus.UNRESOLVED else "case_unresolved"
        file.record(
            "assignment.closed",
            {"assignment": duty.id, "department": duty.department_code, "because": reason},
            department_code=duty.department_code,
            message=file.describe(duty) | {"because": reason},
        )


def _end(file: CaseFile, duty: Assignment) -> None:
    """An accepted duty ends as what it was; one that was never answered or accepted is taken back."""
    if duty.status is not AssignmentStatus.APPROVED:
        target = AssignmentStatus.SUPERSEDED
    else:
        target = AssignmentStatus.UNRESOLVED if duty.resolved is False else AssignmentStatus.CLOSED
    file.advance_assignment(duty, target)


def tell_unresolved(
    file: CaseFile,
    reports: Sequence[Report],
    accounts: Sequence[Account],
    *,
    because: Sequence[str],
    statement: str | None,
) -> None:
    """A reply to each report that says why, and until when the office comes back to it."""
    zone = file.calendar.zone
    for report in reports:
        text = compose_unresolved(
            report.number,
            answers=[(account.department, account.reply) for account in accounts],
            because=because,
            statement=statement,
            revisit_by=official_date(_revisit_by(file), zone),
            now=file.now,
            zone=zone,
        )
        file.reply(report, ReplyKind.UNRESOLVED, text)


async def tell_joined(file: CaseFile, report: Report) -> None:
    """A report that joins a case which stands unresolved is told at once what the earlier ones were."""
    left = await file.session.scalar(
        select(Event).where(Event.case_id == file.case.id, Event.type == LEFT).order_by(Event.seq.desc()).limit(1)
    )
    if left is None:
        raise ValueError(f"case {file.case.number} stands unresolved without the event that says so")
    said = json.loads(left.facts)
    accounts = await collect_accounts(file, [a for a in file.assignments if a.id in said["duties"]])
    tell_unresolved(file, [report], accounts, because=said["because"], statement=said["statement"])


def _revisit_by(file: CaseFile) -> datetime:
    return next(d.due_at for d in file.running() if d.kind is DeadlineKind.REVISIT)
