"""What is needed to know whom to urge: cases with their duties and clocks, and who was told of one. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.ledger.search import find_numbered
from app.models import Assignment, Case, Deadline, Event


@dataclass(frozen=True, slots=True)
class Urgeable:
    """A case, its duties in the order in which they were given, its running clocks, and who was told of one since."""

    case: Case
    duties: Sequence[Assignment]
    clocks: Sequence[Deadline]
    told: Collection[str]


async def told_since(
    session: AsyncSession, case_ids: Sequence[str], types: Collection[str], since: datetime
) -> Mapping[str, frozenset[str]]:
    """The departments that an event of these types told on each case since that moment."""
    rows = await session.execute(
        select(Event.case_id, Event.department_code).where(
            Event.case_id.in_(case_ids), Event.type.in_(sorted(types)), Event.happened_at >= since
        )
    )
    told: defaultdict[str, set[str]] = defaultdict(set)
    for case_id, code in rows:
        told[case_id].add(code or "")
    return {case_id: frozenset(codes) for case_id, codes in told.items()}


async def read_urgeable(
    session: AsyncSession, numbers: Sequence[str], types: Collection[str], since: datetime
) -> list[Urgeable]:
    """The named cases, the oldest first; four queries whatever their number."""
    cases = await find_numbered(session, numbers)
    ids = [case.id for case in cases]
    duties: defaultdict[str, list[Assignment]] = defaultdict(list)
    given = select(Assignment).where(Assignment.case_id.in_(ids)).order_by(Assignment.dispatched_at, Assignment.id)
    for duty in await session.scalars(given):
        duties[duty.case_id].append(duty)
    clocks: defaultdict[str, list[Deadline]] = defaultdict(list)
    for clock in await session.scalars(
        select(Deadline).where(Deadline.case_id.in_(ids), Deadline.ended_at.is_(None)).order_by(Deadline.id)
    ):
        clocks[clock.case_id].append(clock)
    told = await told_since(session, ids, types, since)
    return [Urgeable(case, duties[case.id], clocks[case.id], told.get(case.id, frozenset())) for case in cases]
