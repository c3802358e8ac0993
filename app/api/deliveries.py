"""Integration: endpoints of department systems, and the log of what was delivered to them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.deliver import endpoints
from app.deliver.checks import connect_endpoint
from app.deliver.guard import Guard
from app.deliver.log import list_attempts, list_deliveries, list_endpoints
from app.flow.desk import Desk
from app.models import Delivery, DeliveryStatus
from app.problems import NotFound

router = make_router("integration 对接")
DeliveryId = Annotated[int, Path(ge=1, le=2**53)]


class EndpointIn(In):
    department: str = Field(max_length=20)
    url: str = Field(min_length=8, max_length=1000, examples=["https://10.1.2.3/yilong"])


class EndpointOut(Out):
    id: str
    department_code: str
    url: str
    active: bool
    created_at: datetime
    confirmed_at: datetime | None = Field(
        description="when it answered its challenge; before that it gets no events, they wait for it"
    )
    failing_since: datetime | None = Field(description="the first failure since anything was delivered")
    failures: int = Field(description="calls in a row that got no answer; from five on the address is given rests")
    rests_until: datetime | None = Field(description="nothing is sent before then; what is queued waits")


class NewEndpointOut(EndpointOut):
    """`secret` is shown this once; keep it in the department system's configuration."""

    secret: str


class RotationIn(In):
    overlap_hours: float = Field(
        24, ge=0, le=720, allow_inf_nan=False, description="how long the one before goes on signing; 0 revokes it now"
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(hours=self.overlap_hours)


class SecretOut(Out):
    secret: str


class DeliveryOut(Out):
    id: int
    event: str
    type: str
    department: str
    url: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class AttemptOut(Out):
    number: int
    started_at: datetime
    milliseconds: int
    http_status: int | None
    error: str | None
    answer: str | None


def guard_of(at: Door) -> Guard:
    settings = at.runtime.settings
    return Guard.of(settings.delivery_allowed_networks, allow_loopback=settings.delivery_allow_loopback)


@router.post("/endpoints", status_code=201, response_model=NewEndpointOut)
async def post_endpoint(body: EndpointIn, at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)]) -> Response:
    """Register a department system's address; the answer holds the signing secret, this once.

    It is asked at once, by a signed `endpoint.challenge`, to answer for itself; events wait until it has.
    """

    async def act(desk: Desk) -> BaseModel:
        made, secret = await connect_endpoint(
            desk.session, body.department, body.url, desk.sealer, guard_of(at), desk.now
        )
        return NewEndpointOut(**EndpointOut.model_validate(made).model_dump(), secret=secret)

    return await at.write(act, status=201)


@router.get("/endpoints")
async def get_endpoints(
    at: Annotated[Door, door(Permission.READ_DELIVERIES)],
    department: Annotated[str | None, Query(max_length=20)] = None,
) -> list[EndpointOut]:
    """All endpoints; their secrets are never shown again."""
    async with at.read() as session:
        return [EndpointOut.model_validate(e) for e in await list_endpoints(session, department)]


@router.post("/endpoints/{id}/secret", response_model=SecretOut)
async def post_secret(
    id: Annotated[str, Path(max_length=40)],  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
    body: RotationIn | None = None,
) -> Response:
    """Rotate: a new secret, shown once; the old one goes on signing beside it for a while, or is revoked at once."""
    overlap = (body or RotationIn()).overlap

    async def act(desk: Desk) -> BaseModel:
        return SecretOut(secret=await endpoints.rotate_secret(desk.session, id, desk.sealer, desk.now, overlap))

    return await at.write(act)


@router.delete("/endpoints/{id}", response_model=EndpointOut)
async def delete_endpoint(
    id: Annotated[str, Path(max_length=40)],  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
) -> Response:
    """Send nothing there any more; its log stays."""

    async def act(desk: Desk) -> BaseModel:
        return EndpointOut.model_validate(await endpoints.deactivate(desk.session, id, desk.now))

    return await at.write(act)


@router.post("/endpoints/{id}/activation", response_model=EndpointOut)
async def post_activation(
    id: Annotated[str, Path(max_length=40)],  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
) -> Response:
    """Send there again, at once and first what has waited: after a 410, a pause, or while it rests."""

    async def act(desk: Desk) -> BaseModel:
        return EndpointOut.model_validate(await endpoints.activate(desk.session, id, desk.now))

    return await at.write(act)


@router.get("/deliveries")
async def get_deliveries(
    at: Annotated[Door, door(Permission.READ_DELIVERIES)],
    status: Annotated[DeliveryStatus | None, Query()] = None,
    department: Annotated[str | None, Query(max_length=20)] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DeliveryOut]:
    """The delivery log, newest first; page with `before` = the last id."""
    async with at.read() as session:
        rows = await list_deliveries(session, before=before, limit=limit, status=status, department_code=department)
    return [
        DeliveryOut(
            id=row.delivery.id,
            event=row.delivery.event_id,
            type=row.event_type,
            department=row.department_code,
            url=row.url,
            status=row.delivery.status,
            attempts=row.delivery.attempts,
            due_at=row.delivery.due_at,
            created_at=row.delivery.created_at,
            finished_at=row.delivery.finished_at,
        )
        for row in rows
    ]


@router.get("/deliveries/{id}/attempts")
async def get_attempts(
    id: DeliveryId,  # noqa: A002
    at: Annotated[Door, door(Permission.READ_DELIVERIES)],
) -> list[AttemptOut]:
    """Each try with its status, time and the start of the answer."""
    async with at.read() as session:
        if await session.get(Delivery, id) is None:
            raise NotFound
        return [AttemptOut.model_validate(a) for a in await list_attempts(session, id)]


class RedeliveryOut(Out):
    id: int
    status: DeliveryStatus
    due_at: datetime | None


@router.post("/deliveries/{id}/redelivery", response_model=RedeliveryOut)
async def post_redelivery(
    id: DeliveryId,  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
) -> Response:
    """Send a delivery again: the same id, the same bytes."""

    async def act(desk: Desk) -> BaseModel:
        return RedeliveryOut.model_validate(await endpoints.redeliver(desk.session, id, desk.now))

    return await at.write(act)
