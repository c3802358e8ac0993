"""回潮: finds the struck-off case that a new report brings up again, and notes on a case that its burden came back.

Counted per case and never per person, point or department. It puts nothing back on the ledger itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select

from app.batch import Look
from app.casefile import CaseFile
from app.models import Assignment, AssignmentRole, Case, CaseOutcome, CaseStatus, Event, RelapseRule

RELAPSED: Final = "case.relapsed"
# Ends after which the same burden is one that came back; what was no burden, or was merged, has nothing to come back.
ENDED_ON_THE_MATTER: Final = frozenset({CaseOutcome.RELIEVED, CaseOutcome.ANSWERED, CaseOutcome.UNRESOLVED})


@dataclass(frozen=True, slots=True)
class RelapsePolicy:
    """The office's rule for a report that brings up again what was struck off, and for how long after it applies."""

    rule: RelapseRule = RelapseRule.REOPEN
    window: timedelta = timedelta(days=180)


_CLOSED_MATCH = (
    select(Case.id)
    .where(
        Case.fingerprint == bindparam("fingerprint"),
        Case.status == CaseStatus.CLOSED,
        or_(*(Case.outcome == outcome for outcome in sorted(ENDED_ON_THE_MATTER))),
        Case.closed_at >= bindparam("since"),
    )
    .order_by(Case.closed_at.desc(), Case.id.desc())
    .limit(1)
)


def struck_off_with(fingerprint: str, policy: RelapsePolicy, now: datetime) -> Look:
    """Asks for the id of the case with that fingerprint that was struck off last within the window.

    Takes no lock: whether the case still `comes_back` is to be asked again under it.
    """
    return Look(_CLOSED_MATCH, {"fingerprint": fingerprint, "since": now - policy.window})


def comes_back(case: Case, sources: Sequence[str], policy: RelapsePolicy, now: datetime) -> bool:
    """Whether a report with these sources brings that case up again: one with other sources is another matter."""
    return (
        policy.rule is not RelapseRule.OFF
        and case.status is CaseStatus.CLOSED
        and case.outcome in ENDED_ON_THE_MATTER
        and case.closed_at is not None
        and case.closed_at >= now - policy.window
        and sorted(case.sources) == sorted(sources)
    )


async def last_duties(file: CaseFile) -> list[Assignment]:
    """The duties that ran when the case was struck off last, lead first; none where it was the office's alone."""
    struck_off = (
        select(func.max(Event.seq))
        .where(Event.case_id == file.case.id, Event.type == "case.struck_off")
        .scalar_subquery()
    )
    told = await file.session.scalars(
        select(Event.facts).where(Event.case_id == file.case.id, Event.type == "case.closed", Event.seq > struck_off)
    )
    ids = {json.loads(facts).get("assignment") for facts in told}
    last = [a for a in file.assignments if a.id in ids]
    return sorted(last, key=lambda a: (a.role is not AssignmentRole.LEAD, a.department_code))


def note_relapse(
    file: CaseFile, *, because: str, report: str, relapsed_as: str | None = None, score: float | None = None
) -> None:
    """Count it and record why.

    Args:
        because: `new_report` or `look_back`.
        relapsed_as: the number of the new case that is linked.
        score: how alike the report is that is linked; None where it has the same words.
    """
    struck_off = file.case.closed_at
    file.case.relapses = (file.case.relapses or 0) + 1
    facts: dict[str, Any] = {"because": because, "report": report, "relapses": file.case.relapses}
    if struck_off is not None:
        facts["struck_off_on"] = struck_off.astimezone(file.calendar.zone).date().isoformat()
    if relapsed_as is not None:
        facts["relapsed_as"] = relapsed_as
    if score is not None:
        facts["score"] = score
    file.record(RELAPSED, facts)
