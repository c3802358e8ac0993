"""先例 tried out: which reports of the past months a standing ruling would have routed otherwise. Writes nothing.

The stored decisions are taken as they were made: they are what the ruling would have met. No transaction is open while
texts are compared.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.classify import Decision, Route
from app.classify.citing import may_cite
from app.consult.precedent import PrecedentWithdrawn
from app.database import Database
from app.directory.city import City
from app.directory.precedents import PrecedentBook, PrecedentKnown, RulingKnown, compile_book
from app.flow.citing import Cited, standing_for
from app.flow.joining import traces_of
from app.ledger.lessons import DecidedReport, read_decided
from app.route.precedent import find_precedents, settlements

MOST_EXAMPLES = 50
A_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A report that would have been routed otherwise, and how it was."""

    report: str
    case: str
    category: str
    route: str
    receivers: list[str]


@dataclass(slots=True)
class DryRun:
    """What a standing ruling would have done.

    Attributes:
        reports: how many were looked at; matching: how many fall under the precedent; conflicting: how many of these
            under another one too that settles it otherwise, so that no ruling applies.
        applies: to how many it would have applied; otherwise: those of them that were routed otherwise, `examples`
            the newest.
    """

    reports: int = 0
    matching: int = 0
    conflicting: int = 0
    applies: int = 0
    otherwise: int = 0
    examples: list[Otherwise] = field(default_factory=list)


async def try_standing(database: Database, city: City, number: str, *, months: int, now: datetime) -> DryRun:
    """Look through the reports of the last months, its own case left out.

    Raises PrecedentWithdrawn.
    """
    known = city.knowledge.precedents.by_number.get(number)
    if known is None:
        raise PrecedentWithdrawn
    others = [p for p in city.knowledge.precedents.by_number.values() if p.number != number]
    tried = replace(known, ruling=known.ruling or RulingKnown(""))
    book = compile_book([*(replace(other, ruling=None) for other in others), tried])
    result = DryRun()
    after = ""
    while True:
        async with database.read() as session:
            page = await read_decided(session, since=now - months * A_MONTH, after=after, but_not=number)
        if not page:
            return result
        await asyncio.to_thread(_try_page, page, city, book, tried, result)
        after = page[-1].id


def _try_page(
    page: Sequence[DecidedReport], city: City, book: PrecedentBook, tried: PrecedentKnown, result: DryRun
) -> None:
    for past in page:
        result.reports += 1
        decision = Decision.from_dict(past.decision)
        if not may_cite(decision):
            continue
        traces = traces_of(city, past.text, decision, past.point)
        matches = find_precedents(past.text, traces.features, traces.keys, book)
        if tried.number not in {match.precedent.number for match in matches}:
            continue
        result.matching += 1
        if len(settlements(matches)) > 1:
            result.conflicting += 1
        elif standing_for(city, Cited(decision, matches)) is not None:
            result.applies += 1
            _compare(past, decision, tried, result)


def _compare(past: DecidedReport, decision: Decision, tried: PrecedentKnown, result: DryRun) -> None:
    receivers = [receiver.code for receiver in decision.receivers]
    same = decision.route is Route.ASSIGNMENT and receivers[:1] == [tried.lead]
    if same and set(receivers) == set(tried.departments):
        return
    result.otherwise += 1
    result.examples.append(Otherwise(past.number, past.case, decision.category, decision.route, receivers))
    del result.examples[:-MOST_EXAMPLES]
