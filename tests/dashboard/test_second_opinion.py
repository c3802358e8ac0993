"""A second opinion on the pages: told apart from the decision, quoted, taken up by a person's hand or not at all."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.dashboard import labels
from app.models import OpinionFault, OpinionState, Report, Role, SecondOpinion
from app.vocabulary import OpinionFault as F
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, report, shown
from tests.dashboard.test_triage import NOBODY, TRIAGE

QUOTE = "要花名册，两个钟头交"
MODEL = "qwen<b>内网"


async def with_opinion(city: CityUnderTest, **changes: Any) -> str:
    """A case that nobody is named in, and an opinion on it."""
    number: str = (await report(city, NOBODY))["case"]
    start = NOBODY.index(QUOTE)
    said: dict[str, Any] = {
        "departments": ["CS-MZ", "CS-SL"],
        "category": "multi_department",
        "receivers": ["CS-MZ", "CS-SL"],
        "quotes": [
            {"text": QUOTE, "start": start, "end": start + len(QUOTE), "field": "text"},
            {"text": "花名册", "start": 0, "end": 0, "field": "title"},
        ],
    }
    columns: dict[str, Any] = {"state": OpinionState.ANSWERED, "payload": said, "fault": None, **changes}
    async with city.runtime.database.write() as session:
        row = (await session.execute(select(Report.case_id, Report.id))).one()
        now = city.clock.now()
        session.add(
            SecondOpinion(
                case_id=row.case_id, report_id=row.id, attempts=1, model=MODEL, asked_at=now, ended_at=now, **columns
            )
        )
    return number


async def test_the_page_shows_whom_it_names_and_the_words_it_quotes_as_a_second_opinion(city: CityUnderTest) -> None:
    number = await with_opinion(city)
    browser = await at_work(city)
    for path in (TRIAGE, f"/dashboard/cases/{number}"):
        page = await browser.get(path)
        said = shown(page)
        assert f"第二意见 仅供参考 模型 {MODEL}" in said
        assert "所指单位 长沙市民政局、长沙市水利局 类别 多部门事项" in said
        assert f"{QUOTE} 第 7–16 字" in said
        assert "花名册 标题" in said
        assert "qwen<b>" not in page.text


async def test_nothing_of_it_is_chosen_beforehand_and_a_hand_can_take_it_up(city: CityUnderTest) -> None:
    number = await with_opinion(city)
    browser = await at_work(city)
    page = await browser.get(TRIAGE)
    form = page.text[page.text.index(f'id="ruling-{number}"') :].partition("</form>")[0]
    assert re.findall(r'name="category" value="[^"]*"([^>]*)>', form) == [" required"] * 3
    assert re.findall(r'name="receiver"[^>]*value="([^"]*)"', form) == ["", "", "", ""]
    found = re.search(r'data-shortcut="1"[^>]*data-fill-receivers="([^"]*)".*?-why">([^<]*)<', page.text, re.DOTALL)
    assert found is not None
    assert found.groups() == ("CS-MZ,CS-SL", "第二意见")
    picked = await browser.get(f"{TRIAGE}?case={number}&pick=1")
    assert "采纳：第二意见。" in picked.text
    assert 'value="CS-MZ 长沙市民政局"' in picked.text


@pytest.mark.parametrize(
    ("state", "fault", "said"),
    [
        (OpinionState.ASKED, None, "已询问，尚无回答"),
        (OpinionState.DROPPED, F.NOT_IN_TEXT, "回答不可用，未采用 · 所引文字不在原文中"),
        (OpinionState.DROPPED, F.NAMES_NOBODY, "回答不可用，未采用 · 模型也看不出是哪个单位"),
        (OpinionState.FAILED, F.TIMEOUT, "未能取得 · 模型没有及时回答"),
    ],
)
async def test_where_there_is_none_the_page_says_why(
    city: CityUnderTest, state: OpinionState, fault: OpinionFault | None, said: str
) -> None:
    await with_opinion(city, state=state, fault=fault, payload=None)
    page = await (await at_work(city)).get(TRIAGE)
    assert said in shown(page)
    assert "所指单位" not in shown(page)
    assert 'data-shortcut="1"' not in page.text


async def test_without_one_the_page_says_nothing_of_it(city: CityUnderTest) -> None:
    await report(city, NOBODY)
    page = await (await at_work(city)).get(TRIAGE)
    assert "第二意见" not in shown(page)


async def test_an_auditor_reads_it_and_the_english_page_is_english(city: CityUnderTest) -> None:
    await with_opinion(city)
    browser = await at_work(city, Role.AUDITOR)
    page = await browser.get(f"{TRIAGE}?lang=en")
    said = shown(page)
    assert "Second opinion for reference only Model" in said
    assert "characters 7–16" in said
    assert 'data-fill="' not in page.text


async def test_a_department_reads_nothing_of_it(city: CityUnderTest) -> None:
    number = await with_opinion(city)
    office = await city.office()
    body = {"category": "municipal_district", "receivers": [{"code": "CS-MZ"}], "reason": "已核实"}
    assert (await office.post(f"/v1/cases/{number}/ruling", json=body)).status_code == 200
    department = await city.department("CS-MZ")
    for path in (f"/v1/cases/{number}", f"/v1/cases/{number}/events", "/v1/events"):
        answer = await department.get(path)
        assert answer.status_code == 200
        assert "opinion" not in answer.text
        assert "qwen" not in answer.text


@pytest.mark.parametrize(("states", "table"), [(OpinionState, "OPINION_STATE"), (OpinionFault, "OPINION_FAULT")])
def test_every_state_and_fault_has_a_name_on_the_pages(states: Any, table: str) -> None:
    assert set(getattr(labels, table)) == {member.value for member in states}
