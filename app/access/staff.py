"""用户与角色: accounts are made, changed and closed, sessions ended, passwords set anew; each act stands in the log.

What is done here holds at once in every process: role, account and session are read from the database at each request.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.admin_log import record
from app.access.people import (
    check_holder,
    check_password,
    create_user,
    hash_password,
    is_live,
    password_fits,
)
from app.models import AdminActKind, Role, User, UserSession
from app.problems import Conflict, InvalidInput, NotFound

MARK_LENGTH: Final = 16
PASSWORD_BYTES: Final = 12
_ADMINISTRATORS = and_(User.role == Role.ADMINISTRATOR, User.active)


class UnknownUser(InvalidInput):
    code = "unknown_user"
    title_zh, title_en = "没有这个用户", "No such user"

    def __init__(self) -> None:
        super().__init__(
            "没有这个用户名。请用 yilong list-users 查看。", "No account has this name. See `yilong list-users`."
        )


class PersonChanged(Conflict):
    code = "person_changed"
    title_zh, title_en = "该账号已有变动", "The account has changed"

    def __init__(self) -> None:
        super().__init__(
            "打开页面之后，该账号已经变动过。请刷新页面，核对现在的情况，再决定。",
            "The account has changed since the page was opened. Reload it, look how things stand, then decide.",
        )


class AlreadySo(Conflict):
    code = "already_so"
    title_zh, title_en = "已经是这样", "It is so already"

    def __init__(self) -> None:
        super().__init__("该账号已经是这样，没有改动。", "The account is like that already; nothing was changed.")


class LastAdministrator(Conflict):
    code = "last_administrator"
    title_zh, title_en = "不能没有系统管理员", "There must be an administrator"

    def __init__(self) -> None:
        super().__init__(
            "这是最后一名可用的系统管理员。请先把另一名用户设为系统管理员。",
            "This is the last active administrator. Make somebody else one first.",
        )


class WrongPassword(InvalidInput):
    code = "wrong_password"
    title_zh, title_en = "当前密码不正确", "The present password is wrong"

    def __init__(self) -> None:
        super().__init__("当前密码不正确，密码没有更改。", "The present password is wrong; nothing was changed.")


class SamePassword(InvalidInput):
    code = "same_password"
    title_zh, title_en = "新密码与当前密码相同", "The new password is the present one"

    def __init__(self) -> None:
        super().__init__("新密码不能与当前密码相同。", "Choose a password other than the present one.")


@dataclass(frozen=True, slots=True)
class Person:
    """An account, when somebody last signed in to it, and how many of its sessions are good now."""

    user: User
    last_sign_in: datetime | None
    live_sessions: int


async def make_password() -> tuple[str, str]:
    """A random password to be handed over (96 bits, 16 characters), and its hash; make it before the transaction."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    return password, await asyncio.to_thread(hash_password, password)


def mark_of(user: User) -> str:
    """A mark of an account as a page showed it: another one after each change. It tells nothing of the password."""
    whose = f"{user.role}\n{user.observation_point_code}\n{user.department_code}"
    state = f"{whose}\n{user.active}\n{user.must_change_password}\n{user.password_hash}"
    return hashlib.sha256(state.encode()).hexdigest()[:MARK_LENGTH]


# ── reading ──


async def list_people(session: AsyncSession, now: datetime, user_id: str | None = None) -> list[Person]:
    """All accounts, those in use first, by user name; or that one."""
    live = func.sum(case((and_(*is_live(now)), 1), else_=0))
    found = await session.execute(
        select(User, func.max(UserSession.created_at), live)
        .outerjoin(UserSession, UserSession.user_id == User.id)
        .where(*([] if user_id is None else [User.id == user_id]))
        .group_by(User.id)
        .order_by(User.active.desc(), User.username)
    )
    return [Person(user, last, int(count or 0)) for user, last, count in found]


async def get_person(session: AsyncSession, user_id: str, now: datetime) -> Person:
    """One account; raises NotFound."""
    found = await list_people(session, now, user_id)
    if not found:
        raise NotFound
    return found[0]


async def list_sessions(session: AsyncSession, user_id: str, now: datetime) -> list[UserSession]:
    """The sessions of an account that are good now, the newest first."""
    wanted = select(UserSession).where(UserSession.user_id == user_id, *is_live(now))
    return list(await session.scalars(wanted.order_by(UserSession.created_at.desc())))


async def lock_user(session: AsyncSession, user_id: str, mark: str | None = None) -> User:
    """An account, locked with all administrators, so that two of them cannot put each other out at once.

    Raises NotFound, or PersonChanged where a `mark` is given and is not that of the account any more.
    """
    wanted = select(User).where(or_(User.id == user_id, _ADMINISTRATORS)).order_by(User.id)
    rows = await session.scalars(wanted.with_for_update(key_share=True).execution_options(populate_existing=True))
    user = next((row for row in rows if row.id == user_id), None)
    if user is None:
        raise NotFound
    if mark is not None and mark != mark_of(user):
        raise PersonChanged
    return user


