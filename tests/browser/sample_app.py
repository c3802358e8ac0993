"""Pages the real service never shows on purpose: every hostile text in every place, every way to be refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import JSONResponse
from jinja2 import Template
from starlette.responses import Response

from app.access.principal import PERMISSIONS
from app.dashboard.assets import add_static_files
from app.dashboard.headers import SecurityHeaders
from app.dashboard.language import language_of
from app.dashboard.menu import menu
from app.dashboard.rendering import Flash, environment, render
from app.models import Role
from tests.browser.hostile import HOSTILE

TEMPLATES = Path(__file__).parent / "templates"
MORNING = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
TEXT = "省民政厅要求社区每周填报养老服务台账，市民政局、区民政局又各发一张表。\u200b"
WAYS = ("message", "problem", "failure")


class User:
    """The one who is signed in."""

    name, role = "周敏", Role.CLERK


def page_template(request: Request, name: str) -> Template:
    """A sample page that extends the real base, in the request's language."""
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    return environment(language_of(request)).from_string(source)


def signed_in(current: str) -> dict[str, Any]:
    shown = menu(current, {"triage": 12, "home": 3}, PERMISSIONS[User.role].__contains__)
    return {"user": User(), "csrf_token": "token-of-this-session", "menu": shown}


async def show_hostile(request: Request) -> Response:
    """Every hostile text in every place where a page puts text."""
    facts = {**signed_in("ledger"), "payloads": HOSTILE, "at": MORNING, "messages": [Flash(text) for text in HOSTILE]}
    return render(request, page_template(request, "hostile.html"), facts)


async def show_refusals(request: Request) -> Response:
    spans = [
        {"start": 0, "end": 4, "rule": "全称", "supports": "来源 HN-MZ"},
        {"start": 1, "end": 6, "rule": "要求", "supports": "提出要求 HN-MZ"},
    ]
    facts = {**signed_in("triage"), "text": TEXT, "spans": spans, "ways": WAYS}
    return render(request, page_template(request, "refusals.html"), facts)


async def refuse(request: Request, way: str = Form(), reason: str = Form("")) -> Response:
    """Refuses in each of the ways a page is refused."""
    if way == "message":
        said = Flash("这一事项刚刚已由他人分办。", "danger")
        return render(request, "flash.html", {"messages": [said]}, status_code=409)
    if way == "problem":
        problem = {"title": "提交的内容不符合要求", "detail": f"<b>理由</b>不能为空 {reason}", "status": 422}
        return JSONResponse(problem, 422, media_type="application/problem+json")
    return JSONResponse({"title": "内部错误"}, 500)


def build_sample_app() -> FastAPI:
    """The sample pages behind the real headers."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.add_middleware(SecurityHeaders)
    add_static_files(app)
    pages = APIRouter(prefix="/dashboard", include_in_schema=False)
    pages.add_api_route("/hostile", show_hostile, methods=["GET"])
    pages.add_api_route("/refusals", show_refusals, methods=["GET"])
    pages.add_api_route("/rulings", refuse, methods=["POST"])
    app.include_router(pages)
    return app
