"""Finding what a report may belong to among 100,000 open cases, as a ratio to the look-up by fingerprint of the same
run; and intake with it as a ratio to intake without.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.api.door import make_desk
from app.batch import Look, fetch
from app.classify import ReportText, Thresholds, classify
from app.clock import SystemClock
from app.flow.receive import receive
from app.intake.accept import Submission, fingerprint, open_case_with
from app.models import Case, CaseStatus, Party, Report, ReportKey, Role, VerificationStatus, new_id
from app.route import cluster
from app.route.cluster import Traces, rank, reports_like, trace
from app.route.likeness import Features, read_features
from app.route.wording import CLAUSE
from app.runtime import Runtime, make_runtime
from tests.bench.intake import TEXTS
from tests.city import new_city, settings_for

CASES = 100_000
CORPUS = Path(__file__).resolve().parents[1] / "classify" / "corpus"
CHUNK = 2_000
NOTHING = select(literal(1))


def read_corpus(runtime: Runtime) -> list[Features]:
    """Features of the labelled reports, by the machine's own decisions."""
    found = []
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            asked = ReportText(text=row["text"], district=row["district"], unit=row["unit"])
            made = classify(asked, runtime.cities.current.knowledge, Thresholds())
            found.append(
                read_features(
                    row["text"],
                    places=(),
                    sources=[s.code for s in made.sources],
                    burdens=[b.code for b in made.burden_types],
                    documents=[n.text for n in made.document_numbers],
                    systems=[e.text for e in made.evidence if e.rule == "system" and e.field == "text"],
                )
            )
    return found


