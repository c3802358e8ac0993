"""What waits for the office one morning: reports to triage, two of them alike, answers to review, one to verify."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.access.keys import create_key
from app.models import Role
from tests.browser.real_city import TO_TRIAGE, Town, employ, give_feedback, send_report, serve
from tests.city import CityUnderTest, open_city

# Ten for the keyboard: those of every town, and two more that name a line of work and no tier.
WAITING = (
    *TO_TRIAGE,
    "城管口的门前三包巡查表一天两填，早上一遍晚上一遍，填完拍照发群，没见谁来收。",
    "人社条线的公益岗考勤要手写、扫码、群接龙各来一遍，说不清是市里还是区里规定的。",
)
# The office is to see that these two are one burden.
TWICE = (
    "文明创建的迎检展板每周换一次主题，旧板子堆满仓库，打印费社区自己出，不知道是谁要求换的。",
    "文明创建的迎检展板每周都要换一次主题，旧板子堆满了仓库，打印费社区自己出，也不知道谁要求的。",
)
TO_ANSWER = (
    "区民政局要求每周报一次独居老人走访台账，还要逐户拍照上传，同样的内容月底再报一遍。",
    "市交通局要求村道警示桩全部刷成新颜色，刷一根拍一张照，油漆钱村里先垫。",
)
TO_VERIFY = "区住建局要求我们每天下班前上报电动车充电桩巡查照片，一个桩拍三张，周末也不能停。"


@dataclass
class Morning(Town):
    """A town before the office opens.

    `fed_back`: cases whose feedback waits for review; `alike`: the two that say the same; `accepted`: where only the
    point's word is missing, which it gives on `accepted_report`.
    """

    fed_back: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    accepted: str = ""
    accepted_report: str = ""
    reporter_key: str = ""


async def _prepare(url: str, folder: Path, morning: Morning) -> None:
    async with open_city(url, folder, morning.clock, join_from_likeness=2.0) as city:
        await employ(city)
        for text in TO_ANSWER:
            case = (await send_report(city, text, "FR-01"))["case"]
            await give_feedback(city, case)
            morning.fed_back.append(case)
        for text, point in zip(TWICE, ("FR-02", "FR-03"), strict=True):
            morning.alike.append((await send_report(city, text, point))["case"])
        for index, text in enumerate(WAITING):
            told = await send_report(city, text, "FR-01", hours_per_month=4 + index)
            assert told["status"] == "triage", (told["status"], text)
        await _accept(city, morning)


async def _accept(city: CityUnderTest, morning: Morning) -> None:
    """One answer has been accepted the day before; its point has yet to say whether the burden is gone."""
    told = await send_report(city, TO_VERIFY, "FR-01")
    morning.accepted, morning.accepted_report = told["case"], told["report"]
    await give_feedback(city, morning.accepted)
    office = await city.office()
    duty = (await office.get(f"/v1/cases/{morning.accepted}")).json()["assignments"][0]["id"]
    reviewed = await office.post(f"/v1/assignments/{duty}/review", json={"accepted": True})
    assert reviewed.status_code == 200, reviewed.text
    async with city.runtime.database.write() as session:
        now = morning.clock.now()
        morning.reporter_key = await create_key(session, Role.REPORTER, now=now, observation_point="FR-01")


@contextmanager
def serve_morning(folder: Path, kind: str) -> Iterator[Morning]:
    with serve(folder, Morning(), _prepare, kind) as morning:
        yield morning
