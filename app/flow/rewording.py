"""试改: which past reports would be decided otherwise with one word more or less in the pack. Writes nothing.

It goes through the reports of some months, the newest first, in steps: whoever asks sees how far it has got, and asks
for the next one. Only a report that holds the word can be decided otherwise, so only those are decided again. No
transaction is open meanwhile.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.classify import ReportText, Thresholds
from app.classify.backtest import Example
from app.database import Database
from app.directory.city import City
from app.directory.folding import BLANK, DROP, fold, fold_word
from app.directory.knowledge import Knowledge, compile_knowledge, with_learned, with_precedents
from app.directory.trial_words import BadWord, WordChange, changed_pack
from app.flow.learning import as_sent, replay
from app.ledger.lessons import HandledReport, count_since, read_newest

A_MONTH: Final = timedelta(days=31)
PAGE: Final = 500
# What one step does at most: reports that are read, and those that hold the word and are decided twice.
MOST_READ, MOST_DECIDED = 5000, 200


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A report that would be decided otherwise, beside who really handles its case."""

    report: HandledReport
    example: Example


@dataclass(frozen=True, slots=True)
class Step:
    """What a step found.

    Attributes:
        total: how many reports there are in all; read: how many this step looked at; holding: how many hold the word.
        otherwise: those decided otherwise, the newest first.
        after: where the next step begins; None where all was read.
    """

    total: int
    read: int
    holding: int
    otherwise: Sequence[Otherwise]
    after: str | None


async def rehearse(
    database: Database,
    city: City,
    change: WordChange,
    thresholds: Thresholds,
    *,
    months: int,
    now: datetime,
    after: str | None = None,
) -> Step:
    """One step; `after` is where the one before ended. Raises BadWord."""
    tried = await asyncio.to_thread(_knowledge_with, city, change)
    since, read, holding, otherwise = now - months * A_MONTH, 0, 0, list[Otherwise]()
    while True:
        async with database.read() as session:
            page = await read_newest(session, since=since, after=after, limit=PAGE)
            total = await count_since(session, since)
        found, holds = await asyncio.to_thread(_replay, page, city, tried, change, thresholds)
        read, holding, otherwise = read + len(page), holding + holds, otherwise + found
        after = page[-1].id if page else after
        if len(page) < PAGE:
            return Step(total, read, holding, otherwise, None)
        if read >= MOST_READ or holding >= MOST_DECIDED:
            return Step(total, read, holding, otherwise, after)


def _knowledge_with(city: City, change: WordChange) -> Knowledge:
    """What would be in force: the changed pack with the learned model and the precedents as they are."""
    known = city.knowledge
    tried = compile_knowledge(changed_pack(city.pack, change))
    if not change.remove and fold_word(change.word) not in tried.words:
        raise BadWord(
            "简称要带地名才认得出是哪一级，例如“芙蓉区福利站”。",
            "A short name needs its place in front, or nobody knows which tier is meant.",
        )
    return with_precedents(with_learned(tried, known.learned), known.precedents)


def _replay(
    page: Sequence[HandledReport], city: City, tried: Knowledge, change: WordChange, thresholds: Thresholds
) -> tuple[list[Otherwise], int]:
    word = _plain(change.word)
    holding = {past.number: past for past in page if word in _plain(f"{past.title or ''}{past.text}")}
    texts: list[ReportText] = [as_sent(past, city) for past in holding.values()]
    found = replay(texts, city.knowledge, tried, thresholds, examples=len(texts))
    return [Otherwise(holding[example.id], example) for example in found.examples], len(texts)


def _plain(text: str) -> str:
    """The text as the classifier compares it, without blanks."""
    return fold(text).replace(DROP, "").replace(BLANK, "")
