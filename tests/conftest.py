"""Fixtures every test may use: both databases, a fixed clock. Storage tests run on both by asking for `database`."""

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import FixedClock
from app.database import Database
from app.directory.schema import migrate
from app.log import configure_logging
from app.settings import get_settings
from tests import postgres
from tests.apart import run_apart
from tests.compiled_once import share_compiled_statements
from tests.sweep import SweepPlugin, watch, watch_logs

if TYPE_CHECKING:
    from tests.city import CityUnderTest

configure_logging(logging.WARNING)
watch_logs()

ROOM_IN_MEMORY = 3 * 2**30
COUNTED = "counted"


# They take long and begin first, the longest at the head: no worker is left alone with one at the end.
LONG = (
    "fuzz/test_on_postgresql.py", "fuzz/test_on_sqlite.py",
    "browser/test_every_page.py", "journeys/test_supervision.py", "journeys/test_supervision_replies.py",
    "journeys/test_random_lives.py", "browser/table/test_sessions.py",
    "browser/test_office.py", "demo/test_simulation.py", "browser/test_endpoint_keys.py", "browser/test_api_docs.py",
    "journeys/test_clusters.py", "journeys/test_channel_digests.py", "journeys/test_feedback.py",
    "browser/table/test_precedents.py", "classify/test_weights.py", "browser/test_safety.py", "demo/test_habits.py",
    "intake/test_hostile_sheets.py", "access/test_matrix.py", "access/test_mutations.py", "deliver/test_order.py",
    "test_packaging.py", "test_architecture.py", "test_migrations.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, in this order; the others as they are."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_configure(config: pytest.Config) -> None:
    share_compiled_statements()
    watch()
    config.pluginmanager.register(SweepPlugin())


def work_in_memory() -> None:
    """Put databases and folders of tests into memory where there is room and programs may run from there.

    They make some thousand databases: on a disk each takes ten times as long. `TMPDIR` says otherwise where it is set.
    """
    folder = Path("/dev/shm")
    if "TMPDIR" in os.environ or not (folder.is_dir() and os.access(folder, os.W_OK)):
        return
    may_run = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    if may_run and shutil.disk_usage(folder).free >= ROOM_IN_MEMORY:
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None


work_in_memory()

_keep = TemporaryDirectory(prefix="yilong-tests-")


@lru_cache(maxsize=1)
def sqlite_template() -> Path:
    """A migrated, empty SQLite file, made once by the migrations."""
    path = Path(_keep.name) / "template.db"

    async def build() -> None:
        database = Database(f"sqlite:///{path}")
        await migrate(database)
        await database.dispose()

    run_apart(build())
    return path


Say = Callable[[str], None]


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Say:
    """What a test counted, for the end of the run's output; from whichever worker."""
    return partial(record_property, COUNTED)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in chain.from_iterable(terminalreporter.stats.get(outcome, ()) for outcome in ("passed", "failed")):
        for name, told in getattr(report, "user_properties", ()):
            if name == COUNTED and report.when == "call":
                terminalreporter.write_line(str(told))


@pytest.fixture(autouse=True)
def settings_anew() -> Iterator[None]:
    """No test goes by the settings that a command in this process read for the one before."""
    yield
    get_settings.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database, once for each kind."""
    if request.param == "sqlite":
        path = tmp_path / "yilong.db"
        shutil.copyfile(sqlite_template(), path)
        yield f"sqlite:///{path}"
    else:
        with postgres.new_database() as url:
            yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
def clock() -> FixedClock:
    """Monday 2026-03-02, 09:30 in Changsha: no holiday near."""
    return FixedClock(datetime(2026, 3, 2, 1, 30, tzinfo=UTC))


@pytest.fixture(params=["sqlite", "postgresql"])
def city_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with the Changsha pack loaded, once for each kind."""
    from tests.city import new_city

    with new_city(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def city(city_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator["CityUnderTest"]:
    """An application over such a database, its clock standing still. What departments were told fits the schemas."""
    from tests.city import open_city

    async with open_city(city_url, tmp_path, clock) as opened:
        yield opened
        assert await opened.misfits() == []
