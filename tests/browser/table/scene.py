"""Sessions and precedents for one browser test: set up over the served API, as department systems and points would."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.access.keys import create_key
from app.models import Role
from tests.browser.real_city import Town, employ, serve, settle
from tests.city import open_city

# Nobody is named, and no two are alike: each becomes a case of its own that the office may call a session on.
VAGUE = (
    "村口的宣传牌三个月换了两次内容，讲不清是谁要换，旧牌子只好堆在仓库里。",
    "每次来人都要看会议记录本，同一个会要写三种格式，也没留下是哪一家要的。",
    "要我们给每只流浪狗拍照建档，表格转了四个群，问到最后没人承认。",
    "停车位台账半个月一更新，画了线的都要编号，问是哪个条线都说不知道。",
    "每季度要收集全村的旧手机数量，收上去也不说做什么用。",
    "楼道杂物照片一天三传，早中晚各一张，转发的人也不知道谁布置的。",
    "要给每棵行道树挂二维码，扫码打不开也要先挂上，通知没有落款。",
    "老井水位天天量，量了往一个小程序里填，不知道是给谁看的。",
    "每家每户的窗户数量要登记，填表的说明只有一句话，没写哪来的。",
    "让我们统计会唱花鼓戏的人数，一个月报两回，讲不出谁要。",
    "晒谷坪面积要精确到小数点后两位，群里的人转来转去找不到头。",
    "井盖一只只拍照编号，编完又说编错了位数，问编号规则是谁定的没人答。",
    "要收集每户的春联内容，说是做展示，展示在哪里、谁办的都没写。",
    "健身器材螺丝松没松，要一天一报，报表抬头是空白的。",
    "门前三包责任牌换成了横版，又要换回竖版，来电话的人没说单位。",
    "公厕纸巾用量每天登记，登记本厚得放不下，没人说得清是哪里的规定。",
)
_vague = itertools.cycle(VAGUE)


@dataclass
class Table(Town):
    """A town with one precedent, and with keys for systems so that a test can set a scene of its own."""

    key: str = ""
    reporter_key: str = ""
    department_keys: dict[str, str] = field(default_factory=dict)


async def _set(url: str, folder: Path, table: Table) -> None:
    async with open_city(url, folder, table.clock) as city:
        await employ(city)
        await settle(city, table, ["FR-02", "FR-03"])
        async with city.runtime.database.write() as session:
            now = table.clock.now()
            table.key = await create_key(session, Role.ADMINISTRATOR, now=now)
            table.reporter_key = await create_key(session, Role.REPORTER, now=now, observation_point="FR-01")
            for code in ("FR-MZ", "FR-WJ", "CS-JY"):
                table.department_keys[code] = await create_key(session, Role.DEPARTMENT, now=now, department=code)


@contextmanager
def serve_table(folder: Path) -> Iterator[Table]:
    with serve(folder, Table(), _set) as table:
        yield table


def call(town: Table, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
    """Post as a system does; the office's unless another key is given."""
    headers = {"Authorization": f"Bearer {key or town.key}"}
    answer = httpx.post(f"{town.address}/v1{path}", json=body, headers=headers, timeout=30)
    assert answer.status_code < 300, answer.text
    told: dict[str, Any] = answer.json()
    return told


def read(town: Table, path: str) -> dict[str, Any]:
    """Get as the office's system does."""
    answer = httpx.get(f"{town.address}/v1{path}", headers={"Authorization": f"Bearer {town.key}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def vague_case(town: Table) -> str:
    """A new case that waits in triage."""
    told = call(town, "/reports", {"text": next(_vague)}, town.reporter_key)
    number: str = told["case"]
    assert told["status"] == "triage", told
    return number


def convened(
    town: Table, *, cases: int = 1, departments: tuple[str, ...] = ("FR-MZ", "FR-WJ")
) -> tuple[str, list[str]]:
    """A session on new cases; its number and theirs."""
    numbers = sorted(vague_case(town) for _ in range(cases))
    made = call(town, "/consultations", {"cases": numbers, "departments": list(departments)})
    return made["number"], numbers
