"""A small application over the real templates with made-up facts: what the browser tests of the ground look at."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse
from jinja2 import Template
from pydantic import BaseModel
from starlette.responses import Response

from app.dashboard.api_docs import add_api_docs
from app.dashboard.assets import add_static_files
from app.dashboard.headers import SecurityHeaders
from app.dashboard.language import language_of
from app.dashboard.listing import Listing, ListState
from app.dashboard.menu import menu
from app.dashboard.rendering import Flash, environment, render
from tests.browser.hostile import HOSTILE

TEMPLATES = Path(__file__).parent / "templates"
MORNING = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DEPARTMENTS = (
    ("CS-MZ", "长沙市民政局"),
    ("CS-WJ", "长沙市卫生健康委员会"),
    ("CS-YJ", "长沙市应急管理局（长沙市防灾减灾救灾工作领导小组办公室）"),
    ("CS-SJ", "长沙市数据资源管理局"),
)
TEXT = "省民政厅要求社区每周填报养老服务台账，市民政局、区民政局又各发一张表，内容基本相同，每月多花约12个小时。"


@dataclass(frozen=True)
class User:
    """The one who is signed in."""

    name: str = "周敏"
    role: str = "office"


@dataclass(frozen=True)
class Case:
    """A line of the made-up ledger."""

    number: str
    text: str
    department: str
    status: tuple[str, str]
    tone: str
    received: datetime
    due: datetime | None
    remaining: int | None
    provisional: bool


class AssignmentCreated(BaseModel):
    """交办: a department has been given a case."""

    type: str = "assignment.created"
    case: str


def made_up_cases(texts: list[str]) -> list[Case]:
    """One case for each text, in every colour of the light."""
    cases = []
    for index, text in enumerate(texts):
        closed = index % 5 == 4
        remaining = None if closed else (index % 12) - 2
        cases.append(
            Case(
                number=f"YL-2026-{index + 1:06d}",
                text=text,
                department=DEPARTMENTS[index % 4][1],
                status=("已销号", "Struck off") if closed else ("办理中", "Open"),
                tone="success" if closed else "info",
                received=MORNING - timedelta(days=index),
                due=None if remaining is None else MORNING + timedelta(days=remaining),
                remaining=remaining,
                provisional=index % 7 == 3,
            )
        )
    return cases


def page_template(request: Request, name: str) -> Template:
    """A sample page that extends the real base, in the request's language."""
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    return environment(language_of(request)).from_string(source)


def signed_in(current: str) -> dict[str, Any]:
    return {"user": User(), "csrf_token": "token-of-this-session", "menu": menu(current, {"triage": 12, "home": 3})}


async def show_ledger(request: Request) -> Response:
    state = ListState.from_query("/dashboard/ledger", request.query_params, ("number", "received", "due"))
    everything = list(HOSTILE) if state.value("department") == "hostile" else [TEXT] * 137
    wanted = state.value("text")
    found = [case for case in made_up_cases(everything) if wanted in case.text or wanted in case.number]
    found.sort(key=lambda case: case.number, reverse=state.sort.startswith("-"))
    listing = Listing(state, found[state.offset : state.offset + state.size], len(found))
    facts = {**signed_in("ledger"), "listing": listing, "departments": [*DEPARTMENTS, ("hostile", "\u202e敌意")]}
    return render(request, page_template(request, "ledger.html"), facts)


