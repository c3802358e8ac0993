"""The real application over a database that a day's work has filled: what the browser tests of the office look at."""

import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from app.access.people import create_user
from app.access.principal import Principal
from app.api.door import make_desk
from app.clock import FixedClock
from app.flow.documents import Added, issue_on_case, occasions_on_case
from app.intake.imports import Sent, keep
from app.intake.sheet import Judge
from app.intake.spreadsheet import Cell
from app.ledger.search import get_case, read_record
from app.main import create_app
from app.models import OpinionState, Role, SecondOpinion
from app.runtime import make_runtime
from tests.apart import run_apart
from tests.browser.serving import serve_app
from tests.city import CityUnderTest, new_city, open_city, settings_for

MORNING = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
MINZHENG, SHEQU = "minzheng", "shequ"
# Lines without a tier, and nobody named at all: the machine abstains, the office decides.
TO_TRIAGE = (
    "水利那边的渠道台账每天要填，有没有水都要写三行，年底还要重抄一本，抄完也没人来看。",
    "民政口的高龄老人探访表要一天一签，逐户拍照，两个人跑不过来，签完也不晓得交到哪里。",
    "半夜工作群里发了张空白表，只写“专班”两个字，要全村出租屋的名单，问遍了也不知道是谁要的",
    "农业那条线要报水稻面积，统计那边口径又不一样，我们只好两套数各报各的。问是区里还是市里要，都讲不清",
    "公示栏半年换了三回版式，每回都讲颜色不合要求，来人没有留单位，广告费已经花了九千",
    "教育口要每周报一次防溺水巡河照片，水印相机一张都不能少，暑假报了九百多张",
    "上头又要报一次垃圾分类台账，纸的电子的各一份，讲不清是哪一级定的",
    "卫健线上的体检表要村里一户户去催，催不齐就在群里通报",
)
ROUTINE = (
    "区民政局要求每周报一次独居老人走访台账，还要逐户拍照上传，同样的内容月底再报一遍。",
    "市交通局要求村道警示桩全部刷成新颜色，刷一根拍一张照，油漆钱村里先垫",
    "省民政厅要求社区每周填报养老服务台账，内容跟系统里的一样，每月多花约12个小时。",
    "市财政局和市审计局一天来两拨，各要一套机耕桥的资料，格式还不一样，互相都说以自己的为准。",
)
DISPUTE = (
    "区民政局、区卫健局和区残联都要求我们在防返贫监测系统里录入同一批困难群众信息，三家口径不一，互相推诿谁来统一。"
)
LIKE_IT = "每到月底，区民政局、区卫健局、区残联都催我们往防返贫监测系统里重新登记一遍，各要各的口径，没人牵头。"
TASKS = [
    {"obligation": "统一口径，只留一个入口", "working_days": 7},
    {"obligation": "三张表合并为一张", "working_days": 15},
]


@dataclass
class Town:
    """Where the application answers, and what stands in its ledger."""

    address: str = ""
    cookie: str = ""
    answered: str = ""
    closed: str = ""
    waiting: str = ""
    unclear: str = ""
    consultation: str = ""
    precedent: str = ""
    delivery: str = "1"
    endpoint: str = ""
    group: str = ""
    person: str = ""
    key: str = ""
    imported: str = ""
    # Of the department FR-MZ: a duty to sign for, a session that is open and one that was concluded; a point's report.
    duty: str = ""
    invitation: str = ""
    settled: str = ""
    reported: str = ""
    document: str = ""
    drafted: str = ""
    draft: str = ""
    clock: FixedClock = field(default_factory=lambda: FixedClock(MORNING))


AnyTown = TypeVar("AnyTown", bound=Town)


async def send_report(city: CityUnderTest, text: str, point: str, **more: Any) -> dict[str, Any]:
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _send_sheet(city: CityUnderTest) -> str:
    """The rows of a spreadsheet that the office has yet to commit, some of them with faults; the import's id."""
    runtime, now = city.runtime, city.clock.now()
    judge = Judge(runtime.cities.current, now.date())
    told = [("FR-01", ROUTINE[0]), ("没有这个点", TO_TRIAGE[0]), ("FR-02", "")]
    values = [{"observation_point": Cell("text", point), "text": Cell("text", text)} for point, text in told]
    rows = [(number, each, judge.judge(each)) for number, each in enumerate(values, 2)]
    sent = Sent("0" * 64, "三月汇总.xlsx", ["备注"], rows)
    async with runtime.database.write() as session:
        return (await keep(session, runtime.database, runtime.sealer, sent, by="user:-", now=now)).id


