"""The database falls silent, or is gone: the API says so and when to come again; workers go on by themselves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.clock import SystemClock
from app.database import Database
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.models import new_id
from app.sealing import Sealer
from tests.chaos.cluster import Cluster
from tests.chaos.deployment import Deployment
from tests.chaos.proxy import Proxy
from tests.chaos.run import POINTS, prepare
from tests.city import SECRET
from tests.processes import environment_for
from tests.receiver import DepartmentReceiver

pytestmark = pytest.mark.waits

TEXT = "区民政局要求每周报一次独居老人走访台账,逐户拍照,第{}号通知。"
RESUME_SECONDS = 10.0


@dataclass
class Place:
    """One API and one worker process behind a proxy."""

    cluster: Cluster
    proxy: Proxy
    client: httpx.AsyncClient
    receiver: DepartmentReceiver

    async def report(self, key: str) -> httpx.Response:
        text = TEXT.format(key)
        return await self.client.post("/v1/reports", json={"text": text}, headers={"Idempotency-Key": key})

    async def is_told_to_wait(self, key: str, within: float) -> None:
        """A post is answered 503, as a problem, with the time to come again."""
        began = time.monotonic()
        answer = await self.report(key)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unavailable"
        assert time.monotonic() - began < within

    async def goes_on(self, key: str) -> None:
        """The same post is taken now, and the worker delivers it, both within the promised time."""
        began = time.monotonic()
        before = len(self.receiver.requests)
        while (answer := await self.report(key)).status_code != 201:
            assert answer.status_code == 503
            assert time.monotonic() - began < RESUME_SECONDS
            await asyncio.sleep(0.1)
        await self.receiver.arrived(before + 1, RESUME_SECONDS - (time.monotonic() - began))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        proxy = await stack.enter_async_context(Proxy(cluster.port))
        receiver = stack.enter_context(DepartmentReceiver())
        keys = await prepare(cluster.url())
        database = Database(cluster.url())
        async with database.write() as session:
            await register_endpoint(
                session, "FR-MZ", receiver.url, Sealer(SECRET.encode()), Guard.of([], allow_loopback=True),
                SystemClock().now(), secret=receiver.secret,
            )  # fmt: skip
        await database.dispose()
        environment = environment_for(
            cluster.url(proxy.port), folder, YILONG_SECRET_KEY=SECRET, YILONG_DELIVERY_ALLOW_LOOPBACK="true"
        )
        deployment = await stack.enter_async_context(Deployment(environment, folder, apis=1, workers=1))
        await deployment.all_up()
        pids = [member.pid for member in deployment.members]
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{deployment.ports()[0]}", timeout=60,
            headers={"Authorization": f"Bearer {keys[POINTS[0]]}"},
        )  # fmt: skip
        await stack.enter_async_context(client)
        yield Place(cluster, proxy, client, receiver)
        assert [member.pid for member in deployment.members] == pids, "a process had to be started again"


async def test_after_silence_cuts_and_a_crash_of_the_database_all_go_on_by_themselves(tmp_path: Path) -> None:
    async with opened(tmp_path) as place:
        await place.goes_on(new_id())
        silent = new_id()
        place.proxy.swallow()
        await place.is_told_to_wait(silent, within=30)
        # The worker, too, has found its connections silent by now.
        await asyncio.sleep(12)
        place.proxy.let_through()
        await place.goes_on(silent)
        place.proxy.cut()
        await place.goes_on(new_id())
        stopped = new_id()
        await asyncio.to_thread(place.cluster.stop)
        await place.is_told_to_wait(stopped, within=10)
        await asyncio.sleep(12)
        await asyncio.to_thread(place.cluster.start)
        await place.goes_on(stopped)
    assert len({request.webhook_id for request in place.receiver.requests}) == 4
    assert all(request.verified for request in place.receiver.requests)
