"""趋势: page, table and interface say the same; exports keep back what few points make up; who may see it."""

import csv
import io
import re
from datetime import datetime, timedelta

import pytest

from app.clock import FixedClock
from app.ledger.trends import Unit, read_trend
from app.models import CaseOutcome, Role
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, shown
from tests.ledger.test_trends import Ledger

ROW = re.compile(r'<th scope="row" data-label="([\d-]+)"[^>]*>(.*?)</th>(.*?)</tr>', re.DOTALL)
CELL = re.compile(r'<td class="quantity">([^<]*)</td>')


def a_past(now: datetime) -> Ledger:
    """Two years of a city in which one department and one point have a part."""
    ledger = Ledger()
    for months in range(24):
        moment = now - timedelta(days=30 * months)
        for n in range(1 + months % 5):
            closed = moment + timedelta(days=4 + n) if months else None
            case = ledger.open(moment, closed=closed, burdens=["FORMS", "TRACE"][: 1 + n % 2])
            if closed and n == 3:
                case.outcome = CaseOutcome.ANSWERED
            ledger.report(case, ("FR-01", "FR-02", "KF-01", "YH-01", "YH-02")[n], moment, 2.5 + n)
            if n % 2:
                ledger.give(case, "FR-MZ")
    return ledger


@pytest.fixture
async def town(city: CityUnderTest, clock: FixedClock) -> CityUnderTest:
    ledger = a_past(clock.now())
    async with city.runtime.database.write() as session:
        session.add_all([*ledger.cases, *ledger.reports, *ledger.duties])
    return city


def tables(page: str) -> list[list[tuple[str, list[str]]]]:
    """The four tables of a trend: month and figures by row."""
    parts = re.findall(r"<section class=\"panel chart\".*?</section>", page, re.DOTALL)
    return [[(month, CELL.findall(rest)) for month, _, rest in ROW.findall(part)] for part in parts]


def number(text: str) -> float | None:
    return None if text == "—" else float(text)


async def test_page_and_interface_say_the_same_of_every_unit(town: CityUnderTest) -> None:
    browser, office = await at_work(town, Role.AUDITOR), await town.office()
    for wish, query in (
        ("", {}),
        ("department:FR-MZ", {"department": "FR-MZ"}),
        ("point:FR-02", {"observation_point": "FR-02"}),
    ):
        page = await browser.get(f"/dashboard/trends?unit={wish}")
        assert page.status_code == 200, page.text
        reports, burdens, hours, time = tables(page.text)
        months = (await office.get("/v1/trends", params=query)).json()["months"]
        assert len(months) > 20
        assert [month for month, _ in reports] == [m["month"][:7] for m in months]
        for place, m in enumerate(months):
            before = [m[f"{name}_before"] or {} for name in ("reports", "hours", "working_days")]
            bands = [[band.get(part) for part in ("median", "low", "high")] for band in before]
            assert list(map(number, reports[place][1])) == [m["reports"], *bands[0]]
            hours_said = [m["hours"], *bands[1], m["hours_total"], m["relieved"], m["hours_stated"]]
            assert list(map(number, hours[place][1])) == hours_said
            assert list(map(number, time[place][1])) == [m["working_days"], *bands[2], m["days"], m["relieved"]]
            assert sum(number(cell) or 0 for cell in burdens[place][1]) == sum(m["burdens"].values())
        assert "本月未完" in page.text
        assert months[-1]["state"] == "current"
    assert any(m["working_days_before"] for m in months) or wish


async def test_the_page_of_a_unit_shows_its_own_trend_and_its_own_alone(town: CityUnderTest) -> None:
    browser = await at_work(town, Role.ADMINISTRATOR)
    alone = tables((await browser.get("/dashboard/trends?unit=department:FR-MZ")).text)
    page = await browser.get("/dashboard/departments/FR-MZ")
    assert tables(page.text) == alone
    text = shown(page)
    assert "芙蓉区民政局" in text
    assert "对口上级 长沙市民政局" in text
    assert "/dashboard/ledger?tab=open&amp;department=FR-MZ" in page.text
    assert "/dashboard/keys?holder=FR-MZ" in page.text
    point = await browser.get("/dashboard/points/FR-02")
    assert tables(point.text) == tables((await browser.get("/dashboard/trends?unit=point:FR-02")).text)
    assert "还没有记录" in shown(await browser.get("/dashboard/points/YH-05"))
    for missing in ("departments/NO-NE", "points/NO-NE", "trends?unit=point:NO-NE", "trends?unit=department:FR-01"):
        assert (await browser.get(f"/dashboard/{missing}")).status_code == 404


async def read_csv(browser: OfficeBrowser, unit: str) -> list[dict[str, str]]:
    answer = await browser.get(f"/dashboard/trends/export?unit={unit}")
    assert answer.headers["content-disposition"] == 'attachment; filename="trend.csv"'
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


async def test_an_export_keeps_back_what_fewer_than_five_points_make_up(town: CityUnderTest) -> None:
    browser = await at_work(town, Role.CLERK)
    lines = {line["月份"]: line for line in await read_csv(browser, "")}
    async with town.runtime.database.snapshot() as session:
        trend = await read_trend(session, Unit(), town.runtime.cities.current.calendar, town.clock.now())
    kept_back = [m for m in trend.months if 0 < m.points < 5]
    told = [m for m in trend.months if m.points >= 5 or m.points == 0]
    assert kept_back
    assert any(m.points >= 5 for m in told)
    assert {lines[f"{m.month:%Y-%m}"]["线索件数"] for m in kept_back} == {"*"}
    assert all(lines[f"{m.month:%Y-%m}"]["线索件数"] == str(m.reports) for m in told)
    assert all((lines[f"{m.month:%Y-%m}"]["减负工时"] == "*") is (0 < m.hours_points < 5) for m in trend.months)
    assert not any("以往" in heading or "累计" in heading for heading in lines["2026-02"]), "they would give it away"
    of_department = await read_csv(browser, "department:FR-MZ")
    assert {line["线索件数"] for line in of_department} <= {"*", "0"}
    assert (await browser.get("/dashboard/trends/export?unit=point:FR-02")).status_code == 404
    assert "/dashboard/trends/export" not in (await browser.get("/dashboard/trends?unit=point:FR-02")).text


async def test_departments_and_points_read_no_trend_not_even_their_own(town: CityUnderTest) -> None:
    for client in (await town.department("FR-MZ"), await town.reporter("FR-02")):
        for query in ("", "?department=FR-MZ", "?observation_point=FR-02"):
            assert (await client.get(f"/v1/trends{query}")).status_code == 403
    office = await town.office()
    assert (await office.get("/v1/trends?department=NO-NE")).status_code == 422
    assert (await office.get("/v1/trends?observation_point=NO-NE")).status_code == 404


async def test_the_script_is_loaded_where_there_are_charts_and_nowhere_else(town: CityUnderTest) -> None:
    browser = await at_work(town)
    for path in ("trends", "departments/FR-MZ", "points/FR-01"):
        assert re.search(
            r'echarts\.common\.min\.js\?v=\w+" integrity="sha384-', (await browser.get(f"/dashboard/{path}")).text
        )
    for path in ("", "ledger", "departments", "points", "clocks", "knowledge"):
        assert "echarts" not in (await browser.get(f"/dashboard/{path}")).text
    page = (await browser.get("/dashboard/trends")).text
    assert page.count('<details class="chart-data" open>') == 4, "without a script the tables are open"
