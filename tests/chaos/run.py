"""One run on one kind of database: deploy, let people work through the storm, let it calm down, close the account."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import httpx
from sqlalchemy import func, select

from app.access.keys import create_key
from app.clock import SystemClock
from app.database import Database
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.directory.schema import migrate
from app.models import Delivery, DeliveryStatus, Endpoint, Role
from app.problems import Unavailable
from app.sealing import Sealer
from tests.bench.intake import TEXTS
from tests.chaos.account import Account, close_account
from tests.chaos.cluster import Cluster
from tests.chaos.departments import HOSTILE, ORDINARY, BadTls, Departments
from tests.chaos.deployment import Deployment
from tests.chaos.faults import Storm
from tests.chaos.people import People
from tests.chaos.proxy import Proxy
from tests.city import SECRET, load_city
from tests.processes import environment_for

POINTS = ("FR-01", "YL-01", "TX-01")
# Dozens in a run of any length: what each costs is held against the work done, not against the clock.
KILLS = 60
OFFICE = "office"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        kind: `sqlite` or `postgresql`.
        seconds: how long the storm lasts; calming down comes after that.
        calm_seconds: the longest that ordinary addresses may take afterwards to get all that is theirs.
        reporters: who post at once, each with a pause of `pause` seconds on average.
        most_bad: bad answers to one event at one ordinary address.
    """

    kind: str
    seconds: float
    seed: int
    calm_seconds: float = 240.0
    reporters: int = 12
    pause: float = 0.25
    bad_share: float = 0.1
    most_bad: int = 3


async def run(plan: Plan, folder: Path) -> Account:
    """Carry out a plan; the account says what came of it."""
    chance = random.Random(plan.seed)
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster()) if plan.kind == "postgresql" else None
        proxy = await stack.enter_async_context(Proxy(cluster.port)) if cluster else None
        url = cluster.url() if cluster else f"sqlite:///{folder / 'chaos.db'}"
        keys = await prepare(url)
        database = Database(url)
        stack.push_async_callback(database.dispose)
        departments = stack.enter_context(Departments(chance, bad_share=plan.bad_share, most_bad=plan.most_bad))
        tls = await stack.enter_async_context(BadTls())
        seen_as = cluster.url(proxy.port) if cluster and proxy else url
        environment = environment_for(seen_as, folder, YILONG_SECRET_KEY=SECRET, YILONG_DELIVERY_ALLOW_LOOPBACK="true")
        apis, workers = (3, 3) if cluster else (1, 0)
        deployment = await stack.enter_async_context(Deployment(environment, folder, apis=apis, workers=workers))
        await deployment.all_up()
        await connect(database, departments, tls, await receivers(deployment.ports()[0], keys))
        people = People(deployment.ports, {p: keys[p] for p in POINTS}, keys[OFFICE], departments, chance)
        stack.push_async_callback(people.aclose)
        storm = Storm(
            deployment, chance, between_kills(plan),
            work=lambda: len(departments.book), every=min(15.0, plan.seconds / 5),
            cluster=cluster, proxy=proxy,
        )  # fmt: skip
        calm = await weather(plan, storm, people, departments, database)
        account = await close_account(database, people.book, departments.book)
        account.hold("did not calm down in time", [] if calm < plan.calm_seconds else [f"{calm:.0f} s"])
        account.hold("processes that ended by themselves", range(0 if cluster else deployment.ended_by_themselves))
        account.figures = {
            **storm.done, "bad answers of ordinary systems": departments.bad_answers,
            "longest wait for an answer, s": round(people.book.longest_silence, 1),
            "calm after, s": round(calm, 1), "sent again by hand": len(people.book.sent_again), **account.figures,
        }  # fmt: skip
    return account


def between_kills(plan: Plan) -> tuple[float, float]:
    """The shortest and the longest pause, seconds: none so short that a machine does nothing but start processes."""
    shortest, longest = (0.3, 1.0) if plan.kind == "postgresql" else (3.0, 8.0)
    pause = plan.seconds / KILLS
    return max(shortest, 0.5 * pause), max(longest, 1.5 * pause)


async def weather(plan: Plan, storm: Storm, people: People, departments: Departments, database: Database) -> float:
    """Everybody works through the storm; answers how many seconds it took until all was delivered after it.

    What was answered badly last has to wait for two minutes and a fifth, and what its case has after it comes then.
    """
    over = asyncio.Event()
    acting = asyncio.create_task(people.act_on_news())
    reporting = [asyncio.create_task(people.report_until(over, plan.pause)) for _ in range(plan.reporters)]
    raging = asyncio.create_task(storm.rage(over))
    await asyncio.wait([acting, raging, *reporting], timeout=plan.seconds, return_when=asyncio.FIRST_EXCEPTION)
    over.set()
    departments.recover()
    await asyncio.gather(raging, *reporting)
    await storm.deployment.all_up()
    began = time.monotonic()
    quiet_since = None
    while time.monotonic() - began < plan.calm_seconds and not acting.done():
        await people.send_again(f"/{ORDINARY}")
        waiting = people.busy or await waiting_ordinary(database)
        quiet_since = None if waiting else quiet_since or time.monotonic()
        # A department may just be about to act on the last one.
        if quiet_since and time.monotonic() - quiet_since > 2:
            break
        await asyncio.sleep(0.5)
    acting.cancel()
    (ended,) = await asyncio.gather(acting, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
    return time.monotonic() - began


async def waiting_ordinary(database: Database) -> int:
    """Deliveries to ordinary addresses that have not come to their end."""
    statement = (
        select(func.count())
        .select_from(Delivery)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(Delivery.status == DeliveryStatus.PENDING, Endpoint.url.endswith(ORDINARY))
    )
    try:
        async with database.read() as session:
            return await session.scalar(statement) or 0
    except Unavailable:
        return 1


async def prepare(url: str) -> dict[str, str]:
    """Schema, pack and keys: reporters' by point, and the office's."""
    database, clock = Database(url), SystemClock()
    await migrate(database)
    await load_city(url, clock)
    keys = {}
    async with database.write() as session:
        for point in POINTS:
            keys[point] = await create_key(session, Role.REPORTER, now=clock.now(), observation_point=point)
        keys[OFFICE] = await create_key(session, Role.ADMINISTRATOR, now=clock.now())
    await database.dispose()
    return keys


async def receivers(port: int, keys: dict[str, str]) -> list[str]:
    """The departments that the reports of this run will go to."""
    codes: set[str] = set()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for point in POINTS:
            for text in TEXTS:
                headers = {"Authorization": f"Bearer {keys[point]}"}
                answer = await client.post("/v1/classifications", json={"text": text.format(n=1)}, headers=headers)
                answer.raise_for_status()
                codes |= {receiver["code"] for receiver in answer.json()["receivers"]}
    return sorted(codes)


async def connect(database: Database, departments: Departments, tls: BadTls, codes: Sequence[str]) -> None:
    """An ordinary address for each department, and the hostile ones dealt out among them."""
    places = [(code, departments.url_for(code, ORDINARY)) for code in codes]
    turn = cycle(codes)
    places += [(code, departments.url_for(code, behaviour)) for behaviour, code in zip(HOSTILE, turn, strict=False)]
    places.append((next(turn), tls.url))
    sealer, guard, now = Sealer(SECRET.encode()), Guard.of([], allow_loopback=True), SystemClock().now()
    async with database.write() as session:
        for code, url in places:
            await register_endpoint(session, code, url, sealer, guard, now, secret=departments.secret)
