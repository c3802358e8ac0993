"""kill -9 between a 201 and the worker's send: after a restart the webhook arrives, with one id. Real processes."""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.database import Database
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.models import Role
from app.sealing import Sealer
from tests.apart import run_apart
from tests.city import SECRET
from tests.processes import environment_for, free_port, running, serve_command
from tests.receiver import Answer, DepartmentReceiver

pytestmark = pytest.mark.waits

PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"


async def prepare(url: str, receiver: DepartmentReceiver, keys: list[str]) -> None:
    from app.access.keys import create_key

    database, now = Database(url), SystemClock().now()
    async with database.write() as session:
        await register_endpoint(
            session,
            "FR-MZ",
            receiver.url,
            Sealer(SECRET.encode()),
            Guard.of([], allow_loopback=True),
            now,
            secret=receiver.secret,
        )
        keys.append(await create_key(session, Role.REPORTER, now=now, observation_point="FR-01"))
    await database.dispose()


def post(port: int, key: str, text: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/reports",
        json.dumps({"text": text}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201
        body: dict[str, Any] = json.loads(answer.read())
        return body


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("moment", ["before the worker looks", "while the department is being called"])
def test_a_killed_server_sends_the_webhook_after_its_restart_with_one_id(
    city_url: str, tmp_path: Path, moment: str
) -> None:
    keys: list[str] = []
    with DepartmentReceiver() as receiver:
        run_apart(prepare(city_url, receiver, keys))
        port = free_port()
        idle = "30" if moment == "before the worker looks" else "0.05"
        environment = environment_for(
            city_url, tmp_path, YILONG_SECRET_KEY=SECRET, YILONG_DELIVERY_ALLOW_LOOPBACK="true",
            YILONG_WORKER_POLL_SECONDS=idle,
        )  # fmt: skip
        log = tmp_path / "server.log"
        with running(serve_command(port), port, environment, log) as first:
            time.sleep(0.5)  # the worker has had its first look, and found nothing
            if idle != "30":
                receiver.script(Answer(instead="hang"))
            receipt = post(port, keys[0], PLAIN)
            if idle != "30":
                receiver.wait_for(1)
            kill(first.pid)
            killed = time.monotonic()
            first.wait()
        before = len(receiver.requests)
        assert before == (0 if idle == "30" else 1)
        environment["YILONG_WORKER_POLL_SECONDS"] = "0.05"
        # A lease of the killed worker runs out after 45 s at the latest.
        with running(serve_command(port), port, environment, log):
            requests = receiver.wait_for(before + 1, timeout=60)
        # What a killed worker had in hand is taken over within a minute.
        assert requests[-1].at - killed <= 60
        assert all(r.verified for r in requests)
        assert len({r.webhook_id for r in requests}) == 1
        assert len({r.body for r in requests}) == 1
        assert requests[-1].event["data"]["case"]["number"] == receipt["case"]
