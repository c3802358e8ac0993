"""`yilong serve`, `worker`, `migrate`, `load-pack`: getting a deployment up and keeping it up."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import fail, run, run_plain

if TYPE_CHECKING:
    from app.runtime import Runtime
    from app.settings import Settings


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(serve)
    application.command()(worker)
    application.command()(migrate)
    application.command("load-pack")(load_pack)
    application.command("set-up")(set_up)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default YILONG_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default YILONG_PORT.")] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Serve only; a worker runs elsewhere.")] = False,
) -> None:
    """Serve API and dashboard, with the worker beside them."""
    import uvicorn

    from app.log import configure_logging
    from app.main import create_app
    from app.runtime import make_runtime

    settings = _settings()
    _require_ready(settings)
    configure_logging()
    host, port = host or settings.host, port or settings.port
    typer.echo(f"一龙 Yilong: http://{host}:{port}/dashboard/  API: http://{host}:{port}/docs")
    uvicorn.run(
        create_app(make_runtime(settings), with_worker=not no_worker, alone=True),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.trusted_proxy,
        timeout_graceful_shutdown=20,
    )


def worker() -> None:
    """Run only the worker: webhooks and deadlines. Any number may run on one PostgreSQL."""
    from app.log import configure_logging

    configure_logging()
    run(_work)


async def _work(runtime: "Runtime") -> None:
    import asyncio

    from app.worker import WorkerContext, install_stop_signals, run_worker

    stop = asyncio.Event()
    install_stop_signals(stop)
    context = WorkerContext(runtime.database, runtime.settings, runtime.clock, runtime.sealer, cities=runtime.cities)
    await run_worker(context, stop)


def migrate() -> None:
    """Bring the schema to head; safe to run again."""
    from app.directory.schema import find_current
    from app.directory.schema import migrate as bring_to_head

    settings = _settings()

    async def work() -> str | None:
        from app.database import Database

        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.resolved_database_url)
        try:
            await bring_to_head(database)
            return await find_current(database)
        finally:
            await database.dispose()

    typer.echo(f"数据库结构已是最新：{run_plain(work())}")


def load_pack(
    folder: Annotated[Path | None, typer.Argument(help="A pack's folder; default: the bundled Changsha pack.")] = None,
) -> None:
    """Load departments, observation points, prefixes, cues and catalogues. Idempotent; says what changed."""
    from app.directory.pack import BUNDLED_PACK, PackError

    try:
        for line in run(lambda runtime: _load_pack(runtime, folder or BUNDLED_PACK)):
            typer.echo(line)
    except PackError as error:
        fail(str(error))


async def _load_pack(runtime: "Runtime", folder: Path) -> list[str]:
    from app.directory.loading import load_into_database, read_files

    files = read_files(folder)
    async with runtime.database.write() as session:
        report = await load_into_database(session, files, runtime.clock.now())
    if report.is_empty:
        return [f"{report.name} {report.version}：没有变化。"]
    counts = f"新增 {len(report.added)}，修改 {len(report.changed)}，停用 {len(report.retired)}"
    lines = [f"{report.name} {report.version}：{counts}。"]
    for word, codes in (("新增", report.added), ("修改", report.changed), ("停用", report.retired)):
        if codes:
            shown = "、".join(codes[:12])
            lines.append(f"  {word}：{shown}" + (f" 等 {len(codes)} 项" if len(codes) > 12 else ""))
    if report.calendar_days:
        lines.append(f"  工作日历：{report.calendar_days} 天")
    return lines


def set_up() -> None:
    """Make a first deployment ready: schema, pack, administrator, one reporter's key. A second run reuses all of it."""
    migrate()
    load_pack(None)
    for line in run(_first_accounts):
        typer.echo(line)


async def _first_accounts(runtime: "Runtime") -> list[str]:
    from app.access import keys, people
    from app.models import Role

    url = f"http://{runtime.settings.host}:{runtime.settings.port}"
    lines = []
    async with runtime.database.write() as session:
        now = runtime.clock.now()
        if await people.is_first(session):
            password = secrets.token_urlsafe(12)
            await people.create_user(
                session, "admin", password, role=Role.ADMINISTRATOR, display_name="系统管理员", now=now
            )
            lines.append(f"管理员账号：admin  密码：{password}  （只显示这一次）")
        if await keys.is_first(session):
            point = next(iter(runtime.cities.current.points))
            key = await keys.create_key(session, Role.REPORTER, now=now, observation_point=point, label="first")
            lines += ["试着反映一件事（另开一个终端；密钥只显示这一次）：", *_first_report(url, key)]
    return [*lines, f"地址：{url}/dashboard/  接口文档：{url}/docs"]


def _first_report(url: str, key: str) -> list[str]:
    text = "区民政局要求每周报一次独居老人走访台账，还要逐户拍照上传，同样的内容月底再报一遍。"
    return [
        f"curl -s {url}/v1/reports -H 'Authorization: Bearer {key}' \\",
        f"  -H 'Content-Type: application/json' -d '{{\"text\": \"{text}\"}}'",
    ]


def _settings() -> "Settings":
    from pydantic import ValidationError

    from app.settings import get_settings

    try:
        return get_settings()
    except ValidationError as error:
        fail("\n".join(e["msg"].removeprefix("Value error, ") for e in error.errors(include_input=False)))


def _require_ready(settings: "Settings") -> None:
    """Refuse to serve on a schema or a directory that is not there."""

    async def check(runtime: "Runtime") -> None:
        assert runtime.cities.current  # noqa: S101 — raises NoPackLoaded with what to do

    run(check)
