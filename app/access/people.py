"""People of the office: accounts with argon2 passwords, and server-side sessions whose token is kept as a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.models import Role, User, UserSession, new_id
from app.problems import AppError, Conflict, InvalidInput

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
MINIMUM_PASSWORD_LENGTH = 10
# The empty one stands for digits and signs alone.
COMMON_WORDS = frozenset(
    {"", "password", "admin", "administrator", "yilong", "qwertyuiop", "welcome", "changeme", "mima"}
)

_hasher = PasswordHasher()
# Verified when there is no such user, so that the answer takes as long either way.
_DECOY = _hasher.hash(secrets.token_hex(16))


class WrongCredentials(AppError):
    status, code = 401, "wrong_credentials"
    title_zh, title_en = "用户名或密码不正确", "Wrong user name or password"

    def __init__(self) -> None:
        super().__init__("用户名或密码不正确,请重新输入。", "The user name or the password is wrong. Try again.")


class UserExists(Conflict):
    code = "user_exists"
    title_zh, title_en = "用户已存在", "The user exists already"


class WeakPassword(InvalidInput):
    code = "weak_password"
    title_zh, title_en = "密码过短", "The password is too short"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as the browser's cookie finds it."""

    principal: Principal
    csrf_token: str
    token_hash: str


async def create_user(
    session: AsyncSession, username: str, password: str, *, role: Role, display_name: str, now: datetime
) -> User:
    """Make an account; raises WeakPassword or UserExists."""
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise WeakPassword(
            f"密码至少 {MINIMUM_PASSWORD_LENGTH} 个字符。", f"Use at least {MINIMUM_PASSWORD_LENGTH} characters."
        )
    if is_first_guess(username, password):
        raise WeakPassword(
            "这个密码太容易猜到:不要用用户名、常见密码或重复的字符。",
            "This password is among the first that anybody tries: no user name, no common word, no repetition.",
        )
    if await session.scalar(select(User.id).where(User.username == username)):
        raise UserExists("这个用户名已被使用,请换一个。", "This user name is taken; choose another.")
    user = User(
        id=new_id(),
        username=username,
        display_name=display_name,
        password_hash=_hasher.hash(password),
        role=role,
        active=True,
        created_at=now,
    )
    session.add(user)
    return user


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


async def find_signed_in(session: AsyncSession, token: str, now: datetime) -> SignedIn | None:
    """The session behind a cookie; None once it is idle, old, revoked or its user inactive."""
    row = (
        await session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(
                UserSession.token_hash == _hash(token),
                UserSession.revoked_at.is_(None),
                UserSession.last_seen_at > now - IDLE_LIMIT,
                UserSession.created_at > now - ABSOLUTE_LIMIT,
                User.active,
            )
        )
    ).one_or_none()
    if row is None:
        return None
    found, user = row
    principal = Principal(role=user.role, holder=f"user:{user.id}", name=user.display_name)
    return SignedIn(principal, found.csrf_token, found.token_hash)


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
