"""`make scale`: how long every page takes over 100,000 cases and 1,000,000 events, what a search and an export cost.

Times are a client's on a kept-alive connection to a server of its own, so they hold what the server takes and little
more. `--cases` makes it smaller, `--database` keeps to one, `--url` takes a database of yours and leaves it: an empty
one is filled first, so that the next run need not.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import select

from app.api.door import SESSION_COOKIE
from app.clock import SystemClock
from app.database import Database
from app.directory.city import City
from app.directory.schema import migrate
from app.models import Assignment, Case, CaseStatus, Consultation, Delivery, Endpoint, PackVersion
from app.runtime import make_runtime
from tests.bench.large_ledger import Ledger, fill, make_ledger, open_door
from tests.city import SECRET, load_city, new_city, settings_for
from tests.processes import environment_for, free_port, running, serve_command

ROUNDS: Final = 20
LEDGER: Final = "/dashboard/ledger"
LIMITS: Final = {"sqlite": 250.0, "postgresql": 150.0}
SEARCH_LIMIT, GROWTH_LIMIT_MB = 200.0, 100.0
QUESTIONS: Final = (
    "表", "村", "表格", "台账", "社区", "市民政局", "形式主义", "湘政办发〔2026〕12号", "excel", "YL-2026-09",
    "花名册 照片", "每周 截图 打卡", "应急广播末端", "BG-2026-399996", "没有这样的话",
)  # fmt: skip


def list_pages() -> dict[str, str]:
    """The addresses that need no object, by what they show."""
    return {
        "home": "/dashboard/", "badges": "/dashboard/badges", "triage": "/dashboard/triage",
        "triage, second page": "/dashboard/triage?page=2",
        "ledger": LEDGER, "ledger, middle": f"{LEDGER}?page=2500", "ledger, last page": f"{LEDGER}?page=5000",
        "ledger by due": f"{LEDGER}?sort=due", "ledger by due, last page": f"{LEDGER}?sort=due&page=5000",
        "ledger by number, last page": f"{LEDGER}?sort=number&page=5000&size=20",
        "ledger, open": f"{LEDGER}?tab=open", "ledger, overdue": f"{LEDGER}?tab=overdue&sort=due",
        "ledger, closed": f"{LEDGER}?tab=closed", "ledger, closed, last page": f"{LEDGER}?tab=closed&page=4490",
        "ledger, extension": f"{LEDGER}?tab=extension", "ledger, relapsed": f"{LEDGER}?tab=relapsed",
        "ledger, status": f"{LEDGER}?status=in_review&sort=due", "ledger, category": f"{LEDGER}?category=provincial",
        "ledger, department": f"{LEDGER}?department=CS-MZ", "ledger, level": f"{LEDGER}?level=3",
        "ledger, all filters": f"{LEDGER}?category=provincial&department=CS-MZ&tab=open&text=表",
        "ledger, 100 rows": f"{LEDGER}?size=100", "consultations": "/dashboard/consultations",
        "precedents": "/dashboard/precedents", "deliveries": "/dashboard/deliveries",
        "deliveries, last page": "/dashboard/deliveries?page=13500",
        "deliveries, failed": "/dashboard/deliveries?status=failed",
        "deliveries, department": "/dashboard/deliveries?department=CS-MZ", "endpoints": "/dashboard/endpoints",
        "people": "/dashboard/people", "api keys": "/dashboard/keys", "admin log": "/dashboard/admin-log",
        "trends": "/dashboard/trends", "imports": "/dashboard/imports", "account": "/dashboard/account",
    }  # fmt: skip


async def pages_of_objects(database: Any) -> dict[str, str]:
    """Addresses of one case in each state, a session, a delivery, an address."""
    found = {}
    async with database.read() as session:
        for status in CaseStatus:
            number = await session.scalar(select(Case.number).where(Case.status == status).limit(1))
            if number:
                found[f"case, {status.value}"] = f"/dashboard/cases/{number}"
        first = await session.scalar(select(Consultation.number).limit(1))
        found["consultation"] = f"/dashboard/consultations/{first}"
        last = await session.scalar(select(Delivery.id).order_by(Delivery.id.desc()).limit(1))
        found["delivery"] = f"/dashboard/deliveries/{last}"
        duty = select(Assignment.department_code).limit(1).scalar_subquery()
        address = await session.scalar(select(Endpoint.id).where(Endpoint.department_code == duty).limit(1))
        found["endpoint"] = f"/dashboard/endpoints/{address}"
    return found


def measure_times(client: httpx.Client, path: str, rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of each round, sorted, the first left out: the page has been looked at before."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code not in {200, 204}:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return sorted(times[1:])


def p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def memory_mb(pid: int, what: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise RuntimeError(what)


def measure_export(client: httpx.Client, pid: int, form: str) -> dict[str, float]:
    """Seconds to the first byte and to the last, size, and how much the server grew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    before, size, first, begun = memory_mb(pid, "VmRSS"), 0, 0.0, time.perf_counter()
    with client.stream("GET", f"{LEDGER}/export?format={form}") as answer:
        for piece in answer.iter_raw():
            first = first or time.perf_counter() - begun
            size += len(piece)
    seconds = time.perf_counter() - begun
    grown = memory_mb(pid, "VmHWM") - before
    return {
        "seconds": round(seconds, 1), "first_byte_seconds": round(first, 1), "megabytes": round(size / 2**20, 1),
        "grown_megabytes": round(grown, 1),
    }  # fmt: skip


