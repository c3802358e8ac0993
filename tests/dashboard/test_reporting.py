"""A point at its phone: one field sends a report, once; it reads what became of it and answers what it is asked."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.clock import FixedClock
from app.models import LookBack, Report, ReportContact, Role
from tests.api.scenes import ASSIGNED
from tests.city import CityUnderTest, new_city, open_city
from tests.dashboard.office import OfficeBrowser, at_work, report, shown
from tests.dashboard.test_duties import duty_on

HOME = "/dashboard/reporting"
SENT = f"{HOME}/sent"


async def send(browser: OfficeBrowser, text: str, **more: str) -> str:
    """Send a report by the form; the address of its page."""
    await browser.get(HOME)
    answer = await browser.send(HOME, {"text": text, **more})
    assert answer.status_code == 303, shown(answer)
    return str(answer.headers["location"])


async def count_reports(city: CityUnderTest) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Report)) or 0


async def to_verify(city: CityUnderTest, case: str) -> None:
    """The department answers and the office accepts: the points are asked."""
    duty = (await duty_on(city, case, "FR-MZ"))["id"]
    department, office = await city.department("FR-MZ"), await city.office()
    body = {"measures": "已取消周报。", "public_reply": "不再要求每周报送。"}
    assert (await department.post(f"/v1/assignments/{duty}/feedback", json=body)).status_code == 200
    assert (await office.post(f"/v1/assignments/{duty}/review", json={"accepted": True})).status_code == 200


async def test_one_field_sends_a_report_and_says_at_once_who_why_and_by_when(city: CityUnderTest) -> None:
    point = await at_work(city, Role.REPORTER, "FR-01")
    url = await send(point, ASSIGNED)
    page = shown(await point.get(url))
    number = url.rpartition("/")[2]
    assert f"已收到，编号 {number}。" in page
    assert "由谁负责 芙蓉区民政局" in page
    assert "直接交办" in page
    assert "最迟答复 2026年3月23日" in page
    assert ASSIGNED in page
    assert number in shown(await point.get(HOME))
    assert number in shown(await point.get(SENT))
    assert "没有符合条件的记录" in shown(await point.get(f"{SENT}?tab=closed"))
    assert number in shown(await point.get(f"{SENT}?text=走访&tab=open"))


async def test_a_form_sent_twice_sends_one_report_and_one_gone_back_to_asks_first(city: CityUnderTest) -> None:
    point = await at_work(city, Role.REPORTER, "FR-01")
    await point.get(HOME)
    form = point.hidden(HOME) | {"text": ASSIGNED}
    first = await point.post(HOME, form)
    second = await point.post(HOME, form)
    assert (first.status_code, second.headers["location"]) == (303, first.headers["location"])
    assert await count_reports(city) == 1
    other = "市交通局要求村道警示桩全部刷成新颜色，刷一根拍一张照。"
    back = await point.post(HOME, form | {"text": other})
    assert (back.status_code, "这张表已经提交过一次" in shown(back), other in back.text) == (422, True, True)
    assert (await point.send(HOME, {"text": other})).status_code == 303
    assert await count_reports(city) == 2


async def test_a_refused_form_keeps_every_word_and_says_plainly_what_to_do(city: CityUnderTest) -> None:
    point = await at_work(city, Role.REPORTER, "FR-01")
    await point.get(HOME)
    typed = {
        "text": ASSIGNED, "title": "走访台账", "department": ["FR-MZ", "没有这个局"], "occurred_on": "2026-03-09",
        "hours_per_month": "十二", "contact": "王会计 13800138000",
    }  # fmt: skip
    refused = await point.send(HOME, typed)
    assert refused.status_code == 422
    said = shown(refused)
    for fault in ("发生日期不正确", "小时数请填 0 至 10000", "不在部门目录中"):
        assert fault in said
    for word in (ASSIGNED, "走访台账", "没有这个局", "十二", "王会计 13800138000"):
        assert word in refused.text
    empty = await point.send(HOME, {"text": "   ", "title": "走访台账"})
    assert (empty.status_code, "一两句话即可" in shown(empty), 'value="走访台账"' in empty.text) == (422, True, True)
    nothing = await point.send(HOME, {"text": "。。。"})
    assert (nothing.status_code, "一两句话即可" in shown(nothing)) == (422, True)
    good = {"department": "FR-MZ", "occurred_on": "2026-03-01", "hours_per_month": "12.5", "contact": "王会计"}
    assert (await point.send(HOME, {"text": ASSIGNED, **good})).status_code == 303
    async with city.runtime.database.read() as session:
        kept = (await session.scalars(select(Report))).one()
        assert (kept.hours_per_month, kept.declared_departments) == (12.5, ["FR-MZ"])
        assert b"\xe7\x8e\x8b" not in (await session.scalars(select(ReportContact.ciphertext))).one()


async def test_the_point_is_asked_answers_once_and_a_no_sends_the_case_back(city: CityUnderTest) -> None:
    point = await at_work(city, Role.REPORTER, "FR-01")
    url = await send(point, ASSIGNED)
    number = url.rpartition("/")[2]
    case = (await (await city.reporter("FR-01")).get(f"/v1/reports/{number}")).json()["case"]
    await to_verify(city, case)
    assert "负担是否真的减下来了？" in shown(await point.get(HOME))
    assert re.search(r"反映负担 *待处理 1", shown(point.page))
    page = shown(await point.get(url))
    assert "芙蓉区民政局 不再要求每周报送。" in page
    unsaid = await point.send(f"{url}/verification", {"comment": "还在报。"})
    assert (unsaid.status_code, "请先选择“是”或“否”。" in shown(unsaid), "还在报。" in unsaid.text) == (422, True, True)
    form = point.hidden(f"{url}/verification") | {"relieved": "no", "comment": "还在报。"}
    for _ in range(2):
        assert (await point.post(f"{url}/verification", form)).headers["location"] == url
    page = shown(await point.follow())
    assert "已记录：负担还没有减下来" in page
    assert "您的核实 观测点反映尚未减负" in page
    assert f'action="{url}/verification"' not in point.page.text
    assert (await duty_on(city, case, "FR-MZ"))["status"] == "reworking"
    late = await point.post(f"{url}/verification", form | {"once": "another", "relieved": "yes"})
    assert (late.status_code, "没有提交的内容还在报。" in shown(late)) == (409, True)
    await to_verify(city, case)
    await point.get(url)
    assert (await point.send(f"{url}/verification", {"relieved": "yes"})).status_code == 303
    page = shown(await point.follow())
    assert "已销号" in page
    assert "办结答复" in page
    async with city.runtime.database.write() as session:
        question = (await session.scalars(select(LookBack).order_by(LookBack.due_at))).first()
        assert question is not None
        question.asked_at = city.clock.now()
    assert "有没有反弹" in shown(await point.get(HOME))
    await point.get(url)
    assert (await point.send(f"{url}/look-back", {"holds": "no", "comment": "又要报了。"})).status_code == 303
    assert "已记录：负担又回来了" in shown(await point.follow())
    assert (await duty_on(city, case, "FR-MZ"))["status"] == "dispatched"


async def test_a_point_sees_its_own_reports_only(city: CityUnderTest) -> None:
    mine = await report(city, ASSIGNED, "FR-02")
    point = await at_work(city, Role.REPORTER, "FR-01")
    assert (await point.get(f"{HOME}/{mine['report']}")).status_code == 404
    assert mine["report"] not in shown(await point.get(SENT))
    url = await send(point, ASSIGNED)
    page = shown(await point.get(url))
    assert "与此前反映的是同一件事" in page
    assert mine["report"] not in page


@pytest.fixture
async def strict(tmp_path: Path, clock: FixedClock) -> AsyncIterator[CityUnderTest]:
    """A city in which a key, and so an account of a point, may call three times a minute."""
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock, rate_per_key_per_minute=3) as opened:
            yield opened


async def test_an_account_of_a_point_is_held_to_the_budget_of_a_key(strict: CityUnderTest) -> None:
    point, clerk = await at_work(strict, Role.REPORTER, "FR-01"), await at_work(strict)
    answers = [await point.get(HOME) for _ in range(6)]
    assert {a.status_code for a in answers[:2]} == {200}
    assert answers[-1].status_code == 429
    assert "请求过于频繁" in shown(answers[-1])
    assert int(answers[-1].headers["retry-after"]) > 0
    assert {(await clerk.get("/dashboard/ledger")).status_code for _ in range(6)} == {200}
