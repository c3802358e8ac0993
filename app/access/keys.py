"""API keys: 256 random bits with a checksum, kept only as a hash, shown once, at most two live for one holder."""

import hashlib
import secrets
import zlib
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.access.admin_log import OPERATOR, record
from app.access.principal import Principal
from app.batch import fetch
from app.models import AdminActKind, ApiKey, Department, ObservationPoint, Role, new_id
from app.problems import Conflict, InvalidInput

PREFIX = "yl"
LIVE_KEYS_PER_HOLDER = 2
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class TooManyKeys(Conflict):
    code = "too_many_keys"
    title_zh, title_en = "有效密钥过多", "Too many live keys"


class UnknownHolder(InvalidInput):
    code = "unknown_holder"
    title_zh, title_en = "没有这个持有者", "No such holder"


def _checksum(secret: str) -> str:
    value, digits = zlib.crc32(secret.encode()), ""
    for _ in range(6):
        value, rest = divmod(value, 32)
        digits += _ALPHABET[rest]
    return digits


def make_key() -> str:
    """A new key, such as `yl_3f9k2m1a_<43 characters><6 of checksum>`."""
    secret = secrets.token_urlsafe(32)
    return f"{PREFIX}_{secrets.token_hex(4)}_{secret}{_checksum(secret)}"


def is_well_formed(key: str) -> bool:
    """Whether the checksum fits: a typing error is told apart without asking the database."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or not key.isascii() or len(key) > 120:
        return False
    return _checksum(parts[2][:-6]) == parts[2][-6:]


def hash_of(key: str) -> str:
    """SHA-256 is enough here: the key itself is random, there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


async def create_key(
    session: AsyncSession,
    role: Role,
    *,
    now: datetime,
    observation_point: str | None = None,
    department: str | None = None,
    expires_at: datetime | None = None,
    label: str | None = None,
    by: str = OPERATOR,
) -> str:
    """Make a key and answer it, the only time it is readable. Raises UnknownHolder or TooManyKeys."""
    await lock_holder(session, role, observation_point, department)
    key, row = await add_key(session, role, observation_point, department, now, expires_at, label)
    record(session, AdminActKind.KEY_CREATED, f"key:{row.id}", by=by, now=now, **facts_of(row))
    return key


async def add_key(
    session: AsyncSession,
    role: Role,
    point: str | None,
    department: str | None,
    now: datetime,
    expires_at: datetime | None,
    label: str | None,
) -> tuple[str, ApiKey]:
    """A key for a holder that is locked, and its row; raises TooManyKeys. The log is the caller's."""
    live = await session.scalars(
        select(ApiKey.id).where(
            ApiKey.role == role,
            ApiKey.observation_point_code == point,
            ApiKey.department_code == department,
            *is_valid(now),
        )
    )
    if len(list(live)) >= LIVE_KEYS_PER_HOLDER:
        raise TooManyKeys(
            "这个持有者已有两把有效密钥。请先停用一把，再新建。",
            "This holder has two live keys already. Revoke one first.",
        )
    key = make_key()
    row = ApiKey(
        id=new_id(),
        prefix=key.split("_")[1],
        secret_hash=hash_of(key),
        role=role,
        observation_point_code=point,
        department_code=department,
        label=label,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    return key, row


def is_valid(now: datetime) -> list[ColumnElement[bool]]:
    """The conditions under which a key is good."""
    return [ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)]


def facts_of(row: ApiKey) -> dict[str, str | None]:
    """What the log says of a key: which it is and whose, nothing of its secret."""
    return {
        "prefix": row.prefix,
        "role": row.role.value,
        "observation_point": row.observation_point_code,
        "department": row.department_code,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


async def is_first(session: AsyncSession) -> bool:
    """Whether no key was ever made."""
    return await session.scalar(select(ApiKey.id).limit(1)) is None


async def lock_holder(session: AsyncSession, role: Role, point: str | None, department: str | None) -> None:
    """Let one change of a holder's keys wait for the other: raises UnknownHolder where the role has no such holder.

    The office's roles have no row of their own; the first key that a role ever got stands for it.
    """
    if role is Role.REPORTER:
        found = await session.get(ObservationPoint, point or "", with_for_update={"key_share": True})
        known = department is None and found is not None
        zh, en = "请给出有效的观测点代码(--observation-point)。", "Give a valid observation point code."
    elif role is Role.DEPARTMENT:
        unit = await session.get(Department, department or "", with_for_update={"key_share": True})
        known = point is None and unit is not None
        zh, en = "请给出有效的部门代码(--department)。", "Give a valid department code."
    else:
        known = point is None and department is None
        first = select(ApiKey.id).where(ApiKey.role == role).order_by(ApiKey.id).limit(1)
        await session.execute(first.with_for_update(key_share=True))
        zh, en = "统筹部门的密钥不属于观测点或部门。", "A key of the office belongs to no point or department."
    if not known:
        raise UnknownHolder(zh, en)


_HOLDER = select(ApiKey.id, ApiKey.role, ApiKey.observation_point_code, ApiKey.department_code, ApiKey.label).where(
    ApiKey.secret_hash == bindparam("secret_hash"),
    ApiKey.revoked_at.is_(None),
    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now", type_=ApiKey.__table__.c.expires_at.type)),
)


async def find_principal(connection: AsyncConnection, key: str, now: datetime) -> Principal | None:
    """Whoever holds this key; None for a key that is unknown, revoked or expired."""
    if not is_well_formed(key):
        return None
    rows = await fetch(connection, _HOLDER, {"secret_hash": hash_of(key), "now": now})
    if not rows:
        return None
    key_id, role, point, department, label = rows[0]
    return Principal(
        role=Role(role), holder=f"key:{key_id}", name=label or "", observation_point=point, department=department
    )
