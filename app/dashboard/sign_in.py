"""Signing in and out: a new session at each sign-in, one and the same answer to every wrong attempt."""

import asyncio
import base64
import secrets
from typing import Annotated, Final

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from app.access.people import WrongCredentials, close_session, find_signed_in, find_user, open_session, password_fits
from app.access.principal import PERMISSIONS, Permission
from app.api.door import SESSION_COOKIE, get_runtime
from app.dashboard.answering import flash_of, make_pages
from app.dashboard.forms import Form, read_form
from app.dashboard.language import N_, language_of, translator
from app.dashboard.rendering import render
from app.dashboard.session import At, find_session, local_path, refuse_foreign
from app.runtime import Runtime
from app.sealing import SealBroken

router = make_pages()
VISITOR_COOKIE: Final = "yilong_visitor"
VISITOR_PLACE: Final = "dashboard:sign-in"
VISITOR_BYTES, VISITOR_LENGTH = 24, 32
LONGEST_PASSWORD: Final = 1024
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
    form = await read_form(request)
    if not _is_own_form(request, form):
        return _form(request, form, error=translator(language_of(request))(EXPIRED), status=403)
    token = await _open(get_runtime(request), request, form)
    if token is None:
        wrong = WrongCredentials()
        return _form(request, form, error=flash_of(wrong, request).text, status=wrong.status)
    answer = RedirectResponse(local_path(form.get("next")), 303)
    _set_cookie(request, answer, SESSION_COOKIE, token, "/")
    answer.delete_cookie(VISITOR_COOKIE, path="/dashboard/sign-in")
    return answer


@router.post("/sign-out")
async def sign_out(at: At) -> Response:
    """End the session here and on the server."""
    async with at.runtime.database.write() as session:
        await close_session(session, at.signed_in.token_hash, at.now)
    answer = RedirectResponse("/dashboard/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


async def _open(runtime: Runtime, request: Request, form: Form) -> str | None:
    """A new session's token; None where name, password or role does not fit."""
    password = form.values.get("password", [""])[0][:LONGEST_PASSWORD]
    async with runtime.database.read() as session:
        user = await find_user(session, form.get("username")[:80])
    fits = await asyncio.to_thread(password_fits, user.password_hash if user else None, password)
    if user is None or not fits or Permission.USE_DASHBOARD not in PERMISSIONS[user.role]:
        return None
    before = request.cookies.get(SESSION_COOKIE)
    async with runtime.database.write() as session:
        now = runtime.clock.now()
        unchanged = await find_user(session, user.username)
        if unchanged is None or unchanged.password_hash != user.password_hash:
            return None
        known = await find_signed_in(session, before, now) if before else None
        if known is not None:
            await close_session(session, known.token_hash, now)
        return open_session(session, unchanged, now)


def _form(
    request: Request, form: Form | None = None, *, wanted: str = "", error: str = "", status: int = 200
) -> Response:
    """The page with a token bound to this browser by a cookie of its own."""
    known = request.cookies.get(VISITOR_COOKIE, "")
    visitor = known if known.isascii() and len(known) == VISITOR_LENGTH else secrets.token_urlsafe(VISITOR_BYTES)
    sealed = get_runtime(request).sealer.seal(visitor.encode(), VISITOR_PLACE)
    facts = {
        "csrf_token": base64.urlsafe_b64encode(sealed).decode(),
        "next": local_path(form.get("next") if form else wanted),
        "username": form.get("username")[:80] if form else "",
        "error": error,
    }
    answer = render(request, "sign_in.html", facts, status_code=status)
    _set_cookie(request, answer, VISITOR_COOKIE, visitor, "/dashboard/sign-in")
    return answer


def _is_own_form(request: Request, form: Form) -> bool:
    """Whether the form's token opens to what the same browser holds in its cookie."""
    visitor = request.cookies.get(VISITOR_COOKIE, "")
    try:
        opened = get_runtime(request).sealer.open(base64.urlsafe_b64decode(form.get("csrf_token")), VISITOR_PLACE)
    except (SealBroken, ValueError):
        return False
    return bool(visitor) and secrets.compare_digest(opened, visitor.encode())


def _set_cookie(request: Request, answer: Response, name: str, value: str, path: str) -> None:
    secure = get_runtime(request).settings.session_cookie_secure
    answer.set_cookie(name, value, path=path, httponly=True, samesite="lax", secure=secure)