async def show_triage(request: Request) -> Response:
    english = language_of(request) == "en"
    text = request.query_params.get("text", TEXT + "\u200b")
    stages = (
        ("Intake", "Triage", "Assigned", "Checked", "Closed") if english else ("受理", "分办", "交办", "核实", "销号")
    )
    facts = {
        **signed_in("triage"),
        "cases": made_up_cases([TEXT] * 6),
        "title": request.query_params.get("title", "重复填报养老服务台账"),
        "text": text,
        "reason": request.query_params.get("reason", ""),
        "due": MORNING + timedelta(days=2),
        "spans": [
            {"start": 0, "end": 4, "text": text[0:4], "rule": "full-name", "supports": "source HN-MZ"},
            {"start": 1, "end": 6, "text": text[1:6], "rule": "demand", "supports": "burden FORMS"},
            {"start": 19, "end": 23, "text": text[19:23], "rule": "full-name", "supports": "source CS-MZ"},
        ],
        "rules": {"full-name": "Full name" if english else "全称", "demand": "Demand" if english else "要求"},
        "candidates": [
            {"code": code, "name": name, "reason": "Named" if english else "点名"} for code, name in DEPARTMENTS[:3]
        ],
        "stages": [
            {"label": label, "state": "done" if index == 0 else "current" if index == 1 else "ahead"}
            for index, label in enumerate(stages)
        ],
        "entries": [
            {"at": MORNING, "title": "Received" if english else "受理", "tone": "info", "body": TEXT},
            {
                "at": MORNING + timedelta(minutes=3),
                "title": "Ruled" if english else "裁定",
                "actor": "周敏",
                "tone": "success",
                "body": "转市民政局牵头办理",
            },
        ],
    }
    return render(request, page_template(request, "triage.html"), facts)


async def show_hostile(request: Request) -> Response:
    """Every hostile text in every place where a page puts text."""
    facts = {**signed_in("ledger"), "payloads": HOSTILE, "at": MORNING, "messages": [Flash(text) for text in HOSTILE]}
    return render(request, page_template(request, "hostile.html"), facts)


async def rule(request: Request, receiver: str = Form(), reason: str = Form("")) -> Response:
    """Refuses in each of the ways a page is refused."""
    if receiver == "CS-MZ":
        english = language_of(request) == "en"
        said = "Somebody else has ruled on this case." if english else "这一事项刚刚已由他人分办。"
        return render(request, "flash.html", {"messages": [Flash(said, "danger")]}, status_code=409)
    if receiver == "CS-WJ":
        problem = {"title": "提交的内容不符合要求", "detail": f"<b>理由</b>不能为空 {reason}", "status": 422}
        return JSONResponse(problem, 422, media_type="application/problem+json")
    return JSONResponse({"title": "内部错误"}, 500)


async def show_sign_in(request: Request) -> Response:
    return render(request, "sign_in.html", {"csrf_token": "token", "next": request.query_params.get("next", "")})


async def sign_in(request: Request, username: str = Form(""), password: str = Form("")) -> Response:
    request.app.state.origins.append(request.headers.get("origin"))
    if password == "right":
        return RedirectResponse("/dashboard/ledger", 303)
    english = language_of(request) == "en"
    error = "User name or password is wrong." if english else "用户名或密码不正确。"
    return render(request, "sign_in.html", {"username": username, "error": error}, status_code=422)


async def show_missing(request: Request, _: Exception) -> Response:
    english = language_of(request) == "en"
    title = "Not found" if english else "没有找到"
    detail = (
        "There is no such item, or it is not yours." if english else "没有这一项，或不在您的权限范围内。请核对编号。"
    )
    facts = {**signed_in(""), "status": 404, "title": title, "detail": detail, "reference": "0193b5"}
    return render(request, "error.html", facts, status_code=404)


def build_sample_app() -> FastAPI:
    """The sample pages behind the real headers, with the real API documentation."""
    app = FastAPI(title="Yilong", docs_url=None, redoc_url=None, exception_handlers={404: show_missing})
    app.state.origins = []
    app.add_middleware(SecurityHeaders)
    add_static_files(app)
    add_api_docs(app)

    @app.webhooks.post("assignment.created")
    def assignment_created(body: AssignmentCreated) -> None:
        """A department has been given a case."""

    @app.get("/v1/cases/{number}")
    async def get_case(number: str) -> dict[str, str]:
        """One case of the ledger."""
        return {"number": number}

    pages = APIRouter(prefix="/dashboard", include_in_schema=False)
    pages.add_api_route("/ledger", show_ledger, methods=["GET"])
    pages.add_api_route("/triage", show_triage, methods=["GET"])
    pages.add_api_route("/hostile", show_hostile, methods=["GET"])
    pages.add_api_route("/rulings", rule, methods=["POST"])
    pages.add_api_route("/sign-in", show_sign_in, methods=["GET"])
    pages.add_api_route("/sign-in", sign_in, methods=["POST"])
    app.include_router(pages)
    return app