async def give_feedback(city: CityUnderTest, number: str) -> None:
    duty = (await (await city.office()).get(f"/v1/cases/{number}")).json()["assignments"][0]
    department = await city.department(duty["department"])
    await department.post(f"/v1/assignments/{duty['id']}/acceptance", json={})
    feedback = {
        "measures": "自3月起取消每周报送和逐户拍照，改由系统内数据直接生成。",
        "public_reply": "走访台账不再要求村（社区）按周填报，已填数据不再重复索取。",
        "document_changed": "芙民发〔2026〕3号第二条废止",
    }
    answer = await department.post(f"/v1/assignments/{duty['id']}/feedback", json=feedback)
    assert answer.status_code == 200, answer.text


async def _issue(city: CityUnderTest, number: str) -> tuple[str, str]:
    """The first order on a case is issued: what it was issued for, and its id."""
    async with city.runtime.database.write() as session:
        clerk = Principal(Role.CLERK, "user:-")
        record = await read_record(session, await get_case(session, clerk, number))
        key = occasions_on_case(record)[0].key
        desk = make_desk(city.runtime, session, clerk)
        return key, (await issue_on_case(desk, number, key, Added("湖南省民政厅", ""))).id


async def _suppose(city: CityUnderTest, number: str, text: str) -> None:
    """A second opinion on a case: the department and the words of the first clause."""
    quote = text.partition("，")[0]
    said = {
        "departments": ["CS-SL"],
        "category": "municipal_district",
        "receivers": ["CS-SL"],
        "quotes": [{"text": quote, "start": 0, "end": len(quote), "field": "text"}],
    }
    async with city.runtime.database.write() as session:
        record = await read_record(session, await get_case(session, Principal(Role.AUDITOR, "key:tests"), number))
        session.add(
            SecondOpinion(
                case_id=record.case.id,
                report_id=record.reports[0].id,
                state=OpinionState.ANSWERED,
                attempts=1,
                model="qwen-intranet",
                payload=said,
                asked_at=MORNING,
                ended_at=MORNING,
            )
        )


async def _work(url: str, folder: Path, town: Town) -> None:
    async with open_city(url, folder, town.clock, join_from_likeness=2.0) as city:
        town.person = await employ(city)
        office = await city.office()
        key = {"role": "department", "department": "FR-CL", "days": 365, "label": "残联业务系统"}
        town.key = (await office.post("/v1/keys", json=key)).json()["id"]
        address = {"department": "FR-MZ", "url": "http://127.0.0.1:9/yilong"}
        town.endpoint = (await office.post("/v1/endpoints", json=address)).json()["id"]
        group = {"department": "FR-WJ", "channel": "wecom", "url": "http://127.0.0.1:9/send?key=0123456789abcdef"}
        town.group = (await office.post("/v1/endpoints", json=group)).json()["id"]
        points = sorted(city.runtime.cities.current.points, key=lambda code: (not code.startswith("FR"), code))
        told = [await send_report(city, text, points[i * 5 % len(points)]) for i, text in enumerate(ROUTINE)]
        town.answered = told[0]["case"]
        await give_feedback(city, town.answered)
        closing = {"outcome": "answered", "statement": "已与部门核对，按季度更换，村里不再出资。"}
        town.closed = told[1]["case"]
        assert (await office.post(f"/v1/cases/{town.closed}/close", json=closing)).status_code == 200
        record = (await office.get(f"/v1/cases/{told[3]['case']}")).json()
        town.consultation = record["consultations"][0]["number"]
        for index, text in enumerate(TO_TRIAGE):
            report = await send_report(city, text, points[(index * 7 + 3) % len(points)], hours_per_month=6 + index)
            assert report["status"] == "triage", (report["status"], text)
            town.waiting, town.unclear = town.waiting or report["case"], report["case"]
            if index == 0:
                await _suppose(city, report["case"], text)
        await settle(city, town, points[2:4])
        town.imported = await _send_sheet(city)
        town.drafted = told[2]["case"]
        town.draft, town.document = await _issue(city, town.drafted)
        for index in range(24):
            await send_report(city, f"{ROUTINE[index % 3]}这是第{index}次反映。", points[index % len(points)])
        await _give_own(city, town)


