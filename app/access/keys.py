"""API keys: 256 random bits with a checksum, kept only as a hash, shown once, at most two live for one holder."""

import hashlib
import secrets
import zlib
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.access.principal import Principal
from app.batch import fetch
from app.models import ApiKey, Department, ObservationPoint, Role, new_id
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
) -> str:
    """Make a key and answer it, the only time it is readable. Raises UnknownHolder or TooManyKeys."""
    await _check_holder(session, role, observation_point, department)
    live = await session.scalars(
        select(ApiKey).where(
            ApiKey.role == role,
            ApiKey.observation_point_code == observation_point,
            ApiKey.department_code == department,
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
        )
    )
    if len(list(live)) >= LIVE_KEYS_PER_HOLDER:
        raise TooManyKeys(
            "这个持有者已有两把有效密钥。请先停用一把,再新建。",
            "This holder has two live keys already. Revoke one first.",
        )
    key = make_key()
    session.add(
        ApiKey(
            id=new_id(),
            prefix=key.split("_")[1],
            secret_hash=hash_of(key),
            role=role,
            observation_point_code=observation_point,
            department_code=department,
            label=label,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return key


async def is_first(session: AsyncSession) -> bool:
    """Whether no key was ever made."""
    return await session.scalar(select(ApiKey.id).limit(1)) is None


async def _check_holder(session: AsyncSession, role: Role, point: str | None, department: str | None) -> None:
    if role is Role.REPORTER:
        found = await session.get(ObservationPoint, point or "")
        known = department is None and found is not None
        zh, en = "请用 --observation-point 给出有效的观测点代码。", "Give a valid observation point code."
    elif role is Role.DEPARTMENT:
        unit = await session.get(Department, department or "")
        known = point is None and unit is not None
        zh, en = "请用 --department 给出有效的部门代码。", "Give a valid department code."
    else:
        known = point is None and department is None
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
