"""API keys: `yilong create-key`, `list-keys`, `rotate-key`, `revoke-key`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import run
from app.models import Role

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.models import ApiKey
    from app.runtime import Runtime

NameOfKey = Annotated[str, typer.Argument(metavar="PREFIX|ID", help="As `list-keys` shows it.")]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("create-key")(create_key)
    application.command("list-keys")(list_keys)
    application.command("rotate-key")(rotate_key)
    application.command("revoke-key")(revoke_key)


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

    _show_once(run(work, with_city=False))


def list_keys(
    role: Annotated[Role | None, typer.Option(help="Only keys of this role.")] = None,
    observation_point: Annotated[str | None, typer.Option(help="Only keys of this point.")] = None,
    department: Annotated[str | None, typer.Option(help="Only keys of this department.")] = None,
    ended: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
) -> None:
    """List keys, newest first: prefix, role, holder, days made, of its end and last used, id, label; by tabs."""

    async def work(runtime: "Runtime") -> list[str]:
        from zoneinfo import ZoneInfo

        from app.access import keyholders

        wanted = keyholders.KeyFilter(role, observation_point, department, None if ended else runtime.clock.now())
        async with runtime.database.read() as session:
            found = await keyholders.list_keys(session, wanted, limit=await keyholders.count_keys(session, wanted))
        return [_line(key, ZoneInfo(runtime.settings.timezone)) for key in found]

    for line in run(work, with_city=False):
        typer.echo(line)


def _line(key: "ApiKey", zone: "ZoneInfo") -> str:
    def day(moment: "datetime | None") -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d}" if moment else "-"

    end = f"revoked {day(key.revoked_at)}" if key.revoked_at else day(key.expires_at)
    holder = key.observation_point_code or key.department_code or "-"
    used = str(key.last_used_on or "-")
    return "\t".join((key.prefix, key.role.value, holder, day(key.created_at), end, used, key.id, key.label or ""))


def rotate_key(
    key: NameOfKey,
    overlap_days: Annotated[int, typer.Option(min=0, max=90, help="Days on which both are valid; 0: none.")] = 7,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until the new one expires; as the old one if absent.")
    ] = None,
) -> None:
    """Put a new key beside an old one, shown once; the old one ends after the overlap."""

    async def work(runtime: "Runtime") -> tuple[str, str]:
        from app.access import admin_log, keyholders

        now = runtime.clock.now()
        async with runtime.database.write() as session:
            row = await keyholders.lock_key(session, await keyholders.find_key_id(session, key), now)
            rotated = await keyholders.rotate_key(
                session, row, by=admin_log.OPERATOR, now=now, overlap=timedelta(days=overlap_days), days=days
            )
            return rotated.key, f"{rotated.old.expires_at:%Y-%m-%d %H:%M} UTC"

    new, until = run(work, with_city=False)
    _show_once(new)
    typer.echo(f"原密钥有效至 old key valid until {until}", err=True)


def revoke_key(key: NameOfKey) -> None:
    """End a key now, in every process; it cannot be taken back."""

    async def work(runtime: "Runtime") -> str:
        from app.access import admin_log, keyholders

        now = runtime.clock.now()
        async with runtime.database.write() as session:
            row = await keyholders.lock_key(session, await keyholders.find_key_id(session, key), now)
            keyholders.revoke_key(session, row, by=admin_log.OPERATOR, now=now)
            return row.prefix

    typer.echo(f"已停用：{run(work, with_city=False)}")


def _show_once(key: str) -> None:
    typer.echo(key)
    typer.echo("请妥善保存：密钥只显示这一次。Keep it: it is shown this once.", err=True)
