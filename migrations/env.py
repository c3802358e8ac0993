"""Runs migrations on either database, each in its own transaction, giving up rather than queueing for locks."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from sqlalchemy import Connection, create_engine, event, text

from app.database import to_async_url
from app.directory.schema import is_modelled
from app.models import Base
from app.models.columns import UtcDateTime
from app.settings import get_settings

LOCK_TIMEOUT = "5s"


def render_plainly(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Write our own types as the plain ones they are stored as, so that old migrations never import the application."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    if isinstance(item, sa.JSON):
        return 'sa.JSON().with_variant(JSONB(), "postgresql")'
    if isinstance(item, sa.BigInteger):
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def configure_and_run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # A migration that waits for a lock makes every query behind it wait too.
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=render_plainly,
        include_object=is_modelled,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        configure_and_run(given)
        return
    url = to_async_url(get_settings().resolved_database_url)
    drivers = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
    engine = create_engine(url.set(drivername=drivers[url.get_backend_name()]))
    if url.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(connection: object, _: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]

    with engine.connect() as connection:
        configure_and_run(connection)
    engine.dispose()


run()
