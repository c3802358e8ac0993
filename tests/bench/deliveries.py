"""Deliveries a second as a ratio to a bare `httpx.AsyncClient` loop, and how long a claim takes with a great backlog.

Both send the same bytes, as many at once, to the same receiver, in turns. Ours claims, signs, sends and settles.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
from sqlalchemy import func, select, update

from app.clock import DatabaseClock
from app.database import Database
from app.deliver.claim import claim_due
from app.deliver.send import Sender
from app.models import Delivery, DeliveryStatus
from app.settings import Settings
from app.worker import WorkerContext, deliver_next, run_worker
from tests import postgres
from tests.conftest import sqlite_template
from tests.deliver.factories import LOOPBACK, SEALER, Scene, multiply, set_scene
from tests.processes import free_port, wait_until_up

CONCURRENCY, ROUNDS = 16, 3
WAITING, CLAIMS = 100_000, 200


@contextmanager
def receiving() -> Iterator[str]:
    """The URL of the receiver."""
    port = free_port()
    process = Popen([sys.executable, "-m", "tests.bench.endpoint", str(port)])
    try:
        wait_until_up(port, process)
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        process.terminate()
        process.wait()


async def send_bare(url: str, body: bytes, number: int) -> float:
    """The yardstick: calls a second of a plain client that does nothing else."""
    left = iter(range(number))
    began = time.perf_counter()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=CONCURRENCY)) as client:

        async def call() -> None:
            for _ in left:
                answer = await client.post(url, content=body, headers={"Content-Type": "application/json"})
                answer.raise_for_status()

        await asyncio.gather(*(call() for _ in range(CONCURRENCY)))
    return number / (time.perf_counter() - began)


async def deliver(database: Database, clock: DatabaseClock, number: int) -> float:
    """Deliveries a second of one worker, until the last one is settled."""
    settings = Settings(
        _env_file=None,
        delivery_allow_loopback=True,
        delivery_concurrency=CONCURRENCY,
        delivery_endpoint_cap=CONCURRENCY,
    )
    async with database.write() as session:
        await session.execute(
            update(Delivery).values(status=DeliveryStatus.PENDING, due_at=clock.now(), finished_at=None)
        )
    context = WorkerContext(database, settings, clock, SEALER, sender=Sender(LOOPBACK))
    stop = asyncio.Event()
    began = time.perf_counter()
    task = asyncio.create_task(run_worker(context, stop, (deliver_next,)))
    try:
        await until_none_is_pending(database)
        return number / (time.perf_counter() - began)
    finally:
        stop.set()
        await task


async def until_none_is_pending(database: Database) -> None:
    pending = select(func.count()).where(Delivery.due_at.is_not(None))
    while True:
        async with database.read() as session:
            if not await session.scalar(pending):
                return
        await asyncio.sleep(0.02)


async def measure_rate(database: Database, clock: DatabaseClock, number: int) -> dict[str, float]:
    """Ours and the yardstick in turns, so that a busy moment hits both."""
    with receiving() as url:
        scene = await set_scene(database, clock.now(), [url])
        await multiply(database, scene, number - 1, retry_heads=False)
        body = (scene.events[0].body or "").encode()
        bare, ours = [], []
        await send_bare(url, body, 200)
        for _ in range(ROUNDS):
            bare.append(await send_bare(url, body, number))
            ours.append(await deliver(database, clock, number))
    # Times, not rates, are averaged: a rate is calls by seconds.
    rate, yardstick = (ROUNDS / sum(1 / each for each in rates) for rates in (ours, bare))
    return {
        "deliveries_per_second": round(rate, 1), "bare_per_second": round(yardstick, 1),
        "ratio": round(rate / yardstick, 3),
    }  # fmt: skip


async def measure_claims(database: Database, clock: DatabaseClock) -> dict[str, float]:
    """Milliseconds of a claim of four with 100,000 rows waiting at one address, each in its own transaction."""
    scene: Scene = await set_scene(database, clock.now(), ["http://127.0.0.1:9/"])
    await multiply(database, scene, WAITING - 1, retry_heads=False)
    times = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        async with database.write() as session:
            taken = (await claim_due(session, clock.now(), limit=CONCURRENCY, cap=4)).taken
        times.append((time.perf_counter() - began) * 1000)
        async with database.write() as session:
            ids = [claimed.delivery_id for claimed in taken]
            ended = {"status": DeliveryStatus.DELIVERED, "due_at": None, "lease_token": None}
            await session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(**ended))
    times.sort()
    return {f"claim_p{share}_ms": round(times[CLAIMS * share // 100], 2) for share in (50, 95)}


async def measure(url: str, number: int, *, claims: bool) -> dict[str, float]:
    database = Database(url)
    clock = DatabaseClock()
    clock.anchor(await database.now())
    try:
        return await (measure_claims(database, clock) if claims else measure_rate(database, clock, number))
    finally:
        await database.dispose()


@contextmanager
def empty(kind: str) -> Iterator[str]:
    """The URL of a migrated database without rows."""
    if kind == "postgresql":
        with postgres.new_database() as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="yilong-bench-") as folder:
        path = Path(folder) / "bench.db"
        shutil.copyfile(sqlite_template(), path)
        yield f"sqlite:///{path}"


def run(number: int = 1000) -> dict[str, Any]:
    """Results by database kind."""
    results: dict[str, Any] = {}
    for kind in ("sqlite", "postgresql"):
        found: dict[str, float] = {}
        for claims in (False, True):
            with empty(kind) as url:
                found |= asyncio.run(measure(url, number, claims=claims))
        results[kind] = found
    return results
