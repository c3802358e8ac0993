"""Finds the cases that a report may belong to, open or struck off, by stored keys; keeps, shelves and forgets the keys.

It joins nothing. A report on an open case is found under its keys. When its case is struck off they are shelved, each
under its negative, where a look-up among the open ones never comes: the one does not crowd out the other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    Text,
    bindparam,
    cast,
    delete,
    desc,
    func,
    insert,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.batch import Batch, Look
from app.models import Case, CaseStatus, Report, ReportKey, SimilarPair
from app.route.likeness import Features, Likeness, compare, pairs_of
from app.route.sketch import MOST_KEYS, keys_of

# So many reports are looked up under one key, newest first, and so many compared: a bound whatever the ledger holds.
PER_KEY, MOST_COMPARED = 24, 12
MOST_SUGGESTED = 3
NO_KEY = -1


@dataclass(frozen=True, slots=True)
class Traces:
    """A report ready to be compared and kept: its features and its keys."""

    features: Features
    keys: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        """What is kept in `reports.likeness`."""
        return {**self.features.to_dict(), "keys": list(self.keys)}


@dataclass(frozen=True, slots=True)
class Alike:
    """A case with a report like the one in hand."""

    case_id: str
    likeness: Likeness

    @property
    def score(self) -> float:
        return self.likeness.score


def trace(features: Features) -> Traces:
    return Traces(features, keys_of(features, pairs_of(features.words)))


def _probe(struck_off: bool) -> Select[str, Any]:
    """Reports that share a key, those that share most first; one index look-up for each key."""
    looked_up = [
        select(ReportKey.report_id)
        .where(ReportKey.key == bindparam(f"key{place}", type_=BigInteger))
        .order_by(ReportKey.report_id.desc())
        .limit(literal_column(str(PER_KEY)))
        .subquery()
        for place in range(MOST_KEYS)
    ]
    found = union_all(*(select(rows.c.report_id) for rows in looked_up)).subquery()
    best = (
        select(found.c.report_id, func.count().label("shared"))
        .group_by(found.c.report_id)
        .order_by(desc("shared"), found.c.report_id.desc())
        .limit(literal_column(str(MOST_COMPARED)))
        .subquery()
    )
    return (
        select(Report.case_id, cast(Report.likeness, Text))
        .join(best, best.c.report_id == Report.id)
        .join(Case, Case.id == Report.case_id)
        .where((Case.status == CaseStatus.CLOSED) if struck_off else (Case.status != CaseStatus.CLOSED))
        .order_by(Report.id)
    )


_PROBE, _SHELF_PROBE = _probe(struck_off=False), _probe(struck_off=True)


def reports_like(traces: Traces) -> Look:
    """Asks for reports on open cases that may be like this one, for `rank`."""
    return _look(_PROBE, traces.keys)


def struck_off_like(traces: Traces) -> Look:
    """The same among the cases that were struck off and whose reports are on the shelf."""
    return _look(_SHELF_PROBE, [_shelved(key) for key in traces.keys])


def _look(probe: Select[str, Any], keys: Sequence[int]) -> Look:
    padded = [*keys, *[NO_KEY] * (MOST_KEYS - len(keys))]
    return Look(probe, {f"key{place}": key for place, key in enumerate(padded)})


def rank(rows: Iterable[tuple[str, str]], traces: Traces, *, at_least: float) -> list[Alike]:
    """The cases found with a report at least so alike, the most alike first and the older one of two."""
    best: dict[str, Likeness] = {}
    for case_id, kept in rows:
        likeness = compare(traces.features, _features_of(kept))
        known = best.get(case_id)
        if likeness.score >= at_least and (known is None or known.score < likeness.score):
            best[case_id] = likeness
    return [Alike(*found) for found in sorted(best.items(), key=lambda found: -found[1].score)]


@lru_cache(maxsize=1024)
def _features_of(kept: str) -> Features:
    """What was kept of a report: one burden comes in waves, and the same are compared again and again."""
    return Features.from_dict(loads(kept))


# ── the index ──

_REMEMBER = insert(ReportKey)
_FORGET = delete(ReportKey).where(
    ReportKey.key == bindparam("of_key", type_=BigInteger), ReportKey.report_id == bindparam("of_report", type_=String)
)


def _shelved(key: int) -> int:
    """Where a key of a struck-off report is kept; -1 stays no key."""
    return -key - 2


def _keys(report: Report) -> list[int]:
    return list((report.likeness or {"keys": ()})["keys"])


def remember(batch: Batch, report: Report) -> None:
    """Let a report be found; it must have its likeness."""
    batch.run(_REMEMBER, [{"key": key, "report_id": report.id} for key in _keys(report)])


async def remember_again(session: AsyncSession, batch: Batch, reports: Sequence[Report]) -> None:
    """The same for reports of a case that was reopened; those that never were forgotten stay as they are."""
    for report in reports:
        keys = _keys(report)
        if keys and await session.get(ReportKey, (keys[0], report.id)) is None:
            remember(batch, report)
    _drop(batch, reports, _shelved)


def shelve(batch: Batch, reports: Sequence[Report]) -> None:
    """Put the reports of a case that was struck off where only one that brings its burden up again is compared."""
    forget(batch, reports)
    batch.run(_REMEMBER, [{"key": _shelved(key), "report_id": r.id} for r in reports for key in _keys(r)])


def forget(batch: Batch, reports: Sequence[Report]) -> None:
    """Take the reports of a closed case out of the index."""
    _drop(batch, reports, int)


def _drop(batch: Batch, reports: Sequence[Report], place: Callable[[int], int]) -> None:
    batch.run(_FORGET, [{"of_key": place(key), "of_report": r.id} for r in reports for key in _keys(r)])


async def clear_shelf(session: AsyncSession, before: datetime, *, most: int) -> int:
    """Forget shelved keys of cases that were struck off before then, `most` at a time; how many there were."""
    old = (
        select(ReportKey.key, ReportKey.report_id)
        .join(Report, Report.id == ReportKey.report_id)
        .join(Case, Case.id == Report.case_id)
        .where(ReportKey.key < NO_KEY, Case.status == CaseStatus.CLOSED, Case.closed_at < before)
        .limit(most)
    )
    rows = [{"of_key": key, "of_report": report_id} for key, report_id in await session.execute(old)]
    if rows:
        await (await session.connection()).execute(_FORGET, rows)
    return len(rows)


# ── pairs ──


def suggest(batch: Batch, report: Report, found: Sequence[Alike], now: datetime) -> None:
    """Keep for the office what the report's new case may be the same as."""
    for alike in found[:MOST_SUGGESTED]:
        first, second = sorted((report.case_id, alike.case_id))
        evidence = {"report": report.number, "because": [reason.to_dict() for reason in alike.likeness.reasons]}
        batch.add(
            SimilarPair(
                first_id=first, second_id=second, score=alike.score, evidence=evidence, parted=False, found_at=now
            )
        )


async def are_parted(session: AsyncSession, case_ids: Iterable[str]) -> bool:
    """Whether the office has told any two of these cases apart."""
    ids = sorted(set(case_ids))
    return bool(
        await session.scalar(
            select(SimilarPair.first_id)
            .where(SimilarPair.parted, SimilarPair.first_id.in_(ids), SimilarPair.second_id.in_(ids))
            .limit(1)
        )
    )


async def part(session: AsyncSession, one: str, other: str, now: datetime) -> None:
    """The office says that these two are not the same: neither suggested nor joined again."""
    first, second = sorted((one, other))
    pair = await session.get(SimilarPair, (first, second))
    if pair is None:
        pair = SimilarPair(first_id=first, second_id=second, score=0.0, evidence={}, found_at=now)
        session.add(pair)
    pair.parted = True


async def unite(session: AsyncSession, one: str, other: str) -> None:
    """The office says that these two are the same after all."""
    pair = await session.get(SimilarPair, tuple(sorted((one, other))))
    if pair is not None:
        pair.parted = False
