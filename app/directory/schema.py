"""The schema's state: bring it to head, ask whether it is there. The only caller of Alembic at run time."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.database import Database

# The full-text indexes: each database has its own, made and kept by a migration's statements.
SEARCH: Final = ("report_words_index", "ix_report_words_words")
PACKAGE = Path(__file__).resolve().parents[1]


def is_modelled(_: object, name: str | None, *__: object) -> bool:
    """Whether a thing in the schema is what the models speak of, as Alembic asks when it compares the two."""
    return name is None or not name.startswith(SEARCH)


def alembic_config() -> Config:
    """Beside the package in a checkout, inside it in an installed wheel; raises FileNotFoundError."""
    for folder in (PACKAGE.parent, PACKAGE):
        if (folder / "alembic.ini").exists():
            return Config(str(folder / "alembic.ini"))
    raise FileNotFoundError("找不到 alembic.ini 与 migrations/:请重新安装。Reinstall: the migrations are missing.")


@cache
def find_head() -> str | None:
    """The newest revision this code knows; reading the migrations takes long, and anybody may ask for readiness."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def migrate(database: Database) -> None:
    """Bring the schema to head."""
    async with database.writer.connect() as connection:
        # SQLite: the journal mode is set on connecting; DDL then runs inside the migration's own transaction.
        await connection.run_sync(_upgrade)
        await connection.commit()


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def find_current(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    async with database.reader.connect() as connection:
        return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())


async def is_at_head(database: Database) -> bool:
    head, current = await asyncio.gather(asyncio.to_thread(find_head), find_current(database))
    return head == current
