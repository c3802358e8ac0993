"""How a page answers: whole or in part, with a message for the next page, on to another page, or with what is wrong."""

import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse

from app.access.principal import Permission
from app.api.door import get_runtime
from app.dashboard.dates import in_china
from app.dashboard.language import N_, language_of, translator
from app.dashboard.menu import menu
from app.dashboard.refusals import explain
from app.dashboard.rendering import Flash, render
from app.dashboard.session import OWN_ACCOUNT, Office, PasswordChangeNeeded, SignInNeeded, local_path
from app.dashboard.words import Words
from app.flow.desk import HAPPENS_TO_NOBODY, CaseChanged
from app.ledger import duties, reports
from app.ledger.pages import names_of_users
from app.ledger.search import find_latest_act
from app.ledger.todo import count_badges
from app.log import get_logger
from app.problems import AppError, NotFound
from app.sealing import SealBroken

FLASH_COOKIE: Final = "yilong_flash"
FLASH_PLACE: Final = "dashboard:flash"
LONGEST_FLASH: Final = 400
REFUSALS: Final = frozenset({409, 412, 422})


def is_htmx(request: Request) -> bool:
    return "hx-request" in request.headers


# ── pages ──


async def page(
    office: Office,
    template: str,
    current: str,
    facts: Mapping[str, Any],
    *,
    status: int = 200,
    part: str | None = None,
    messages: tuple[Flash, ...] = (),
) -> Response:
    """Answer with a page in its shell; `part` is the block (and element id) to send where htmx asks for just that."""
    request = office.request
    fragment = part is not None and request.headers.get("hx-target") == part
    waiting = _take_flash(request)
    context = {**shell(office, current, None if fragment else await read_badges(office)), **facts}
    context["messages"] = (*messages, *((waiting,) if waiting else ()))
    answer = render(request, template, context, status_code=status, block=part if fragment else None)
    if FLASH_COOKIE in request.cookies and not fragment:
        answer.delete_cookie(FLASH_COOKIE, path="/dashboard")
    return answer


def shell(office: Office, current: str, badges: Mapping[str, int] | None) -> dict[str, Any]:
    """What the frame around every page shows; `badges` counts what waits, by page."""
    asking = None if badges is None else urlencode({"page": current, "seen": stamp_of(badges)})
    return {
        "user": office.principal,
        "acts_for": office.acts_for,
        "may": office.may,
        "spelling": office.city.say_spelling,
        "csrf_token": office.signed_in.csrf_token,
        "menu": () if office.signed_in.must_change else menu(current, badges, office.may),
        "badges_url": None if asking is None else f"/dashboard/badges?{asking}",
    }


def stamp_of(badges: Mapping[str, int]) -> str:
    """What a page sends back to ask whether anything has changed."""
    return "-".join(str(count) for count in badges.values())


def words_for(office: Office, people: dict[str, str] | None = None) -> Words:
    """The reader's language with what is needed to name things."""
    language = language_of(office.request)
    return Words(translator(language), office.city, office.now, people or {}, language)


async def read_badges(office: Office) -> Mapping[str, int]:
    """What waits for the reader, by page of the menu: for the office, or for the department or point they act for."""
    async with office.read() as session:
        if office.may(Permission.USE_DEPARTMENT_PAGES):
            return await duties.count_waiting(session, office.principal)
        if office.may(Permission.USE_REPORTER_PAGES):
            return {"reporting": len(await reports.open_questions(session, office.principal))}
        return (await count_badges(session, office.now, office.city.calendar.zone)).by_page()


# ── going on ──


def go(request: Request, url: str, message: Flash | None = None) -> Response:
    """On to another page after something was done; the message is shown there. htmx swaps it in without a reload."""
    answer: Response
    if is_htmx(request):
        where = {"path": url, "target": "#main", "select": "#main", "swap": "morph:outerHTML"}
        answer = Response(headers={"HX-Location": json.dumps(where), "HX-Trigger": "yilong:acted"})
    else:
        answer = RedirectResponse(url, 303)
    if message is not None:
        runtime = get_runtime(request)
        text = json.dumps({k: v[:LONGEST_FLASH] for k, v in asdict(message).items()}, ensure_ascii=False)
        sealed = base64.urlsafe_b64encode(runtime.sealer.seal(text.encode(), FLASH_PLACE)).decode()
        answer.set_cookie(
            FLASH_COOKIE, sealed, max_age=60, path="/dashboard", httponly=True, samesite="lax",
            secure=runtime.settings.session_cookie_secure,
        )  # fmt: skip
    return answer


