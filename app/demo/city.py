"""Sets the stage of the demonstration and takes it down; proves the ledger at the end."""

import asyncio
import contextlib
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from app.access.keys import create_key
from app.access.people import create_user
from app.clock import SystemClock
from app.database import Database
from app.demo.department import DepartmentSystems
from app.demo.mail import write_letters
from app.demo.office import Office
from app.demo.points import Points
from app.demo.scene import CATEGORIES, Scene
from app.demo.wire import Wire
from app.directory.loading import load_into_database, read_files
from app.directory.pack import BUNDLED_PACK
from app.directory.schema import migrate
from app.ledger.reconcile import reconcile, verify_chains
from app.main import create_app
from app.models import Role
from app.runtime import Runtime, make_runtime
from app.settings import Environment, Settings

MEAN_SECONDS_BETWEEN_REPORTS = 1.2
LAST_LETTER_SECONDS = 30.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Play:
    """How to play: `seconds` None plays until it is interrupted; `tempo` stretches every wait."""

    seed: int
    seconds: float | None = None
    tempo: float = 1.0
    host: str | None = None
    port: int | None = None


class _Server(uvicorn.Server):
    """The service in this process; signals are the demonstration's to handle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def play(how: Play, say: Say) -> bool:
    """Play the city; whether at the end the ledger and the audit chain hold. Raises OSError where the port is taken."""
    with tempfile.TemporaryDirectory(prefix="yilong-demo-") as folder:
        settings = _settings(Path(folder))
        host = settings.host if how.host is None else how.host
        port = settings.port if how.port is None else how.port
        with socket.create_server((host, port), backlog=128) as listening:
            say("一龙演示:正在准备一次性数据库……")
            scene = await _perform(settings, how, listening, say)
        _summarize(scene, say)
        return await _prove(settings, say)


def _settings(folder: Path) -> Settings:
    """The deployment's own settings where they do no harm; what it keeps or protects is replaced."""
    given = Settings(environment=Environment.DEVELOPMENT, delivery_allow_loopback=True, secret_key=None)
    return given.model_copy(
        update={"data_dir": folder, "database_url": None, "public_url": None, "worker_poll_seconds": 0.1}
        | {"session_cookie_secure": False}
    )


async def _perform(settings: Settings, how: Play, listening: socket.socket, say: Say) -> Scene:
    runtime = make_runtime(settings)
    password = secrets.token_urlsafe(9)
    keys = await _furnish(runtime, password)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, ending.set)
    host, port = listening.getsockname()[:2]
    # Bound to every address, the service is reached by loopback from here.
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 — compared, not bound
    async with _serving(runtime, listening), Wire(address) as wire:
        scene = Scene(runtime.cities.current, SystemClock(), wire, keys, how.seed, how.tempo, say)
        say(f"页面:{address}/dashboard/  用户名:admin  密码:{password}")
        say(f"接口文档:{address}/docs  种子:{how.seed}  按 Ctrl-C 结束")
        async with DepartmentSystems(scene) as systems:
            await _act(scene, systems, ending, how.seconds)
    return scene


async def _furnish(runtime: Runtime, password: str) -> dict[str, str]:
    """Schema, pack, an account, and a key for each party."""
    await migrate(runtime.database)
    async with runtime.database.write() as session:
        now = runtime.clock.now()
        await load_into_database(session, read_files(BUNDLED_PACK), now)
        await create_user(session, "admin", password, role=Role.ADMINISTRATOR, display_name="演示管理员", now=now)
    await runtime.cities.refresh()
    async with runtime.database.write() as session:
        keys = {
            "office": await create_key(session, Role.CLERK, now=now, label="演示统筹部门"),
            "administrator": await create_key(session, Role.ADMINISTRATOR, now=now, label="演示管理员"),
        }
        for point in runtime.cities.current.points:
            keys[point] = await create_key(session, Role.REPORTER, now=now, observation_point=point)
    return keys


@asynccontextmanager
async def _serving(runtime: Runtime, listening: socket.socket) -> AsyncIterator[None]:
    """API, dashboard and worker, in this process."""
    application = create_app(runtime, with_worker=True)
    server = _Server(uvicorn.Config(application, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if serving.done():
                await serving
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        await serving


async def _act(scene: Scene, systems: DepartmentSystems, ending: asyncio.Event, seconds: float | None) -> None:
    """Let everybody do their part until the time is up or somebody interrupts; an error of theirs ends the play."""
    districts = {d.code: d for d in scene.city.pack.districts}
    letters = write_letters(
        list(scene.city.points.values()), districts, seed=scene.seed, mean_seconds=MEAN_SECONDS_BETWEEN_REPORTS
    )
    points, office = Points(scene, systems), Office(scene, systems)
    sending = asyncio.create_task(points.send(letters, ending))
    others = [asyncio.create_task(part) for part in (points.answer(), office.work())]
    try:
        await asyncio.wait([sending, *others], timeout=seconds, return_when="FIRST_COMPLETED")
        ending.set()
        await asyncio.wait_for(sending, LAST_LETTER_SECONDS)
        for task in others:
            if task.done():
                task.result()
    finally:
        for task in (sending, *others):
            task.cancel()
        await asyncio.gather(sending, *others, return_exceptions=True)


def _summarize(scene: Scene, say: Say) -> None:
    counts = scene.counts
    kinds = "、".join(f"{words} {counts[kind]}" for kind, words in CATEGORIES.items())
    say(f"—— 演示结束:收 {counts['reports']} 条({kinds}) ——")
    say(
        f"推送送达 {counts['webhooks']} 次(出错后重推 {counts['failures']},重复 {counts['duplicates']}),"
        f"签名回调 {counts['callbacks']} 次,会商 {counts['consultations']} 场,裁定 {counts['rulings']} 件,"
        f"接入部门系统 {counts['systems']} 个"
    )


async def _prove(settings: Settings, say: Say) -> bool:
    """`reconcile` and `verify-audit` on what is left."""
    database = Database(settings.resolved_database_url)
    try:
        async with database.read() as session:
            result = await reconcile(session)
            events, broken = await verify_chains(session)
    finally:
        await database.dispose()
    say(f"线索 {result.reports} · 挂账 {result.opened} − 销号 {result.closed} = 在账 {result.on_ledger}")
    for offender in result.offenders:
        say(f"{offender.number}: {offender.fault}")
    for link in broken:
        say(f"{link.case_id} #{link.seq}: {link.fault}")
    holds = result.holds and not broken
    say(f"对账无误,审计链完好({events} 个事件)。" if holds else "对账或审计链不成立,见上。")
    return holds
