"""All pages, of the office, of departments and of points, in one router, and the page for an address that is none."""

from fastapi import APIRouter, Response

from app.dashboard import (
    account,
    admin_log,
    api_keys,
    batch_merging,
    batch_ruling,
    batch_urging,
    cases,
    channels,
    clocks,
    clusters,
    consultations,
    deliveries,
    documents,
    duties,
    endpoints,
    exporting,
    home,
    imports,
    invitations,
    knowledge,
    ledger,
    ledger_views,
    pausing,
    people,
    precedents,
    protection,
    reporting,
    sessions,
    sign_in,
    sign_on,
    signing_keys,
    supervision,
    trends,
    triage,
    undoing,
    units,
)
from app.dashboard.answering import make_pages
from app.dashboard.session import Anybody
from app.problems import NotFound

_rest = make_pages()


@_rest.api_route("/{rest:path}", methods=["GET", "HEAD", "POST"])
async def show_missing(at: Anybody) -> Response:
    """Under /dashboard/ even a wrong address is answered in HTML."""
    raise NotFound


def all_pages() -> APIRouter:
    """Every page; static files must be mounted before, for the last route takes what is left."""
    router = APIRouter()
    for part in (
        sign_in, sign_on, home, triage, batch_ruling, batch_merging, batch_urging, ledger, ledger_views, exporting,
        imports, cases, undoing, protection, clusters, pausing, supervision, documents, consultations, sessions,
        precedents, trends, units, clocks, knowledge, deliveries, endpoints, channels, signing_keys, people, api_keys,
        admin_log, account, duties, invitations, reporting,
    ):  # fmt: skip
        router.include_router(part.router)
    router.include_router(_rest)
    return router
