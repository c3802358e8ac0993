"""What the case page shows of reach and of cases that may be the same, in words. It decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.dashboard import labels
from app.dashboard.language import N_
from app.dashboard.session import Office
from app.dashboard.words import Fact, Words
from app.ledger.reach import Reach, find_similar, reach_of, read_merges
from app.ledger.search import CaseRecord
from app.models import Case


@dataclass(frozen=True)
class SimilarView:
    """A case that may be the same, with what speaks for it in words."""

    case: Case
    percent: int
    because: list[str]


async def read_cluster(session: AsyncSession, at: Office, record: CaseRecord, words: Words) -> dict[str, Any]:
    """The facts of the page's panel: `reach`, `merges`, `similar`."""
    found = await find_similar(session, record.case)
    return {
        "reach": facts_of(reach_of(record.reports, at.city.points, at.city.calendar.zone), words),
        "merges": await read_merges(session, record.case),
        "similar": [
            SimilarView(case, round(pair.score * 100), [reason_in_words(r, words) for r in pair.evidence["because"]])
            for pair, case in found
        ],
    }


def facts_of(reach: Reach, words: Words) -> list[Fact]:
    """Points, districts, hours a month, and the days between which reports came in."""
    names = [d.name for d in words.city.pack.districts if d.code in reach.districts]
    facts = [
        Fact(words.say(N_("线索")), str(reach.reports)),
        Fact(words.say(N_("观测点数")), str(reach.points)),
        Fact(words.say(N_("区县")), "、".join(names)),
    ]
    if reach.hours_per_month is not None:
        facts.append(Fact(words.say(N_("每月合计耗时（小时）")), f"{reach.hours_per_month:g}"))
    if reach.first_day and reach.latest_day:
        days = dict.fromkeys(words.day(day) for day in (reach.first_day, reach.latest_day))
        facts.append(Fact(words.say(N_("首次与最近反映")), " – ".join(days)))
    return facts


def reason_in_words(reason: Mapping[str, Any], words: Words) -> str:
    """Such as: same source, 芙蓉区民政局."""
    value = words.department(reason["value"]) if reason["kind"] == "source" else reason["value"]
    if reason["kind"] == "burden_type":
        value = next((b.name for b in words.city.pack.burden_types if b.code == value), value)
    return f"{words.label(labels.LIKENESS, reason['kind'])} {value}".strip()
