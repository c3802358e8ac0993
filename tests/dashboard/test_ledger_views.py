"""台账: columns and saved views are each person's own, live in the address, and what is shown is what is exported."""

import csv
import html
import io
import re

import pytest

from app.access.saved_views import MOST_VIEWS
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, report, shown

LEDGER = "/dashboard/ledger"
VIEWS = f"{LEDGER}/views"
HOSTILE = '<b>"x"</b> %00 \'; DROP TABLE x--'


def headings(browser: OfficeBrowser) -> list[str]:
    found = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', browser.page.text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", heading).strip() for heading in found]


def views(browser: OfficeBrowser) -> dict[str, str]:
    """Addresses of the saved views by name."""
    listed = re.search(r'<nav class="views-list".*?</nav>', browser.page.text, re.DOTALL)
    found = re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', listed.group() if listed else "", re.DOTALL)
    return {html.unescape(re.sub(r"<[^>]*>", "", name)): html.unescape(url) for url, name in found}


async def exported(browser: OfficeBrowser, label: str = "导出 csv") -> list[list[str]]:
    link = re.search(rf'href="([^"]*)">{label}<', browser.page.text)
    assert link is not None
    data = (await browser.client.get(html.unescape(link.group(1)))).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(data, newline="")))


async def put_two_on_ledger(city: CityUnderTest) -> tuple[str, str]:
    first = await report(city, "区民政局要求每周报一次独居老人走访台账")
    second = await report(city, "市交通局又要换村道牌子")
    return first["case"], second["case"]


async def test_columns_are_chosen_remembered_and_exported(city: CityUnderTest) -> None:
    one, _ = await put_two_on_ledger(city)
    browser = await at_work(city)
    await browser.get(f"{LEDGER}?text=独居老人&sort=number")
    usual = headings(browser)
    assert usual == ["选择", "编号", "内容", "状态", "责任单位", "时限", "立项日期"]
    assert len((await exported(browser))[0]) == 16
    await browser.send(f"{LEDGER}/columns", {"column": ["closed", "departments", "nonsense", "points", "urgency"]})
    location = browser.page.headers["location"]
    assert "columns=number%2Cdepartments%2Curgency%2Cclosed%2Cpoints" in location
    assert ("text=" in location, "sort=number" in location) == (True, True)
    await browser.follow()
    assert headings(browser) == ["选择", "编号", "承办单位", "紧急程度", "销号日期", "反映点数（五个及以上）"]
    assert "芙蓉区民政局" in shown(browser.page)
    rows = await exported(browser)
    assert rows[0] == ["编号", "承办单位", "紧急程度", "销号日期", "反映点数（五个及以上）"]
    assert [row[:2] for row in rows[1:]] == [[one, "芙蓉区民政局"]]
    await browser.get(LEDGER)
    assert headings(browser)[2] == "承办单位"
    await browser.get(f"{LEDGER}?columns=text")
    assert headings(browser) == ["选择", "编号", "内容"]
    colleague = await at_work(city, Role.AUDITOR)
    await colleague.get(LEDGER)
    assert headings(colleague) == usual
    await browser.send(f"{LEDGER}/columns", {"usual": "1"})
    await browser.follow()
    assert headings(browser) == usual


async def test_a_view_keeps_filters_order_and_columns_for_its_owner_alone(city: CityUnderTest) -> None:
    one, two = await put_two_on_ledger(city)
    browser = await at_work(city)
    await browser.get(f"{LEDGER}?tab=open&text=独居老人&sort=due&size=50&columns=number,category&page=1&evil=1")
    await browser.send(VIEWS, {"name": f"  {HOSTILE} "})
    await browser.follow()
    assert f"已保存视图： {HOSTILE}" in html.unescape(shown(browser.page))
    assert "<b>" not in browser.page.text
    [(name, url)] = views(browser).items()
    assert name == HOSTILE
    assert "evil" not in url
    await browser.send(f"{LEDGER}/columns", {"column": ["text"]})
    await browser.get(url)
    assert (headings(browser), one in browser.page.text, two in browser.page.text) == (
        ["选择", "编号", "类别"],
        True,
        False,
    )
    assert 'aria-current="true">' in browser.page.text.split('class="views-list"')[1].split("</nav>")[0]
    colleague = await at_work(city, Role.LEADER)
    await colleague.get(LEDGER)
    assert views(colleague) == {}
    [action] = re.findall(r'action="(/dashboard/ledger/views/[0-9a-f]{32})/renaming"', browser.page.text)
    token = colleague.hidden(VIEWS)
    for act in ("renaming", "deletion"):
        assert (await colleague.post(f"{action}/{act}", token | {"name": "我的"})).status_code == 404
    await browser.get(url)
    await browser.send(f"{action}/renaming", {"name": "民政 走访"})
    await browser.follow()
    assert views(browser) == {"民政 走访": url}
    await browser.send(f"{action}/deletion")
    await browser.follow()
    assert views(browser) == {}


@pytest.mark.parametrize("name", ["", " \t ", "长" * 41, "a\u202eb", "a\u0007b"])
async def test_a_name_that_cannot_be_shown_is_refused_and_stays_typed(city: CityUnderTest, name: str) -> None:
    browser = await at_work(city)
    await browser.get(f"{LEDGER}?tab=open")
    answer = await browser.send(VIEWS, {"name": name})
    assert answer.status_code == 422
    assert "视图名称须为" in answer.text
    assert 'aria-current="true">未销号' in answer.text


async def test_a_name_is_used_once_and_there_is_a_bound(city: CityUnderTest) -> None:
    browser = await at_work(city)
    await browser.get(LEDGER)
    token = browser.hidden(VIEWS)
    for number in range(MOST_VIEWS):
        assert (await browser.post(VIEWS, token | {"name": f"视图 {number}"})).status_code == 303
    again = await browser.post(VIEWS, token | {"name": "视图 0"})
    assert (again.status_code, "同名" in again.text) == (409, True)
    over = await browser.post(VIEWS, token | {"name": "再一个"})
    assert (over.status_code, "最多保存" in over.text) == (409, True)
    long = await browser.post(VIEWS, token | {"name": "长", "query": "text=" + "表" * 700})
    assert (long.status_code, "过长" in long.text) == (422, True)
    assert len(views(browser)) == MOST_VIEWS


async def test_what_is_ticked_is_exported_and_nothing_where_nothing_is(city: CityUnderTest) -> None:
    one, two = await put_two_on_ledger(city)
    browser = await at_work(city)
    await browser.get(LEDGER)
    assert f'name="case" value="{one}"' in browser.page.text
    path = f"{LEDGER}/export?ticked=1&columns=&format=csv"
    data = (await browser.client.get(f"{path}&case={two}")).content.decode("utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(data, newline=""))] == ["编号", two]
    await browser.get(path)
    assert browser.page.status_code == 303
    await browser.follow()
    assert "请先勾选要导出的事项" in shown(browser.page)
