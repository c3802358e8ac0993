"""销号: ends a case, its duties and its clocks, with a final reply to every report on it."""

from collections.abc import Sequence

from sqlalchemy import select

from app.casefile import CaseFile, live_assignments
from app.close.reply import compose_reply
from app.models import Act, ActKind, AssignmentStatus, CaseOutcome, CaseStatus, ReplyKind, Report


async def collect_answers(file: CaseFile) -> list[tuple[str, str]]:
    """The newest reply that each department on the case wrote for the reporters, lead first."""
    duties = {a.id: a for a in live_assignments(file.assignments)}
    acts = await file.session.scalars(
        select(Act)
        .where(Act.assignment_id.in_(duties), Act.kind.in_([ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY]))
        .order_by(Act.done_at, Act.id)
    )
    newest = {act.assignment_id: act.content["public_reply"] for act in acts}
    ordered = sorted(duties.values(), key=lambda a: (a.role != "lead", a.department_code))
    return [(file.names.get(a.department_code, a.department_code), newest[a.id]) for a in ordered if a.id in newest]


def close_case(
    file: CaseFile,
    reports: Sequence[Report],
    *,
    outcome: CaseOutcome,
    answers: Sequence[tuple[str, str]],
    statement: str | None,
) -> None:
    """Strike the case off. Every report gets its reply, every department on the case its notice."""
    zone = file.calendar.zone
    for report in reports:
        text = compose_reply(
            report.number, outcome=outcome, answers=answers, statement=statement, now=file.now, zone=zone
        )
        file.reply(report, ReplyKind.FINAL, text)
    strike_off(file, outcome=outcome, reports=[r.number for r in reports], more={})


def strike_off(file: CaseFile, *, outcome: CaseOutcome, reports: Sequence[str], more: dict[str, str]) -> None:
    """End the case, its duties and its clocks; departments are told the outcome and `more`. It sends no reply."""
    duties = live_assignments(file.assignments)
    for duty in duties:
        approved = duty.status is AssignmentStatus.APPROVED
        file.advance_assignment(duty, AssignmentStatus.CLOSED if approved else AssignmentStatus.SUPERSEDED)
    if file.case.status is CaseStatus.UNRESOLVED:
        # Their duties ended when the case was left unresolved; they are told how it ends as well.
        ended = {a.department_code: a for a in file.assignments if a.status is AssignmentStatus.UNRESOLVED}
        duties = list(ended.values())
    file.advance_case(CaseStatus.CLOSED)
    file.case.outcome = outcome
    file.record("case.struck_off", {"outcome": outcome, "reports": list(reports)})
    for duty in duties:
        file.record(
            "case.closed",
            {"assignment": duty.id, "department": duty.department_code, "outcome": outcome},
            department_code=duty.department_code,
            message=file.describe(duty) | {"outcome": outcome} | more,
        )
