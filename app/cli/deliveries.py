"""`yilong redeliver`: sends deliveries again: some by id, or all that failed or are missing since a moment."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from app.cli.running import fail, run

if TYPE_CHECKING:
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("redeliver")(redeliver)


def redeliver(
    ids: Annotated[list[int] | None, typer.Argument(help="Delivery ids, as the log shows them.")] = None,
    since: Annotated[str | None, typer.Option(help="All that failed since then, such as 2026-03-02T09:00.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to then; now if absent.")] = None,
    department: Annotated[str | None, typer.Option(help="Only this department's addresses, by code.")] = None,
    missing: Annotated[
        bool, typer.Option(help="What was never queued for an address, instead of what failed.")
    ] = False,
) -> None:
    """Send deliveries again, with the same ids and the same bytes: by id, or with --since. Times are the city's."""
    if bool(ids) == bool(since):
        fail("请给出投递编号，或用 --since 给出起始时间。Give delivery ids, or a moment with --since.")
    if ids and (until or department or missing):
        fail("--until、--department、--missing 须与 --since 同用。These options go with --since.")

    async def by_id(runtime: "Runtime") -> int:
        from app.deliver.endpoints import redeliver as queue_again

        async with runtime.database.write() as session:
            for delivery_id in ids or ():
                await queue_again(session, delivery_id, runtime.clock.now())
        return len(ids or ())

    async def by_time(runtime: "Runtime") -> int:
        from app.deliver.replay import Span, What, replay_many

        zone, now = ZoneInfo(runtime.settings.timezone), runtime.clock.now()
        span = Span.of(_read_moment(since or "", zone), _read_moment(until, zone) if until else None, now)
        what = What.MISSING if missing else What.FAILED
        async with runtime.database.write() as session:
            return await replay_many(session, what, span, now, department=department)

    typer.echo(f"已重新排队：{run(by_time if since else by_id)}")


def _read_moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"时间无法识别：{text}。请写成 2026-03-02T09:00。Cannot read that time: write 2026-03-02T09:00.")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
