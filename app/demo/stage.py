"""Sets the stage: a city on an empty database, an account, a key for each party, and the parties themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.access.keys import create_key
from app.access.people import create_user
from app.access.people import is_first as has_no_user
from app.clock import FixedClock
from app.database import Database
from app.demo.department import Departments
from app.demo.office import Office
from app.demo.points import Points
from app.demo.scene import Scene
from app.demo.schedule import WorkingHours
from app.demo.wire import InProcessWire
from app.directory.loading import load_into_database, read_files
from app.directory.pack import BUNDLED_PACK, Tier
from app.directory.schema import find_current, migrate
from app.main import create_app
from app.models import Role
from app.problems import Conflict
from app.runtime import Runtime, make_runtime
from app.settings import Environment, Settings

Say = Callable[[str], None]
USERNAME = "admin"
# Who may look at the play besides: a department's people and a point's, each at pages of their own.
DEPARTMENT_USERNAME, DEPARTMENT = "minzheng", "FR-MZ"
POINT_USERNAME, POINT = "shequ", "FR-01"


class NotEmpty(Conflict):
    code = "not_empty"
    title_zh, title_en = "不是空的", "Not empty"

    def __init__(self) -> None:
        super().__init__(
            "这里已有账号、线索或文件，模拟会把虚构内容混进去。请给一个空的数据库或空的文件夹。",
            "There is something here already; a simulation would mix invented reports in. Give an empty one.",
        )


@dataclass
class Stage:
    """A city that is ready to play, in this process: the service, its clock, and everybody who uses it."""

    runtime: Runtime
    clock: FixedClock
    wire: InProcessWire
    scene: Scene
    points: Points
    office: Office
    departments: Departments


def play_settings(folder: Path, database_url: str | None = None) -> Settings:
    """The deployment's own settings where they do no harm; what it keeps, protects or asks elsewhere is replaced."""
    given = Settings(environment=Environment.DEVELOPMENT, delivery_allow_loopback=True, secret_key=None)
    return given.model_copy(
        update={"data_dir": folder, "evidence_dir": None, "database_url": database_url, "public_url": None}
        | {
            "worker_poll_seconds": 0.1,
            "session_cookie_secure": False,
            # Its clock runs through days in a second: what is much in a minute here is little in the city's time.
            "rate_per_key_per_minute": 0,
            "second_opinion_url": None,
            "second_opinion_model": None,
        }
    )


async def refuse_used(database: Database) -> None:
    """Raise NotEmpty unless the database has no schema yet, or one without accounts; each report needs one."""
    if await find_current(database) is None:
        return
    async with database.read() as session:
        if not await has_no_user(session):
            raise NotEmpty


@asynccontextmanager
async def staged(
    settings: Settings, clock: FixedClock, seed: int, password: str, address: str, say: Say
) -> AsyncIterator[Stage]:
    """Make the city in an empty database; department systems are registered at `address`. Raises NotEmpty."""
    runtime = make_runtime(settings, clock)
    try:
        await refuse_used(runtime.database)
        await migrate(runtime.database)
        keys = await _furnish(runtime, password)
        await runtime.start()
        wire = InProcessWire(create_app(runtime))
        cities = runtime.cities
        course = WorkingHours(lambda: cities.current.calendar)
        scene = Scene(cities, clock, wire, keys, seed, course, say, aloud=False)
        stage = Stage(runtime, clock, wire, scene, Points(scene), Office(scene), Departments(scene))
        await stage.departments.systems.connect(runtime, address)
        yield stage
    finally:
        await runtime.close()


async def _furnish(runtime: Runtime, password: str) -> dict[str, str]:
    """Pack, accounts, and a key for each party."""
    now = runtime.clock.now()
    async with runtime.database.write() as session:
        await load_into_database(session, read_files(BUNDLED_PACK), now)
        await create_user(session, USERNAME, password, role=Role.ADMINISTRATOR, display_name="演示管理员", now=now)
    await runtime.cities.refresh()
    async with runtime.database.write() as session:
        await create_user(
            session, DEPARTMENT_USERNAME, password, role=Role.DEPARTMENT, department=DEPARTMENT,
            display_name="演示部门", now=now,
        )  # fmt: skip
        await create_user(
            session, POINT_USERNAME, password, role=Role.REPORTER, observation_point=POINT,
            display_name="演示观测点", now=now,
        )  # fmt: skip
        keys = {
            "office": await create_key(session, Role.CLERK, now=now, label="演示统筹部门"),
            "leader": await create_key(session, Role.LEADER, now=now, label="演示统筹部门负责人"),
            "administrator": await create_key(session, Role.ADMINISTRATOR, now=now, label="演示管理员"),
        }
        for department in runtime.cities.current.pack.departments:
            if department.tier is not Tier.PROVINCE:
                code = department.code
                keys[code] = await create_key(session, Role.DEPARTMENT, now=now, department=code)
        for point in runtime.cities.current.points:
            keys[point] = await create_key(session, Role.REPORTER, now=now, observation_point=point)
    return keys
