"""People: accounts with argon2 passwords, and server-side sessions whose token is kept as a hash.

Whoever has one stands for the office, for one department or for one point.
"""

import asyncio
import hashlib
import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.admin_log import OPERATOR, record
from app.access.principal import Principal
from app.models import AdminActKind, Department, ObservationPoint, Role, User, UserSession, new_id
from app.problems import AppError, Conflict, InvalidInput

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
SESSIONS_KEPT = timedelta(days=30)
TOUCH_EVERY = timedelta(minutes=1)
MINIMUM_PASSWORD_LENGTH = 10
LONGEST_USERNAME, LONGEST_NAME = 64, 80
# The empty one stands for digits and signs alone.
COMMON_WORDS = frozenset(
    {"", "password", "admin", "administrator", "yilong", "qwertyuiop", "welcome", "changeme", "mima"}
)

_hasher = PasswordHasher()


def _make_decoy() -> str:
    """The hash of no password at all, with the hasher's costs."""
    salt, digest = (secrets.token_bytes(size) for size in (_hasher.salt_len, _hasher.hash_len))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${costs}${_unpadded(salt)}${_unpadded(digest)}"


def _unpadded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


# Verified when there is no such user, so that the answer takes as long either way.
_DECOY = _make_decoy()


class WrongCredentials(AppError):
    status, code = 401, "wrong_credentials"
    title_zh, title_en = "用户名或密码不正确", "Wrong user name or password"

    def __init__(self) -> None:
        super().__init__("用户名或密码不正确，请重新输入。", "The user name or the password is wrong. Try again.")


class UserExists(Conflict):
    code = "user_exists"
    title_zh, title_en = "用户已存在", "The user exists already"


class WeakPassword(InvalidInput):
    code = "weak_password"
    title_zh, title_en = "密码过短", "The password is too short"


class HolderMissing(InvalidInput):
    code = "holder_missing"
    title_zh, title_en = "账号的所属单位不合适", "The account belongs to nobody that fits its role"

    def __init__(self) -> None:
        super().__init__(
            "责任单位的账号须指明一个部门，观测点的账号须指明一个观测点，统筹部门的账号两者都不填。",
            "An account of a department needs one department, that of a point one point, that of the office neither.",
        )


