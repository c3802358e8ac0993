"""用户与角色: accounts of the office, of departments and of points, as an administrator manages them.

A password that is handed over is on the answer alone: nothing of it goes into an address, a cookie or the log. A form
carries the mark of the account it was shown with, so that one sent twice, or by two people, changes it once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access import admin_log, staff
from app.access.principal import OFFICE_ROLES, Permission
from app.dashboard.admin_log import entries_of
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.api_keys import Holder, read_holder
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.session import Office, PeopleManager
from app.flow.desk import Desk
from app.models import Role, User

router = make_pages()
PATH: Final = "/dashboard/people"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{1,40}$")]
ACTS: Final = 20
# The office's first: the form begins with its clerk.
ROLES: Final = tuple(sorted(Role, key=lambda role: role not in OFFICE_ROLES))
FIELDS: Final = ("username", "display_name", "role", "holder")


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password just made for somebody, to be handed over."""

    username: str
    password: str = field(repr=False)


@router.get("/people")
async def show_people(at: PeopleManager) -> Response:
    """All accounts, and the form for another one."""
    return await _people_page(at)


async def _people_page(
    at: Office, *, made: NewPassword | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    """`made` is shown with the page, this once; where a form was refused, it stays as typed."""
    async with at.read() as session:
        found = await staff.list_people(session, at.now)
    typed = {name: at.form.get(name) if not made else "" for name in FIELDS}
    facts = {"people": found, "typed": typed, "made": made} | _choices(at)
    return await page(at, "people.html", "administration", facts, messages=messages, status=status)


def _choices(at: Office) -> dict[str, Any]:
    return {
        "roles": ROLES,
        "holders": [*at.city.points.values(), *at.city.departments.values()],
        "holder_of": partial(_holder_of, at),
        "words": words_for(at),
        "tab": "people",
    }


def _holder_of(at: Office, user: User) -> str:
    """The department or point of an account, as the form takes it: code, then name; empty for the office."""
    code = user.department_code or user.observation_point_code or ""
    point = at.city.points.get(code)
    return f"{code} {point.name if point else at.city.names.get(code, '')}".strip()


@router.post("/people")
async def employ(at: PeopleManager) -> Response:
    """新建: an account with a password to hand over, to be changed at the first sign-in."""

    async def act() -> Response:
        holder = _read_holder(at)
        async with at.desk(Permission.MANAGE_PEOPLE) as desk:
            user, password = await staff.employ(
                desk.session,
                at.form.get("username"),
                role=holder.role,
                display_name=at.form.get("display_name"),
                observation_point=holder.observation_point,
                department=holder.department,
                by=desk.principal.actor,
                now=desk.now,
            )
        return await _people_page(at, made=NewPassword(user.username, password), status=201)

    async def show_again(message: Flash, status: int) -> Response:
        return await _people_page(at, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_holder(at: Office) -> Holder:
    """Whom the account is to stand for. Raises BadFields."""
    faults: list[str] = []
    holder = read_holder(at, faults)
    if faults or holder is None:
        raise BadFields(faults)
    return holder


@router.get("/people/{id}")
async def show_person(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """One account: how it stands, what was done to it, what can be done."""
    return await _person_page(at, id)


async def _person_page(
    at: Office, user_id: str, *, made: NewPassword | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    async with at.read() as session:
        person = await staff.get_person(session, user_id, at.now)
        acts, _ = await admin_log.page_acts(session, subject=f"user:{user_id}", offset=0, limit=ACTS)
    facts = {
        "person": person,
        "mark": staff.mark_of(person.user),
        "is_self": user_id == at.user_id,
        "acts": entries_of(acts, words_for(at)),
        "made": made,
        **_choices(at),
    }
    return await page(at, "person.html", "administration", facts, messages=messages, status=status)


async def _do(at: Office, user_id: str, act: Callable[[Desk, User], Awaitable[str]]) -> Response:
    """Do one thing to an account that is as the form was shown, and come back to its page."""

    async def do() -> Response:
        async with at.desk(Permission.MANAGE_PEOPLE) as desk:
            user = await staff.lock_user(desk.session, user_id, at.form.get("mark"))
            done = await act(desk, user)
        return go(at.request, f"{PATH}/{user_id}", Flash(words_for(at).say(done), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _person_page(at, user_id, messages=(message,), status=status)

    return await attempt(at, do, show_again)


@router.post("/people/{id}/role")
async def set_role(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """更改角色, or the department or point: holds for the next request of every session of that person."""

    async def act(desk: Desk, user: User) -> str:
        holder = _read_holder(at)
        await staff.set_role(
            desk.session,
            user,
            holder.role,
            observation_point=holder.observation_point,
            department=holder.department,
            by=desk.principal.actor,
            now=desk.now,
        )
        return N_("已更改角色，立即生效。")

    return await _do(at, id, act)


@router.post("/people/{id}/deactivation")
async def deactivate(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """停用: nobody signs in to it any more; its sessions end now."""

    async def act(desk: Desk, user: User) -> str:
        await staff.deactivate(desk.session, user, by=desk.principal.actor, now=desk.now)
        return N_("已停用，该账号的登录已全部结束。")

    return await _do(at, id, act)


@router.post("/people/{id}/activation")
async def activate(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """恢复: it may be signed in to again."""

    async def act(desk: Desk, user: User) -> str:
        await staff.activate(desk.session, user, by=desk.principal.actor, now=desk.now)
        return N_("已恢复，可以重新登录。")

    return await _do(at, id, act)


@router.post("/people/{id}/sessions-end")
async def end_sessions(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """结束登录: whoever is signed in to it has to sign in again."""

    async def act(desk: Desk, user: User) -> str:
        await staff.end_sessions(desk.session, user, by=desk.principal.actor, now=desk.now)
        return N_("该账号的登录已全部结束。")

    return await _do(at, id, act)


@router.post("/people/{id}/password")
async def reset_password(id: Id, at: PeopleManager) -> Response:  # noqa: A002 - the address says id
    """重置密码: another one to hand over, shown once; sessions end now."""

    async def act() -> Response:
        password, password_hash = await staff.make_password()
        async with at.desk(Permission.MANAGE_PEOPLE) as desk:
            user = await staff.lock_user(desk.session, id, at.form.get("mark"))
            await staff.reset_password(desk.session, user, password_hash, by=desk.principal.actor, now=desk.now)
        return await _person_page(at, id, made=NewPassword(user.username, password))

    async def show_again(message: Flash, status: int) -> Response:
        return await _person_page(at, id, messages=(message,), status=status)

    return await attempt(at, act, show_again)
