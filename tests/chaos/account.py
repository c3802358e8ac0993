"""The account at the end of a run: everybody's own books against the database. Each promise yields its offenders."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Act, Attempt, Callback, Case, Delivery, DeliveryStatus, Endpoint, Event, Report
from tests.chaos.departments import ORDINARY, Receipt
from tests.chaos.people import Book

MOST_DUPLICATES, ENOUGH = 0.05, 1000
SHOWN = 5


@dataclass
class Account:
    """Figures to print, and what broke a promise."""

    figures: dict[str, int | float] = field(default_factory=dict)
    offences: dict[str, list[str]] = field(default_factory=dict)

    def hold(self, promise: str, offenders: Iterable[object]) -> None:
        found = [str(each) for each in offenders]
        self.figures[promise] = len(found)
        if found:
            self.offences[promise] = found

    @property
    def holds(self) -> bool:
        return not self.offences

    def lines(self) -> list[str]:
        """One line for each figure, then the first offenders of each broken promise."""
        lines = [f"{name:<58}{value:>12,}" for name, value in self.figures.items()]
        for promise, offenders in self.offences.items():
            lines += [f"BROKEN {promise}: {offender}" for offender in offenders[:SHOWN]]
        return lines


async def close_account(database: Database, book: Book, receipts: list[Receipt]) -> Account:
    """Hold the books against one moment of the database."""
    account = Account()
    async with database.snapshot() as session:
        await _reports(session, account, book)
        await _events(session, account, book, receipts)
        await _callbacks(session, account, book)
        result = await reconcile(session)
        count, broken = await verify_chains(session)
    account.hold("reconcile: offenders", (f"{o.number} {o.fault}" for o in result.offenders))
    account.hold("audit chains broken", broken)
    account.figures["events in chains"] = count
    account.hold(
        "answers that were a defect (5xx but 503, 507)",
        (
            f"{what} {status} ×{n}"
            for (what, status), n in book.answers.items()
            if status >= 500 and status not in {503, 507}
        ),
    )
    return account


async def _reports(session: AsyncSession, account: Account, book: Book) -> None:
    stored = {
        row.number: (row.text, row.case)
        for row in await session.execute(
            select(Report.number, Report.text, Case.number.label("case")).join(Case, Case.id == Report.case_id)
        )
    }
    acknowledged = Counter(each.report for each in book.reports)
    texts = Counter((text for text, _ in stored.values()))
    account.figures["reports acknowledged"] = len(book.reports)
    account.figures["tries at a report"] = sum(n for (what, _), n in book.answers.items() if what == "report")
    account.hold(
        "acknowledged reports lost",
        (each.report for each in book.reports if stored.get(each.report) != (each.text, each.case)),
    )
    account.hold("acknowledged reports there twice", (each.text for each in book.reports if texts[each.text] != 1))
    account.hold("report numbers given twice", (number for number, n in acknowledged.items() if n > 1))
    account.hold("reports nobody was told of", stored.keys() - acknowledged.keys())
    account.hold("retries answered differently", book.changed)


async def _events(session: AsyncSession, account: Account, book: Book, receipts: list[Receipt]) -> None:
    rows = (await session.execute(_queued())).all()
    got: dict[tuple[str, str], list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        got[receipt.path, receipt.event].append(receipt)
    deliveries = [row for row in rows if row.delivery_id is not None]
    account.figures["events for departments"] = len({row.event_id for row in rows})
    for status in DeliveryStatus:
        account.figures[f"deliveries {status}"] = sum(row.status is status for row in deliveries)
    account.hold("events lost", _lost(rows, got))
    account.hold(
        "ordinary addresses: not delivered",
        (
            f"{row.url} {row.event_id} {row.status}"
            for row in deliveries
            if row.url.endswith(ORDINARY) and row.status is not DeliveryStatus.DELIVERED
        ),
    )
    await _attempts(session, account)
    _check_receipts(account, rows, receipts)
    _check_order(account, receipts, book.sent_again)


def _queued() -> Select[*tuple[Any, ...]]:
    """Every addressed event with each address of its department, and the delivery that must be there."""
    return (
        select(
            Event.id.label("event_id"),
            Event.body,
            Endpoint.url,
            Endpoint.active,
            Delivery.id.label("delivery_id"),
            Delivery.status,
            Delivery.due_at,
        )
        .join(Endpoint, Endpoint.department_code == Event.department_code)
        .outerjoin(Delivery, and_(Delivery.event_id == Event.id, Delivery.endpoint_id == Endpoint.id))
        .where(Event.body.is_not(None))
    )


def _lost(rows: Iterable[Row[Any]], got: dict[tuple[str, str], list[Receipt]]) -> Iterable[str]:
    for row in rows:
        path = "/" + row.url.split("/", 3)[3]
        if row.delivery_id is None:
            # An address that said 410 is paused: later events are not queued for it, the pull feed has them.
            if row.active:
                yield f"{row.event_id} not queued for {row.url}"
        elif row.status is DeliveryStatus.DELIVERED:
            if not any(receipt.accepted for receipt in got[path, row.event_id]):
                yield f"{row.event_id} delivered, but {path} has not got it"
        elif row.status is DeliveryStatus.PENDING and row.due_at is None:
            yield f"{row.event_id} pending for {row.url}, but never due"


async def _attempts(session: AsyncSession, account: Account) -> None:
    statement = (
        select(Attempt.error, func.count())
        .where(Attempt.error.is_not(None))
        .group_by(Attempt.error)
        .order_by(Attempt.error)
    )
    account.figures["attempts"] = await session.scalar(select(func.count()).select_from(Attempt)) or 0
    for error, count in await session.execute(statement):
        account.figures[f"  failed: {error}"] = count


def _check_receipts(account: Account, rows: Iterable[Row[Any]], receipts: list[Receipt]) -> None:
    bodies = {row.event_id: hashlib.sha256(row.body.encode()).hexdigest() for row in rows}
    accepted = Counter((receipt.path, receipt.event) for receipt in receipts if receipt.ended)
    duplicates = sum(n - 1 for n in accepted.values())
    share = duplicates / max(1, len(accepted))
    account.figures["requests received"] = len(receipts)
    account.figures["accepted twice or more"] = duplicates
    account.figures["duplicates, share"] = round(share, 4)
    account.hold("duplicates: too many", [share] if duplicates > most_duplicates(len(accepted)) else [])
    account.hold("webhook-ids nobody knows", (r.event for r in receipts if r.event not in bodies))
    account.hold("bodies other than the event's own", (r.event for r in receipts if bodies.get(r.event) != r.digest))
    account.hold("signatures that do not verify", (r.event for r in receipts if not r.verified))


def most_duplicates(accepted: int) -> float:
    """Five in a hundred; of few, as many as chance may make of that (three standard deviations)."""
    expected = MOST_DUPLICATES * accepted
    return expected if accepted >= ENOUGH else expected + 3 * math.sqrt(expected * (1 - MOST_DUPLICATES))


def _check_order(account: Account, receipts: list[Receipt], sent_again: set[str]) -> None:
    """Per address and case, events are accepted for the first time in the order of their numbers."""
    first: dict[tuple[str, str], list[int]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for receipt in receipts:
        if receipt.accepted and receipt.event not in sent_again and (receipt.path, receipt.event) not in seen:
            seen.add((receipt.path, receipt.event))
            first[receipt.path, receipt.case].append(receipt.seq)
    account.figures["cases with several events at one address"] = sum(len(seqs) > 1 for seqs in first.values())
    account.hold("out of order", (f"{place} {seqs}" for place, seqs in first.items() if seqs != sorted(seqs)))


async def _callbacks(session: AsyncSession, account: Account, book: Book) -> None:
    stored = {row.webhook_id: row.status for row in await session.execute(select(Callback.webhook_id, Callback.status))}
    acts = (
        await session.execute(
            select(Act.assignment_id, Act.kind, func.count().label("n")).group_by(Act.assignment_id, Act.kind)
        )
    ).all()
    account.figures["callbacks acknowledged"] = len(book.callbacks)
    account.figures["reviews acknowledged"] = sum(status == 200 for status in book.reviews.values())
    account.hold("callbacks lost", (key for key, status in book.callbacks.items() if stored.get(key) != status))
    account.hold("callbacks refused", (f"{key} {status}" for key, status in book.callbacks.items() if status != 200))
    account.hold("reviews refused", (f"{key} {status}" for key, status in book.reviews.items() if status != 200))
    done = Counter(str(row.kind) for row in acts for _ in range(row.n))
    wanted = Counter(key.rsplit("-", 1)[1] for key, status in book.callbacks.items() if status == 200)
    account.hold(
        "acts done other than once", (f"{kind}: {done[kind]} for {n}" for kind, n in wanted.items() if done[kind] != n)
    )
