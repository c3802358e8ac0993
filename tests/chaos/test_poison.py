"""An event that kills every worker that touches it is put into quarantine; all others arrive. Real processes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.deliver.log import list_deliveries
from app.models import DeliveryStatus
from tests.chaos.poisoned import POISON
from tests.city import SECRET, open_city
from tests.processes import environment_for
from tests.receiver import DepartmentReceiver

pytestmark = pytest.mark.waits

# A start takes three seconds of a processor, however many share it.
STARTING_SECONDS = 200.0
TEXT = "区民政局要求每周报一次独居老人走访台账,逐户拍照,第{}号通知。"


async def test_what_kills_its_worker_three_times_is_quarantined_shown_and_all_others_arrive(
    city_url: str, tmp_path: Path
) -> None:
    with DepartmentReceiver() as receiver:
        async with open_city(city_url, tmp_path, SystemClock()) as city:
            async with city.runtime.database.write() as session:
                await register_endpoint(
                    session, "FR-MZ", receiver.url, city.runtime.sealer, Guard.of([], allow_loopback=True),
                    city.clock.now(), secret=receiver.secret,
                )  # fmt: skip
            reporter = await city.reporter()
            for number in range(4):
                text = TEXT.format(number) + (POISON if number == 2 else "")
                answer = await reporter.post("/v1/reports", json={"text": text})
                assert answer.json()["decision"]["route"] == "assignment"
            endings = let_workers_die(city_url, tmp_path, receiver)
            async with city.runtime.database.read() as session:
                lines = await list_deliveries(session)
            shown = (await (await city.office()).get("/v1/deliveries", params={"status": "quarantined"})).json()
    assert endings == [-signal.SIGABRT] * 3
    assert sorted(line.delivery.status for line in lines) == [*[DeliveryStatus.DELIVERED] * 3, "quarantined"]
    [poisoned] = [line.delivery for line in lines if line.delivery.status is DeliveryStatus.QUARANTINED]
    assert [row["id"] for row in shown] == [poisoned.id]
    assert (poisoned.crashes, poisoned.due_at) == (3, None)
    assert poisoned.event_id not in {request.webhook_id for request in receiver.requests}
    assert len({request.webhook_id for request in receiver.requests}) == 3


def let_workers_die(url: str, folder: Path, receiver: DepartmentReceiver) -> list[int]:
    """Start workers one after another, as a supervisor would, until one lives; how those before it ended."""
    environment = environment_for(
        url, folder, YILONG_SECRET_KEY=SECRET, YILONG_DELIVERY_ALLOW_LOOPBACK="true", YILONG_WORKER_POLL_SECONDS="0.1"
    )
    endings: list[int] = []
    with (folder / "worker.log").open("wb") as log:
        while len(endings) <= 3:
            command = [sys.executable, "-m", "tests.chaos.poisoned"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                if lives(process, folder, receiver):
                    return endings
                endings.append(process.wait(0))
            finally:
                process.terminate()
                process.wait(25)
    return endings


def lives(process: subprocess.Popen[bytes], folder: Path, receiver: DepartmentReceiver) -> bool:
    """Wait until a worker has died, or has the poison in quarantine and all else delivered."""
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        done = b"delivery_quarantined" in (folder / "worker.log").read_bytes()
        if done and len({request.webhook_id for request in receiver.requests}) == 3:
            time.sleep(0.5)  # the last one is settled
            return True
        time.sleep(0.1)
    raise AssertionError("it neither died nor came to an end")
