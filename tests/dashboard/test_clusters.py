"""The case page shows reach and what may be the same; the office merges and splits there, with a reason."""

from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown

FIRST = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
SECOND = "区民政局让我们一个礼拜交一回独居老人的走访台账,每户都得拍照上传,跑断了腿。"


async def two_cases(city: CityUnderTest) -> tuple[str, str, str]:
    """Two cases that may be the same, and the second one's report."""
    one = (await (await city.reporter("FR-01")).post("/v1/reports", json={"text": FIRST, "hours_per_month": 8})).json()
    two = (await (await city.reporter("FR-02")).post("/v1/reports", json={"text": SECOND})).json()
    return one["case"], two["case"], two["report"]


async def test_the_page_shows_reach_and_what_may_be_the_same_with_its_evidence(city: CityUnderTest) -> None:
    first, second, _ = await two_cases(city)
    said = shown(await (await at_work(city)).get(f"/dashboard/cases/{first}"))
    for words in (
        "涉及范围",
        "观测点数 1",
        "芙蓉区",
        "每月合计耗时（小时） 8",
        "疑似重复",
        second,
        "同一来源 芙蓉区民政局",
    ):
        assert words in said, words


async def test_merging_and_splitting_work_from_the_page_and_a_merged_case_points_onward(city: CityUnderTest) -> None:
    first, second, report = await two_cases(city)
    browser, url = await at_work(city), f"/dashboard/cases/{first}"
    await browser.get(url)
    silent = await browser.send(f"{url}/merging", {"other": second, "reason": ""})
    assert silent.status_code == 422
    assert "请写明理由" in shown(silent)
    await browser.get(url)
    await browser.send(f"{url}/merging", {"other": second, "reason": "同一通知引起。"})
    assert f"已将 {second} 并入 {first}" in shown(await browser.follow())
    gone = await browser.get(f"/dashboard/cases/{second}")
    assert f'<a href="{url}">{first}</a>' in gone.text
    assert report in shown(gone)
    assert "重新挂账" not in shown(gone)
    await browser.get(url)
    nothing = await browser.send(f"{url}/splitting", {"reason": "不是一回事。"})
    assert "请选择要拆分的线索" in shown(nothing)
    await browser.get(url)
    await browser.send(f"{url}/splitting", {"report": [report], "reason": "不是一回事。"})
    assert f"已拆分，线索现在的事项：{second}。" in shown(await browser.follow())
    assert "疑似重复" not in shown(browser.page)
