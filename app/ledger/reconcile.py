"""件件有回应, proved: every acknowledged report sits in one case, every open case has an owner and a running clock,
every closed one has what closing needs. Reads only, in bounded memory.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import BrokenLink, verify_chain
from app.ledger.invariants import all_checks
from app.ledger.seals import find_vanished, heads_of_cases, verify_seals
from app.models import Case, CaseStatus, Event, Report
from app.notary import SealedAt, Verified, check_heads

CASES_AT_ONCE: Final = 50
_NEXT = select(Case.id).where(Case.id > bindparam("last")).order_by(Case.id).limit(CASES_AT_ONCE)
# Heads and events in one statement, so that both are of one moment.
_CHAINS = (
    select(
        Case.id.label("head_id"),
        Case.number.label("head_number"),
        Case.last_seq.label("head_seq"),
        Case.last_hash.label("head_hash"),
        *Event.__table__.columns,
    )
    .outerjoin(Event, Event.case_id == Case.id)
    .where(Case.id >= bindparam("first"), Case.id <= bindparam("last"))
    .order_by(Case.id, Event.seq)
)
_COUNTS = select(
    select(func.count()).select_from(Report).scalar_subquery(),
    select(func.count()).select_from(Case).scalar_subquery(),
    select(func.count()).select_from(Case).where(Case.status == CaseStatus.CLOSED).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class Offender:
    """Something that breaks the promise: its number, and what is wrong."""

    number: str
    fault: str


@dataclass(slots=True)
class Reconciliation:
    """挂账 N − 销号 M = 在账 K, and whatever does not fit: `count` is how much of it there is, named or not."""

    reports: int
    opened: int
    closed: int
    offenders: list[Offender] = field(default_factory=list)
    count: int = 0

    @property
    def holds(self) -> bool:
        return not self.offenders

    @property
    def on_ledger(self) -> int:
        return self.opened - self.closed


async def reconcile(session: AsyncSession, most: int | None = None) -> Reconciliation:
    """Check the whole ledger; of each fault at most `most` offenders are named, and all are counted."""
    reports, opened, closed = (await session.execute(_COUNTS)).one()
    result = Reconciliation(reports, opened, closed)
    for fault, statement in all_checks():
        found = statement.distinct()
        numbers = list(await session.scalars(found.limit(most)))
        result.offenders += [Offender(str(number), fault) for number in numbers]
        result.count += len(numbers) if len(numbers) != most else await _count(session, found)
    return result


async def _count(session: AsyncSession, statement: Select[Any]) -> int:
    return await session.scalar(select(func.count()).select_from(statement.subquery())) or 0


async def verify_audit(session: AsyncSession, known: Collection[str], noted: tuple[int, str] | None = None) -> Verified:
    """Verify all seals and all chains; `known` and `noted` as `verify_seals` takes them."""
    found = await verify_seals(session, known, noted)
    found.events, found.links = await verify_chains(session)
    return found


async def verify_chains(session: AsyncSession) -> tuple[int, list[BrokenLink]]:
    """Verify each case's chain of events; answers how many events hold and the first fault of each broken chain."""
    count, broken = 0, []
    async for checked, faults in walk_chains(session):
        count += checked
        broken += faults
    return count, broken


async def walk_chains(session: AsyncSession) -> AsyncIterator[tuple[int, list[BrokenLink]]]:
    """The same a few cases at a time: how many events were verified, and the faults among them.

    Each chain is held against itself, its case's head and what the seals commit to; last come the cases that vanished.
    Needs no snapshot and holds no lock; hashing leaves the event loop free.
    """
    async for rows, sealed in read_chains(session):
        yield await asyncio.to_thread(_verify, rows, sealed)
    yield 0, await find_vanished(session)


async def read_chains(session: AsyncSession) -> AsyncIterator[tuple[Sequence[Any], dict[str, list[SealedAt]]]]:
    """A few cases at a time: their events with their heads, and by case the heads that seals commit to."""
    last = ""
    while ids := (await session.scalars(_NEXT, {"last": last})).all():
        last = ids[-1]
        # First what was sealed, then the chains: these are never behind.
        sealed = await heads_of_cases(session, ids[0], last)
        yield (await session.execute(_CHAINS, {"first": ids[0], "last": last})).all(), sealed


def _verify(rows: Sequence[Any], sealed: dict[str, list[SealedAt]]) -> tuple[int, list[BrokenLink]]:
    count, faults = 0, []
    for case_id, chain in groupby(rows, key=lambda row: row.head_id):
        links = list(chain)
        head_seq, head_hash, number = links[0].head_seq, links[0].head_hash, links[0].head_number
        links = [link for link in links if link.seq is not None]
        count += len(links)
        found = verify_chain(case_id, links, head_seq, head_hash)
        fault = check_heads(sealed.get(case_id, ()), {link.seq: link.hash for link in links}, found)
        if fault is not None:
            faults.append(replace(fault, number=number))
    return count, faults
