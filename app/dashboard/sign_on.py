"""Single sign-on: the way to the provider and back. Afterwards the session is one like any other."""

import base64
import json
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from app.access.sign_on import (
    LONGEST_JOURNEY,
    Journey,
    NoRole,
    SignOnExpired,
    SignOnRefused,
    admit,
    read_claims,
)
from app.api.door import SESSION_COOKIE, get_runtime
from app.dashboard.answering import make_pages
from app.dashboard.language import language_of
from app.dashboard.rendering import render
from app.dashboard.session import HOME, find_session, local_path
from app.dashboard.sign_in import renew_session, set_cookie
from app.log import get_logger
from app.problems import NotFound
from app.sealing import SealBroken

if TYPE_CHECKING:
    from app.access.provider import Provider

router = make_pages()
JOURNEY_COOKIE: Final = "yilong_sign_on"
JOURNEY_PLACE: Final = "dashboard:sign-on"
JOURNEY_PATH: Final = "/dashboard/sign-in/provider"
LONGEST_WANTED: Final = 1000


@router.get("/sign-in/provider")
async def leave(request: Request, next: Annotated[str, Query()] = "") -> Response:  # noqa: A002 - the address says next
    """Off to the provider; whoever is signed in already goes on. A link, for `form-action` lets no form lead there."""
    provider, runtime, wanted = _provider(request), get_runtime(request), local_path(next)
    if await find_session(request) is not None:
        return RedirectResponse(wanted, 303)
    journey = Journey.begin(wanted if len(wanted) <= LONGEST_WANTED else HOME, runtime.clock.now())
    try:
        answer = RedirectResponse(await provider.way_to_sign_in(journey, _redirect_uri(request)), 303)
    except SignOnRefused as error:
        return _refuse(request, error)
    sealed = runtime.sealer.seal(json.dumps(asdict(journey)).encode(), JOURNEY_PLACE)
    cookie = base64.urlsafe_b64encode(sealed).decode()
    set_cookie(request, answer, JOURNEY_COOKIE, cookie, JOURNEY_PATH, seconds=int(LONGEST_JOURNEY.total_seconds()))
    return answer


@router.get("/sign-in/provider/return")
async def come_back(request: Request) -> Response:
    """What the provider sent the browser back with: a session of its own, or a page that says why not."""
    provider, answer = _provider(request), dict(request.query_params)
    try:
        journey = _journey(request)
        if not secrets.compare_digest(journey.state.encode(), answer.get("state", "").encode()):
            raise SignOnExpired("state")
        code = provider.check_answer(answer)
        token = await _enter(request, provider, journey, code)
    except SignOnRefused as error:
        return _refuse(request, error)
    going = RedirectResponse(journey.wanted, 303)
    set_cookie(request, going, SESSION_COOKIE, token, "/")
    going.delete_cookie(JOURNEY_COOKIE, path=JOURNEY_PATH)
    return going


async def _enter(request: Request, provider: "Provider", journey: Journey, code: str) -> str:
    """A new session's token for whom the provider means. Raises SignOnRefused."""
    runtime = get_runtime(request)
    settings, now = runtime.settings, runtime.clock.now()
    claims = await provider.identify(code, journey, _redirect_uri(request), now)
    vouched = read_claims(claims, settings.oidc_role_claim, settings.oidc_roles)
    async with runtime.database.write() as session:
        user = await admit(runtime.database, session, vouched, now)
        token = await renew_session(request, session, user) if user else None
    if token is None:
        raise NoRole("no role")
    return token


def _provider(request: Request) -> "Provider":
    """Raises NotFound where single sign-on is not set up."""
    provider: Provider | None = getattr(request.app.state, "provider", None)
    if provider is None:
        raise NotFound
    return provider


def _redirect_uri(request: Request) -> str:
    return get_runtime(request).settings.resolved_public_url + JOURNEY_PATH + "/return"


def _journey(request: Request) -> Journey:
    """The journey that this browser is on. Raises SignOnExpired."""
    runtime = get_runtime(request)
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(JOURNEY_COOKIE, ""))
        journey = Journey(**json.loads(runtime.sealer.open(sealed, JOURNEY_PLACE)))
    except (SealBroken, ValueError, TypeError) as error:
        raise SignOnExpired("cookie") from error
    if journey.is_over(runtime.clock.now()):
        raise SignOnExpired("time")
    return journey


def _refuse(request: Request, error: SignOnRefused) -> Response:
    """A page that says so, and a line in the log with the reason; the journey is over."""
    get_logger().warning("sign_on_refused", code=error.code, reason=error.reason)
    problem = error.to_problem(language_of(request))
    # No links to the same address in the other language: they would carry what the provider sent, and lead nowhere.
    facts = {"status": error.status, "title": problem["title"], "detail": problem["detail"], "languages": ()}
    answer = render(request, "error.html", facts, status_code=error.status)
    answer.delete_cookie(JOURNEY_COOKIE, path=JOURNEY_PATH)
    return answer