def vary(corpus: list[Features], dice: random.Random) -> Iterator[Features]:
    """Reports without end: the sources of one, with clauses of its own and of others."""
    while True:
        base, other = dice.choice(corpus), dice.choice(corpus)
        own, strange = base.words.split(CLAUSE), other.words.split(CLAUSE)
        clauses = dice.sample(own, max(1, len(own) * 2 // 3)) + dice.sample(strange, max(1, len(strange) // 3))
        yield Features(CLAUSE.join(clauses), base.documents, base.systems, base.sources, base.burdens)


def chunks(total: int) -> Iterator[range]:
    return (range(start, min(start + CHUNK, total)) for start in range(0, total, CHUNK))


async def fill(runtime: Runtime, made: Iterator[Features]) -> None:
    now = SystemClock().now()
    for numbers in chunks(CASES):
        cases, reports, keys = [], [], []
        for number in numbers:
            traces = trace(next(made))
            case_id, report_id = new_id(), new_id()
            cases.append(case_row(case_id, number, traces, now))
            reports.append(report_row(report_id, case_id, number, traces, now))
            keys += [{"key": key, "report_id": report_id} for key in traces.keys]
        async with runtime.database.write() as session:
            for model, rows in ((Case, cases), (Report, reports), (ReportKey, keys)):
                await session.execute(insert(model), rows)
    async with runtime.database.writer.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()


def case_row(case_id: str, number: int, traces: Traces, now: Any) -> dict[str, Any]:
    words = traces.features.words
    return {
        "id": case_id, "number": f"YL-2025-{number:06d}", "summary": words[:60], "status": CaseStatus.DISPATCHED,
        "owner": Party.DEPARTMENT, "category": "municipal_district", "route": "assignment",
        "sources": sorted(traces.features.sources), "burden_types": sorted(traces.features.burdens),
        "districts": ["FR"], "fingerprint": fingerprint(words, traces.features.sources),
        "returns": 0, "opened_at": now, "last_seq": 0, "last_hash": "",
    }  # fmt: skip


def report_row(report_id: str, case_id: str, number: int, traces: Traces, now: Any) -> dict[str, Any]:
    return {
        "id": report_id, "number": f"BG-2025-{number:06d}", "case_id": case_id, "observation_point_code": "FR-01",
        "text": traces.features.words, "declared_departments": [], "decision": {},
        "verification": VerificationStatus.NOT_ASKED, "received_at": now, "likeness": traces.to_dict(),
    }  # fmt: skip


async def time_each(asks: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    spent = []
    for ask in asks:
        begun = time.perf_counter()
        await ask()
        spent.append((time.perf_counter() - begun) * 1000)
    return spent


async def find_alike(session: AsyncSession, traces: Traces) -> None:
    rank(await fetch(session, *reports_like(traces)), traces, at_least=0.55)


async def time_search(runtime: Runtime, made: Iterator[Features], times: int) -> dict[str, float]:
    """Search and scoring, and the look-up by fingerprint as the yardstick, in turns in one session."""
    wanted = [trace(next(made)) for _ in range(times)]
    async with runtime.database.read() as session:
        search = [partial(find_alike, session, traces) for traces in wanted]
        bare = [
            partial(fetch, session, *open_case_with(fingerprint(traces.features.words, traces.features.sources)))
            for traces in wanted
        ]
        await time_each(search[:50])
        await time_each(bare[:50])
        mine, yardstick = await time_each(search), await time_each(bare)
    own = [_milliseconds_of(partial(trace, traces.features)) for traces in wanted]
    return {
        "search_p50_ms": _at(mine, 0.5),
        "search_p95_ms": _at(mine, 0.95),
        "fingerprint_p95_ms": _at(yardstick, 0.95),
        "ratio_p50": round(_at(mine, 0.5) / _at(yardstick, 0.5), 1),
        "keys_p50_ms": _at(own, 0.5),
    }


def _milliseconds_of(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def _at(spent: list[float], share: float) -> float:
    return round(statistics.quantiles(spent, n=100)[int(share * 100) - 1], 3)


async def time_intake(runtime: Runtime, made: Iterator[int], times: int) -> float:
    """Milliseconds for a report, one after another, in this process; each opens a case."""
    who = Principal(Role.REPORTER, "key:bench", observation_point="FR-01")
    begun = time.perf_counter()
    for _ in range(times):
        n = next(made)
        async with runtime.database.write() as session:
            desk = make_desk(runtime, session, who)
            await receive(desk, Submission(text=TEXTS[n % len(TEXTS)].format(n=n)))
    return (time.perf_counter() - begun) * 1000 / times


async def compare_intake(runtime: Runtime, times: int) -> dict[str, float]:
    """With and without, in turns, so that a busy moment hits both."""

    def find_nothing(*_: Any, **__: Any) -> list[Any]:
        return []

    def ask_nothing(*_: Any) -> Look:
        return Look(NOTHING, {})

    serial = count(1)
    await time_intake(runtime, serial, 20)
    with_search, without = [], []
    for _ in range(5):
        with_search.append(await time_intake(runtime, serial, times // 5))
        with (
            patch.object(cluster, "_look", ask_nothing),
            patch.object(cluster, "rank", find_nothing),
            patch.object(cluster, "remember", lambda *_: None),
        ):
            without.append(await time_intake(runtime, serial, times // 5))
    mine, bare = statistics.median(with_search), statistics.median(without)
    return {"intake_ms": round(mine, 2), "without_ms": round(bare, 2), "intake_ratio": round(bare / mine, 3)}


async def measure(kind: str, times: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="yilong-bench-") as name, new_city(kind, Path(name)) as url:
        runtime = make_runtime(settings_for(url, Path(name)))
        await runtime.start()
        made = vary(read_corpus(runtime), random.Random(7))
        begun = time.perf_counter()
        await fill(runtime, made)
        result = {"cases": CASES, "filled_in_s": round(time.perf_counter() - begun, 1)}
        result |= await time_search(runtime, made, times)
        result |= await compare_intake(runtime, times)
        await runtime.close()
        return result


def run(times: int = 500) -> dict[str, Any]:
    """Results by database kind."""
    return {kind: asyncio.run(measure(kind, times)) for kind in ("sqlite", "postgresql")}
