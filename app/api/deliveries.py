"""Integration: endpoints of department systems, and the log of what was delivered to them."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field, model_validator

from app.access.principal import Permission
from app.api.door import Door, In, Kept, Out, door, make_router
from app.deliver import endpoints
from app.deliver.channels import Described
from app.deliver.checks import connect_endpoint
from app.deliver.log import list_attempts, list_deliveries, list_endpoints
from app.flow.channels import guard_of, mail_server_of, make_messenger, send_test_message
from app.flow.desk import Desk
from app.models import Channel, Delivery, DeliveryStatus
from app.problems import NotFound

router = make_router("integration 对接")
DeliveryId = Annotated[int, Path(ge=1, le=2**53)]


class EndpointIn(In):
    """A webhook needs `department` and `url` alone; what a channel to people needs is in docs/channels.md."""

    department: str = Field(max_length=20)
    url: str | None = Field(
        default=None,
        min_length=8,
        max_length=1000,
        examples=["https://10.1.2.3/yilong"],
        description="where to post to; for a robot its whole address as the vendor shows it; not for `email`",
    )
    channel: Channel = Channel.WEBHOOK
    to: list[Annotated[str, Field(max_length=255)]] = Field(
        default=[], max_length=20, description="`email`: mailboxes; `sms`: telephone numbers for the field `{to}`"
    )
    sign_secret: str = Field(default="", max_length=200, description="`dingtalk`, `feishu`: where the robot signs")
    method: Literal["GET", "POST", "PUT"] = Field(default="POST", description="`sms`")
    headers: dict[str, str] = Field(default={}, max_length=20, description="`sms`: such as `Authorization`")
    body: str = Field(default="", max_length=4000, description="`sms`: a template with fields such as `{number}`")
    expects: str = Field(
        default="", max_length=200, description="`sms`: what an answer contains where the message was taken"
    )
    office_hours: bool | None = Field(
        default=None,
        description="sent in office hours alone, what waits together as one message; yes unless said, never a webhook",
    )

    @model_validator(mode="after")
    def check_webhook(self) -> "EndpointIn":
        if self.channel is not Channel.WEBHOOK:
            return self
        if not self.url:
            raise ValueError("a webhook needs its url")
        if self.to or self.sign_secret or self.headers or self.body or self.expects or self.office_hours:
            raise ValueError("a webhook has a url and nothing else")
        return self

    def described(self) -> Described:
        return Described(
            channel=self.channel,
            url=self.url or "",
            to=self.to,
            sign_secret=self.sign_secret,
            method=self.method,
            headers=self.headers,
            body=self.body,
            expects=self.expects,
        )


class EndpointOut(Out):
    id: str
    department_code: str
    channel: Channel
    url: str = Field(description="of a channel to people, what may be seen: mailboxes, or an address without its keys")
    office_hours: bool
    active: bool
    created_at: datetime
    confirmed_at: datetime | None = Field(
        description="when it answered its challenge; before that it gets no events, they wait for it"
    )
    failing_since: datetime | None = Field(description="the first failure since anything was delivered")
    failures: int = Field(description="calls in a row that got no answer; from five on the address is given rests")
    rests_until: datetime | None = Field(description="nothing is sent before then; what is queued waits")


class NewEndpointOut(EndpointOut):
    """`secret` is a webhook's, shown this once; keep it in the department system's configuration."""

    secret: str | None


class TestMessageOut(Out):
    """What came of a test message."""

    delivered: bool
    milliseconds: int
    http_status: int | None
    error: str | None
    answer: str | None


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
    event: str = Field(description="the event's id; a digest has that of its message")
    type: str = Field(description="the event's, or `digest`")
    department: str
    url: str
    status: DeliveryStatus = Field(description="`outdated`: a digest whose day went by before it got there")
    message: str | None = Field(description="to people: the message it travels in, the same for all told of together")
    digest_day: date | None = Field(description="a digest's day; it belongs to no event and no case")
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


@router.post("/endpoints", status_code=201, response_model=NewEndpointOut)
async def post_endpoint(body: EndpointIn, at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)]) -> Response:
    """Register a department system's address, or a channel to its people; the answer holds a webhook's signing
    secret, this once.

    A webhook is asked at once, by a signed `endpoint.challenge`, to answer for itself; events wait until it has.
    """
    settings = at.runtime.settings

    async def act(desk: Desk) -> BaseModel:
        secret = None
        if body.channel is Channel.WEBHOOK:
            made, secret = await connect_endpoint(
                desk.session, body.department, body.url or "", desk.sealer, guard_of(settings), desk.now
            )
        else:
            made = await endpoints.register_channel(
                desk.session,
                body.department,
                body.described(),
                desk.sealer,
                guard_of(settings),
                desk.now,
                office_hours=body.office_hours is not False,
                has_mail_server=mail_server_of(settings) is not None,
            )
        return NewEndpointOut(**EndpointOut.model_validate(made).model_dump(), secret=secret)

    return await at.write(act, status=201, kept=Kept.SEALED)


@router.post("/endpoints/{id}/test-message")
async def post_test_message(
    id: Annotated[str, Path(max_length=40)],  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
) -> TestMessageOut:
    """Send one message to a channel's people now, at any hour, and say what came of it. It tells of no case."""
    runtime = at.runtime
    messenger = make_messenger(runtime.settings)
    try:
        outcome = await send_test_message(runtime.database, runtime.clock, runtime.sealer, messenger, id)
    finally:
        await messenger.aclose()
    return TestMessageOut(
        delivered=outcome.delivered,
        milliseconds=outcome.milliseconds,
        http_status=outcome.http_status,
        error=outcome.fault,
        answer=outcome.answer,
    )


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

    return await at.write(act, kept=Kept.SEALED)


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
            event=row.delivery.event_id or row.delivery.message_id or "",
            type=row.event_type,
            department=row.department_code,
            url=row.url,
            status=row.delivery.status,
            message=row.delivery.message_id,
            digest_day=row.delivery.digest_day,
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
