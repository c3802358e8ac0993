"""模拟: a city in fast time, from a first day on; ends with its figures and its proof, and may serve what it left."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from zoneinfo import ZoneInfo

from app.clock import FixedClock
from app.demo.ending import interrupted
from app.demo.far_end import NOWHERE
from app.demo.past import Past
from app.demo.serving import serving
from app.demo.stage import USERNAME, NotEmpty, play_settings, staged
from app.demo.summary import conclude
from app.runtime import make_runtime
from app.settings import Settings

Say = Callable[[str], None]
DEFAULT_START = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to simulate. `keep`: a folder for the database; without it and without a URL nothing is left.

    Attributes:
        per_day: reports on an average working day.
        serve: show the dashboard over the outcome until interrupted; its clock stands still at the end.
    """

    days: int
    seed: int
    start: date = DEFAULT_START
    per_day: float = 4.5
    database_url: str | None = None
    keep: Path | None = None
    serve: bool = False


async def simulate(what: Simulation, say: Say) -> bool:
    """Simulate, then sum up; whether the ledger and the audit chain hold. Raises NotEmpty."""
    with _folder(what.keep) as folder:
        settings = play_settings(folder, what.database_url)
        zone = ZoneInfo(settings.timezone)
        start = datetime(what.start.year, what.start.month, what.start.day, tzinfo=zone)
        end = start + timedelta(days=what.days)
        clock, password = FixedClock(start), token_urlsafe(9)
        say(f"一龙模拟：{what.start} 起 {what.days} 天，种子 {what.seed}，正在准备……")
        async with staged(settings, clock, what.seed, password, NOWHERE, say) as stage:
            past = Past(stage, what.per_day, _progress(stage.scene.counts, zone, say))
            await past.play(end)
            scene = stage.scene
            say(f"—— 模拟结束：{what.start} 至 {end:%Y-%m-%d}，{past.steps} 步，实际用时 {past.seconds:.1f} 秒 ——")
            holds = await conclude(stage.runtime.database, scene.counts, scene.refusals, scene.faults, say)
        if what.keep:
            say(f"数据库保存在 {what.keep}；YILONG_DATA_DIR={what.keep} yilong serve --no-worker 可以再打开")
        if what.serve or what.keep or what.database_url:
            say(f"用户名：{USERNAME}  密码：{password}")
        if what.serve:
            await _serve(settings, clock, say)
        return holds


def _progress(counts: dict[str, int], zone: ZoneInfo, say: Say) -> Callable[[datetime], None]:
    return lambda moment: say(f"{moment.astimezone(zone):%Y-%m-%d}  收 {counts['reports']} 条")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder to keep, empty; or one that goes away."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="yilong-simulate-") as name:
            yield Path(name)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise NotEmpty
    yield keep


async def _serve(settings: Settings, clock: FixedClock, say: Say) -> None:
    """Dashboard and API over the outcome, in the last simulated moment, until Ctrl-C. No worker: nothing goes on."""
    ending = interrupted()
    with socket.create_server((settings.host, settings.port), backlog=128) as listening:
        async with serving(make_runtime(settings, clock), listening, with_worker=False) as address:
            say(f"页面：{address}/dashboard/  时间停在 {clock.now():%Y-%m-%d}；按 Ctrl-C 结束")
            await ending.wait()
