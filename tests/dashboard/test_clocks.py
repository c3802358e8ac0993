"""时限与日历: terms are set with a reason, a notice is looked at before it is loaded, and what it moved is shown."""

import re

import httpx
import pytest

from app.clock import FixedClock
from app.models import Role
from tests.api.scenes import assigned, unclear
from tests.city import CityUnderTest
from tests.dashboard.office import ORIGIN, OfficeBrowser, at_work, shown
from tests.journeys.clocks import NOTICE, announce, events, local, work

PATH = "/dashboard/clocks"


async def upload(browser: OfficeBrowser, *, content: bytes = b"", **fields: str) -> httpx.Response:
    """Send the form for a notice, with a file or without."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.page.text)
    assert token is not None
    parts = {"csrf_token": token.group(1), "text": "", "year": ""} | fields
    files = (
        {"file": ("notice.txt", content, "text/plain")} if content else {"file": ("", b"", "application/octet-stream")}
    )
    browser.page = await browser.client.post(f"{PATH}/notice", data=parts, files=files, headers={"Origin": ORIGIN})
    return browser.page


def figures(page: httpx.Response) -> tuple[int, int]:
    """Of a preview: how many running clocks are provisional, and how many of them move."""
    found = re.search(r"正在计时的时限 (\d+) 其中到期日将变动的 (\d+)", shown(page))
    assert found is not None, shown(page)
    return int(found.group(1)), int(found.group(2))


@pytest.fixture
async def december(city: CityUnderTest, clock: FixedClock) -> CityUnderTest:
    """Cases with clocks that reach into 2027, which is not announced."""
    clock.set(local("2026-12-21T10:00"))
    return city


async def test_a_notice_is_previewed_with_the_clocks_it_moves_and_what_moved_is_shown(
    december: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(december)
    await scene.act("acceptance")
    await unclear(december)
    browser = await at_work(december, Role.LEADER)
    await browser.get(f"{PATH}?year=2027")
    assert "暂按周末推算" in shown(browser.page)
    preview = await upload(browser, text=NOTICE)
    provisional, moving = figures(preview)
    assert provisional >= moving >= 1
    assert "2027年1月16日 上班" in shown(preview)
    office = await december.office()
    assert (await office.get("/v1/calendar?year=2027")).json()["known"] is False, "looking changes nothing"
    committed = await browser.send(f"{PATH}/notice/commit")
    assert (committed.status_code, committed.headers["location"]) == (303, f"{PATH}?year=2027")
    assert f"尚待重算 {provisional} 个" in shown(await browser.follow())
    await work(december, clock)
    page = shown(await browser.get(f"{PATH}?year=2027"))
    assert "已公布" in page
    assert f"到期日变动的时限 {moving} 个；尚待重算 0 个" in page
    said = [event for event in await events(scene) if event["type"].endswith("deadline_changed")]
    assert len(said) == moving
    assert f"{scene.case} 反馈时限 芙蓉区民政局 2027-01-12 2027-01-13" in page


async def test_a_notice_that_cannot_be_read_changes_nothing_and_stays_as_typed(december: CityUnderTest) -> None:
    browser = await at_work(december, Role.LEADER)
    await browser.get(PATH)
    refused = await upload(browser, text=NOTICE.replace("周五）至4日", "周六）至4日"))
    assert refused.status_code == 422
    assert "没有改动任何日期" in shown(refused)
    assert "国务院办公厅关于2027年部分节假日安排的通知" in refused.text
    for fields, content in (({}, b""), ({"text": NOTICE, "year": "next"}, b""), ({}, b"\xff\xfe\xff" * 30_000)):
        assert (await upload(browser, content=content, **fields)).status_code == 422
    assert (await (await december.office()).get("/v1/calendar?year=2027")).json()["imports"] == []


async def test_a_file_is_read_in_both_usual_encodings_and_as_a_list_of_days(december: CityUnderTest) -> None:
    browser = await at_work(december, Role.LEADER)
    listed = "day,working,name\n2026-12-26,true,调休\n".encode()
    for content, said in ((NOTICE.encode("gbk"), "2027"), (NOTICE.encode("utf-8-sig"), "2027"), (listed, "2026")):
        await browser.get(PATH)
        assert f"预览：{said} 年放假安排" in shown(await upload(browser, content=content))


async def test_a_preview_that_the_calendar_has_outrun_loads_nothing(december: CityUnderTest) -> None:
    browser = await at_work(december, Role.LEADER)
    await browser.get(PATH)
    await upload(browser, text=NOTICE)
    await announce(december, NOTICE.replace("一、元旦：1月1日（周五）至4日（周一）放假调休，共4天。1月16日（周六）上班",
                                            "一、元旦：1月1日（周五）至3日（周日）放假，共3天"))  # fmt: skip
    late = await browser.send(f"{PATH}/notice/commit")
    assert late.status_code == 409
    assert "请重新预览" in shown(late)
    assert len((await (await december.office()).get("/v1/calendar?year=2027")).json()["imports"]) == 1


async def test_a_term_is_set_with_a_reason_shown_with_who_and_withdrawn(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.LEADER)
    await browser.get(PATH)
    wish = {"kind": "feedback", "burden_type": "FORMS", "urgency": "urgent", "working_days": "7", "reason": "报表先停"}
    assert (await browser.send(f"{PATH}/terms", wish)).status_code == 303
    page = shown(await browser.follow())
    assert re.search(r"反馈时限 \S+ 紧急 现行规定 7 2026年3月2日 报表先停 周敏", page), page
    terms = (await (await city.office()).get("/v1/terms")).json()
    assert [(rule["kind"], rule["working_days"]) for rule in terms["in_force"]] == [("feedback", 7)]
    for wrong in (
        {"working_days": "0"},
        {"reason": ""},
        {"kind": "pause"},
        {"working_days": "7"},
        {"burden_type": "NO"},
    ):
        refused = await browser.send(f"{PATH}/terms", wish | wrong)
        assert refused.status_code == 422
        assert 'value="报表先停"' in refused.text or "reason" in wrong
    assert (await browser.send(f"{PATH}/terms", wish | {"working_days": "", "reason": "到期"})).status_code == 303
    page = shown(await browser.follow())
    assert "现行规定" not in page
    assert "撤销规定" in page


@pytest.mark.parametrize("role", [Role.CLERK, Role.AUDITOR])
async def test_who_may_not_set_clocks_reads_them_only(city: CityUnderTest, role: Role) -> None:
    browser = await at_work(city, role)
    page = await browser.get(PATH)
    assert page.status_code == 200
    assert "载入放假通知" not in page.text
    assert f'action="{PATH}' not in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    for path in ("terms", "notice/commit"):
        assert (await browser.post(f"{PATH}/{path}", {"csrf_token": token.group(1)})).status_code == 403
    assert (await upload(browser, text=NOTICE)).status_code == 403
