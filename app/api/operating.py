"""Operating the integration: challenges and tests, key pairs, health of addresses, alerts, replays."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.access.principal import Permission
from app.api.deliveries import EndpointOut, RotationIn
from app.api.door import Door, In, Out, door, make_router
from app.deliver import alerts, checks, endpoints, replay
from app.deliver.health import Health, Standing, read_health
from app.deliver.log import list_endpoints
from app.flow.desk import Desk
from app.models import CheckKind, CheckStatus, Endpoint
from app.problems import NotFound

router = make_router("integration 对接")
EndpointId = Annotated[str, Path(max_length=40)]
Code = Annotated[str | None, Query(max_length=20)]


# ── challenges and tests ──


class CheckOut(Out):
    """A challenge or a test. A challenge that failed is asked again for a day, then only when you ask."""

    id: str
    kind: CheckKind
    status: CheckStatus
    attempts: int
    due_at: datetime | None = Field(description="when it is tried next")
    created_at: datetime
    finished_at: datetime | None
    http_status: int | None
    milliseconds: int | None
    error: str | None
    answer: str | None = Field(description="the first kB of what was answered")


@router.post("/endpoints/{id}/challenge", response_model=CheckOut)
async def post_challenge(id: EndpointId, at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)]) -> Response:  # noqa: A002
    """Ask the address again, at once, to answer for itself: 2xx with `{"challenge": "…"}`, what `data` holds."""

    async def act(desk: Desk) -> BaseModel:
        return CheckOut.model_validate(await checks.ask_challenge(desk.session, id, desk.now))

    return await at.write(act)


@router.post("/endpoints/{id}/test", status_code=201, response_model=CheckOut)
async def post_test(id: EndpointId, at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)]) -> Response:  # noqa: A002
    """Send a signed `endpoint.test`, once; look at the checks for what came of it."""

    async def act(desk: Desk) -> BaseModel:
        return CheckOut.model_validate(await checks.send_test(desk.session, id, desk.now))

    return await at.write(act, status=201)


@router.get("/endpoints/{id}/checks")
async def get_checks(id: EndpointId, at: Annotated[Door, door(Permission.READ_DELIVERIES)]) -> list[CheckOut]:  # noqa: A002
    """The last challenges and tests, newest first."""
    async with at.read() as session:
        if await session.get(Endpoint, id) is None:
            raise NotFound
        return [CheckOut.model_validate(check) for check in await checks.list_checks(session, id)]


# ── key pairs ──


class PublicKeyOut(Out):
    key: str = Field(description="`whpk_` and the base64 of an ed25519 public key")
    until: datetime | None = Field(description="until then it signs beside the newer one")


class PublicKeysOut(Out):
    endpoint: str
    url: str
    keys: list[PublicKeyOut] = Field(description="newest first; empty: signed with the shared secret alone")

    @classmethod
    def of(cls, endpoint: Endpoint, desk: Desk) -> Self:
        known = endpoints.public_keys_of(endpoint, desk.sealer, desk.now)
        keys = [PublicKeyOut(key=key.value, until=key.until) for key in known]
        return cls(endpoint=endpoint.id, url=endpoint.url, keys=keys)


@router.post("/endpoints/{id}/signing-key", response_model=PublicKeysOut)
async def post_signing_key(
    id: EndpointId,  # noqa: A002
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
    body: RotationIn | None = None,
) -> Response:
    """Sign with a new ed25519 key pair too (`v1a` beside `v1`); the one before goes on for a while, or ends now."""
    overlap = (body or RotationIn()).overlap

    async def act(desk: Desk) -> BaseModel:
        await endpoints.rotate_signing_key(desk.session, id, desk.sealer, desk.now, overlap)
        return PublicKeysOut.of(await endpoints.lock_endpoint(desk.session, id), desk)

    return await at.write(act)


@router.delete("/endpoints/{id}/signing-key", response_model=PublicKeysOut)
async def delete_signing_key(id: EndpointId, at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)]) -> Response:  # noqa: A002
    """Sign with the shared secret alone from now on."""

    async def act(desk: Desk) -> BaseModel:
        return PublicKeysOut.of(await endpoints.drop_signing_keys(desk.session, id, desk.sealer, desk.now), desk)

    return await at.write(act)


@router.get("/signing-keys")
async def get_signing_keys(
    at: Annotated[Door, door(Permission.READ_DIRECTORY)],
    department: Annotated[str | None, Query(max_length=20, description="the office names one, or sees all")] = None,
) -> list[PublicKeysOut]:
    """The public keys that events are signed with (`v1a`), of the department's own addresses in use."""
    if not at.principal.is_office:
        if department not in {None, at.principal.department} or at.principal.department is None:
            raise NotFound
        department = at.principal.department
    now, sealer = at.runtime.clock.now(), at.runtime.sealer
    async with at.read() as session:
        known = [e for e in await list_endpoints(session, department) if e.active]
    keys = [(e, endpoints.public_keys_of(e, sealer, now)) for e in known]
    return [
        PublicKeysOut(endpoint=e.id, url=e.url, keys=[PublicKeyOut(key=k.value, until=k.until) for k in found])
        for e, found in keys
    ]


