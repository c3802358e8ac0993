"""A session's page for who may and who may not; what its forms refuse, in both languages; nothing typed is lost."""

import html
import re

import httpx
import pytest

from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, shown
from tests.journeys.test_sessions import ROOM, check, convened, did

ACTS = (
    "schedule", "invitations", "invitations/withdrawal", "extension", "withdrawal", "cancellation", "conclusion",
)  # fmt: skip
DEPARTMENTS = ["CS-JY", "FR-MZ", "FR-WJ"]


def value_of(page: httpx.Response, name: str) -> list[str]:
    """The values of the inputs with that name, as a browser would send them again."""
    found = re.findall(rf'<input[^>]* name="{re.escape(name)}"[^>]*>', page.text)
    return [html.unescape(match.group(1)) for tag in found if (match := re.search(r' value="([^"]*)"', tag))]


async def open_session(city: CityUnderTest, role: Role = Role.CLERK) -> tuple[OfficeBrowser, str, list[str]]:
    """Somebody of the office before a session on two cases; its address and the cases."""
    cases, (host, other) = await convened(city, DEPARTMENTS, DEPARTMENTS)
    await did(await city.office(), host, "batch", sessions=[other])
    browser = await at_work(city, role)
    url = f"/dashboard/consultations/{host}"
    assert (await browser.get(url)).status_code == 200
    return browser, url, cases


@pytest.mark.parametrize("role", [Role.CLERK, Role.LEADER, Role.ADMINISTRATOR])
async def test_whoever_convenes_is_shown_every_form(city: CityUnderTest, role: Role) -> None:
    browser, url, _ = await open_session(city, role)
    for act in ACTS:
        assert f'action="{url}/{act}"' in browser.page.text, act


async def test_an_auditor_reads_the_session_and_may_do_nothing(city: CityUnderTest) -> None:
    browser, url, cases = await open_session(city, Role.AUDITOR)
    assert cases[0] in shown(browser.page)
    assert f'action="{url}' not in browser.page.text
    token = browser.hidden("/dashboard/sign-out")
    for act in ACTS:
        assert (await browser.post(f"{url}/{act}", {**token, "reason": "想试试"})).status_code == 403, act


async def test_an_ended_session_has_no_forms_and_keeps_its_minutes(city: CityUnderTest) -> None:
    browser, url, _ = await open_session(city)
    assert (await browser.send(f"{url}/cancellation", {"reason": "改为直接交办"})).status_code == 303
    said = shown(await browser.follow())
    assert "改为直接交办" in said
    assert f'action="{url}' not in browser.page.text
    token = browser.hidden("/dashboard/sign-out")
    late = await browser.post(f"{url}/extension", {**token, "days": "3", "reason": "迟了"})
    assert late.status_code == 409
    await check(city)


async def test_what_a_form_refuses_is_said_in_english_and_stays_typed(city: CityUnderTest) -> None:
    browser, url, _ = await open_session(city)
    _, (taken,) = await convened(city, ["FR-MZ", "FR-WJ"])
    office = await city.office()
    await did(office, taken, "schedule", meeting_at="2026-03-04T09:00:00+08:00", place=ROOM)
    await browser.get(f"{url}?lang=en")
    meeting = {"meeting_at": "2026-03-04T09:30", "place": ROOM, "minutes_long": "30"}
    clash = await browser.send(f"{url}/schedule", meeting)
    assert clash.status_code == 409
    assert "clashes with another consultation. Choose another time or place" in shown(clash)
    assert f"{taken} 2026-03-04 09:00–10:00 芙蓉区民政局、芙蓉区卫生健康局、{ROOM}" in shown(clash)
    assert value_of(clash, "meeting_at") == ["2026-03-04T09:30"]
    assert "30" in value_of(clash, "minutes_long")
    told = await browser.send(f"{url}/schedule", meeting, **HTMX)
    assert (told.status_code, "<html" in told.text, "clashes with" in told.text) == (409, False, True)
    await browser.get(url)
    for act, fields, message in (
        ("schedule", {"place": ROOM}, "Enter when the session meets"),
        ("schedule", {"meeting_at": "2026-03-04T09:30", "minutes_long": "9"}, "15 to 540 minutes"),
        ("schedule", {"meeting_at": "2026-03-04T20:00", "place": ROOM}, "The next possible time is 2026-03-05 09:00"),
        ("schedule", {"meeting_at": "2026-06-04T10:00", "place": "x"}, "later than the deadline"),
        ("schedule", {"meeting_at": "2026-03-04T15:00", "place": "室" * 201}, "at most 200 characters"),
        ("invitations", {}, "Name the departments to invite"),
        ("invitations", {"receiver": "CS-JY"}, "have been invited"),
        ("invitations/withdrawal", {"reason": "无关"}, "Choose the departments to let go"),
        ("invitations/withdrawal", {"seat": ["FR-MZ", "FR-WJ"], "reason": "无关"}, "at least two departments"),
        ("extension", {"days": "61", "reason": "太久"}, "whole number from 1 to 60"),
    ):
        answer = await browser.send(f"{url}/{act}", fields)
        assert answer.status_code in {409, 422}, act
        assert message in shown(answer), (act, shown(answer))
    await check(city)


