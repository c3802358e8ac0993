"""待分办: several cases are ruled or merged at once after a look, each by itself; a ruling just made is taken back."""

import html
import re
from datetime import timedelta
from typing import Any

from app.clock import FixedClock
from app.ledger.lessons import read_lessons
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, report, shown
from tests.journeys.test_clusters import ledger_holds

TRIAGE, BATCH, MERGING = "/dashboard/triage", "/dashboard/triage/batch", "/dashboard/triage/merging"
NAME_A_LINE = (
    "水利那边的渠道台账每天要填，有没有水都要写三行，年底还要重抄一本",
    "交通那边的路长巡查本天天要签，下雨天也要拍照打卡",
    "卫健那边的随访表一户三张，年底还要装订成册",
)
NAMES_NOBODY = "一天到晚要截图接龙，也不知道是哪个单位要的"


async def put_in_triage(city: CityUnderTest) -> tuple[list[str], str]:
    """Cases with a proposal, and one that names nobody."""
    told = [await report(city, text) for text in (*NAME_A_LINE, NAMES_NOBODY)]
    numbers = list(dict.fromkeys(one["case"] for one in told))
    for number in numbers:
        assert (await case(city, number))["status"] == "triage"
    return numbers[:-1], numbers[-1]


async def case(city: CityUnderTest, number: str) -> dict[str, Any]:
    record: dict[str, Any] = (await (await city.office()).get(f"/v1/cases/{number}")).json()
    return {**record, **record["case"]}


def query(numbers: list[str]) -> str:
    return "&".join(f"case={number}" for number in numbers)


def batch_form(browser: OfficeBrowser) -> dict[str, Any]:
    """Every hidden field of the preview and the boxes that are ticked."""
    form = re.search(rf'<form[^>]*action="({BATCH}|{MERGING})".*?</form>', browser.page.text, re.DOTALL)
    assert form is not None
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form.group()):
        name, value = (html.unescape(re.search(rf'{key}="([^"]*)"', tag).group(1)) for key in ("name", "value"))  # type: ignore[union-attr]
        if 'type="hidden"' in tag or "checked" in tag:
            fields.setdefault(name, []).append(value)
    return fields


async def test_suggestions_are_looked_at_and_then_ruled_one_by_one(city: CityUnderTest) -> None:
    numbers, nobody = await put_in_triage(city)
    browser = await at_work(city)
    await browser.get(TRIAGE)
    assert f'form="batch" name="case" value="{numbers[0]}"' in browser.page.text
    page = await browser.get(f"{BATCH}?{query([*numbers, nobody])}")
    assert "没有可采纳的建议" in shown(page)
    assert re.search(r"另有 \d 个候选", shown(page))
    assert {(await case(city, number))["status"] for number in numbers} == {"triage"}
    fields = batch_form(browser)
    assert fields["case"] == numbers
    # Somebody else acts on the second one meanwhile; the third is not ticked.
    office, other = await city.office(), numbers[1]
    closing = {"outcome": "answered", "statement": "已经说明。"}
    assert (await office.post(f"/v1/cases/{other}/close", json=closing)).status_code == 200
    answer = await browser.post(BATCH, fields | {"case": [*numbers[:2], nobody], "reason": ""})
    said = shown(answer)
    assert answer.status_code == 200
    assert "已裁定 1 件。" in said
    assert "2 件未裁定" in said
    assert "刚被他人办理过" in said
    first = await case(city, numbers[0])
    assert (first["status"], first["rulings"][-1]["reason"][:3]) == ("dispatched", "采纳：")
    assert [(await case(city, number))["status"] for number in (numbers[2], nobody)] == ["triage", "triage"]
    # Sent again, it changes nothing.
    again = await browser.post(BATCH, fields | {"case": numbers[:1]})
    assert "1 件未裁定" in shown(again)
    await ledger_holds(city)


