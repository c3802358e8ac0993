"""先例: what a session settled is cited by the next decision, and dispatches by itself only once the office says so."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.clock import FixedClock
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown

ZONE = ZoneInfo("Asia/Shanghai")
DISPUTE = (
    "区民政局、区卫健局和区残联都要求我们在防返贫监测系统里录入同一批困难群众信息,三家口径不一,互相推诿谁来统一。"
    "联系电话13912345678。"
)
LIKE_IT = "每到月底,区民政局、区卫健局、区残联都催我们往防返贫监测系统里重新登记一遍,各要各的口径,没人牵头。"
OTHER_SYSTEM = "区民政局、区卫健局、区残联都让社区在智慧养老平台上重复登记老人体检情况,各要各的表。"
NOBODY = "村里每天都要登录防返贫监测系统补数据,不知道是哪个部门要的。"
THREE = ["FR-CL", "FR-MZ", "FR-WJ"]
REASON = {"reason": "三家已反复确认,今后照此办理。"}


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def sent(city: CityUnderTest, text: str, point: str = "FR-01") -> dict[str, Any]:
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": text})
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    assert not receipt["joined"]
    return receipt


async def case_of(city: CityUnderTest, receipt: dict[str, Any]) -> dict[str, Any]:
    shown_case: dict[str, Any] = (await (await city.office()).get(f"/v1/cases/{receipt['case']}")).json()
    return shown_case


async def settled(city: CityUnderTest, text: str = DISPUTE, lead: str = "FR-MZ") -> tuple[str, str, str]:
    """A dispute of three departments, concluded; the numbers of its case, its session and the precedent."""
    office = await city.office()
    receipt = await sent(city, text)
    assert receipt["status"] == "consulting", receipt
    case = await case_of(city, receipt)
    session = case["consultations"][0]["number"]
    parts = [
        {"department": lead, "lead": True, "obligation": "统一口径,只留一个入口", "working_days": 7},
        *({"department": code, "obligation": "改用统一数据"} for code in THREE if code != lead),
    ]
    body = {"conclusions": [{"case": receipt["case"], "parts": parts}], "minutes": "三家一致同意。"}
    answer = await office.post(f"/v1/consultations/{session}/conclusion", json=body)
    assert answer.status_code == 200, answer.text
    (made,) = (await case_of(city, receipt))["precedents"]["made"]
    return receipt["case"], session, made["number"]


async def acted(city: CityUnderTest, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = await (await city.office()).post(f"/v1/precedents/{path}", json=body)
    assert answer.status_code == status, answer.text
    result: dict[str, Any] = answer.json()
    return result


def citing(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in receipt["decision"]["evidence"] if item["rule"] == "precedent"]


async def test_a_conclusion_is_kept_as_a_precedent_that_says_nothing_of_the_reporter(city: CityUnderTest) -> None:
    case, session, number = await settled(city)
    office = await city.office()
    kept = (await office.get(f"/v1/precedents/{number}")).json()
    assert (kept["case"], kept["consultation"], kept["state"]) == (case, session, "in_force")
    assert (kept["lead"], kept["supporting"], kept["manner"]) == ("FR-MZ", ["FR-CL", "FR-WJ"], "agreed")
    assert (sorted(kept["sources"]), kept["systems"]) == (THREE, ["防返贫监测系统"])
    assert kept["obligations"][0] == {
        "department": "FR-MZ", "obligation": "统一口径,只留一个入口", "working_days": 7,
    }  # fmt: skip
    assert "139" not in json.dumps(kept)
    assert (kept["rule"], kept["rules"], kept["uses"]) == (None, [], 0)
    listed = (await office.get("/v1/precedents?state=in_force")).json()["precedents"]
    assert [entry["number"] for entry in listed] == [number]
    assert (await office.get("/v1/precedents/XL-2026-999999")).status_code == 404
    reporter, department = await city.reporter("FR-01"), await city.department("FR-MZ")
    assert {(await client.get("/v1/precedents")).status_code for client in (reporter, department)} == {403}
    auditor = await city.client(Role.AUDITOR)
    assert (await auditor.get(f"/v1/precedents/{number}")).status_code == 200
    assert (await auditor.post(f"/v1/precedents/{number}/withdrawal", json=REASON)).status_code == 403
    await check(city)


async def test_the_next_report_on_the_same_system_cites_the_precedent_and_is_still_convened(
    city: CityUnderTest,
) -> None:
    version = city.runtime.cities.current.knowledge.version
    _, session, number = await settled(city)
    receipt = await sent(city, LIKE_IT, "FR-02")
    (cited,) = citing(receipt)
    assert LIKE_IT[cited["start"] : cited["end"]] == cited["text"] == "防返贫监测系统"
    assert cited["supports"] == f"precedent {number}"
    decision = receipt["decision"]
    assert decision["notes"][-1] == f"precedent:{number}"
    assert decision["suggestions"][0]["receivers"] == ["FR-MZ", "FR-CL", "FR-WJ"]
    assert (decision["category"], decision["route"]) == ("multi_department", "consultation")
    assert decision["knowledge_version"] != version
    assert (receipt["status"], receipt["ruled_by"]) == ("consulting", None)
    # A dry run decides the same, and again the same.
    trial = {"text": LIKE_IT}
    reporter = await city.reporter("FR-02")
    one, two = [await reporter.post("/v1/classifications", json=trial) for _ in range(2)]
    assert one.content == two.content
    assert one.json() == decision | {"id": None}

    # The table sees how it was settled: the office, and whoever is invited.
    case = await case_of(city, receipt)
    assert [p["number"] for p in case["precedents"]["cited"]] == [number]
    new_session = case["consultations"][0]["number"]
    for client in (await city.office(), await city.department("FR-WJ")):
        (item,) = (await client.get(f"/v1/consultations/{new_session}")).json()["agenda"]
        (known,) = item["precedents"]
        assert (known["number"], known["lead"]) == (number, "FR-MZ")
        assert not {"case", "consultation"} & set(known)
    page = await at_work(city, Role.CLERK)
    marked = await page.get(f"/dashboard/cases/{receipt['case']}")
    assert number in shown(marked)
    assert f'href="/dashboard/consultations/{session}"' in marked.text
    assert re.search(f"<mark [^>]*先例 {number}[^>]*>防返贫监测系统</mark>", marked.text)
    assert number in shown(await page.get(f"/dashboard/consultations/{new_session}"))
    await check(city)


async def test_another_system_from_the_same_departments_cites_nothing(city: CityUnderTest) -> None:
    await settled(city)
    receipt = await sent(city, OTHER_SYSTEM, "FR-02")
    assert {source["code"] for source in receipt["decision"]["sources"]} == set(THREE)
    assert (citing(receipt), receipt["decision"]["notes"], receipt["status"]) == ([], [], "consulting")


async def test_a_standing_ruling_dispatches_the_next_report_at_once_until_it_is_ended(city: CityUnderTest) -> None:
    _, _, number = await settled(city)
    await acted(city, f"{number}/rule", {}, 422)
    made = await acted(city, f"{number}/rule", REASON, 201)
    assert (made["rule"]["reason"], made["rule"]["until"]) == (REASON["reason"], None)
    assert (await acted(city, f"{number}/rule", REASON, 409))["code"] == "standing_ruling_in_force"

    receipt = await sent(city, LIKE_IT, "FR-02")
    assert (receipt["status"], receipt["ruled_by"]) == ("dispatched", f"precedent {number}")
    # The machine's decision stands as it was made; the ruling is beside it.
    assert receipt["decision"]["route"] == "consultation"
    case = await case_of(city, receipt)
    assert (case["case"]["category"], case["case"]["route"]) == ("multi_department", "assignment")
    (ruling,) = case["rulings"]
    assert (ruling["ruled_by"], ruling["overrules"]) == (f"precedent {number}", False)
    assert number in ruling["reason"]
    assert {r["code"]: r["role"] for r in ruling["receivers"]} == {
        "FR-MZ": "lead", "FR-CL": "supporting", "FR-WJ": "supporting",
    }  # fmt: skip
    duties = {d["department"]: d for d in case["assignments"]}
    assert {code: d["role"] for code, d in duties.items()} == {
        "FR-MZ": "lead", "FR-CL": "supporting", "FR-WJ": "supporting",
    }  # fmt: skip
    assert duties["FR-MZ"]["obligation"] == "统一口径,只留一个入口"
    assert case["consultations"] == []
    told = (await (await city.department("FR-WJ")).get("/v1/events?after=0&limit=200")).json()["events"]
    assert [e["type"] for e in told if e["data"]["case"]["number"] == receipt["case"]] == ["assignment.created"]
    page = await at_work(city, Role.CLERK)
    assert f"常规裁定 {number}" in shown(await page.get(f"/dashboard/cases/{receipt['case']}"))

    # Nobody is named, but the system is the same: it goes where it was settled.
    wanting = await sent(city, NOBODY, "FR-03")
    assert (wanting["decision"]["reason"], wanting["ruled_by"]) == ("tier_unknown", f"precedent {number}")
    # Fewer sources than were settled: cited, and decided as the machine decides.
    fewer = await sent(city, "区民政局要求社区每周登录防返贫监测系统更新一遍人员台账,还要拍照。", "FR-04")
    assert (len(citing(fewer)), fewer["ruled_by"], fewer["decision"]["route"]) == (1, None, "assignment")

    # What concerns the coordinating office itself is left to it, ruling or not.
    own = await sent(city, "区委组织部要求每天登录防返贫监测系统打卡,还要在群里通报。", "FR-05")
    assert (own["decision"]["reason"], own["ruled_by"], citing(own)) == ("conflict_of_interest", None, [])

    ended = await acted(city, f"{number}/rule/end", {"reason": "三定方案调整,重新会商。"})
    assert (ended["rule"], ended["uses"], ended["rules"][0]["ended_because"]) == (None, 2, "三定方案调整,重新会商。")
    assert (await acted(city, f"{number}/rule/end", REASON, 409))["code"] == "no_standing_ruling"
    await check(city)


async def test_once_the_ruling_is_ended_or_has_run_out_reports_are_convened_again(
    city: CityUnderTest, clock: FixedClock
) -> None:
    _, _, number = await settled(city)
    today = clock.now().astimezone(ZONE).date()
    yesterday = {"until": (today - timedelta(days=1)).isoformat()}
    assert (await acted(city, f"{number}/rule", REASON | yesterday, 422))["code"] == "until_passed"
    await acted(city, f"{number}/rule", REASON | {"until": today.isoformat()}, 201)
    clock.set(datetime.combine(today + timedelta(days=1), datetime.min.time(), ZONE))
    receipt = await sent(city, LIKE_IT, "FR-02")
    assert (receipt["status"], receipt["ruled_by"], len(citing(receipt))) == ("consulting", None, 1)
    await acted(city, f"{number}/rule/end", REASON)
    await acted(city, f"{number}/rule", REASON, 201)
    await acted(city, f"{number}/rule/end", REASON)
    wanting = await sent(city, NOBODY, "FR-03")
    assert (wanting["status"], wanting["ruled_by"], len(citing(wanting))) == ("triage", None, 1)
    await check(city)


async def test_a_withdrawn_precedent_is_not_cited_and_its_ruling_ends_with_it(city: CityUnderTest) -> None:
    _, _, number = await settled(city)
    version = city.runtime.cities.current.knowledge.version
    await acted(city, f"{number}/rule", REASON, 201)
    gone = await acted(city, f"{number}/withdrawal", {"reason": "结论有误。"})
    assert (gone["state"], gone["withdrawn_because"], gone["rule"]) == ("withdrawn", "结论有误。", None)
    assert gone["rules"][0]["ended_because"] == "结论有误。"
    assert city.runtime.cities.current.knowledge.version == version.rpartition("+")[0]
    receipt = await sent(city, LIKE_IT, "FR-02")
    assert (citing(receipt), receipt["status"], receipt["ruled_by"]) == ([], "consulting", None)
    for path in ("withdrawal", "rule"):
        assert (await acted(city, f"{number}/{path}", REASON, 409))["code"] == "precedent_withdrawn"
    assert (await acted(city, f"{number}/rule?dry_run=true", {}, 409))["code"] == "precedent_withdrawn"
    assert [p["number"] for p in (await case_of(city, receipt))["precedents"]["cited"]] == []
    await check(city)


async def test_where_precedents_conflict_both_are_cited_and_no_ruling_applies(city: CityUnderTest) -> None:
    _, _, first = await settled(city)
    _, _, second = await settled(city, LIKE_IT, lead="FR-WJ")
    await acted(city, f"{first}/rule", REASON, 201)
    receipt = await sent(city, NOBODY, "FR-03")
    assert {item["supports"] for item in citing(receipt)} == {f"precedent {first}", f"precedent {second}"}
    assert (receipt["status"], receipt["ruled_by"]) == ("triage", None)
    await acted(city, f"{second}/withdrawal", {"reason": "以先前结论为准。"})
    after = await sent(city, "防返贫监测系统天天要补录,说不清是谁布置的,村干部苦不堪言。", "FR-04")
    assert after["ruled_by"] == f"precedent {first}"
    await check(city)


async def test_a_dry_run_says_which_past_reports_would_have_gone_otherwise(city: CityUnderTest) -> None:
    early = await sent(city, NOBODY, "FR-03")
    other = await sent(city, OTHER_SYSTEM, "FR-02")
    _, _, number = await settled(city)
    tried = await acted(city, f"{number}/rule?dry_run=true", {})
    assert {key: tried[key] for key in ("months", "reports", "matching", "conflicting", "applies", "otherwise")} == {
        "months": 12, "reports": 2, "matching": 1, "conflicting": 0, "applies": 1, "otherwise": 1,
    }  # fmt: skip
    (example,) = tried["examples"]
    assert (example["report"], example["route"]) == (early["report"], "triage")
    assert other["report"] != example["report"]
    assert (await acted(city, number.replace("XL", "XX") + "/rule?dry_run=true", {}, 404))["code"] == "not_found"
    kept = (await (await city.office()).get(f"/v1/precedents/{number}")).json()
    assert (kept["rules"], kept["uses"]) == ([], 0)
    clerk = await city.client(Role.CLERK)
    assert (await clerk.post(f"/v1/precedents/{number}/rule", json=REASON)).status_code == 403


async def test_a_case_settled_anew_replaces_its_own_precedent(city: CityUnderTest) -> None:
    case, _, number = await settled(city)
    office = await city.office()
    again = await office.post("/v1/consultations", json={"cases": [case], "departments": THREE})
    assert again.status_code == 201, again.text
    parts = [{"department": "FR-WJ", "lead": True}, {"department": "FR-MZ"}]
    body = {"conclusions": [{"case": case, "parts": parts}], "minutes": "改由卫健局牵头。"}
    answer = await office.post(f"/v1/consultations/{again.json()['number']}/conclusion", json=body)
    assert answer.status_code == 200, answer.text
    in_force = (await office.get("/v1/precedents?state=in_force")).json()["precedents"]
    assert [(p["case"], p["lead"]) for p in in_force] == [(case, "FR-WJ")]
    old = (await office.get(f"/v1/precedents/{number}")).json()
    assert (old["state"], in_force[0]["number"] in old["withdrawn_because"]) == ("withdrawn", True)
    await check(city)