# ── health and alerts ──


class HealthOut(Out):
    """One address. Counts and milliseconds are of the attempts of the last 24 hours."""

    endpoint: EndpointOut
    standing: Standing = Field(
        description="`inactive`, `unconfirmed`, `resting` (no calls for a while), `probing` (first calls after that), "
        "`failing`, `well`"
    )
    delivered: int
    failed: int
    p50: int | None
    p95: int | None
    waiting: int
    oldest: datetime | None = Field(description="when the first of those waiting was queued")
    given_up: int = Field(description="dead or in quarantine; replay them")

    @classmethod
    def of(cls, health: Health) -> Self:
        return cls.model_validate(health)


@router.get("/endpoints/health")
async def get_health(at: Annotated[Door, door(Permission.READ_DELIVERIES)], department: Code = None) -> list[HealthOut]:
    """How each address stands, and what came of the last 24 hours."""
    async with at.read() as session:
        known = await list_endpoints(session, department)
        return [HealthOut.of(health) for health in await read_health(session, known, at.runtime.clock.now())]


class AlertOut(Out):
    endpoint: str
    department: str
    url: str
    since: datetime
    hours: int = Field(description="the highest step reached: 1, 24 or 72 hours; 0: it answered 410, and is paused")


@router.get("/endpoints/alerts")
async def get_alerts(at: Annotated[Door, door(Permission.READ_DELIVERIES)]) -> list[AlertOut]:
    """Addresses that have failed for an hour or more, or said that they are gone; the longest first."""
    async with at.read() as session:
        found = await alerts.list_alerts(session)
    return [
        AlertOut(
            endpoint=a.endpoint.id,
            department=a.endpoint.department_code,
            url=a.endpoint.url,
            since=a.since,
            hours=a.hours,
        )
        for a in found
    ]


# ── replays ──


class ReplayIn(In):
    what: replay.What = Field(
        description="`failed`: what was given up; `missing`: events that were never queued for this address, as those "
        "from before it was registered or while it was paused"
    )
    since: AwareDatetime
    until: AwareDatetime | None = Field(None, description="now where absent")


class ReplayOut(Out):
    queued: int


@router.post("/endpoints/{id}/replay", response_model=ReplayOut)
async def post_replay(
    id: EndpointId,  # noqa: A002
    body: ReplayIn,
    at: Annotated[Door, door(Permission.MANAGE_ENDPOINTS)],
) -> Response:
    """Queue again what failed since a moment, or what the address never got: the same ids, the same bytes."""

    async def act(desk: Desk) -> BaseModel:
        span = replay.Span.of(body.since, body.until, desk.now)
        return ReplayOut(queued=await replay.replay(desk.session, id, body.what, span, desk.now))

    return await at.write(act)
