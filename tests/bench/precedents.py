"""Deciding with 5,000 precedents in force as a ratio to deciding with none, same run, same texts (processor time).

Two cases: labelled reports, hardly any of which falls under a precedent; and the hard one, where there are eight for
each text, of the same departments and in nearly the same words.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from app.classify import ReportText, Thresholds, classify
from app.deadlines import Calendar
from app.directory.city import City, build_city
from app.directory.knowledge import with_precedents
from app.directory.loading import read_files
from app.directory.pack import BUNDLED_PACK
from app.directory.precedents import PrecedentBook, PrecedentKnown, compile_book
from app.flow.citing import cite_precedents
from app.flow.joining import traces_of
from app.route.precedent import kept_likeness
from tests.bench.classification import reports
from tests.bench.clusters import CORPUS

PRECEDENTS, ROUNDS = 5_000, 3
SYSTEMS = ("防返贫监测系统", "智慧养老平台", "家庭医生签约系统", "门牌管理平台", "湖南就业系统")


def texts_of(city: City) -> list[ReportText]:
    """Every fifth speaks of a system that is settled many times over."""
    made = reports(city.pack)
    return [
        replace(report, text=f"要在{SYSTEMS[turn % len(SYSTEMS)]}里重录。{report.text}") if turn % 5 == 0 else report
        for turn, report in enumerate(made)
    ]


def corpus() -> list[ReportText]:
    """Every eighth of the labelled reports."""
    lines = [line for path in sorted(CORPUS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    rows = [json.loads(line) for line in lines[::8]]
    return [ReportText(row["text"], row["district"], row["unit"]) for row in rows]


def make_book(city: City, texts: list[ReportText]) -> tuple[PrecedentBook, float]:
    """Precedents of the same departments with other words, and the seconds that compiling them takes."""
    entries = []
    for turn in range(PRECEDENTS):
        report = texts[turn % len(texts)]
        text = f"{report.text[:80]}第{turn}次反映,每{turn}天报{turn * 7}份。"
        traces = traces_of(city, text, classify(replace(report, text=text), city.knowledge), "")
        entries.append(PrecedentKnown(f"XL-2026-{turn:06d}", "FR-MZ", ("FR-WJ",), (), kept_likeness(traces.features)))
    begun = time.process_time()
    book = compile_book(entries)
    return book, time.process_time() - begun


def run() -> dict[str, float]:
    """Median milliseconds of classifying, and of what citing adds to it with a full book; compile time in seconds."""
    calendar = Calendar({}, "bench", ZoneInfo("Asia/Shanghai"))
    city = build_city(read_files(BUNDLED_PACK), calendar)
    book, compiling = make_book(city, texts_of(city))
    full = replace(city, knowledge=with_precedents(city.knowledge, book))
    usual, hard = _measure(full, corpus()), _measure(full, texts_of(city))
    return {
        "precedents": PRECEDENTS,
        "compile_seconds": round(compiling, 3),
        **{f"usual_{name}": value for name, value in usual.items()},
        **{f"hard_{name}": value for name, value in hard.items()},
    }


def _measure(city: City, texts: list[ReportText]) -> dict[str, float]:
    decisions = [classify(text, city.knowledge, Thresholds()) for text in texts]
    traces = [traces_of(city, text.text, made, "") for text, made in zip(texts, decisions, strict=True)]
    before = statistics.median(_times(lambda turn: classify(texts[turn], city.knowledge, Thresholds()), len(texts)))
    times = _times(lambda turn: cite_precedents(city, texts[turn].text, decisions[turn], traces[turn]), len(texts))
    citing = statistics.median(times)
    cited = sum(
        bool(cite_precedents(city, t.text, d, n).matches) for t, d, n in zip(texts, decisions, traces, strict=True)
    )
    return {
        "classify_ms": round(before, 3),
        "citing_ms": round(citing, 3),
        "citing_slowest_ms": round(max(times), 3),
        "reports_that_cite": cited,
        "ratio_to_no_precedents": round((before + citing) / before, 3),
    }


def _times(act: Callable[[int], object], count: int) -> list[float]:
    """The best of some rounds for each, in milliseconds."""
    best = [float("inf")] * count
    for _ in range(ROUNDS):
        for turn in range(count):
            begun = time.process_time()
            act(turn)
            best[turn] = min(best[turn], (time.process_time() - begun) * 1000)
    return best


if __name__ == "__main__":
    import sys

    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
