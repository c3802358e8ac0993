"""接口密钥: who holds which keys; one is put beside another, given its end, or revoked at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.admin_log import record
from app.access.keys import PREFIX, add_key, facts_of, is_valid, lock_holder
from app.models import AdminActKind, ApiKey, Role
from app.problems import Conflict, InvalidInput, NotFound

OVERLAP: Final = timedelta(days=7)
MOST_OVERLAP: Final = timedelta(days=90)
MARK_LENGTH: Final = 16


class UnknownKey(InvalidInput):
    code = "unknown_key"
    title_zh, title_en = "没有这把密钥", "No such key"

    def __init__(self) -> None:
        super().__init__(
            "没有这把密钥。请用 yilong list-keys 查看前缀或编号。",
            "No such key. `yilong list-keys` shows them.",
        )


class AmbiguousPrefix(InvalidInput):
    code = "ambiguous_prefix"
    title_zh, title_en = "前缀不唯一", "The prefix is not unique"

    def __init__(self) -> None:
        super().__init__("有几把密钥的前缀相同，请改用编号。", "Several keys have this prefix; give the id instead.")


class KeyEnded(Conflict):
    code = "key_ended"
    title_zh, title_en = "密钥已失效", "The key has ended"

    def __init__(self) -> None:
        super().__init__(
            "这把密钥已经停用或到期，没有改动。", "The key was revoked or has expired already; nothing was changed."
        )


class KeysChanged(Conflict):
    code = "keys_changed"
    title_zh, title_en = "密钥已有变动", "The keys have changed"

    def __init__(self) -> None:
        super().__init__(
            "打开页面之后，密钥已有变动。请刷新页面，核对现在的密钥，再决定。",
            "The keys have changed since the page was opened. Reload it, look at those in force, then decide.",
        )


class BadKeyOverlap(InvalidInput):
    code = "bad_overlap"
    title_zh, title_en = "新旧密钥并用时间不对", "The overlap of the keys is out of range"

    def __init__(self) -> None:
        super().__init__("新旧密钥并用时间须在 0 至 90 天之间。", "The overlap lies between 0 and 90 days.")


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys: of that role or holder, good at that moment, older than that id. None leaves it open."""

    role: Role | None = None
    observation_point: str | None = None
    department: str | None = None
    valid_at: datetime | None = None
    before: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        chosen: list[ColumnElement[bool]] = [] if self.valid_at is None else is_valid(self.valid_at)
        if self.role is not None:
            chosen.append(ApiKey.role == self.role)
        if self.observation_point is not None:
            chosen.append(ApiKey.observation_point_code == self.observation_point)
        if self.department is not None:
            chosen.append(ApiKey.department_code == self.department)
        if self.before is not None:
            chosen.append(ApiKey.id < self.before)
        return chosen


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new key, this once; its row, and that of the key before it, which now has an end."""

    key: str
    new: ApiKey
    old: ApiKey


async def list_keys(session: AsyncSession, wanted: KeyFilter, *, limit: int, offset: int = 0) -> list[ApiKey]:
    """Keys, the newest first; nothing of their secrets is known."""
    found = select(ApiKey).where(*wanted.conditions()).order_by(ApiKey.id.desc()).limit(limit).offset(offset)
    return list(await session.scalars(found))


async def count_keys(session: AsyncSession, wanted: KeyFilter) -> int:
    return await session.scalar(select(func.count()).select_from(ApiKey).where(*wanted.conditions())) or 0


def mark_of(keys: Sequence[ApiKey]) -> str:
    """A mark of keys as a page showed them: another one after each change."""
    state = "\n".join(f"{key.id} {key.expires_at} {key.revoked_at}" for key in keys)
    return hashlib.sha256(state.encode()).hexdigest()[:MARK_LENGTH]


async def newest_id(session: AsyncSession) -> str:
    """The id of the newest key of all, empty where there is none: what a form for another one carries."""
    return await session.scalar(select(func.max(ApiKey.id))) or ""


async def find_key_id(session: AsyncSession, name: str) -> str:
    """The id of the key with that id or prefix (`3f9k2m1a`, `yl_3f9k2m1a`). Raises UnknownKey or AmbiguousPrefix."""
    wanted = or_(ApiKey.id == name, ApiKey.prefix == name.removeprefix(f"{PREFIX}_"))
    found = list(await session.scalars(select(ApiKey.id).where(wanted).limit(2)))
    if not found:
        raise UnknownKey
    if len(found) > 1:
        raise AmbiguousPrefix
    return found[0]


async def issue_key(
    session: AsyncSession,
    role: Role,
    point: str | None,
    department: str | None,
    *,
    by: str,
    now: datetime,
    days: int | None = None,
    label: str | None = None,
    newest: str | None = None,
) -> tuple[str, ApiKey]:
    """Make a key, readable this once, and its row. `newest`: the form was shown when that was the newest key.

    Raises UnknownHolder, TooManyKeys or KeysChanged.
    """
    await lock_holder(session, role, point, department)
    if newest is not None and newest != await newest_id(session):
        raise KeysChanged
    expires_at = now + timedelta(days=days) if days else None
    key, row = await add_key(session, role, point, department, now, expires_at, label)
    record(session, AdminActKind.KEY_CREATED, f"key:{row.id}", by=by, now=now, **facts_of(row))
    return key, row


async def lock_key(session: AsyncSession, key_id: str, now: datetime, mark: str | None = None) -> ApiKey:
    """A key that is good now, locked with all of its holder's.

    Raises NotFound, KeyEnded, or KeysChanged where a `mark` is given and is not that of the key any more.
    """
    row = await session.get(ApiKey, key_id)
    if row is None:
        raise NotFound
    await lock_holder(session, row.role, row.observation_point_code, row.department_code)
    await session.refresh(row, with_for_update={"key_share": True})
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise KeyEnded
    if mark is not None and mark != mark_of([row]):
        raise KeysChanged
    return row


def revoke_key(session: AsyncSession, row: ApiKey, *, by: str, now: datetime) -> None:
    """End a locked key now: the next request with it, in whatever process, is nobody's."""
    row.revoked_at = now
    record(session, AdminActKind.KEY_REVOKED, f"key:{row.id}", by=by, now=now, **facts_of(row))


async def rotate_key(
    session: AsyncSession,
    row: ApiKey,
    *,
    by: str,
    now: datetime,
    overlap: timedelta = OVERLAP,
    days: int | None = None,
) -> Rotated:
    """Put a new key beside a locked one, which ends after `overlap` (0: now) or when it would have ended anyway.

    The new one lasts `days`, or as long as the old one was made to last. Raises TooManyKeys or BadKeyOverlap.
    """
    if not timedelta() <= overlap <= MOST_OVERLAP:
        raise BadKeyOverlap
    lasting = timedelta(days=days) if days else row.expires_at - row.created_at if row.expires_at else None
    if not overlap:
        row.revoked_at = now
        await session.flush()
    key, new = await add_key(
        session,
        row.role,
        row.observation_point_code,
        row.department_code,
        now,
        now + lasting if lasting else None,
        row.label,
    )
    row.expires_at = min(row.expires_at or now + overlap, now + overlap)
    old_facts, new_facts = facts_of(row) | {"after": new.prefix}, facts_of(new) | {"before": row.prefix}
    record(session, AdminActKind.KEY_ROTATED, f"key:{row.id}", by=by, now=now, **old_facts)
    record(session, AdminActKind.KEY_CREATED, f"key:{new.id}", by=by, now=now, **new_facts)
    return Rotated(key, new, row)
