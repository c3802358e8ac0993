"""部门与观测点: listed by code, found by any name, with how each is reached; who has left the pack stays readable."""

import re

import pytest
from sqlalchemy import update

from app.models import ObservationPoint, Role
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, report, shown

DEPARTMENT = re.compile(r'href="/dashboard/departments/([\w-]+)"')
POINT = re.compile(r'href="/dashboard/points/([\w-]+)"')


async def test_departments_are_found_by_any_of_their_names_and_stand_in_the_order_of_codes(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.AUDITOR)
    known = city.runtime.cities.current.departments
    first = DEPARTMENT.findall((await browser.get("/dashboard/departments?size=100")).text)
    assert first == sorted(known)[:100]
    for text, wanted in (
        ("区民政局", "FR-MZ"),
        ("fr-mz", "FR-MZ"),
        ("湖南省民政厅", "HN-MZ"),
        ("smzj", "CS-MZ"),
        ("minzheng", "CS-MZ"),
    ):
        found = DEPARTMENT.findall((await browser.get(f"/dashboard/departments?text={text}&size=100")).text)
        assert wanted in found
        assert found == sorted(found)
    found = DEPARTMENT.findall((await browser.get("/dashboard/departments?text=minzheng&tier=district")).text)
    assert "FR-MZ" in found
    assert "CS-MZ" not in found
    narrowed = DEPARTMENT.findall((await browser.get("/dashboard/departments?tier=district&district=FR&size=100")).text)
    assert narrowed == [code for code in sorted(known) if known[code].district == "FR"]
    page = shown(await browser.get("/dashboard/departments/CS-MZ"))
    for said in ("长沙市民政局", "对口上级 湖南省民政厅", "芙蓉区民政局", "长民发", "没有登记地址"):
        assert said in page
    address = {"department": "CS-MZ", "url": "http://127.0.0.1:9/yilong"}
    made = (await (await city.office()).post("/v1/endpoints", json=address)).json()["id"]
    page = (await browser.get("/dashboard/departments/CS-MZ")).text
    assert f'href="/dashboard/endpoints/{made}"' in page
    assert "/dashboard/keys" not in page, "an auditor manages no keys"


async def test_points_stand_in_the_order_of_codes_and_one_that_left_keeps_its_past(city: CityUnderTest) -> None:
    await report(city, "区民政局要求每周报一次独居老人走访台账。", "FR-02")
    async with city.runtime.database.write() as session:
        await session.execute(update(ObservationPoint).where(ObservationPoint.code == "FR-02").values(active=False))
    browser = await at_work(city, Role.ADMINISTRATOR)
    codes = POINT.findall((await browser.get("/dashboard/points?size=50")).text)
    assert codes == sorted(codes)
    assert len(codes) == 45
    assert POINT.findall((await browser.get("/dashboard/points?text=荷塘月")).text) == ["FR-02"]
    page = await browser.get("/dashboard/points/FR-02")
    assert "已停用" in shown(page)
    assert 'data-label="2026-03" data-running' in page.text
    assert "/dashboard/keys?holder=FR-02" in page.text


@pytest.mark.parametrize("year", ["20267", "-1", "1999", "x", "9" * 40, ""])
async def test_a_year_that_is_none_is_this_one(city: CityUnderTest, year: str) -> None:
    browser = await at_work(city)
    assert "工作日历 2026 年" in shown(await browser.get(f"/dashboard/clocks?year={year}"))
