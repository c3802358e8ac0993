"""The migrations build what the models say, on both databases, up and down."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.directory.schema import alembic_config, find_current, find_head, is_at_head, is_modelled, migrate
from app.models import Attempt, Base, Delivery, DeliveryStatus
from tests import postgres
from tests.deliver.factories import add_event, load_deliveries, set_scene


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with postgres.new_database(None) as url:
            yield url


def move(connection: Connection, step: Callable[[Config, str], None], revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    step(config, revision)


def downgrade(connection: Connection) -> None:
    move(connection, command.downgrade, "base")


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"include_object": is_modelled})
    return list(compare_metadata(context, Base.metadata))


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_models_and_migrations_do_not_drift(database: Database) -> None:
    async with database.writer.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_empty_database_is_not_at_head_and_migrating_twice_changes_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    assert await find_current(database) is None
    assert not await is_at_head(database)
    for _ in range(2):
        await migrate(database)
        assert await find_current(database) == find_head()
    await database.dispose()


async def test_deliveries_and_their_attempts_outlive_the_step_that_lets_a_digest_be_one(empty_url: str) -> None:
    database, now = Database(empty_url), datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    await migrate(database)
    scene = await set_scene(database, now, ["http://127.0.0.1/a"], cases=2, events_each=2)
    async with database.write() as session:
        digest = Delivery(
            endpoint_id=scene.endpoint_ids[0], seq=0, status=DeliveryStatus.OUTDATED, created_at=now, message_id="m1",
            digest_day=date(2026, 3, 2), expires_at=now,
        )  # fmt: skip
        session.add(digest)
    rows = await load_deliveries(database)
    async with database.write() as session:
        for row in rows:
            session.add(Attempt(delivery_id=row.id, number=1, started_at=now, milliseconds=1))
    async with database.writer.connect() as connection:
        for step in (command.downgrade, command.upgrade):
            await connection.run_sync(move, step, {command.downgrade: "20261126_channels"}.get(step, "head"))
            await connection.commit()
    left = await load_deliveries(database)
    kept = [(r.id, r.event_id, r.case_id, r.seq, r.status, r.due_at, r.created_at) for r in rows if r.event_id]
    assert [(r.id, r.event_id, r.case_id, r.seq, r.status, r.due_at, r.created_at) for r in left] == kept
    async with database.write() as session:
        assert sorted(await session.scalars(select(Attempt.delivery_id))) == [row.id for row in left]
        # Numbers go on, and what refers to a delivery is held to it as before.
        session.add(Attempt(delivery_id=left[0].id, number=2, started_at=now, milliseconds=1))
    event = await add_event(database, scene.cases[0], now)
    newest = (await load_deliveries(database))[-1]
    assert (newest.event_id, newest.id > left[-1].id) == (event.id, True)
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            session.add(Attempt(delivery_id=10**6, number=1, started_at=now, milliseconds=1))
    async with database.writer.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.dispose()


async def test_down_leaves_nothing_and_up_again_works(empty_url: str) -> None:
    database = Database(empty_url)
    await migrate(database)
    async with database.writer.connect() as connection:
        assert "cases" in await connection.run_sync(tables)
        await connection.run_sync(downgrade)
        await connection.commit()
        assert await connection.run_sync(tables) == {"alembic_version"}
    await migrate(database)
    assert await is_at_head(database)
    await database.dispose()
