"""64 clients posting at once on the embedded database: no error, no lock, and every 201 is in the ledger."""

import asyncio
import json

import pytest

from app.database import Database
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Report
from tests.bench.intake import make_body, make_key
from tests.bench.load import Load, post_for
from tests.city import SECRET, new_city
from tests.processes import environment_for, free_port, running, serve_command

pytestmark = pytest.mark.alone

SECONDS, CLIENTS = 20.0, 64


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """What 64 clients met; that nothing was lost is proved on the way."""
    tmp_path = tmp_path_factory.mktemp("crowd")
    with new_city("sqlite", tmp_path) as url:
        key = asyncio.run(make_key(url))
        port, log = free_port(), tmp_path / "server.log"
        with running(serve_command(port), port, environment_for(url, tmp_path, YILONG_SECRET_KEY=SECRET), log):
            met = asyncio.run(
                post_for(port, make_body, seconds=SECONDS, concurrency=CLIENTS, key=key, keep_bodies=True)
            )
        assert met.errors == 0, log.read_text()[-2000:]
        assert "locked" not in log.read_text()
        asyncio.run(everything_is_there(url, met))
    return met


def test_64_clients_at_once_on_sqlite_meet_no_error_and_lose_nothing(load: Load) -> None:
    assert load.errors == 0
    assert load.requests > CLIENTS


def test_no_client_of_the_crowd_waits_longer_than_a_second(load: Load) -> None:
    assert load.p99 < 1000, f"p99 {load.p99:.0f} ms"


async def everything_is_there(url: str, load: Load) -> None:
    from sqlalchemy import select

    acknowledged = {json.loads(body)["report"] for body in load.bodies}
    assert len(acknowledged) == load.requests
    database = Database(url)
    async with database.snapshot() as session:
        stored = set(await session.scalars(select(Report.number)))
        result = await reconcile(session)
        _, broken = await verify_chains(session)
    await database.dispose()
    assert stored == acknowledged
    assert result.offenders == []
    assert broken == []
