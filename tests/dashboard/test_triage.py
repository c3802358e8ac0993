"""Triage and the ledger: what is shown, what a ruling does, and that no refused form loses what was typed."""

import re

from app.clock import FixedClock
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, report, shown

LINE_ONLY = "水利那边的渠道台账每天要填，有没有水都要写三行，年底还要重抄一本"
NOBODY = "群里来个通知要花名册，两个钟头交，问了一圈都搞不清是哪个单位要的"
PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
TRIAGE = "/dashboard/triage"
# What the ledger keeps for a person is nobody else's.
OWN = ("/dashboard/ledger/views", "/dashboard/ledger/columns")


async def two_to_triage(city: CityUnderTest) -> tuple[str, str]:
    first, second = await report(city, LINE_ONLY), await report(city, NOBODY, "FR-02")
    assert {first["status"], second["status"]} == {"triage"}
    return first["case"], second["case"]


def ruling_of(number: str) -> str:
    return f"/dashboard/cases/{number}/ruling"


RULING = {
    "category": "municipal_district",
    "receiver": ["CS-SL 长沙市水利局", "芙蓉区民政局"],
    "reason": "点名的是水利",
}


async def test_the_most_urgent_case_is_open_with_its_evidence_and_candidates(city: CityUnderTest) -> None:
    first, second = await two_to_triage(city)
    page = await (await at_work(city)).get(TRIAGE)
    assert page.text.index(f"open-{first}") < page.text.index(f"open-{second}")
    assert re.search(r'<mark class="evidence[^>]*title="[^"]*来源 水利[^"]*">水利</mark>', page.text)
    said = shown(page)
    assert "只说到条线，看不出层级" in said
    assert "芙蓉区 韶馨社区" in said
    assert 'data-shortcut="1"' in page.text
    assert "系统建议" in said


async def test_a_candidate_fills_the_form_without_javascript(city: CityUnderTest) -> None:
    number, _ = await two_to_triage(city)
    browser = await at_work(city)
    page = await browser.get(f"{TRIAGE}?case={number}&pick=1")
    form = page.text[page.text.index(f'id="ruling-{number}"') :]
    assert re.search(r'name="receiver"[^>]*value="FR-[A-Z]+ 芙蓉区', form)
    assert re.search(r'value="municipal_district" required checked', form)
    assert "采纳：系统建议。" in form


