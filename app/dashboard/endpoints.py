"""接收地址: one address as the office operates it: how it stands, what it was asked, and what can be done about it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.session import At, Office
from app.deliver import checks, endpoints
from app.deliver.health import read_health
from app.deliver.log import list_deliveries
from app.deliver.replay import Span, What, replay
from app.flow.desk import Desk
from app.models import Endpoint
from app.problems import NotFound

router = make_pages()
PATH: Final = "/dashboard/endpoints"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{1,40}$")]
ROWS: Final = 20


@router.get("/endpoints/{id}")
async def show_endpoint(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """One address: its last 24 hours, its challenges and tests, its newest deliveries."""
    return await _endpoint_page(at, id)


async def _endpoint_page(
    at: Office,
    endpoint_id: str,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    async with at.read() as session:
        facts = await _read(session, endpoint_id, at.now)
    facts |= {
        "words": words_for(at),
        "may_operate": at.may(Permission.MANAGE_ENDPOINTS),
        "typed": typed or {"what": What.FAILED, "since": ""},
        "tab": "endpoints",
    }
    return await page(at, "endpoint.html", "deliveries", facts, messages=messages, status=status)


async def _read(session: AsyncSession, endpoint_id: str, now: datetime) -> dict[str, Any]:
    endpoint = await session.get(Endpoint, endpoint_id)
    if endpoint is None:
        raise NotFound
    [health] = await read_health(session, [endpoint], now)
    return {
        "endpoint": endpoint,
        "health": health,
        "checks": await checks.list_checks(session, endpoint_id),
        "deliveries": await list_deliveries(session, endpoint_id=endpoint_id, limit=ROWS),
    }


async def _operate(at: Office, endpoint_id: str, act: Callable[[Desk], Awaitable[str]]) -> Response:
    """Do one thing with an address and come back to its page, which says what was done."""
    at.principal.require(Permission.MANAGE_ENDPOINTS)
    typed = {"what": at.form.get("what"), "since": at.form.get("since")}

    async def do() -> Response:
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            done = await act(desk)
        return go(at.request, f"{PATH}/{endpoint_id}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _endpoint_page(at, endpoint_id, (message,), status, typed)

    return await attempt(at, do, show_again)


@router.post("/endpoints/{id}/challenge")
async def challenge_endpoint(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """再次验证: ask the address at once to answer for itself."""

    async def act(desk: Desk) -> str:
        await checks.ask_challenge(desk.session, id, desk.now)
        return words_for(at).say(N_("验证消息已排队发送，稍后刷新查看结果。"))

    return await _operate(at, id, act)


@router.post("/endpoints/{id}/test")
async def send_test_message(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """发送测试: one signed message that tells of no case."""

    async def act(desk: Desk) -> str:
        await checks.send_test(desk.session, id, desk.now)
        return words_for(at).say(N_("测试消息已排队发送，稍后刷新查看结果。"))

    return await _operate(at, id, act)


@router.post("/endpoints/{id}/activation")
async def activate_endpoint(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """恢复推送: at once, first what has waited."""

    async def act(desk: Desk) -> str:
        await endpoints.activate(desk.session, id, desk.now)
        return words_for(at).say(N_("已恢复推送，积压的先送。"))

    return await _operate(at, id, act)


@router.post("/endpoints/{id}/pause")
async def pause_endpoint(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """停用: send nothing there any more; what is queued waits."""

    async def act(desk: Desk) -> str:
        await endpoints.deactivate(desk.session, id, desk.now)
        return words_for(at).say(N_("已停用，积压的保留待送。"))

    return await _operate(at, id, act)


@router.post("/endpoints/{id}/replay")
async def replay_endpoint(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """补推: what was given up since a moment, or what the address never got."""

    async def act(desk: Desk) -> str:
        what, since = _read_replay(at)
        count = await replay(desk.session, id, what, Span.of(since, None, desk.now), desk.now)
        return words_for(at).say(N_("已排队补推 %(count)s 条。"), count=count)

    return await _operate(at, id, act)


def _read_replay(at: Office) -> tuple[What, datetime]:
    """What is to be sent again, and since when on the city's clock; raises BadFields."""
    faults = []
    what = next((known for known in What if known == at.form.get("what")), None)
    if what is None:
        faults.append(N_("请选择补推的内容。"))
    since = None
    try:
        since = datetime.fromisoformat(at.form.get("since"))
    except ValueError:
        faults.append(N_("请填写起始时间。"))
    if what is None or since is None:
        raise BadFields(faults)
    local = since if since.tzinfo else since.replace(tzinfo=at.city.calendar.zone)
    return what, local.astimezone(UTC)
