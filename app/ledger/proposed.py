"""Cases that wait for a ruling, with what was proposed for each; and the ruling that was made last. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Act, ActKind, Assignment, Case, CaseStatus, Report, Ruling


@dataclass(frozen=True, slots=True)
class Proposed:
    """A case in triage, the decision on its first report, and how departments returned it."""

    case: Case
    decision: Mapping[str, Any]
    returns: Sequence[Act]


async def read_proposed(session: AsyncSession, numbers: Sequence[str]) -> list[Proposed]:
    """Those of the named cases that wait in triage, the most urgent first; three queries whatever their number."""
    waiting = select(Case).where(Case.number.in_(numbers), Case.status == CaseStatus.TRIAGE)
    cases = (await session.scalars(waiting.order_by(Case.due_at, Case.number))).all()
    ids = [case.id for case in cases]
    decisions: dict[str, Mapping[str, Any]] = {}
    reported = select(Report.case_id, Report.decision).where(Report.case_id.in_(ids))
    for case_id, decision in await session.execute(reported.order_by(Report.received_at, Report.id)):
        decisions.setdefault(case_id, decision)
    returns: defaultdict[str, list[Act]] = defaultdict(list)
    returned = select(Assignment.case_id, Act).join(Act, Act.assignment_id == Assignment.id)
    returned = returned.where(Assignment.case_id.in_(ids), Act.kind == ActKind.RETURN)
    for case_id, act in await session.execute(returned.order_by(Act.done_at, Act.id)):
        returns[case_id].append(act)
    return [Proposed(case, decisions[case.id], returns[case.id]) for case in cases]


async def find_last_ruled(session: AsyncSession, ruled_by: str, since: datetime) -> Case | None:
    """The case that somebody ruled on last, where that was a moment ago and it lies untouched with its departments."""
    row = await session.execute(
        select(Case)
        .join(Ruling, Ruling.case_id == Case.id)
        .where(Ruling.ruled_by == ruled_by, Ruling.ruled_at >= since)
        .order_by(Ruling.ruled_at.desc(), Ruling.id.desc())
        .limit(1)
    )
    case: Case | None = row.scalar()
    return case if case is not None and case.status is CaseStatus.DISPATCHED else None
