"""接收地址: one address as the office operates it: how it stands, what it was asked, and what can be done about it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.dashboard.answering import attempt, flash_of, go, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.session import DeliveryReader, Office, Operator
from app.deliver import checks, endpoints, keys
from app.deliver.health import read_health
from app.deliver.keys import KeyInForce
from app.deliver.log import list_deliveries
from app.deliver.replay import Span, What, replay
from app.flow.desk import Desk
from app.models import Channel, Endpoint
from app.problems import NotFound
from app.sealing import SealBroken

router = make_pages()
PATH: Final = "/dashboard/endpoints"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{1,40}$")]
ROWS: Final = 20
UNTYPED: Final = {"form": "", "what": What.FAILED.value, "since": "", "overlap_hours": "24"}


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A signing secret just made, and until when the one before it is valid; None where that is revoked."""

    secret: str = field(repr=False)
    until: datetime | None


@dataclass(frozen=True, slots=True)
class KeyPanel:
    """What signs for an address, with the mark that its forms carry; `fault` where the stored keys cannot be opened."""

    known: Sequence[KeyInForce] = ()
    mark: str = ""
    fault: str = ""

    @property
    def shared(self) -> list[KeyInForce]:
        return [key for key in self.known if key.public_key is None]

    @property
    def pairs(self) -> list[KeyInForce]:
        return [key for key in self.known if key.public_key is not None]


@router.get("/endpoints/{id}")
async def show_endpoint(id: Id, at: DeliveryReader) -> Response:  # noqa: A002 - the address says id
    """One address: its last 24 hours, its challenges and tests, its newest deliveries."""
    return await endpoint_page(at, id)


async def endpoint_page(
    at: Office,
    endpoint_id: str,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
    *,
    refused: bool = False,
    made: NewSecret | None = None,
) -> Response:
    """The page of one address. `refused`: the form that was sent stays as typed; `made` is shown with it, this once."""
    may_operate = at.may(Permission.MANAGE_ENDPOINTS)
    async with at.read() as session:
        facts = await _read(session, endpoint_id, at.now)
    facts |= {
        "words": words_for(at),
        "may_operate": may_operate,
        "typed": _typed(at) if refused else UNTYPED,
        "keys": _keys(at, facts["endpoint"]) if may_operate else None,
        "made": made,
        "tab": "endpoints",
    }
    return await page(at, "endpoint.html", "deliveries", facts, messages=messages, status=status)


def _typed(at: Office) -> dict[str, str]:
    """What was filled in, and in which form: the end of the address it was sent to."""
    form = at.request.url.path.removeprefix(f"{PATH}/").partition("/")[2]
    return {**UNTYPED, **{name: at.form.get(name) for name in UNTYPED if name in at.form.values}, "form": form}


def _keys(at: Office, endpoint: Endpoint) -> KeyPanel | None:
    """The signing keys of a system's address; None for a channel, which has none."""
    if endpoint.channel is not Channel.WEBHOOK:
        return None
    try:
        known = keys.keys_in_force(endpoint, at.runtime.sealer, at.now)
    except SealBroken as error:
        return KeyPanel(fault=flash_of(error, at.request).text)
    return KeyPanel(known, keys.mark_of(endpoint))


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


async def operate(at: Office, endpoint_id: str, act: Callable[[Desk], Awaitable[str]]) -> Response:
    """Do one thing with an address and come back to its page, which says what was done."""

    async def do() -> Response:
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            done = await act(desk)
        return go(at.request, f"{PATH}/{endpoint_id}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await endpoint_page(at, endpoint_id, (message,), status, refused=True)

    return await attempt(at, do, show_again)


@router.post("/endpoints/{id}/challenge")
async def challenge_endpoint(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """再次验证: ask the address at once to answer for itself."""

    async def act(desk: Desk) -> str:
        await checks.ask_challenge(desk.session, id, desk.now)
        return words_for(at).say(N_("验证消息已排队发送，稍后刷新查看结果。"))

    return await operate(at, id, act)


@router.post("/endpoints/{id}/test")
async def send_test_message(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """发送测试: one signed message that tells of no case."""

    async def act(desk: Desk) -> str:
        await checks.send_test(desk.session, id, desk.now)
        return words_for(at).say(N_("测试消息已排队发送，稍后刷新查看结果。"))

    return await operate(at, id, act)


@router.post("/endpoints/{id}/activation")
async def activate_endpoint(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """恢复推送: at once, first what has waited."""

    async def act(desk: Desk) -> str:
        await endpoints.activate(desk.session, id, desk.now)
        return words_for(at).say(N_("已恢复推送，积压的先送。"))

    return await operate(at, id, act)


@router.post("/endpoints/{id}/pause")
async def pause_endpoint(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """停用: send nothing there any more; what is queued waits."""

    async def act(desk: Desk) -> str:
        await endpoints.deactivate(desk.session, id, desk.now)
        return words_for(at).say(N_("已停用，积压的保留待送。"))

    return await operate(at, id, act)


@router.post("/endpoints/{id}/replay")
async def replay_endpoint(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """补推: what was given up since a moment, or what the address never got."""

    async def act(desk: Desk) -> str:
        what, since = _read_replay(at)
        count = await replay(desk.session, id, what, Span.of(since, None, desk.now), desk.now)
        return words_for(at).say(N_("已排队补推 %(count)s 条。"), count=count)

    return await operate(at, id, act)


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
