"""The migrations build what the models say, on both databases, up and down."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from app.database import Database
from app.directory.schema import alembic_config, find_current, find_head, is_at_head, migrate
from app.models import Base
from tests import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with postgres.new_database(None) as url:
            yield url


def downgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


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