@contextmanager
def filled(kind: str, cases: int, folder: Path) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """A database with such a ledger: its URL, a session's token, the pages of its objects, seconds it took."""
    with new_city(kind, folder) as url:
        begun = time.perf_counter()
        fill(url, asyncio.run(_ledger(url, folder, cases)))
        seconds = time.perf_counter() - begun
        token, objects = asyncio.run(_open(url, folder))
        yield url, token, objects, seconds


@contextmanager
def given(url: str, cases: int, folder: Path) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """The same of a database that stays; filled where there is no city in it yet."""
    begun = time.perf_counter()
    if asyncio.run(_is_new(url)):
        asyncio.run(load_city(url, SystemClock()))
        fill(url, asyncio.run(_ledger(url, folder, cases)))
    seconds = time.perf_counter() - begun
    yield url, *asyncio.run(_open(url, folder)), seconds


async def _is_new(url: str) -> bool:
    """Whether a database has no city; its schema is brought to head."""
    database = Database(url)
    await migrate(database)
    async with database.read() as session:
        found = await session.scalar(select(PackVersion.version).limit(1))
    await database.dispose()
    return found is None


async def _ledger(url: str, folder: Path, cases: int) -> Ledger:
    runtime = make_runtime(settings_for(url, folder), SystemClock())
    await runtime.cities.refresh()
    city: City = runtime.cities.current
    await runtime.database.dispose()
    return make_ledger(city, cases)


async def _open(url: str, folder: Path) -> tuple[str, dict[str, str]]:
    runtime = make_runtime(settings_for(url, folder), SystemClock())
    token = await open_door(runtime.database, SystemClock().now())
    objects = await pages_of_objects(runtime.database)
    await runtime.database.dispose()
    return token, objects


def measure(kind: str, cases: int, only: str = "", there: str = "") -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yilong-scale-")))
        made = stack.enter_context(given(there, cases, folder) if there else filled(kind, cases, folder))
        url, token, objects, seconds = made
        port = free_port()
        environment = environment_for(url, folder, YILONG_SECRET_KEY=SECRET)
        with running(serve_command(port, "--no-worker"), port, environment, folder / "server.log") as process:
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600, cookies={SESSION_COOKIE: token})
            pages = {
                name: round(p95(measure_times(client, path)), 1)
                for name, path in (list_pages() | objects).items()
                if only in name
            }
            asked = {q: measure_times(client, str(httpx.URL(LEDGER, params={"text": q}))) for q in QUESTIONS}
            found = {
                "fill_seconds": round(seconds, 1), "pages_p95_ms": pages,
                "search_p95_ms": round(p95([t for times in asked.values() for t in times]), 1),
                "search_by_question_p95_ms": {q: round(p95(times), 1) for q, times in asked.items()},
                "exports": {form: measure_export(client, process.pid, form) for form in ("csv", "xlsx")},
            }  # fmt: skip
    return found | {"over": list(_over(kind, found))}


def _over(kind: str, found: dict[str, Any]) -> Iterator[str]:
    """What takes longer, or more, than it may."""
    yield from (f"{name}: {ms} ms" for name, ms in found["pages_p95_ms"].items() if ms > LIMITS[kind])
    if found["search_p95_ms"] > SEARCH_LIMIT:
        yield f"search: {found['search_p95_ms']} ms"
    for form, export in found["exports"].items():
        if export["grown_megabytes"] > GROWTH_LIMIT_MB:
            yield f"export as {form}: {export['grown_megabytes']} MB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--database", choices=tuple(LIMITS), action="append")
    parser.add_argument("--only", default="", help="pages with that in their name")
    parser.add_argument("--url", default="", help="a database that is kept; filled if it is empty")
    wanted = parser.parse_args()
    kinds = [wanted.url.partition(":")[0]] if wanted.url else wanted.database or LIMITS
    results = {kind: measure(kind, wanted.cases, wanted.only, wanted.url) for kind in kinds}
    sys.stdout.write(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return any(found["over"] for found in results.values())


if __name__ == "__main__":
    sys.exit(main())
