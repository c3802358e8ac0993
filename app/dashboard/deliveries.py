"""投递: what was sent to department systems and what came of it; the addresses it is sent to."""

from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import entry_of, find_department
from app.dashboard.session import DeliveryReader, Office, Operator
from app.dashboard.suggesting import suggest_departments
from app.deliver import endpoints
from app.deliver.checks import connect_endpoint
from app.deliver.health import read_health
from app.deliver.log import list_attempts, list_endpoints
from app.flow.channels import guard_of
from app.ledger.pages import page_deliveries, read_delivery
from app.ledger.todo import FAILED
from app.models import DeliveryStatus

router = make_pages()
PATH: Final = "/dashboard/deliveries"
ENDPOINTS: Final = "/dashboard/endpoints"
DeliveryId = Annotated[int, Path(ge=1, le=2**53)]
FILTERS: Final = ("status", "department", "case")
LONGEST_URL: Final = 1000


@router.get("/deliveries")
async def show_deliveries(at: DeliveryReader) -> Response:
    """The delivery log, newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    kept = tuple((name, value.replace("\x00", "")) for name, value in state.filters if name in FILTERS)
    state = ListState(PATH, kept, page=state.page, size=state.size)
    status = state.value("status")
    statuses = FAILED if status == "failed" else tuple(known for known in DeliveryStatus if known == status)
    typed = state.value("department")
    async with at.read() as session:
        rows, total = await page_deliveries(
            session,
            status=statuses,
            department=(find_department(typed, at.city) or "-") if typed else None,
            case_number=state.value("case") or None,
            offset=state.offset,
            limit=state.size,
        )
    facts = {
        "listing": Listing(state, rows, total),
        "words": words_for(at),
        "departments": suggest_departments(at.city),
        "entry_of": lambda code: entry_of(code, at.city),
    }
    return await page(at, "deliveries.html", "deliveries", facts)


@router.get("/deliveries/{id}")
async def show_delivery(id: DeliveryId, at: DeliveryReader) -> Response:  # noqa: A002 - the address says id
    """One delivery with each attempt and the start of what was answered."""
    return await _delivery_page(at, id)


async def _delivery_page(at: Office, delivery_id: int, messages: tuple[Flash, ...] = (), status: int = 200) -> Response:
    async with at.read() as session:
        row = await read_delivery(session, delivery_id)
        attempts = await list_attempts(session, delivery_id)
    over = row.delivery.expires_at is not None and row.delivery.expires_at <= at.now
    facts = {
        "row": row,
        "attempts": attempts,
        "words": words_for(at),
        "may_redeliver": at.may(Permission.MANAGE_ENDPOINTS) and row.endpoint.active and not over,
    }
    return await page(at, "delivery.html", "deliveries", facts, messages=messages, status=status)


@router.post("/deliveries/{id}/redelivery")
async def redeliver(id: DeliveryId, at: Operator) -> Response:  # noqa: A002 - the address says id
    """重发: the same id, the same bytes."""

    async def act() -> Response:
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            await endpoints.redeliver(desk.session, id, desk.now)
        done = words_for(at).say(N_("投递 %(number)s 已排队重发。"), number=id)
        return go(at.request, f"{PATH}/{id}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _delivery_page(at, id, (message,), status)

    return await attempt(at, act, show_again)


@router.get("/endpoints")
async def show_endpoints(at: DeliveryReader) -> Response:
    """The addresses of department systems, by department code."""
    return await endpoints_page(at)


async def endpoints_page(
    at: Office,
    *,
    typed: dict[str, str] | None = None,
    typed_channel: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    """The addresses, and the forms that register more; `typed` and `typed_channel` are what was refused."""
    async with at.read() as session:
        known = await read_health(session, await list_endpoints(session), at.now)
    facts = {
        "endpoints": known,
        "words": words_for(at),
        "typed": typed or {"department": "", "url": ""},
        "typed_channel": typed_channel or {},
        "made": made,
        "may_register": at.may(Permission.MANAGE_ENDPOINTS),
        "departments": suggest_departments(at.city) if at.may(Permission.MANAGE_ENDPOINTS) else "",
    }
    return await page(at, "endpoints.html", "deliveries", facts, messages=messages, status=status)


@router.post("/endpoints")
async def register_endpoint(at: Operator) -> Response:
    """Register an address. The answer shows its secret, this once; nothing of it goes into an address or a cookie."""
    typed = {"department": at.form.get("department"), "url": at.form.get("url")}

    async def act() -> Response:
        department = find_department(typed["department"], at.city)
        faults = [] if department else [N_("请从列表中选择部门。")]
        if not 0 < len(typed["url"]) <= LONGEST_URL:
            faults.append(N_("请填写接收地址，不超过 1000 个字符。"))
        if faults or department is None:
            raise BadFields(faults)
        guard = guard_of(at.runtime.settings)
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            endpoint, secret = await connect_endpoint(
                desk.session, department, typed["url"], desk.sealer, guard, desk.now
            )
        return await endpoints_page(at, made={"endpoint": endpoint, "secret": secret}, status=201)

    async def show_again(message: Flash, status: int) -> Response:
        return await endpoints_page(at, typed=typed, messages=(message,), status=status)

    return await attempt(at, act, show_again)