async def test_a_ruling_says_what_was_done_and_opens_the_next_case(city: CityUnderTest) -> None:
    first, second = await two_to_triage(city)
    browser = await at_work(city)
    await browser.get(TRIAGE)
    answer = await browser.send(ruling_of(first), {**RULING, "lead": "1", "days": "7"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{TRIAGE}?case={second}"
    said = shown(await browser.follow())
    assert f"已裁定 {first}（市县事项）： 长沙市水利局、芙蓉区民政局" in said
    assert f'id="item-{second}"' in browser.page.text
    again = await browser.get(f"{TRIAGE}?case={second}")
    assert "已裁定" not in again.text
    case = (await (await city.office()).get(f"/v1/cases/{first}")).json()
    assert {(a["department"], a["role"]) for a in case["assignments"]} == {("FR-MZ", "lead"), ("CS-SL", "supporting")}
    assert case["assignments"][0]["due_at"].startswith("2026-03-11")


async def test_htmx_is_led_on_and_refused_in_place(city: CityUnderTest) -> None:
    first, second = await two_to_triage(city)
    browser = await at_work(city)
    fields = (await browser.get(TRIAGE), browser.hidden(ruling_of(first)))[1]
    refused = await browser.post(ruling_of(first), {**fields, **RULING, "reason": ""}, HX_Request="true")
    assert refused.status_code == 422
    assert "请写明理由" in refused.text
    assert "<html" not in refused.text
    done = await browser.post(ruling_of(first), {**fields, **RULING}, HX_Request="true")
    assert done.status_code == 200
    assert f'"path": "{TRIAGE}?case={second}"' in done.headers["hx-location"]
    late = await browser.post(ruling_of(first), {**fields, **RULING}, HX_Request="true")
    assert late.status_code == 409
    assert "刚被他人办理过" in late.text


async def test_somebody_elses_ruling_is_told_and_the_input_stays(city: CityUnderTest) -> None:
    first, _ = await two_to_triage(city)
    browser = await at_work(city)
    await browser.get(TRIAGE)
    fields = browser.hidden(ruling_of(first))
    office = await city.office()
    body = {"category": "municipal_district", "receivers": [{"code": "CS-SL"}], "reason": "先行裁定"}
    assert (await office.post(f"/v1/cases/{first}/ruling", json=body)).status_code == 200
    late = await browser.post(ruling_of(first), {**fields, **RULING, "reason": "我的<理由>", "days": "9"})
    assert late.status_code == 409
    assert "刚被他人办理过" in shown(late)
    assert "我的&lt;理由&gt;" in late.text
    assert 'name="days" value="9"' in late.text
    assert f'id="item-{first}"' in late.text


async def test_a_ruling_that_lacks_something_is_told_in_the_readers_language(city: CityUnderTest) -> None:
    first, _ = await two_to_triage(city)
    browser = await at_work(city)
    await browser.get(TRIAGE)
    wrong = {"category": "", "receiver": ["没有这个局", "CS-SL", "CS-SL"], "days": "三天", "reason": "已经写好的理由"}
    answer = await browser.send(ruling_of(first), wrong)
    assert answer.status_code == 422
    for sentence in ("请选择类别", "不在部门目录中", "同一单位只能填写一次", "工作日须为"):
        assert sentence in shown(answer)
    for typed in ("没有这个局", "已经写好的理由", 'value="三天"'):
        assert typed in answer.text
    browser.client.cookies.set("yilong_language", "en")
    english = await browser.send(ruling_of(first), wrong)
    assert "Choose a category. A department is not in the directory" in shown(english)
    nobody = await browser.send(ruling_of(first), {"category": "provincial", "reason": "没有单位"})
    assert "Name at least one department" in shown(nobody)


async def test_a_case_out_of_scope_is_closed_with_a_reply_to_the_reporter(city: CityUnderTest) -> None:
    first, second = await two_to_triage(city)
    browser = await at_work(city)
    await browser.get(TRIAGE)
    action = f"/dashboard/cases/{first}/closing"
    short = await browser.send(action, {"outcome": "not_a_burden", "statement": "x"})
    assert short.status_code == 422
    done = await browser.send(action, {"outcome": "not_a_burden", "statement": "此事请向物业反映。"})
    assert done.headers["location"] == f"{TRIAGE}?case={second}"
    said = shown(await browser.follow())
    assert f"已办结 {first}（不属受理范围），答复已发给反映人。" in said
    assert "此事请向物业反映。" in shown(await browser.get(f"/dashboard/cases/{first}"))


async def test_an_auditor_reads_everything_and_decides_nothing(city: CityUnderTest) -> None:
    first, _ = await two_to_triage(city)
    browser = await at_work(city, Role.AUDITOR)
    for path in (TRIAGE, f"/dashboard/cases/{first}", "/dashboard/ledger", "/dashboard/deliveries"):
        page = await browser.get(path)
        assert page.status_code == 200
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text)
        assert {"/dashboard/sign-out", *OWN} >= {*forms}
    token = browser.hidden("/dashboard/sign-out")
    for act in ("ruling", "closing", "reopening", "review", "consultation"):
        fields = {
            **token,
            **RULING,
            "version": "2",
            "outcome": "answered",
            "statement": "好的好的",
            "verdict": "accept",
        }
        answer = await browser.post(f"/dashboard/cases/{first}/{act}", fields)
        assert answer.status_code == 403, act
        assert "没有这项权限" in answer.text
    assert (await (await city.office()).get(f"/v1/cases/{first}")).json()["case"]["version"] == 1


async def test_the_list_is_searched_and_keeps_its_search_from_case_to_case(city: CityUnderTest) -> None:
    first, second = await two_to_triage(city)
    browser = await at_work(city)
    page = await browser.get(f"{TRIAGE}?text=花名册")
    assert f"open-{second}" in page.text
    assert f"open-{first}" not in page.text
    part = await browser.get(f"{TRIAGE}?text=花名册", HX_Target="work", **HTMX)
    assert "<html" not in part.text
    await browser.get(f"{TRIAGE}?text=花名册")
    answer = await browser.send(ruling_of(second), RULING)
    assert answer.headers["location"] == f"{TRIAGE}?text=%E8%8A%B1%E5%90%8D%E5%86%8C"
    assert "查看全部待分办" in shown(await browser.follow())


async def numbers(browser: OfficeBrowser, query: str) -> list[str]:
    page = await browser.get(f"/dashboard/ledger?{query}")
    assert page.status_code == 200
    return re.findall(r'<td class="number"><a href="/dashboard/cases/(YL-[0-9-]+)"', page.text)


async def test_the_ledger_filters_and_its_balance_counts_the_same_cases(city: CityUnderTest, clock: FixedClock) -> None:
    first, second = await two_to_triage(city)
    third = (await report(city, PLAIN))["case"]
    browser = await at_work(city)
    assert await numbers(browser, "sort=number") == [first, second, third]
    assert await numbers(browser, "sort=-number&size=20") == [third, second, first]
    assert await numbers(browser, "status=triage&sort=number") == [first, second]
    assert await numbers(browser, "category=municipal_district") == [third]
    assert await numbers(browser, "text=独居老人") == [third]
    assert await numbers(browser, "department=FR-MZ") == await numbers(browser, "department=芙蓉区民政局") == [third]
    assert await numbers(browser, "department=没有") == await numbers(browser, "tab=overdue") == []
    await browser.get(f"{TRIAGE}?case={second}")
    await browser.send(f"/dashboard/cases/{second}/closing", {"outcome": "answered", "statement": "已答复。"})
    assert await numbers(browser, "tab=closed") == await numbers(browser, "status=closed") == [second]
    assert await numbers(browser, "tab=open&sort=due") == [first, third]
    assert await numbers(browser, "tab=closed&status=triage") == []
    said = shown(await browser.get("/dashboard/ledger?tab=closed"))
    assert "挂账 3 − 销号 1 = 在账 2" in said
    assert "共 1 条" in said
    clock.advance(days=10)
    await browser.sign_in("clerk")
    assert await numbers(browser, "tab=overdue") == [first]
    assert "逾期 6 个工作日" in shown(browser.page)


async def test_nonsense_in_an_address_is_no_server_error(city: CityUnderTest) -> None:
    browser = await at_work(city)
    await two_to_triage(city)
    for path in (
        "/dashboard/ledger?text=%00&status=x&category=%00&department=%00%00&tab=x&sort=x&page=999999999",
        "/dashboard/ledger?text=%F0%9F%98%80%ED%A0%80&page=-1&size=7",
        f"{TRIAGE}?case=%00&pick=99&text=%00&page=77",
        f"{TRIAGE}?case=YL-2026-999999&pick=%C2%B2",
        "/dashboard/deliveries?case=%00&status=%00&department=%00",
        "/dashboard/consultations?status=%00",
        "/dashboard/badges?page=%00&seen=%00",
    ):
        assert (await browser.get(path)).status_code == 200, path
    for path in (
        "/dashboard/cases/%00",
        "/dashboard/cases/YL-2026-999999",
        "/dashboard/consultations/%00",
        "/dashboard/consultations/HS-2026-999999",
        "/dashboard/deliveries/999",
        "/dashboard/deliveries/999999999999999999999",
        "/dashboard/nothing",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 404, path
        assert "没有这一项" in shown(answer)
        assert 'id="menu"' in answer.text