async def _give_own(city: CityUnderTest, town: Town) -> None:
    """A department's people and a point's, and what they find on their pages."""
    async with city.runtime.database.write() as session:
        for username, name, role, holder in (
            (MINZHENG, "赵科", Role.DEPARTMENT, {"department": "FR-MZ"}),
            (SHEQU, "钱书记", Role.REPORTER, {"observation_point": "FR-01"}),
        ):
            more = {"role": role, "display_name": name, "now": city.clock.now(), **holder}
            await create_user(session, username, PASSWORD, **more)  # type: ignore[arg-type]
    department = await city.department("FR-MZ")
    case = (await department.get("/v1/cases?status=dispatched")).json()["cases"][0]["number"]
    town.duty = (await department.get(f"/v1/cases/{case}")).json()["assignments"][0]["id"]
    sessions = (await department.get("/v1/consultations")).json()["consultations"]
    town.invitation, town.settled = (
        next(found["number"] for found in sessions if found["status"] == status) for status in ("convened", "concluded")
    )
    town.reported = (await send_report(city, ROUTINE[0] + "请尽快答复。", "FR-01"))["report"]


async def employ(city: CityUnderTest) -> str:
    """Somebody of each role of the office; the id of the last."""
    people = {Role.ADMINISTRATOR: "周敏", Role.AUDITOR: "李明", Role.CLERK: "陈晨", Role.LEADER: "何主任"}
    async with city.runtime.database.write() as session:
        now = city.clock.now()
        for role, name in people.items():
            made = await create_user(session, role.value, PASSWORD, role=role, display_name=name, now=now)
        return made.id


async def settle(city: CityUnderTest, town: Town, points: list[str]) -> None:
    """A dispute is concluded and so becomes a precedent, which another report cites."""
    office = await city.office()
    told = await send_report(city, DISPUTE, points[0])
    session = (await office.get(f"/v1/cases/{told['case']}")).json()["consultations"][0]["number"]
    lead = {"department": "FR-MZ", "lead": True, "obligations": TASKS}
    parts = [lead, {"department": "FR-WJ", "obligation": "改用统一数据"}, {"department": "FR-CL"}]
    body = {"conclusions": [{"case": told["case"], "parts": parts}], "minutes": "三家一致同意由区民政局统一口径。"}
    answer = await office.post(f"/v1/consultations/{session}/conclusion", json=body)
    assert answer.status_code == 200, answer.text
    made = (await office.get(f"/v1/cases/{told['case']}")).json()["precedents"]["made"]
    town.precedent = made[0]["number"]
    await send_report(city, LIKE_IT, points[1])


def session_cookie(address: str, username: str = Role.ADMINISTRATOR) -> str:
    """Sign in as a browser would, and answer its session cookie."""
    with httpx.Client(base_url=address, headers={"Origin": address}) as client:
        page = client.get("/dashboard/sign-in").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        fields = {"csrf_token": token.group(1), "username": username, "password": PASSWORD}
        assert client.post("/dashboard/sign-in", data=fields).status_code == 303
        return client.cookies["yilong_session"]


@contextmanager
def serve_town(folder: Path) -> Iterator[Town]:
    """The real application with a day's work, on a free port."""
    with serve(folder, Town(), _work) as town:
        yield town


@contextmanager
def serve(
    folder: Path,
    town: AnyTown,
    work: Callable[[str, Path, AnyTown], Coroutine[Any, Any, None]],
    kind: str = "sqlite",
) -> Iterator[AnyTown]:
    """The real application with some work done (`work` gets the database's address and a folder), on a free port."""
    with new_city(kind, folder) as url:
        run_apart(work(url, folder, town))
        with serve_app(create_app(make_runtime(settings_for(url, folder), town.clock))) as address:
            town.address = address
            town.cookie = session_cookie(address)
            yield town
