"""What a process that serves does once, so that no request waits for it."""

import gc

from fastapi import FastAPI

from app.access.keys import find_principal, make_key
from app.batch import fetch_all, prepare_insert
from app.classify import Thresholds
from app.flow.joining import looks_for
from app.flow.receive import read
from app.intake.accept import Submission
from app.models import Base
from app.runtime import Runtime
from app.supervise.relapse import RelapsePolicy

NOWHERE = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": [], "query_string": b""}
ANYTHING = Submission("区民政局要求每周报一次台账。")


async def warm_up(application: FastAPI, runtime: Runtime) -> None:
    """Build what is built on first use: tables of routes, statements, what the classifier keeps beside a city."""
    for route in application.routes:
        route.matches(dict(NOWHERE))
    async with runtime.database.glance() as connection:
        for mapper in Base.registry.mappers:
            prepare_insert(mapper.class_, connection.dialect)
        now, city = runtime.clock.now(), runtime.cities.current
        await find_principal(connection, make_key(), now)
        for point in list(city.points)[:1]:
            reading = read(city, Thresholds(), ANYTHING, point)
            await fetch_all(connection, looks_for(reading.fingerprint, reading.traces, RelapsePolicy(), now))


def settle_memory() -> None:
    """What is in memory now stays: the collector need not go through it again and again, and may come less often.

    Going through it once stops everything for some tenths of a second. Only for a process that serves and no more: what
    others leave behind would never be cleared.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
