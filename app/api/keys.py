"""API keys for the administrator: listed, made, revoked, so that a program can change keys without a gap."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from app.access import keyholders
from app.access.keyholders import KeyFilter
from app.access.principal import Permission
from app.api.door import Door, In, Kept, Out, door, make_router
from app.flow.desk import Desk
from app.models import ApiKey, Role

router = make_router("keys 接口密钥")
MOST_DAYS = 3650


class KeyIn(In):
    """A reporter's key needs `observation_point`, a department's `department`, an office's neither."""

    role: Role
    observation_point: str | None = Field(default=None, max_length=20)
    department: str | None = Field(default=None, max_length=20)
    days: int | None = Field(default=None, ge=1, le=MOST_DAYS, description="until it expires; never if absent")
    label: str | None = Field(default=None, max_length=80, description="what it is for")


class KeyOut(Out):
    id: str
    prefix: str = Field(description="how the key begins: `yl_<prefix>_…`")
    role: Role = Field(description="what it may do is what its role may")
    observation_point: str | None
    department: str | None
    label: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None = Field(description="the last day on which it was used, noted within a minute")


class NewKeyOut(KeyOut):
    """`key` is shown this once."""

    key: str


def show(row: ApiKey) -> KeyOut:
    """A key as the interface tells of it."""
    return KeyOut(
        id=row.id,
        prefix=row.prefix,
        role=row.role,
        observation_point=row.observation_point_code,
        department=row.department_code,
        label=row.label,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_on=row.last_used_on,
    )


@router.get("/keys")
async def get_keys(
    at: Annotated[Door, door(Permission.MANAGE_KEYS)],
    role: Annotated[Role | None, Query()] = None,
    observation_point: Annotated[str | None, Query(max_length=20)] = None,
    department: Annotated[str | None, Query(max_length=20)] = None,
    live: Annotated[bool, Query(description="only those that are good now")] = False,
    before: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[KeyOut]:
    """All keys without their secrets, newest first; page with `before` = the last id."""
    valid_at = at.runtime.clock.now() if live else None
    wanted = KeyFilter(role, observation_point, department, valid_at, before)
    async with at.read() as session:
        return [show(row) for row in await keyholders.list_keys(session, wanted, limit=limit)]


@router.post("/keys", status_code=201, response_model=NewKeyOut)
async def post_key(body: KeyIn, at: Annotated[Door, door(Permission.MANAGE_KEYS)]) -> Response:
    """Make a key; the answer holds it, this once. At most two of a holder are good at a time.

    To change keys without a gap: make the second, put it where the first is used, revoke the first.
    """

    async def act(desk: Desk) -> BaseModel:
        key, row = await keyholders.issue_key(
            desk.session,
            body.role,
            body.observation_point,
            body.department,
            by=desk.principal.actor,
            now=desk.now,
            days=body.days,
            label=body.label,
        )
        return NewKeyOut(**show(row).model_dump(), key=key)

    return await at.write(act, 201, kept=Kept.SEALED)


@router.post("/keys/{id}/revoke", response_model=KeyOut)
async def post_revocation(
    id: Annotated[str, Path(max_length=40)],  # noqa: A002 - the address says id
    at: Annotated[Door, door(Permission.MANAGE_KEYS)],
) -> Response:
    """End a key now: the next request with it is nobody's."""

    async def act(desk: Desk) -> BaseModel:
        row = await keyholders.lock_key(desk.session, id, desk.now)
        keyholders.revoke_key(desk.session, row, by=desk.principal.actor, now=desk.now)
        return show(row)

    return await at.write(act)
