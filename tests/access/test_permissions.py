"""The table of permissions against every route of the application: who may, may; who may not is told so, and alike."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.access.principal import PERMISSIONS, Permission
from app.clock import FixedClock
from app.main import PUBLIC
from app.models import Role
from app.problems import MEDIA_TYPE
from tests.access.callers import Caller, by_key, by_session, nobodies
from tests.access.routes import Route, routes_of, undeclared
from tests.city import CityUnderTest, new_city, open_city
from tests.conftest import Say

ROOT = Path(__file__).resolve().parents[2]
HOLDERS = {Role.REPORTER: "FR-01", Role.DEPARTMENT: "FR-MZ"}
NOWHERE = {"number": "AL-2026-999999", "id": "0" * 32, "rest": "nowhere", "department_code": "FR-MZ", "code": "NO-NE"}
# Whether it is allowed depends on what is asked: a verb asks, beside the permission that its route declares.
ASKED_BY_VERBS = {Permission.END_UNRESOLVED}
SIGN_OUT = "/dashboard/sign-out"
# Who calls every route; others only where it is theirs by its kind, and one route of each permission and kind besides.
ALWAYS = {"anonymous", "unknown key"}
# These say themselves who may: by a signature, and by a form of their own.
ANSWER_FOR_THEMSELVES = {"POST /v1/callbacks/{department_code}", "POST /dashboard/sign-in"}


@pytest.fixture
async def town(tmp_path: Path, clock: FixedClock) -> AsyncIterator[CityUnderTest]:
    """A city on one database: what a role may do is asked before any query."""
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as opened:
            yield opened


async def everybody(city: CityUnderTest) -> list[Caller]:
    return [
        *await nobodies(city),
        *[await by_key(city, role, HOLDERS.get(role)) for role in Role],
        *[await by_session(city, role, HOLDERS.get(role)) for role in Role],
    ]


def nowhere(route: Route) -> str:
    """An address of the route's form at which there is nothing."""
    return route.at(*(999_999_999 if "deliveries" in route.path else NOWHERE[name] for name in route.names))


def fault_of(route: Route, caller: Caller, answer: httpx.Response) -> str | None:
    """What is wrong with an answer; None where the caller got what the table says."""
    kind = answer.headers.get("content-type", "")
    if route.is_page and not caller.by_session:
        ok = answer.status_code == 303 and answer.headers["location"].startswith("/dashboard/sign-in?")
    elif route.is_page and not route.allows(caller.role):
        ok = answer.status_code == 403 and kind.startswith("text/html")
    elif route.allows(caller.role):
        leads_to_sign_in = answer.headers.get("location", "").startswith("/dashboard/sign-in?")
        ok = answer.status_code not in {401, 403} and answer.status_code < 500 and not leads_to_sign_in
    else:
        ok = answer.status_code == (401 if caller.role is None else 403) and kind == MEDIA_TYPE
    return None if ok else f"{caller.name}: {route} answers {answer.status_code} {kind}"


async def test_every_route_declares_one_permission_or_is_public(town: CityUnderTest) -> None:
    assert undeclared(routes_of(town.application), PUBLIC) == []


def test_a_route_that_declares_nothing_is_found() -> None:
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @application.get("/v1/secrets")
    async def tell() -> None: ...

    assert undeclared(routes_of(application), {"/gone": ""}) == ["GET /v1/secrets", "no such route: /gone"]


async def test_no_permission_is_idle_and_none_is_given_to_nobody(town: CityUnderTest) -> None:
    asked = {p for route in routes_of(town.application) for p in route.permissions | route.pages}
    assert asked | ASKED_BY_VERBS == set(Permission) == set().union(*PERMISSIONS.values())
    assert asked & ASKED_BY_VERBS == set()


async def test_each_role_gets_on_every_route_what_the_table_says(town: CityUnderTest, say: Say) -> None:
    routes = [r for r in routes_of(town.application) if r.path not in PUBLIC]
    callers, faults, calls = await everybody(town), [], 0
    samples = set({(r.permission, r.is_page): r for r in routes if r.path != SIGN_OUT}.values())
    for route in sorted(routes, key=lambda r: r.path == SIGN_OUT):
        for caller in callers:
            if route not in samples and caller.name not in ALWAYS and caller.by_session is not route.is_page:
                continue
            answer = await caller.call(route, nowhere(route))
            calls += 1
            if fault := fault_of(route, caller, answer):
                faults.append(fault)
    say(f"permissions: {len(routes)} routes, {len(callers)} callers, {calls} calls")
    assert faults == []


async def test_what_is_public_is_so_for_nobody_in_particular(town: CityUnderTest) -> None:
    routes = [r for r in routes_of(town.application) if r.path in PUBLIC and str(r) not in ANSWER_FOR_THEMSELVES]
    for caller in [*await nobodies(town), await by_session(town, Role.REPORTER, "FR-01")]:
        for route in routes:
            path = "/dashboard/static/app.css" if route.path.endswith("static") else nowhere(route)
            answer = await caller.call(route, path)
            assert answer.status_code in {200, 303, 307, 404}, (caller.name, str(route), answer.status_code)
            assert "/sign-in?" not in answer.headers.get("location", "")


def table_of_permissions() -> str:
    """The table as docs/access.md shows it."""
    head = ["permission", *(role.value for role in Role)]
    rows = [[f"`{p.value}`", *("●" if p in PERMISSIONS[role] else "" for role in Role)] for p in Permission]
    lines = [head, ["---", *(":-:" for _ in Role)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def test_the_document_shows_the_table_and_what_is_public() -> None:
    shown = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    assert table_of_permissions() in shown, table_of_permissions()
    assert [f"`{path}` {why}" for path, why in PUBLIC.items() if f"`{path}` {why}" not in shown] == []
