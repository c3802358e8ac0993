"""Signing in and out: a new session at each sign-in, one and the same answer to every wrong attempt, too many wait."""

import base64
import secrets
from typing import Annotated, Final

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse

from app.access.attempts import TooManyAttempts, clear
from app.access.people import WrongCredentials, close_session, find_signed_in, find_user, open_session
from app.api.address import client_address
from app.api.door import SESSION_COOKIE, get_runtime
from app.dashboard.answering import flash_of, make_pages
from app.dashboard.forms import Form, read_form
from app.dashboard.language import N_, language_of, translator
from app.dashboard.rendering import render
from app.dashboard.session import Anybody, find_session, local_path, refuse_foreign
from app.models import User
from app.problems import NotFound
from app.runtime import Runtime
from app.sealing import SealBroken

router = make_pages()
PATH: Final = "/dashboard/sign-in"
VISITOR_COOKIE: Final = "yilong_visitor"
VISITOR_PLACE: Final = "dashboard:sign-in"
VISITOR_BYTES, VISITOR_LENGTH = 24, 32
LONGEST_PASSWORD: Final = 1024
LONGEST_USERNAME: Final = 80
# Tells a browser in which an account has signed in before; it lets nobody in.
KNOWN_COOKIE: Final = "yilong_known"
KNOWN_PLACE: Final = "dashboard:known-browser"
KNOWN_SECONDS: Final = 180 * 24 * 3600
EXPIRED: Final = N_("登录页面已过期，请重新输入。")


@router.get("/sign-in")
async def show_sign_in(request: Request, next: Annotated[str, Query()] = "") -> Response:  # noqa: A002 - the address says next
    """The form; whoever is signed in already goes on."""
    if await find_session(request) is not None:
        return RedirectResponse(local_path(next), 303)
    return _form(request, wanted=next)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Check name and password, open a session of its own, set its cookie."""
    refuse_foreign(request)
    if not get_runtime(request).settings.password_sign_in:
        raise NotFound
    form = await read_form(request)
    if not _is_own_form(request, form):
        return _form(request, form, error=translator(language_of(request))(EXPIRED), status=403)
    try:
        token = await _open(get_runtime(request), request, form)
    except TooManyAttempts as error:
        answer = _form(request, form, error=flash_of(error, request).text, status=error.status)
        answer.headers.update(error.headers)
        return answer
    if token is None:
        wrong = WrongCredentials()
        return _form(request, form, error=flash_of(wrong, request).text, status=wrong.status)
    answer = RedirectResponse(local_path(form.get("next")), 303)
    set_cookie(request, answer, SESSION_COOKIE, token, "/")
    answer.delete_cookie(VISITOR_COOKIE, path=PATH)
    mark = f"{secrets.token_urlsafe(VISITOR_BYTES)} {_username(form)}"
    sealed = base64.urlsafe_b64encode(get_runtime(request).sealer.seal(mark.encode(), KNOWN_PLACE)).decode()
    set_cookie(request, answer, KNOWN_COOKIE, sealed, PATH, seconds=KNOWN_SECONDS)
    return answer


@router.post("/sign-out")
async def sign_out(at: Anybody) -> Response:
    """End the session here and on the server."""
    async with at.runtime.database.write() as session:
        await close_session(session, at.signed_in.token_hash, at.now)
    answer = RedirectResponse("/dashboard/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


async def _open(runtime: Runtime, request: Request, form: Form) -> str | None:
    """A new session's token; None where name or password does not fit. Raises TooManyAttempts."""
    password, username = form.values.get("password", [""])[0][:LONGEST_PASSWORD], _username(form)
    address = client_address(request, trusted_proxy=runtime.settings.trusted_proxy)
    attempt = await runtime.sign_ins.admit(username, address, _mark_of_known(request, username))
    async with runtime.database.read() as session:
        user = await find_user(session, username)
    fits = await runtime.sign_ins.fits(user.password_hash if user else None, password)
    if user is None or not fits:
        return None
    async with runtime.database.write() as session:
        unchanged = await find_user(session, user.username)
        if unchanged is None or unchanged.password_hash != user.password_hash:
            return None
        await clear(session, attempt)
        return await renew_session(request, session, unchanged)


async def renew_session(request: Request, session: AsyncSession, user: User) -> str:
    """Open a session of its own and end the one that this browser had before; its token."""
    now, before = get_runtime(request).clock.now(), request.cookies.get(SESSION_COOKIE)
    known = await find_signed_in(session, before, now) if before else None
    if known is not None:
        await close_session(session, known.token_hash, now)
    return open_session(session, user, now)


def _username(form: Form) -> str:
    return form.get("username")[:LONGEST_USERNAME]


def _mark_of_known(request: Request, username: str) -> str | None:
    """The mark of a browser in which this very account has signed in; None for any other."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(KNOWN_COOKIE, ""))
        mark, _, known = get_runtime(request).sealer.open(sealed, KNOWN_PLACE).decode().partition(" ")
    except (SealBroken, ValueError):
        return None
    return mark if known == username else None


def _form(
    request: Request, form: Form | None = None, *, wanted: str = "", error: str = "", status: int = 200
) -> Response:
    """The page with a token bound to this browser by a cookie of its own."""
    known = request.cookies.get(VISITOR_COOKIE, "")
    visitor = known if known.isascii() and len(known) == VISITOR_LENGTH else secrets.token_urlsafe(VISITOR_BYTES)
    runtime = get_runtime(request)
    settings, sealed = runtime.settings, runtime.sealer.seal(visitor.encode(), VISITOR_PLACE)
    facts = {
        "csrf_token": base64.urlsafe_b64encode(sealed).decode(),
        "next": local_path(form.get("next") if form else wanted),
        "username": _username(form) if form else "",
        "error": error,
        "with_password": settings.password_sign_in,
        "with_provider": bool(settings.oidc_issuer),
        "provider_label": settings.oidc_label,
    }
    answer = render(request, "sign_in.html", facts, status_code=status)
    set_cookie(request, answer, VISITOR_COOKIE, visitor, PATH)
    return answer


def _is_own_form(request: Request, form: Form) -> bool:
    """Whether the form's token opens to what the same browser holds in its cookie."""
    visitor = request.cookies.get(VISITOR_COOKIE, "")
    try:
        opened = get_runtime(request).sealer.open(base64.urlsafe_b64decode(form.get("csrf_token")), VISITOR_PLACE)
    except (SealBroken, ValueError):
        return False
    return bool(visitor) and secrets.compare_digest(opened, visitor.encode())


def set_cookie(
    request: Request, answer: Response, name: str, value: str, path: str, *, seconds: int | None = None
) -> None:
    secure = get_runtime(request).settings.session_cookie_secure
    answer.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=secure)