async def test_a_conclusion_refuses_what_would_be_lost_and_gives_back_every_field(city: CityUnderTest) -> None:
    browser, url, (one, two) = await open_session(city)
    fields = {
        f"now:{two}": "adjourn",
        f"supporting:{one}": "FR-WJ",
        f"obligation:{one}:FR-WJ": ["停表", "", "并表"],
        f"days:{one}:FR-WJ": ["3", "", "900"],
        f"obligation:{one}:CS-JY": "无人认领的一项",
        f"added:{one}": ["FR-MZ", "没有这个局"],
        f"dissent:{one}:FR-MZ": "否",
        f"manner:{one}": "ruled",
        "adjourned_place": "五楼",
        "attendance:FR-WJ": "absent",
        "minutes": "已议定。",
    }
    answer = await browser.send(f"{url}/conclusion", fields)
    assert answer.status_code == 422
    for said in (
        "选定一个牵头单位", "请同时选定牵头或协办", "工作日须为 1 至 250", "已在本议题之列", "不在部门目录中",
        "保留意见须为 2 至", "请写明理由", "请填写再议的会议时间",
    ):  # fmt: skip
        assert said in shown(answer), said
    assert value_of(answer, f"obligation:{one}:FR-WJ") == ["停表", "", "并表"]
    assert value_of(answer, f"days:{one}:FR-WJ") == ["3", "", "900"]
    assert value_of(answer, f"added:{one}") == ["FR-MZ", "没有这个局"]
    assert value_of(answer, f"dissent:{one}:FR-MZ") == ["否"]
    assert value_of(answer, "adjourned_place") == ["五楼"]
    assert re.search(rf'name="now:{two}" value="adjourn" checked', answer.text)
    nothing = await browser.send(
        f"{url}/conclusion", {f"now:{one}": "adjourn", f"now:{two}": "adjourn", "minutes": "无"}
    )
    assert "请至少对一个议题作出结论" in shown(nothing)
    await check(city)


async def test_asking_for_a_line_concludes_nothing_and_answers_htmx_with_the_form(city: CityUnderTest) -> None:
    browser, url, (one, _) = await open_session(city)
    typed = {f"obligation:{one}:FR-MZ": "停表", "more": f"{one}:FR-MZ"}
    grown = await browser.send(f"{url}/conclusion", typed)
    assert grown.status_code == 200
    assert value_of(grown, f"obligation:{one}:FR-MZ") == ["停表", ""]
    assert grown.text.count(" autofocus") == 1
    part = await browser.send(f"{url}/conclusion", typed, **HTMX)
    assert (part.headers["hx-retarget"], part.headers["hx-reselect"]) == ("#conclusion", "#conclusion")
    full = {f"obligation:{one}:FR-MZ": [f"第{index}项" for index in range(10)], "more": f"{one}:FR-MZ"}
    most = await browser.send(f"{url}/conclusion", full)
    assert len(value_of(most, f"obligation:{one}:FR-MZ")) == 10
    assert f'value="{one}:FR-MZ" formnovalidate' not in most.text
    await check(city)


async def test_a_department_added_at_the_meeting_may_lead(city: CityUnderTest) -> None:
    browser, url, (one, two) = await open_session(city)
    fields = {
        f"lead:{one}": "+0", f"added:{one}": "CS-MZ 长沙市民政局", f"obligation:{one}:+0": ["统一口径", "停用旧表"],
        f"days:{one}:+0": ["5", ""], f"lead:{two}": "FR-MZ", "minutes": "议定。",
    }  # fmt: skip
    assert (await browser.send(f"{url}/conclusion", fields)).status_code == 303
    said = shown(await browser.follow())
    assert "牵头单位 长沙市民政局" in said
    assert "统一口径 5 个工作日" in said
    case = (await (await city.office()).get(f"/v1/cases/{one}")).json()
    assert [(d["department"], d["role"]) for d in case["assignments"]] == [("CS-MZ", "lead"), ("CS-MZ", "lead")]
    await check(city)
