"""People: `yilong create-user`, `list-users`, `set-role`, `reset-password`, `end-sessions` and others."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.running import run
from app.models import Role

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.models import User
    from app.runtime import Runtime

Result = TypeVar("Result")
Point = Annotated[str | None, typer.Option(help="Code of the point that a reporter's account acts for.")]
Department = Annotated[str | None, typer.Option(help="Code of the department that its account acts for.")]
Username = Annotated[str, typer.Argument(help="User name, as `list-users` shows it.")]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("create-user")(create_user)
    application.command("list-users")(list_users)
    application.command("set-role")(set_role)
    application.command("reset-password")(reset_password)
    application.command("end-sessions")(end_sessions)
    application.command("deactivate-user")(deactivate_user)
    application.command("activate-user")(activate_user)


def create_user(
    username: str,
    role: Annotated[Role, typer.Option(help="A role of the office, department or reporter.")] = Role.CLERK,
    display_name: Annotated[str | None, typer.Option(help="Name shown on the pages.")] = None,
    observation_point: Point = None,
    department: Department = None,
    password: Annotated[
        str | None, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="YILONG_NEW_PASSWORD")
    ] = None,
) -> None:
    """Make an account for a person of the office, a department or a point. The password is asked for, never echoed."""

    async def work(runtime: "Runtime") -> None:
        from app.access import people

        async with runtime.database.write() as session:
            await people.create_user(
                session,
                username,
                password or "",
                role=role,
                display_name=display_name or username,
                observation_point=observation_point,
                department=department,
                now=runtime.clock.now(),
            )

    run(work, with_city=False)
    typer.echo(f"已创建：{username}({role.value})")


def list_users() -> None:
    """List all accounts: user name, role, state, day of the last sign-in, live sessions, name, holder; by tabs."""

    async def work(runtime: "Runtime") -> list[str]:
        from zoneinfo import ZoneInfo

        from app.access import staff

        zone = ZoneInfo(runtime.settings.timezone)
        async with runtime.database.read() as session:
            found = await staff.list_people(session, runtime.clock.now())
        return [
            "\t".join(
                (
                    person.user.username,
                    person.user.role.value,
                    "active" if person.user.active else "inactive",
                    f"{person.last_sign_in.astimezone(zone):%Y-%m-%d}" if person.last_sign_in else "-",
                    str(person.live_sessions),
                    person.user.display_name,
                    person.user.department_code or person.user.observation_point_code or "-",
                )
            )
            for person in found
        ]

    for line in run(work, with_city=False):
        typer.echo(line)


def set_role(
    username: Username,
    role: Annotated[Role, typer.Argument(help="A role of the office, department or reporter.")],
    observation_point: Point = None,
    department: Department = None,
) -> None:
    """Give an account another role, or another department or point; it holds at once."""

    async def act(session: "AsyncSession", user: "User", now: "datetime") -> None:
        from app.access import admin_log, staff

        await staff.set_role(
            session,
            user,
            role,
            observation_point=observation_point,
            department=department,
            by=admin_log.OPERATOR,
            now=now,
        )

    _act_on(username, act)
    typer.echo(f"已更改角色：{username}({role.value})")


def reset_password(username: Username) -> None:
    """Give an account a new password, printed once and to be changed at the next sign-in; its sessions end."""

    async def work(runtime: "Runtime") -> str:
        from app.access import admin_log, staff

        password, password_hash = await staff.make_password()
        async with runtime.database.write() as session:
            user = await staff.lock_named(session, username)
            await staff.reset_password(session, user, password_hash, by=admin_log.OPERATOR, now=runtime.clock.now())
        return password

    typer.echo(run(work, with_city=False))
    typer.echo("新密码只显示这一次，首次登录须更换。It is shown this once and must be changed first.", err=True)


def end_sessions(username: Username) -> None:
    """End all sessions of an account now: whoever is signed in to it has to sign in again."""

    async def act(session: "AsyncSession", user: "User", now: "datetime") -> int:
        from app.access import admin_log, staff

        return await staff.end_sessions(session, user, by=admin_log.OPERATOR, now=now)

    typer.echo(f"已结束登录：{_act_on(username, act)}")


def deactivate_user(username: Username) -> None:
    """Close an account: nobody signs in to it any more, its sessions end now. Its name stays in the ledger."""

    async def act(session: "AsyncSession", user: "User", now: "datetime") -> None:
        from app.access import admin_log, staff

        await staff.deactivate(session, user, by=admin_log.OPERATOR, now=now)

    _act_on(username, act)
    typer.echo(f"已停用：{username}")


def activate_user(username: Username) -> None:
    """Open a closed account again."""

    async def act(session: "AsyncSession", user: "User", now: "datetime") -> None:
        from app.access import admin_log, staff

        await staff.activate(session, user, by=admin_log.OPERATOR, now=now)

    _act_on(username, act)
    typer.echo(f"已恢复：{username}")


def _act_on(username: str, act: Callable[["AsyncSession", "User", "datetime"], Awaitable[Result]]) -> Result:
    """Do one thing to the account of that name, in one transaction."""

    async def work(runtime: "Runtime") -> Result:
        from app.access import staff

        async with runtime.database.write() as session:
            user = await staff.lock_named(session, username)
            return await act(session, user, runtime.clock.now())

    return run(work, with_city=False)
