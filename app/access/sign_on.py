"""Single sign-on: whom a provider vouches for, which role that gives, and what is said where it comes to nothing.

It asks nobody; `provider` does, and is loaded only where a provider is set up.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.admin_log import PROVIDER, record
from app.database import Database, insert_if_absent
from app.models import AdminActKind, Role, User, UserIdentity, UserSession, new_id
from app.problems import AppError

LONGEST_NAME = 80
LONGEST_JOURNEY = timedelta(minutes=10)


class SignOnRefused(AppError):
    """A sign-in at the provider that came to nothing. `reason` is a word for the log, never what was sent."""

    said: ClassVar[tuple[str, str]]

    def __init__(self, reason: str) -> None:
        super().__init__(*self.said)
        self.reason = reason


class SignOnExpired(SignOnRefused):
    status, code = 400, "sign_on_expired"
    title_zh, title_en = "登录已过期", "The sign-in has expired"
    said = (
        "登录用时过长，或不是从本浏览器的登录页面开始的。请回到登录页面重新登录。",
        "The sign-in took too long, or did not begin in this browser. Go back to the sign-in page and begin again.",
    )


class ProviderRefused(SignOnRefused):
    status, code = 403, "provider_refused"
    title_zh, title_en = "统一身份认证没有完成登录", "The identity provider did not complete the sign-in"
    said = (
        "可能是您取消了登录，或您没有使用本系统的许可。请重新登录；仍不成功的，请联系本单位系统管理员。",
        "Perhaps it was cancelled, or you may not use this service. Try again; if that fails, ask your administrator.",
    )


class ProviderSilent(SignOnRefused):
    status, code = 503, "provider_unavailable"
    title_zh, title_en = "统一身份认证暂时不可用", "The identity provider is unavailable for the moment"
    said = (
        "统一身份认证没有正常应答。请稍后再试；有本系统密码的，可以用密码登录。",
        "The identity provider gave no proper answer. Try again later, or sign in with a password if you have one.",
    )


class ProviderUntrusted(SignOnRefused):
    status, code = 502, "provider_untrusted"
    title_zh, title_en = "身份信息核验未通过", "The identity could not be verified"
    said = (
        "统一身份认证返回的信息不可信，未予登录，情况已记录。请重新登录；仍不成功的，请联系本单位系统管理员。",
        "What the identity provider answered cannot be trusted; it was logged. Try again; if that fails, ask your "
        "administrator.",
    )


class NoRole(SignOnRefused):
    status, code = 403, "no_role"
    title_zh, title_en = "您没有使用本系统的权限", "You may not use this service"
    said = (
        "您的身份已核实，但没有分配使用本系统的角色。请联系本单位系统管理员，在统一身份认证中分配角色后再登录。",
        "You are who you say, but no role of this service was given to you. Ask your administrator to give you one at "
        "the identity provider, then sign in again.",
    )


class AccountClosed(SignOnRefused):
    status, code = 403, "account_closed"
    title_zh, title_en = "账号已停用", "The account is closed"
    said = (
        "您在本系统的账号已停用。如需恢复，请联系本单位系统管理员。",
        "Your account here was closed. Ask your administrator if you need it again.",
    )


@dataclass(frozen=True, slots=True)
class Journey:
    """One way to the provider and back: what ties its answer to one browser, and the page to show afterwards.

    Attributes:
        verifier: of PKCE (RFC 7636); the provider sees its hash first.
        began: seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    wanted: str
    began: float

    @classmethod
    def begin(cls, wanted: str, now: datetime) -> Self:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, wanted, now.timestamp())

    def is_over(self, now: datetime) -> bool:
        return not 0 <= now.timestamp() - self.began < LONGEST_JOURNEY.total_seconds()


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider vouches for: its own name for the person, what people call them, and the role here, if any."""

    issuer: str
    subject: str
    name: str
    role: Role | None


def read_claims(claims: Mapping[str, Any], role_claim: str, roles: Mapping[str, str]) -> Vouched:
    """Who is meant by the claims of an ID token that was found valid.

    Args:
        role_claim: the claim with the roles; `a.b` means `b` within `a` where there is no claim of that very name.
        roles: from values of that claim to roles here; the first that is given counts.

    Raises ProviderUntrusted for a subject that the standard does not allow.
    """
    subject = claims["sub"]
    if not (isinstance(subject, str) and 0 < len(subject) <= 255 and subject.isascii() and subject.isprintable()):
        raise ProviderUntrusted("sub")
    given = _values(claims, role_claim)
    role = next((Role(role) for value, role in roles.items() if value in given), None)
    called = (claims.get("name"), claims.get("preferred_username"), subject)
    names = ("".join(filter(str.isprintable, name)).strip() for name in called if isinstance(name, str))
    return Vouched(claims["iss"], subject, next(filter(None, names), subject)[:LONGEST_NAME], role)


def _values(claims: Mapping[str, Any], name: str) -> list[Any]:
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else [found]


async def admit(database: Database, session: AsyncSession, vouched: Vouched, now: datetime) -> User | None:
    """The person's account, made where they come for the first time, with the name and role that they have today.

    None where they have no role: whoever had one before is signed out everywhere. Raises AccountClosed.
    """
    user = await session.scalar(_known_as(vouched))
    if vouched.role is None:
        if user is not None:
            await _sign_out(session, user, now)
        return None
    user = user or await _introduce(database, session, vouched, vouched.role, now)
    if not user.active:
        raise AccountClosed("closed")
    if user.role is not vouched.role:
        facts = {"username": user.username, "before": user.role.value, "role": vouched.role.value}
        record(session, AdminActKind.ROLE_SET, f"user:{user.id}", by=PROVIDER, now=now, **facts)
    user.role, user.display_name = vouched.role, vouched.name
    # Whom a provider vouches for is the office's, whatever an administrator has made of the account meanwhile.
    user.observation_point_code = user.department_code = None
    return user


def _known_as(vouched: Vouched) -> Select[User]:
    return (
        select(User)
        .join(UserIdentity, UserIdentity.user_id == User.id)
        .where(UserIdentity.issuer == vouched.issuer, UserIdentity.subject == vouched.subject)
    )


async def _introduce(database: Database, session: AsyncSession, vouched: Vouched, role: Role, now: datetime) -> User:
    """Make an account without a password. Two first sign-ins at once: the second takes what the first has made."""
    user_id = new_id()
    statement = insert_if_absent(database, UserIdentity).values(
        issuer=vouched.issuer, subject=vouched.subject, user_id=user_id, created_at=now
    )
    if (await session.execute(statement.returning(UserIdentity.user_id))).first() is None:
        return (await session.scalars(_known_as(vouched))).one()
    user = User(
        id=user_id,
        # Nobody types it: a name of the provider's could be that of somebody who has a password.
        username=f"oidc:{user_id}",
        display_name=vouched.name,
        password_hash="",
        role=role,
        active=True,
        created_at=now,
    )
    session.add(user)
    facts = {"username": user.username, "name": vouched.name, "role": role.value}
    record(session, AdminActKind.USER_CREATED, f"user:{user_id}", by=PROVIDER, now=now, **facts)
    return user


async def _sign_out(session: AsyncSession, user: User, now: datetime) -> None:
    ended = await session.execute(
        update(UserSession)
        .where(UserSession.user_id == user.id, UserSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(UserSession.token_hash)
        .execution_options(synchronize_session=False)
    )
    if count := len(ended.all()):
        subject = f"user:{user.id}"
        record(session, AdminActKind.SESSIONS_ENDED, subject, by=PROVIDER, now=now, username=user.username, count=count)