class BadName(InvalidInput):
    code = "bad_user_name"
    title_zh, title_en = "用户名或姓名不符合要求", "The user name or the name will not do"

    def __init__(self) -> None:
        super().__init__(
            f"用户名 1 至 {LONGEST_USERNAME} 个字符，不含空格；姓名 1 至 {LONGEST_NAME} 个字符。",
            f"A user name has 1 to {LONGEST_USERNAME} characters without blanks, a name 1 to {LONGEST_NAME}.",
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as the browser's cookie finds it. `must_change`: nothing but the password's change is allowed."""

    principal: Principal
    csrf_token: str
    token_hash: str
    must_change: bool = False


async def create_user(
    session: AsyncSession,
    username: str,
    password: str,
    *,
    role: Role,
    display_name: str,
    now: datetime,
    observation_point: str | None = None,
    department: str | None = None,
    by: str = OPERATOR,
    must_change: bool = False,
) -> User:
    """Make an account; raises HolderMissing, BadName, WeakPassword or UserExists.

    The password is hashed before the database is touched: call it first in a transaction.
    """
    check_names(username, display_name)
    check_password(username, password)
    password_hash = await asyncio.to_thread(hash_password, password)
    await check_holder(session, role, observation_point, department)
    if await session.scalar(select(User.id).where(User.username == username)):
        raise UserExists("这个用户名已被使用，请换一个。", "This user name is taken; choose another.")
    user = User(
        id=new_id(),
        username=username,
        display_name=display_name,
        password_hash=password_hash,
        role=role,
        observation_point_code=observation_point,
        department_code=department,
        active=True,
        must_change_password=must_change,
        created_at=now,
    )
    session.add(user)
    facts = {"username": username, "observation_point": observation_point, "department": department}
    record(session, AdminActKind.USER_CREATED, f"user:{user.id}", by=by, now=now, role=role.value, **facts)
    return user


async def check_holder(session: AsyncSession, role: Role, point: str | None, department: str | None) -> None:
    """Raise HolderMissing unless a department's account names a department that there is, and a point's a point."""
    if (point is not None) is not (role is Role.REPORTER) or (department is not None) is not (role is Role.DEPARTMENT):
        raise HolderMissing
    if point is not None and await session.get(ObservationPoint, point) is None:
        raise HolderMissing
    if department is not None and await session.get(Department, department) is None:
        raise HolderMissing


def check_names(username: str, display_name: str) -> None:
    """Raise BadName for what cannot be typed at the sign-in or shown in one line."""
    spaced = any(character.isspace() for character in username)
    fits = 0 < len(username) <= LONGEST_USERNAME and 0 < len(display_name.strip()) <= len(display_name) <= LONGEST_NAME
    if spaced or not fits or not (username + display_name).isprintable():
        raise BadName


def check_password(username: str, password: str) -> None:
    """Raise WeakPassword for a short one and for one that anybody would try first."""
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise WeakPassword(
            f"密码至少 {MINIMUM_PASSWORD_LENGTH} 个字符。", f"Use at least {MINIMUM_PASSWORD_LENGTH} characters."
        )
    if is_first_guess(username, password):
        raise WeakPassword(
            "这个密码太容易猜到：不要用用户名、常见密码或重复的字符。",
            "This password is among the first that anybody tries: no user name, no common word, no repetition.",
        )


def hash_password(password: str) -> str:
    """Some 50 ms of CPU: call in a thread where others wait."""
    return _hasher.hash(password)


def is_first_guess(username: str, password: str) -> bool:
    """Whether it is the user name or a common word with digits and signs around it, or a few characters repeated."""
    core = password.lower().strip("0123456789!@#$%^&*()-_=+.,?~ ")
    return len(set(password)) < 5 or core in COMMON_WORDS | {username.lower(), username.lower()[::-1]}


def password_fits(password_hash: str | None, password: str) -> bool:
    """Check a password against a hash; takes about as long where there is none, or an empty one.

    Some 50 ms of CPU: call in a thread.
    """
    try:
        return _hasher.verify(password_hash or _DECOY, password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


async def find_user(session: AsyncSession, username: str) -> User | None:
    return await session.scalar(select(User).where(User.username == username, User.active))


async def is_first(session: AsyncSession) -> bool:
    """Whether nobody has an account yet."""
    return await session.scalar(select(User.id).limit(1)) is None


def open_session(session: AsyncSession, user: User, now: datetime) -> str:
    """Start a session and answer the cookie's token."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(
            token_hash=_hash(token),
            user_id=user.id,
            csrf_token=secrets.token_urlsafe(32),
            created_at=now,
            last_seen_at=now,
        )
    )
    return token


def is_live(now: datetime) -> list[ColumnElement[bool]]:
    """The conditions under which a session is good."""
    return [
        UserSession.revoked_at.is_(None),
        UserSession.last_seen_at > now - IDLE_LIMIT,
        UserSession.created_at > now - ABSOLUTE_LIMIT,
    ]


async def find_signed_in(session: AsyncSession, token: str, now: datetime) -> SignedIn | None:
    """The session behind a cookie; None once it is idle, old, revoked or its user inactive."""
    row = (
        await session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(UserSession.token_hash == _hash(token), *is_live(now), User.active)
        )
    ).one_or_none()
    if row is None:
        return None
    found, user = row
    principal = Principal(
        role=user.role,
        holder=f"user:{user.id}",
        name=user.display_name,
        observation_point=user.observation_point_code,
        department=user.department_code,
    )
    return SignedIn(principal, found.csrf_token, found.token_hash, user.must_change_password)


async def touch(session: AsyncSession, token_hash: str, now: datetime) -> None:
    """Note that a session is in use, at most once a minute."""
    await session.execute(
        update(UserSession)
        .where(UserSession.token_hash == token_hash, UserSession.last_seen_at < now - TOUCH_EVERY)
        .values(last_seen_at=now)
    )


async def close_session(session: AsyncSession, token_hash: str, now: datetime) -> None:
    await session.execute(update(UserSession).where(UserSession.token_hash == token_hash).values(revoked_at=now))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def forget_sessions(session: AsyncSession, now: datetime, *, most: int) -> int:
    """Drop sessions that ended long ago but for each account's last, which tells of its last sign-in. How many."""
    last = select(UserSession.user_id, func.max(UserSession.created_at).label("at")).group_by(UserSession.user_id)
    newest = last.subquery()
    old = (
        select(UserSession.token_hash)
        .join(newest, newest.c.user_id == UserSession.user_id)
        .where(UserSession.created_at < now - SESSIONS_KEPT, UserSession.created_at < newest.c.at)
        .limit(most)
    )
    hashes = list(await session.scalars(old))
    await session.execute(delete(UserSession).where(UserSession.token_hash.in_(hashes)))
    return len(hashes)
