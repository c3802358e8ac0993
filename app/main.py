"""Assembles the application: lifespan, middleware, error handlers, routers, pages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.api import (
    assignments,
    calendar,
    callbacks,
    cases,
    classifications,
    clusters,
    consultations,
    deliveries,
    digests,
    directory,
    documents,
    events,
    evidence,
    keys,
    operating,
    precedents,
    protection,
    reports,
    sessions,
    supervision,
    system,
    terms,
    trends,
)
from app.api.description import DescribedApp
from app.api.errors import add_error_handlers
from app.api.requests import LogRequests
from app.api.warming import settle_memory, warm_up
from app.api.webhooks import add_webhooks
from app.dashboard.api_docs import add_api_docs
from app.dashboard.assets import add_static_files
from app.dashboard.headers import SecurityHeaders
from app.dashboard.pages import all_pages
from app.log import get_logger
from app.problems import AppError
from app.runtime import Runtime
from app.settings import Settings
from app.worker import WorkerContext, run_worker

if TYPE_CHECKING:
    from app.access.provider import Provider

ROUTERS = (
    reports.router,
    protection.router,
    classifications.router,
    cases.router,
    supervision.router,
    clusters.router,
    assignments.router,
    evidence.router,
    # Before the sessions by id, so that `proposals` is not taken for one.
    sessions.router,
    consultations.router,
    callbacks.router,
    events.router,
    digests.router,
    directory.router,
    terms.router,
    trends.router,
    precedents.router,
    documents.router,
    calendar.router,
    deliveries.router,
    operating.router,
    keys.router,
    system.router,
)
# What anybody may call, and why; every other route names its permission, and a test says so.
PUBLIC: Mapping[str, str] = {
    "/healthz": "whether the process answers",
    "/readyz": "whether it may be sent work",
    "/metrics": "counts without text or reporter",
    "/openapi.json": "the description of the interface",
    "/docs": "the same as a page",
    "/v1/callbacks/{department_code}": "signed with the department's secret instead of a key",
    "/dashboard": "leads to the home page",
    "/dashboard/sign-in": "how somebody becomes known",
    "/dashboard/sign-in/provider": "leads to the provider of single sign-on",
    "/dashboard/sign-in/provider/return": "what the provider sends back, tied to the browser that left",
    "/dashboard/static": "files of the pages",
}
REFRESH_SECONDS = 15.0


def create_app(runtime: Runtime, *, with_worker: bool = False, alone: bool = False) -> FastAPI:
    """The application over a runtime that its lifespan starts and closes.

    `with_worker` runs the worker beside it; `alone` says that this process does nothing else.
    """

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        runtime: Runtime = application.state.runtime
        await runtime.start()
        application.state.provider = open_provider(runtime.settings)
        if alone:
            await warm_up(application, runtime)
            settle_memory()
        stop = asyncio.Event()
        tasks = [asyncio.create_task(keep_current(runtime, stop))]
        if with_worker:
            worker = WorkerContext(
                runtime.database, runtime.settings, runtime.clock, runtime.sealer, cities=runtime.cities
            )
            application.state.worker = worker
            tasks.append(asyncio.create_task(run_worker(worker, stop)))
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
            await runtime.close()

    application = DescribedApp(
        title="一龙 Yilong",
        summary="Routes grassroots burden reports to the department that answers for them.",
        version=version("yilong"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    application.state.runtime = runtime
    application.state.worker = None
    application.add_middleware(SecurityHeaders)
    application.add_middleware(LogRequests)
    add_error_handlers(application)
    for router in ROUTERS:
        application.include_router(router)
    add_webhooks(application)
    add_static_files(application)
    application.include_router(all_pages())
    add_api_docs(application)
    return application


def open_provider(settings: Settings) -> "Provider | None":
    """The provider of single sign-on where one is set up; without one its library is not even loaded."""
    if not settings.oidc_issuer:
        return None
    from app.access.provider import Provider

    return Provider(settings)


async def keep_current(runtime: Runtime, stop: asyncio.Event) -> None:
    """Follow the database's clock, and packs and calendars that another process loads; write which keys were used."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), REFRESH_SECONDS)
            return
        try:
            await runtime.anchor_clock()
            if await runtime.cities.refresh():
                get_logger().info("city_refreshed")
            await runtime.key_use.write()
        except AppError as error:
            get_logger().warning("refresh_waits", reason=error.code)
