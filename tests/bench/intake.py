"""Intake throughput of the whole stream as a ratio to the bare two-row handler, same database, driver and server."""

import asyncio
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from tests.bench.load import Load, post_for
from tests.city import SECRET, new_city
from tests.processes import bare_command, environment_for, free_port, running, serve_command

TEXTS = (
    "区民政局要求每周报一次独居老人走访台账,逐户拍照,第{n}号通知,同样的内容月底再报一遍。",
    "市交通局又要换村道牌子,今年要绿底加二维码,第{n}块,钱由村里出。",
    "省科协下的数,每村拉{n}个人注册小程序,注册了不点开还不算。",
    "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了{n}拨,资料要分开做。",
    "工作群里一天到晚要截图接龙,第{n}次了,也不知道是哪个单位要的。",
)


def make_body(n: int) -> dict[str, Any]:
    return {"text": TEXTS[n % len(TEXTS)].format(n=n)}


def make_new_bodies() -> Callable[[int], dict[str, Any]]:
    """Bodies never sent before, whatever number is asked for: each opens a case and takes the whole stream."""
    serial = count()
    return lambda _: make_body(next(serial))


async def make_key(url: str) -> str:
    from app.access.keys import create_key
    from app.database import Database
    from app.models import Role

    database = Database(url)
    async with database.write() as session:
        key = await create_key(session, Role.REPORTER, now=SystemClock().now(), observation_point="FR-01")
    await database.dispose()
    return key


def measure(kind: str, seconds: float, concurrencies: tuple[int, ...]) -> dict[str, Any]:
    """Both servers on one database kind, alternating at each concurrency."""
    with tempfile.TemporaryDirectory(prefix="yilong-bench-") as name:
        folder = Path(name)
        with new_city(kind, folder) as url:
            key = asyncio.run(make_key(url))
            environment = environment_for(url, folder, YILONG_SECRET_KEY=SECRET)
            ours, bare = free_port(), free_port()
            log = folder / "server.log"
            with (
                running(serve_command(ours, "--no-worker"), ours, environment, log),
                running(bare_command(bare), bare, environment, log),
            ):
                bodies = make_new_bodies()
                found: dict[str, Any] = {f"c{c}": compare(ours, bare, key, seconds, c, bodies) for c in concurrencies}
                found["joining"] = compare(ours, bare, key, seconds / 2, concurrencies[-1], lambda n: make_body(n % 50))
                return found


def compare(
    ours: int, bare: int, key: str, seconds: float, concurrency: int, body: Callable[[int], dict[str, Any]]
) -> dict[str, float]:
    """Warm up, then measure the two in turns, thrice each, so that a busy moment hits both."""
    asyncio.run(post_for(ours, body, seconds=1, concurrency=concurrency, key=key))
    asyncio.run(post_for(bare, body, seconds=1, concurrency=concurrency))
    mine: list[Load] = []
    yardstick: list[Load] = []
    for _ in range(3):
        yardstick.append(asyncio.run(post_for(bare, body, seconds=seconds / 3, concurrency=concurrency)))
        mine.append(asyncio.run(post_for(ours, body, seconds=seconds / 3, concurrency=concurrency, key=key)))
    rate = sum(load.requests for load in mine) / sum(load.seconds for load in mine)
    bare_rate = sum(load.requests for load in yardstick) / sum(load.seconds for load in yardstick)
    return {
        "reports_per_second": round(rate, 1),
        "bare_per_second": round(bare_rate, 1),
        "ratio": round(rate / bare_rate, 3),
        "p50_ms": round(max(load.p50 for load in mine), 2),
        "p99_ms": round(max(load.p99 for load in mine), 2),
        "errors": sum(load.errors for load in mine),
    }


def run(seconds: float = 6.0) -> dict[str, Any]:
    """Results by database kind and concurrency; `joining` is reports that join a case which is open already."""
    return {kind: measure(kind, seconds, (1, 16)) for kind in ("sqlite", "postgresql")}
