"""`yilong create-user` and `yilong create-key`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import run
from app.models import Role

if TYPE_CHECKING:
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("create-user")(create_user)
    application.command("create-key")(create_key)


def create_user(
    username: str,
    role: Annotated[Role, typer.Option(help="clerk, leader, auditor or administrator.")] = Role.CLERK,
    display_name: Annotated[str | None, typer.Option(help="Name shown on the pages.")] = None,
    password: Annotated[
        str | None, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="YILONG_NEW_PASSWORD")
    ] = None,
) -> None:
    """Make an account for a person of the office. The password is asked for, never echoed."""
    if role in {Role.REPORTER, Role.DEPARTMENT}:
        raise typer.BadParameter("观测点和部门使用密钥,请用 create-key。Points and departments use keys.")

    async def work(runtime: "Runtime") -> None:
        from app.access import people

        async with runtime.database.write() as session:
            await people.create_user(
                session,
                username,
                password or "",
                role=role,
                display_name=display_name or username,
                now=runtime.clock.now(),
            )

    run(work)
    typer.echo(f"已创建:{username}({role.value})")


def create_key(
    role: Annotated[Role, typer.Option(help="reporter, department, or a role of the office.")],
    observation_point: Annotated[str | None, typer.Option(help="Code of the reporter's point.")] = None,
    department: Annotated[str | None, typer.Option(help="Code of the department.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never if absent.")] = None,
    label: Annotated[str | None, typer.Option(help="What it is for.")] = None,
) -> None:
    """Make an API key and show it once."""

    async def work(runtime: "Runtime") -> str:
        from app.access import keys

        now = runtime.clock.now()
        async with runtime.database.write() as session:
            return await keys.create_key(
                session,
                role,
                now=now,
                observation_point=observation_point,
                department=department,
                expires_at=now + timedelta(days=days) if days else None,
                label=label,
            )

    typer.echo(run(work, with_city=False))
    typer.echo("请妥善保存:密钥只显示这一次。Keep it: it is shown this once.", err=True)
