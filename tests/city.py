"""A ready city for tests: pack loaded once into a template, an application over it, keys and clients by role."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from starlette.datastructures import State

from app.access.keys import create_key
from app.clock import Clock, FixedClock
from app.database import Database
from app.directory.loading import load_into_database, read_files
from app.directory.pack import BUNDLED_PACK
from app.main import create_app
from app.models import Event, Role
from app.runtime import Runtime, make_runtime
from app.settings import Settings
from tests import postgres
from tests.apart import run_apart
from tests.conftest import sqlite_template
from tests.schemas import misfits_of_webhook
from tests.sweep import LABEL, watch_answer, watch_open_answer

PLENTY = 1_000_000
SECRET = "a-secret-of-the-tests-only-0123456789-abcdef"


async def load_city(url: str, clock: Clock) -> None:
    database = Database(url)
    async with database.write() as session:
        await load_into_database(session, read_files(BUNDLED_PACK), clock.now())
    await database.dispose()


@lru_cache(maxsize=1)
def sqlite_city() -> Path:
    """A SQLite file with the Changsha pack loaded, made once."""
    from datetime import UTC, datetime

    path = sqlite_template().with_name("city.db")
    shutil.copyfile(sqlite_template(), path)
    run_apart(load_city(f"sqlite:///{path}", FixedClock(datetime(2026, 1, 1, tzinfo=UTC))))
    return path


@lru_cache(maxsize=1)
def postgres_city() -> str:
    """The name of a PostgreSQL database with the pack loaded, made once, to clone from."""
    from datetime import UTC, datetime

    name = postgres.create("city", template=postgres.template())
    run_apart(load_city(postgres.url_of(name), FixedClock(datetime(2026, 1, 1, tzinfo=UTC))))
    return name


@contextmanager
def new_city(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a fresh database with the pack loaded."""
    if kind == "sqlite":
        path = folder / "city.db"
        shutil.copyfile(sqlite_city(), path)
        yield f"sqlite:///{path}"
    else:
        with postgres.new_database(postgres_city()) as url:
            yield url


def settings_for(url: str, folder: Path, **changes: Any) -> Settings:
    """Limits are there, but further than any test goes that is not about them: its clock may stand still."""
    limits = {"rate_per_key_per_minute": PLENTY, "rate_failed_keys_per_minute": PLENTY}
    return Settings(
        _env_file=None,
        database_url=url,
        data_dir=folder,
        secret_key=SECRET,
        delivery_allow_loopback=True,
        worker_poll_seconds=0.05,
        pool_size=8,
        **limits | changes,
    )


@dataclass
class CityUnderTest:
    """An application in this process, reached through its real ASGI door."""

    application: FastAPI
    runtime: Runtime
    clock: Clock
    url: str
    folder: Path
    _clients: dict[tuple[Role, str | None], httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, role: Role, holder: str | None = None) -> httpx.AsyncClient:
        """A client with a key of that role; `holder` is a point's or a department's code."""
        known = self._clients.get((role, holder))
        if known is not None:
            return known
        async with self.runtime.database.write() as session:
            key = await create_key(
                session,
                role,
                now=self.clock.now(),
                observation_point=holder if role is Role.REPORTER else None,
                department=holder if role is Role.DEPARTMENT else None,
                label=LABEL if role is Role.REPORTER else None,
            )
        client = self.anonymous(headers={"Authorization": f"Bearer {key}"})
        if role is Role.DEPARTMENT:
            client.event_hooks = {"response": [watch_answer]}
        self._clients[role, holder] = client
        return client

    def anonymous(self, **options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.application, raise_app_exceptions=False)
        watched = {"response": [watch_open_answer]}
        return httpx.AsyncClient(transport=transport, base_url="http://yilong.test", event_hooks=watched, **options)

    async def reporter(self, point: str = "FR-01") -> httpx.AsyncClient:
        return await self.client(Role.REPORTER, point)

    async def department(self, code: str) -> httpx.AsyncClient:
        return await self.client(Role.DEPARTMENT, code)

    async def office(self) -> httpx.AsyncClient:
        return await self.client(Role.ADMINISTRATOR)

    async def misfits(self) -> list[str]:
        """Where what departments were told differs from the published schemas."""
        async with self.runtime.database.read() as session:
            bodies = await session.scalars(select(Event.body).where(Event.body.is_not(None)))
            return [fault for body in bodies for fault in misfits_of_webhook(body or "")]

    def point_in(self, district: str, number: int = 0) -> str:
        """The code of an observation point in a district, given by its name or code."""
        city = self.runtime.cities.current
        codes = {d.code for d in city.pack.districts if district in {d.code, d.name}}
        return sorted(p.code for p in city.points.values() if p.district in codes)[number]


@asynccontextmanager
async def open_city(url: str, folder: Path, clock: Clock, **options: Any) -> AsyncIterator[CityUnderTest]:
    """Start the application over a database; `with_worker=True` runs the worker in it."""
    with_worker = options.pop("with_worker", False)
    runtime = make_runtime(settings_for(url, folder, **options), clock)
    application = _application_for(runtime, with_worker=with_worker)
    async with application.router.lifespan_context(application):
        city = CityUnderTest(application, runtime, clock, url, folder)
        yield city
        for client in city._clients.values():
            await client.aclose()
    _idle[with_worker].append(application)


# Putting an application together takes longer than most tests; what it knows of a city is all in its state.
_idle: dict[bool, list[FastAPI]] = {False: [], True: []}


def _application_for(runtime: Runtime, *, with_worker: bool) -> FastAPI:
    if not _idle[with_worker]:
        return create_app(runtime, with_worker=with_worker)
    application = _idle[with_worker].pop()
    application.state = State({"runtime": runtime, "worker": None})
    return application