async def test_a_batch_without_a_tick_or_with_forged_choices_does_nothing(city: CityUnderTest) -> None:
    numbers, _ = await put_in_triage(city)
    browser = await at_work(city)
    await browser.get(f"{BATCH}?{query(numbers)}")
    fields = batch_form(browser)
    refused = await browser.post(BATCH, fields | {"case": []})
    assert (refused.status_code, "请勾选要裁定的事项" in refused.text) == (422, True)
    assert numbers[0] in refused.text
    for choice in ("unclear|FR-MZ", "municipal_district|XX-YY", "municipal_district|", "x"):
        answer = await browser.post(BATCH, fields | {"case": numbers[:1], f"choice:{numbers[0]}": choice})
        assert "1 件未裁定" in shown(answer), choice
    answer = await browser.post(BATCH, fields | {"case": ["YL-2026-999999", "<b>"]})
    assert ("2 件未裁定" in shown(answer), "<b>" in answer.text) == (True, False)
    assert (await case(city, numbers[0]))["status"] == "triage"
    auditor = await at_work(city, Role.AUDITOR)
    assert (await auditor.get(f"{BATCH}?{query(numbers)}")).status_code == 403
    assert 'form="batch"' not in (await auditor.get(TRIAGE)).text


async def test_ticked_cases_become_one(city: CityUnderTest) -> None:
    numbers, _ = await put_in_triage(city)
    browser = await at_work(city)
    page = await browser.get(f"{MERGING}?{query(numbers[:1])}")
    assert "请至少勾选两件" in shown(page)
    await browser.get(f"{MERGING}?{query(numbers)}")
    fields = batch_form(browser)
    assert fields["survivor"] == [numbers[0]]
    refused = await browser.post(MERGING, fields | {"reason": ""})
    assert (refused.status_code, "请写明理由" in refused.text) == (422, True)
    await browser.post(MERGING, fields | {"survivor": numbers[1], "reason": "同一件事。"})
    await browser.follow()
    assert f"并入 {numbers[1]}" in shown(browser.page)
    assert [(await case(city, n))["status"] for n in numbers] == ["closed", "triage", "closed"]
    await ledger_holds(city)


async def test_a_ruling_just_made_is_taken_back_by_whoever_made_it(city: CityUnderTest, clock: FixedClock) -> None:
    numbers, _ = await put_in_triage(city)
    browser = await at_work(city)
    await browser.get(f"{BATCH}?{query(numbers[:1])}")
    await browser.post(BATCH, batch_form(browser))
    ruled = await case(city, numbers[0])
    assert ruled["status"] == "dispatched"
    action = f"/dashboard/cases/{numbers[0]}/ruling/taking-back"
    colleague = await at_work(city, Role.LEADER)
    assert action not in (await colleague.get(TRIAGE)).text
    forged = {"csrf_token": colleague.hidden("/dashboard/sign-out")["csrf_token"], "version": str(ruled["version"])}
    assert (await colleague.post(action, forged)).status_code == 409
    await browser.get(TRIAGE)
    assert 'data-shortcut="u"' in browser.page.text
    answer = await browser.send(action, None, **HTMX)
    assert f"{TRIAGE}?case={numbers[0]}" in answer.headers["hx-location"]
    back = await case(city, numbers[0])
    assert (back["status"], back["assignments"][0]["status"]) == ("triage", "superseded")
    told = (await (await city.office()).get(f"/v1/cases/{numbers[0]}/events")).json()
    assert [e["type"] for e in told][-2:] == ["assignment.closed", "ruling.taken_back"]
    await ledger_holds(city)
    async with city.runtime.database.read() as session:
        assert await read_lessons(session) == []
    # Too late once minutes have passed, or a department has signed for it.
    await browser.get(f"{BATCH}?{query(numbers)}")
    await browser.post(BATCH, batch_form(browser))
    second = await case(city, numbers[1])
    duty = second["assignments"][0]
    department = await city.department(duty["department"])
    assert (await department.post(f"/v1/assignments/{duty['id']}/acceptance", json={})).status_code == 200
    await browser.get(TRIAGE)
    late = f"/dashboard/cases/{numbers[1]}/ruling/taking-back"
    token = {"csrf_token": forged["csrf_token"], "version": str((await case(city, numbers[1]))["version"])}
    token["csrf_token"] = browser.hidden("/dashboard/sign-out")["csrf_token"]
    assert (await browser.post(late, token)).status_code == 409
    clock.set(clock.now() + timedelta(minutes=11))
    assert "/ruling/taking-back" not in (await browser.get(TRIAGE)).text
    token["version"] = str((await case(city, numbers[2]))["version"])
    answer = await browser.post(f"/dashboard/cases/{numbers[2]}/ruling/taking-back", token)
    assert (answer.status_code, "十分钟内" in answer.text) == (409, True)
