"""演示: first some weeks of past in seconds, then the same parties go on live, over real HTTP, before your eyes."""

import asyncio
import contextlib
import secrets
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.clock import FixedClock, SystemClock
from app.database import Database
from app.demo.ending import interrupted
from app.demo.far_end import OnSocket
from app.demo.past import Past
from app.demo.schedule import DAY_HOURS, FastHours
from app.demo.serving import serving
from app.demo.stage import DEPARTMENT_USERNAME, POINT_USERNAME, USERNAME, Stage, play_settings, staged
from app.demo.summary import conclude
from app.demo.wire import HttpWire
from app.runtime import make_runtime
from app.settings import Settings

Say = Callable[[str], None]
PAST_PER_DAY = 2.5
PATIENCE_SECONDS = 40.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Play:
    """How to play: `seconds` None plays until it is interrupted; `tempo` stretches every live wait; `days` of past."""

    seed: int
    seconds: float | None = None
    tempo: float = 1.0
    host: str | None = None
    port: int | None = None
    days: int = 60


async def play(how: Play, say: Say) -> bool:
    """Play the city; whether at the end the ledger and the audit chain hold. Raises OSError where the port is taken."""
    with tempfile.TemporaryDirectory(prefix="yilong-demo-") as folder:
        settings = play_settings(Path(folder))
        host = settings.host if how.host is None else how.host
        port = settings.port if how.port is None else how.port
        ending = interrupted()
        with socket.create_server((host, port), backlog=128) as listening:
            say("一龙演示：正在准备一次性数据库……")
            async with OnSocket().listening() as far_end:
                password = secrets.token_urlsafe(9)
                stage = await _play_past(settings, how, far_end, ending, password, say)
                if not ending.is_set():
                    await _play_live(settings, how, stage, listening, ending, password)
        say("—— 演示结束 ——")
        return await _conclude(settings, stage, say)


async def _play_past(
    settings: Settings, how: Play, far_end: OnSocket, ending: asyncio.Event, password: str, say: Say
) -> Stage:
    """Set the stage some weeks ago, and play up to this moment."""
    now, zone = SystemClock().now(), ZoneInfo(settings.timezone)
    first = now.astimezone(zone).date() - timedelta(days=how.days)
    start = datetime.combine(first, time(), zone) if how.days else now
    async with staged(settings, FixedClock(start), how.seed, password, far_end.address, say) as stage:
        far_end.systems = stage.departments.systems
        if not how.days:
            stage.office.open()
            return stage
        say(f"先把 {first} 以来的 {how.days} 天快速演一遍……")
        counts = stage.scene.counts
        past = Past(
            stage,
            PAST_PER_DAY,
            lambda moment: say(f"{moment.astimezone(zone):%Y-%m-%d} 收 {counts['reports']} 条"),
            lambda seconds: ending.is_set() or seconds > PATIENCE_SECONDS,
        )
        await past.play(now)
        say(f"往事演完：{past.seconds:.0f} 秒。")
        return stage


async def _play_live(
    settings: Settings, how: Play, stage: Stage, listening: socket.socket, ending: asyncio.Event, password: str
) -> None:
    runtime, scene = make_runtime(settings), stage.scene
    async with serving(runtime, listening, with_worker=True) as address, HttpWire(address) as wire:
        _go_live(stage, wire, how.tempo)
        scene.say(f"页面：{address}/dashboard/  用户名：{USERNAME}  密码：{password}")
        scene.say(f"部门页面用户名：{DEPARTMENT_USERNAME}  观测点页面（手机）用户名：{POINT_USERNAME}  密码相同")
        scene.say(f"接口文档：{address}/docs  种子：{how.seed}  按 Ctrl-C 结束")
        stage.points.keep_writing(how.tempo)
        if how.seconds is not None:
            asyncio.get_running_loop().call_later(how.seconds, ending.set)
        await _act(stage, ending)


def _go_live(stage: Stage, wire: HttpWire, tempo: float) -> None:
    """From here on time is real and working hours are blinks; what was still to happen happens soon."""
    scene, then = stage.scene, stage.clock.now()
    scene.clock, scene.wire, scene.course, scene.aloud = SystemClock(), wire, FastHours(tempo), True
    stage.departments.systems.calm = True
    now = scene.clock.now()

    def soon(moment: datetime) -> datetime:
        days = max((moment - then).total_seconds(), 0.0) / timedelta(days=1).total_seconds()
        return scene.course.after(now, days * DAY_HOURS)

    scene.schedule.move(soon)


async def _act(stage: Stage, ending: asyncio.Event) -> None:
    """Let everybody do their part until the end; what somebody has begun is finished. An error ends the play."""
    scene = stage.scene
    while not ending.is_set():
        for act in scene.schedule.take_due(scene.clock.now()):
            await act()
            if ending.is_set():
                return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), LOOK_SECONDS)


async def _conclude(settings: Settings, stage: Stage, say: Say) -> bool:
    database = Database(settings.resolved_database_url)
    try:
        return await conclude(database, stage.scene.counts, stage.scene.refusals, stage.scene.faults, say)
    finally:
        await database.dispose()
