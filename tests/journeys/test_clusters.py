"""One burden, many points: reports join with evidence, the office merges and splits, nothing is lost on the way."""

import random
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.ledger.reconcile import reconcile, verify_chains
from tests.city import CityUnderTest

PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
EDITED = "反映一个问题:区民政局要求每星期报送一次独居老人走访台帐,还要逐户拍照上传。我们社区只有3个人,请帮忙解决。"
REWORDED = "区民政局让我们一个礼拜交一回独居老人的走访台账,每户都得拍照上传,跑断了腿。"
OTHER_MATTER = "区民政局要求每周报一次残疾人补贴核查表,还要逐户拍照上传。"
FEEDBACK = {"measures": "已经取消。", "public_reply": "已经取消,不再报。"}


async def send(city: CityUnderTest, point: str, text: str, **more: Any) -> dict[str, Any]:
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def office(city: CityUnderTest, method: str, path: str, **options: Any) -> httpx.Response:
    answer = await (await city.office()).request(method, f"/v1/cases/{path}", **options)
    await ledger_holds(city)
    return answer


async def case(city: CityUnderTest, number: str) -> dict[str, Any]:
    body: dict[str, Any] = (await (await city.office()).get(f"/v1/cases/{number}")).json()
    return body


async def report(city: CityUnderTest, point: str, number: str) -> dict[str, Any]:
    answer = await (await city.reporter(point)).get(f"/v1/reports/{number}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def ledger_holds(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def merge(city: CityUnderTest, survivor: str, *others: str) -> dict[str, Any]:
    answer = await office(city, "POST", f"{survivor}/merge", json={"cases": others, "reason": "同一通知引起。"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def split(city: CityUnderTest, number: str, *reports: str) -> dict[str, Any]:
    answer = await office(city, "POST", f"{number}/split", json={"reports": reports, "reason": "核对后不是一回事。"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def answer_and_approve(city: CityUnderTest, number: str) -> None:
    """The department reports, the office accepts: the points are asked."""
    for duty in (await case(city, number))["assignments"]:
        if duty["status"] == "dispatched":
            department = await city.department(duty["department"])
            answer = await department.post(f"/v1/assignments/{duty['id']}/feedback", json=FEEDBACK)
            assert answer.status_code == 200, answer.text
            review = {"accepted": True, "comment": "可以。"}
            answer = await (await city.office()).post(f"/v1/assignments/{duty['id']}/review", json=review)
            assert answer.status_code == 200, answer.text


async def verify(city: CityUnderTest, point: str, number: str, relieved: bool = True) -> httpx.Response:
    return await (await city.reporter(point)).post(f"/v1/reports/{number}/verification", json={"relieved": relieved})


async def test_an_edited_copy_joins_by_itself_and_the_receipt_says_why_in_its_own_words(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", EDITED)
    assert second["joined"]
    assert second["case"] == first["case"]
    because = {reason["kind"]: reason for reason in second["joined_because"]}
    assert because["source"]["says"] == "同一来源：芙蓉区民政局"
    assert because.keys() >= {"source", "words"}
    for reason in second["joined_because"]:
        assert reason["start"] == reason["end"] or EDITED[reason["start"] : reason["end"]]
    assert first["report"] not in str(second["joined_because"])
    joined = [e for e in (await office(city, "GET", f"{first['case']}/events")).json() if e["type"] == "report.joined"]
    assert joined[0]["facts"]["report"] == second["report"]
    assert joined[0]["facts"]["score"] >= 0.9


async def test_another_matter_in_the_same_words_opens_its_own_case(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    other = await send(city, "FR-02", OTHER_MATTER)
    assert not other["joined"]
    assert other["case"] != first["case"]


async def test_the_same_burden_in_other_words_is_suggested_to_the_office_only(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    assert not second["joined"]
    for number, other in ((first["case"], second["case"]), (second["case"], first["case"])):
        found = (await office(city, "GET", f"{number}/similar")).json()["similar"]
        assert [item["case"] for item in found] == [other]
        assert found[0]["report"] == second["report"]
        assert "同一来源：芙蓉区民政局" in [reason["says"] for reason in found[0]["because"]]
    assert first["case"] not in str(second)
    department = await (await city.department("FR-MZ")).get(f"/v1/cases/{first['case']}/similar")
    assert department.status_code == 403


async def test_merging_two_dispatched_cases_moves_reports_ends_duties_and_tells_everybody(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN, hours_per_month=6)
    second = await send(city, "FR-02", REWORDED, hours_per_month=4.5)
    await merge(city, first["case"], second["case"])
    gone, stays = await case(city, second["case"]), await case(city, first["case"])
    assert (gone["case"]["status"], gone["case"]["outcome"]) == ("closed", "merged")
    assert (gone["merged_into"], stays["merged"]) == (first["case"], [second["case"]])
    assert [r["number"] for r in stays["reports"]] == [first["report"], second["report"]]
    assert stays["reports"][1]["came_from"] == second["case"]
    assert {k: stays["reach"][k] for k in ("reports", "points", "districts", "hours_per_month")} == {
        "reports": 2, "points": 2, "districts": ["FR"], "hours_per_month": 10.5,
    }  # fmt: skip
    assert all(d["ended"] for d in gone["deadlines"])
    events = (await (await city.department("FR-MZ")).get("/v1/events?after=0")).json()["events"]
    told = [e for e in events if e["type"] == "case.closed"]
    assert [e["data"]["merged_into"] for e in told] == [first["case"]]
    mine = await report(city, "FR-02", second["report"])
    assert mine["case"] == first["case"]
    assert [r["kind"] for r in mine["replies"]] == ["interim"]
    assert first["case"] in mine["replies"][0]["text"]
    assert second["report"] in mine["replies"][0]["text"]
    for number, wanted in ((second["case"], "case.merged"), (first["case"], "case.took_over")):
        assert wanted in [e["type"] for e in (await office(city, "GET", f"{number}/events")).json()]


async def test_closing_the_survivor_replies_to_every_report_and_asks_every_point(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    await merge(city, first["case"], second["case"])
    await answer_and_approve(city, first["case"])
    assert (await verify(city, "FR-01", first["report"])).status_code == 200
    assert (await report(city, "FR-02", second["report"]))["verification"] == "asked"
    assert (await verify(city, "FR-02", second["report"])).status_code == 200
    await ledger_holds(city)
    for point, sent in (("FR-01", first), ("FR-02", second)):
        replies = (await report(city, point, sent["report"]))["replies"]
        assert replies[-1]["kind"] == "final"
        assert sent["report"] in replies[-1]["text"]


async def test_three_points_one_joined_one_merged_split_again_each_with_reply_and_verification(
    city: CityUnderTest,
) -> None:
    first = await send(city, "FR-01", PLAIN)
    joined = await send(city, "FR-02", EDITED)
    merged = await send(city, "YL-01", REWORDED.replace("区民政局", "芙蓉区民政局"))
    assert (joined["joined"], merged["joined"]) == (True, False)
    await merge(city, first["case"], merged["case"])
    assert len((await case(city, first["case"]))["reports"]) == 3
    answer = await split(city, first["case"], joined["report"], merged["report"])
    placed = {p["reports"][0]: p["case"] for p in answer["split"]}
    assert placed[merged["report"]] == merged["case"]
    assert placed[joined["report"]] not in {first["case"], merged["case"]}
    restored = await case(city, merged["case"])
    assert (restored["case"]["status"], restored["merged_into"]) == ("dispatched", None)
    assert [a["department"] for a in restored["assignments"] if a["status"] == "dispatched"] == ["FR-MZ"]
    for point, sent in (("FR-01", first), ("FR-02", joined), ("YL-01", merged)):
        number = (await report(city, point, sent["report"]))["case"]
        await answer_and_approve(city, number)
        assert (await verify(city, point, sent["report"])).status_code == 200
        shown = await report(city, point, sent["report"])
        assert (shown["status"], shown["replies"][-1]["kind"]) == ("closed", "final")
    await ledger_holds(city)


async def test_what_the_office_has_split_is_neither_suggested_nor_joined_again(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", EDITED)
    assert second["joined"]
    await split(city, first["case"], second["report"])
    assert (await office(city, "GET", f"{first['case']}/similar")).json() == {"similar": []}
    third = await send(city, "FR-03", PLAIN.replace("每周", "每星期"))
    assert not third["joined"]


async def test_the_wording_of_a_merged_case_leads_to_the_survivor(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    await merge(city, first["case"], second["case"])
    same = await send(city, "FR-03", REWORDED)
    edited = await send(city, "FR-04", REWORDED + "我们社区老人多。")
    assert same["case"] == edited["case"] == first["case"]


async def test_merging_nonsense_is_refused_and_changes_nothing(city: CityUnderTest) -> None:
    first = (await send(city, "FR-01", PLAIN))["case"]
    second = (await send(city, "FR-02", REWORDED))["case"]
    third = (await send(city, "FR-03", OTHER_MATTER))["case"]
    ending = {"outcome": "unresolved", "statement": "暂时不能解决。"}
    assert (await office(city, "POST", f"{third}/close", json=ending)).status_code == 200
    await merge(city, first, second)
    for number, body, wanted in (
        (first, {"cases": [first]}, (409, "cannot_merge")),
        (first, {"cases": [third]}, (409, "cannot_merge")),
        (third, {"cases": [first]}, (409, "cannot_merge")),
        (first, {"cases": [second]}, (409, "merged_away")),
        (second, {"into": third}, (409, "merged_away")),
        (first, {"into": "YL-2026-999999"}, (404, "not_found")),
        (first, {"cases": [third], "into": third}, (422, "invalid_input")),
        (first, {"into": third, "version": 1}, (409, "stale_version")),
    ):
        answer = await office(city, "POST", f"{number}/merge", json={"reason": "同一件事。", **body})
        assert (answer.status_code, answer.json()["code"]) == wanted, answer.text


async def test_a_merged_case_is_acted_on_through_its_survivor_only(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    await merge(city, first["case"], second["case"])
    ruling = {"category": "municipal_district", "receivers": [{"code": "FR-MZ"}], "reason": "经研判。"}
    for verb, body in (("reopen", {"reason": "又来了。"}), ("ruling", ruling)):
        answer = await office(city, "POST", f"{second['case']}/{verb}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "merged_away")
        assert first["case"] in answer.json()["detail"]


async def test_a_case_keeps_a_report_of_its_own(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    await merge(city, first["case"], second["case"])
    body = {"reports": [first["report"]], "reason": "不是一回事。"}
    answer = await office(city, "POST", f"{first['case']}/split", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_report")
    body["reports"] = ["BG-2026-999999"]
    answer = await office(city, "POST", f"{first['case']}/split", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "report_not_on_case")


async def test_a_survivor_that_is_merged_on_leaves_no_chain_and_splitting_finds_the_first_home(
    city: CityUnderTest,
) -> None:
    a, b, c = [
        await send(city, point, text)
        for point, text in (("FR-01", PLAIN), ("FR-02", REWORDED), ("FR-03", OTHER_MATTER))
    ]
    await merge(city, b["case"], a["case"])
    await merge(city, c["case"], b["case"])
    assert (await case(city, a["case"]))["merged_into"] == c["case"]
    assert (await case(city, b["case"]))["merged_into"] == c["case"]
    answer = await split(city, c["case"], a["report"])
    assert answer["split"][0]["case"] == a["case"]
    assert (await report(city, "FR-01", a["report"]))["status"] == "dispatched"


async def test_merging_into_a_case_under_verification_asks_the_new_points_and_splitting_lets_it_close(
    city: CityUnderTest,
) -> None:
    first = await send(city, "FR-01", PLAIN)
    second = await send(city, "FR-02", REWORDED)
    await answer_and_approve(city, first["case"])
    await merge(city, first["case"], second["case"])
    assert (await report(city, "FR-02", second["report"]))["verification"] == "asked"
    assert (await verify(city, "FR-01", first["report"])).status_code == 200
    assert (await case(city, first["case"]))["case"]["status"] == "verifying"
    await split(city, first["case"], second["report"])
    assert (await case(city, first["case"]))["case"]["outcome"] == "relieved"
    assert (await report(city, "FR-02", second["report"]))["verification"] == "not_asked"


async def test_a_session_called_for_a_case_alone_is_cancelled_by_merging_and_called_again_by_splitting(
    city: CityUnderTest,
) -> None:
    shared = "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了两拨,资料要分开做。"
    first = await send(city, "FR-01", shared)
    second = await send(city, "FR-02", "区卫健局跟区农业农村局的打分表大半相同,每周两拨人来,资料做两份。")
    assert first["decision"]["route"] == second["decision"]["route"] == "consultation"
    assert first["case"] != second["case"]
    await merge(city, first["case"], second["case"])
    sessions = (await case(city, second["case"]))["consultations"]
    assert [s["status"] for s in sessions] == ["cancelled"]
    await split(city, first["case"], second["report"])
    restored = await case(city, second["case"])
    assert restored["case"]["status"] == "consulting"
    assert [s["status"] for s in restored["consultations"]] == ["cancelled", "convened"]


async def test_a_department_learns_how_many_points_there_are_from_five_on(city: CityUnderTest) -> None:
    first = await send(city, "FR-01", PLAIN)
    department = await city.department("FR-MZ")
    for point, wanted in (("FR-02", None), ("FR-03", None), ("FR-04", None), ("FR-05", 5)):
        await send(city, point, PLAIN)
        shown = (await department.get(f"/v1/cases/{first['case']}")).json()
        assert shown["reach"] == {"points": wanted}


# ── random sequences ──

POINTS = ("FR-01", "FR-02", "FR-03", "FR-04")
TEXTS = (PLAIN, REWORDED, OTHER_MATTER, EDITED, "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。")


ACTS = ("merge", "merge", "split", "split", "split", "work", "verify", "close", "reopen", "send")


@dataclass
class Lives:
    """Some points, their reports, and an office that merges, splits, closes and reopens as the dice fall."""

    city: CityUnderTest
    dice: random.Random
    sent: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        for point in POINTS:
            told = await send(self.city, point, self.dice.choice(TEXTS))
            self.sent[told["report"]] = point

    async def where(self) -> dict[str, str]:
        """The case each report is on, as its own point reads it; another point reads nothing."""
        found = {}
        for number, point in self.sent.items():
            found[number] = (await report(self.city, point, number))["case"]
        number, point = next(iter(self.sent.items()))
        stranger = await self.city.reporter(next(p for p in POINTS if p != point))
        assert (await stranger.get(f"/v1/reports/{number}")).status_code == 404
        return found

    async def step(self) -> None:
        places = await self.where()
        clerk, cases = await self.city.office(), sorted(set(places.values()))
        number = self.dice.choice(cases)
        act = self.dice.choice(ACTS)
        answer: httpx.Response | None = None
        if act == "merge" and len(cases) > 1:
            others = self.dice.sample([c for c in cases if c != number], self.dice.randint(1, len(cases) - 1))
            body: dict[str, Any] = {"cases": others, "reason": "同一件事。"}
            answer = await clerk.post(f"/v1/cases/{number}/merge", json=body)
        elif act == "split":
            on_it = [r for r, c in places.items() if c == number]
            body = {"reports": self.dice.sample(on_it, self.dice.randint(1, len(on_it))), "reason": "不是一回事。"}
            answer = await clerk.post(f"/v1/cases/{number}/split", json=body)
        elif act == "work":
            await answer_and_approve(self.city, number)
        elif act == "verify":
            chosen = self.dice.choice(sorted(self.sent))
            answer = await verify(self.city, self.sent[chosen], chosen, relieved=self.dice.random() < 0.7)
        elif act == "close" and self.dice.random() < 0.4:
            body = {"outcome": "unresolved", "statement": "暂时不能解决。"}
            answer = await clerk.post(f"/v1/cases/{number}/close", json=body)
        elif act == "reopen" and (await case(self.city, number))["case"]["status"] == "closed":
            answer = await clerk.post(f"/v1/cases/{number}/reopen", json={"reason": "又来了。"})
        elif act == "send":
            point = self.dice.choice(POINTS)
            self.sent[(await send(self.city, point, self.dice.choice(TEXTS)))["report"]] = point
        self.log.append(f"{act} {number} {answer.status_code if answer is not None else '-'}")
        assert answer is None or answer.status_code in {200, 404, 409, 422}, (self.log, answer.text)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
async def test_no_random_merging_and_splitting_loses_a_report_or_breaks_the_ledger(
    city: CityUnderTest, seed: int
) -> None:
    lives = Lives(city, random.Random(seed))
    await lives.begin()
    for _ in range(12):
        await lives.step()
        async with city.runtime.database.snapshot() as session:
            result = await reconcile(session)
            _, broken = await verify_chains(session)
        assert result.offenders == [], lives.log
        assert broken == [], lives.log
    assert set(await lives.where()) == set(lives.sent)