async def lock_named(session: AsyncSession, username: str) -> User:
    """The same by user name; raises UnknownUser."""
    user_id = await session.scalar(select(User.id).where(User.username == username))
    if user_id is None:
        raise UnknownUser
    return await lock_user(session, user_id)


# ── acts of an administrator: on an account that `lock_user` answered ──


async def employ(
    session: AsyncSession,
    username: str,
    *,
    role: Role,
    display_name: str,
    by: str,
    now: datetime,
    observation_point: str | None = None,
    department: str | None = None,
) -> tuple[User, str]:
    """Make an account and a password to hand over, shown once, to be changed at the first sign-in.

    Raises HolderMissing, BadName or UserExists.
    """
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user = await create_user(
        session,
        username,
        password,
        role=role,
        display_name=display_name,
        observation_point=observation_point,
        department=department,
        by=by,
        now=now,
        must_change=True,
    )
    return user, password


async def set_role(
    session: AsyncSession,
    user: User,
    role: Role,
    *,
    by: str,
    now: datetime,
    observation_point: str | None = None,
    department: str | None = None,
) -> None:
    """Another role, or another department or point to act for; where one of these comes or goes, its sessions end now.

    Raises HolderMissing, AlreadySo or LastAdministrator.
    """
    await check_holder(session, role, observation_point, department)
    before, after = (user.observation_point_code, user.department_code), (observation_point, department)
    if (role, after) == (user.role, before):
        raise AlreadySo
    if role is not user.role:
        await _keep_an_administrator(session, user)
    facts = {"username": user.username, "before": user.role.value, "role": role.value}
    user.role, user.observation_point_code, user.department_code = role, observation_point, department
    count = await _revoke(session, user.id, now) if before != after else None
    facts |= {name: code for name, code in zip(("observation_point", "department"), after, strict=True) if code}
    record(session, AdminActKind.ROLE_SET, f"user:{user.id}", by=by, now=now, count=count, **facts)


async def deactivate(session: AsyncSession, user: User, *, by: str, now: datetime) -> None:
    """Nobody signs in to it any more, its sessions end now. Raises AlreadySo or LastAdministrator."""
    if not user.active:
        raise AlreadySo
    await _keep_an_administrator(session, user)
    user.active = False
    count = await _revoke(session, user.id, now)
    record(
        session, AdminActKind.USER_DEACTIVATED, f"user:{user.id}", by=by, now=now, username=user.username, count=count
    )


async def activate(session: AsyncSession, user: User, *, by: str, now: datetime) -> None:
    """It may be signed in to again; sessions from before stay ended. Raises AlreadySo."""
    if user.active:
        raise AlreadySo
    user.active = True
    record(session, AdminActKind.USER_ACTIVATED, f"user:{user.id}", by=by, now=now, username=user.username)


async def end_sessions(session: AsyncSession, user: User, *, by: str, now: datetime, but: str | None = None) -> int:
    """End an account's sessions now, all of them `but` the one with that token hash; how many were good."""
    count = await _revoke(session, user.id, now, but)
    if count:
        subject = f"user:{user.id}"
        record(session, AdminActKind.SESSIONS_ENDED, subject, by=by, now=now, username=user.username, count=count)
    return count


async def reset_password(session: AsyncSession, user: User, password_hash: str, *, by: str, now: datetime) -> None:
    """Give an account the password of that hash, to be changed at the next sign-in; its sessions end now."""
    user.password_hash, user.must_change_password = password_hash, True
    count = await _revoke(session, user.id, now)
    record(session, AdminActKind.PASSWORD_RESET, f"user:{user.id}", by=by, now=now, username=user.username, count=count)


# ── one's own ──


async def check_change(user: User, present: str, new: str) -> str:
    """The hash of one's own new password; 100 ms in a thread, with no transaction open.

    Raises WrongPassword, WeakPassword or SamePassword.
    """
    if not await asyncio.to_thread(password_fits, user.password_hash, present):
        raise WrongPassword
    check_password(user.username, new)
    if new == present:
        raise SamePassword
    return await asyncio.to_thread(hash_password, new)


async def change_password(
    session: AsyncSession, user: User, password_hash: str, *, by: str, now: datetime, but: str
) -> int:
    """One's own password; other sessions than the one with the token hash `but` end: how many that were."""
    user.password_hash, user.must_change_password = password_hash, False
    count = await _revoke(session, user.id, now, but)
    subject = f"user:{user.id}"
    record(session, AdminActKind.PASSWORD_CHANGED, subject, by=by, now=now, username=user.username, count=count)
    return count


async def _keep_an_administrator(session: AsyncSession, user: User) -> None:
    """Raise LastAdministrator where there would be none without this one."""
    if user.role is Role.ADMINISTRATOR and user.active:
        others = select(User.id).where(_ADMINISTRATORS, User.id != user.id).limit(1)
        if await session.scalar(others) is None:
            raise LastAdministrator


async def _revoke(session: AsyncSession, user_id: str, now: datetime, but: str | None = None) -> int:
    others = [] if but is None else [UserSession.token_hash != but]
    ended = await session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, *is_live(now), *others)
        .values(revoked_at=now)
        .returning(UserSession.token_hash)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())
