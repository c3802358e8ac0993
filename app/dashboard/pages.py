"""All pages of the office in one router, and the page for an address that is none."""

from fastapi import APIRouter, Response

from app.dashboard import (
    account,
    admin_log,
    api_keys,
    cases,
    channels,
    clocks,
    clusters,
    consultations,
    deliveries,
    endpoints,
    exporting,
    home,
    imports,
    knowledge,
    ledger,
    pausing,
    people,
    precedents,
    protection,
    sessions,
    sign_in,
    sign_on,
    signing_keys,
    supervision,
    trends,
    triage,
    units,
)
from app.dashboard.answering import make_pages
from app.dashboard.session import At
from app.problems import NotFound

_rest = make_pages()


@_rest.api_route("/{rest:path}", methods=["GET", "HEAD", "POST"])
async def show_missing(at: At) -> Response:
    """Under /dashboard/ even a wrong address is answered in HTML."""
    raise NotFound


def all_pages() -> APIRouter:
    """Every page; static files must be mounted before, for the last route takes what is left."""
    router = APIRouter()
    for part in (
        sign_in, sign_on, home, triage, ledger, exporting, imports, cases, protection, clusters, pausing, supervision,
        consultations, sessions, precedents, trends, units, clocks, knowledge, deliveries, endpoints, channels,
        signing_keys, people, api_keys, admin_log, account,
    ):  # fmt: skip
        router.include_router(part.router)
    router.include_router(_rest)
    return router