def _take_flash(request: Request) -> Flash | None:
    sealed = request.cookies.get(FLASH_COOKIE)
    if not sealed:
        return None
    try:
        text = get_runtime(request).sealer.open(base64.urlsafe_b64decode(sealed), FLASH_PLACE)
        return Flash(**json.loads(text))
    except (SealBroken, ValueError, TypeError):
        return None


def to_sign_in(request: Request) -> Response:
    """Off to the sign-in page, and back afterwards; htmx is told to load it as a whole."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if is_htmx(request):
        current = request.headers.get("hx-current-url", "").partition(request.headers.get("host", "\n"))[2]
        here = current or "/dashboard/"
    elif request.method not in {"GET", "HEAD"}:
        here = "/dashboard/"
    url = "/dashboard/sign-in?" + urlencode({"next": local_path(here)})
    if is_htmx(request):
        return Response(status_code=401, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


def to_own_account(request: Request) -> Response:
    """Off to where the password is changed; htmx is told to load it as a whole."""
    if is_htmx(request):
        return Response(status_code=403, headers={"HX-Redirect": OWN_ACCOUNT})
    return RedirectResponse(OWN_ACCOUNT, 303)


# ── what is wrong ──


def flash_of(error: AppError, request: Request) -> Flash:
    """An error as one message in the reader's language."""
    said = error.en if language_of(request) == "en" else error.zh
    return Flash(said, "danger", error.extra.get("about", ""))


async def attempt(
    office: Office, act: Callable[[], Awaitable[Response]], show_again: Callable[[Flash, int], Awaitable[Response]]
) -> Response:
    """Do what a form asks. Where it is refused, htmx gets the message only; else the page again, input and all."""
    try:
        return await act()
    except AppError as error:
        if error.status not in REFUSALS:
            raise
        message = explain(error, words_for(office)) or flash_of(error, office.request)
        if error.code == CaseChanged.code:
            message = await _with_what_happened(office, message)
        if is_htmx(office.request):
            return render(office.request, "flash.html", {"messages": [message]}, status_code=error.status)
        return await show_again(message, error.status)


async def _with_what_happened(office: Office, message: Flash) -> Flash:
    """Somebody was faster: who it was, and what was done on the case that the address names."""
    async with office.read() as session:
        latest = await find_latest_act(session, office.request.path_params.get("number", ""), HAPPENS_TO_NOBODY)
        if latest is None:
            return message
        people = await names_of_users(session, {latest.actor.partition(":")[2]})
    words = words_for(office, people)
    done = f"{words.actor(latest.actor)} {in_china(latest.happened_at):%H:%M} {words.event(latest.type)}"
    return replace(message, about=done)


async def show_problem(request: Request, error: AppError) -> Response:
    """An error as a page, or for htmx as a message."""
    if is_htmx(request):
        answer = render(request, "flash.html", {"messages": [flash_of(error, request)]}, status_code=error.status)
        answer.headers.update(error.headers)
        return answer
    problem = error.to_problem(language_of(request))
    facts = {"status": error.status, "title": problem["title"], "detail": problem["detail"]}
    office: Office | None = getattr(request.state, "office", None)
    if office is not None:
        facts = {**shell(office, "", None), **facts}
    answer = render(request, "error.html", facts, status_code=error.status)
    answer.headers.update(error.headers)
    return answer


class PageDefect(AppError):
    status, code = 500, "defect"
    title_zh, title_en = "服务内部出错", "Something went wrong here"

    def __init__(self) -> None:
        message = N_("出错情况已记录。请稍后重试；仍不成功的，请联系管理员。")
        super().__init__(message, translator("en")(message))


class PageRoute(APIRoute):
    """A route that answers people: whatever goes wrong becomes a page in their language, never a JSON document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                return to_sign_in(request)
            except PasswordChangeNeeded:
                return to_own_account(request)
            except AppError as error:
                return await show_problem(request, error)
            except ClientDisconnect:
                raise
            except (RequestValidationError, HTTPException):
                return await show_problem(request, NotFound())
            except Exception as error:
                get_logger().error("defect", exc_info=error, method=request.method, path=request.url.path)
                return await show_problem(request, PageDefect())

        return answer


def make_pages() -> APIRouter:
    """A router of pages: outside the API's description, errors in HTML."""
    return APIRouter(
        prefix="/dashboard", include_in_schema=False, route_class=PageRoute, default_response_class=Response
    )
