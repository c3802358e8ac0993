"""SIGTERM: calls under way come to their end, nothing new is taken, nothing is sent twice. Real processes."""

import signal
import time
from pathlib import Path

import pytest

from app.database import Database
from app.models import Delivery, DeliveryStatus
from tests.apart import run_apart
from tests.city import SECRET
from tests.journeys.test_crash import PLAIN, post, prepare
from tests.processes import environment_for, free_port, running, serve_command
from tests.receiver import Answer, DepartmentReceiver

pytestmark = pytest.mark.waits

STOP_SECONDS = 20.0


@pytest.mark.parametrize("behaviour", [Answer(delay=1.0), Answer(instead="hang")], ids=["slow", "silent"])
def test_a_stop_takes_20_seconds_at_most_and_sends_nothing_twice(
    city_url: str, tmp_path: Path, behaviour: Answer
) -> None:
    keys: list[str] = []
    with DepartmentReceiver() as receiver:
        run_apart(prepare(city_url, receiver, keys))
        port, log = free_port(), tmp_path / "server.log"
        environment = environment_for(
            city_url, tmp_path, YILONG_SECRET_KEY=SECRET, YILONG_DELIVERY_ALLOW_LOOPBACK="true"
        )
        receiver.default = behaviour
        with running(serve_command(port), port, environment, log) as server:
            for number in range(8):
                post(port, keys[0], f"{PLAIN}第{number}次。")
            in_hand = receiver.wait_for(4)
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            # Uvicorn passes the signal on to itself once everything is closed.
            assert server.wait(STOP_SECONDS + 5) in {0, -signal.SIGTERM}
            assert time.monotonic() - began < STOP_SECONDS
        asked = {request.webhook_id for request in receiver.requests}
        assert len(asked) == len(receiver.requests)
        assert {request.webhook_id for request in in_hand} <= asked
        rows = deliveries(city_url)
        assert len(rows) == 8
        # Every call that was made has its outcome; every row that was not tried is as it was.
        assert all(row.lease_token is None for row in rows)
        assert {row.event_id for row in rows if row.attempts} == asked
        receiver.default = Answer()
        if behaviour.instead is None:
            with running(serve_command(port), port, environment, log):
                receiver.wait_for(8, timeout=30)
            assert len({request.webhook_id for request in receiver.requests}) == len(receiver.requests) == 8
            assert {row.status for row in deliveries(city_url)} == {DeliveryStatus.DELIVERED}


def deliveries(url: str) -> list[Delivery]:
    from tests.deliver.factories import load_deliveries

    rows: list[Delivery] = []

    async def load() -> None:
        database = Database(url)
        rows.extend(await load_deliveries(database))
        await database.dispose()

    run_apart(load())
    return rows
