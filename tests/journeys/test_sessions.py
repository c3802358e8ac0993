"""商: sessions with many cases: batched, invited, dated, concluded in parts, ruled, cancelled; nothing gets lost."""

import asyncio
import itertools
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import func, select

from app.clock import FixedClock
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Event
from tests.api.scenes import UNCLEAR
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown

ZONE = ZoneInfo("Asia/Shanghai")
FOUR = ["CS-JY", "CS-MZ", "FR-MZ", "FR-WJ"]
ROOM = "301会议室"
MINUTES = "会议议定如下。"
SERIALS = itertools.count(1)


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def unclear_case(city: CityUnderTest) -> str:
    body = {"text": f"{UNCLEAR}这是第{next(SERIALS)}回了。"}
    receipt = (await (await city.reporter("FR-01")).post("/v1/reports", json=body)).json()
    assert receipt["decision"]["route"] == "triage", receipt
    number: str = receipt["case"]
    return number


async def convened(city: CityUnderTest, *sets: list[str]) -> tuple[list[str], list[str]]:
    """Cases, and a session on each of them with these departments."""
    office, cases, numbers = await city.office(), [], []
    for departments in sets:
        cases.append(await unclear_case(city))
        made = await office.post("/v1/consultations", json={"cases": cases[-1:], "departments": departments})
        assert made.status_code == 201, made.text
        numbers.append(made.json()["number"])
    return cases, numbers


async def post(client: httpx.AsyncClient, number: str, word: str, **body: Any) -> httpx.Response:
    return await client.post(f"/v1/consultations/{number}/{word}", json=body)


async def did(client: httpx.AsyncClient, number: str, word: str, **body: Any) -> dict[str, Any]:
    answer = await post(client, number, word, **body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def refused(client: httpx.AsyncClient, number: str, word: str, **body: Any) -> tuple[int, str]:
    answer = await post(client, number, word, **body)
    return answer.status_code, answer.json()["code"]


async def told(city: CityUnderTest, department: str, event_type: str) -> list[dict[str, Any]]:
    """The messages of one type that a department was sent."""
    events = (await (await city.department(department)).get("/v1/events?after=0&limit=200")).json()["events"]
    return [event["data"] for event in events if event["type"] == event_type]


async def facts_of(city: CityUnderTest, event_type: str) -> list[dict[str, Any]]:
    async with city.runtime.database.read() as session:
        rows = await session.scalars(select(Event.facts).where(Event.type == event_type).order_by(Event.id))
        return [json.loads(facts) for facts in rows]


def seat_of(session: dict[str, Any], department: str) -> dict[str, Any]:
    return next(seat for seat in session["invitations"] if seat["department"] == department)


async def test_three_cases_and_four_departments_from_the_proposal_to_assignments(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office = await city.office()
    cases, numbers = await convened(city, FOUR, ["FR-MZ", "FR-WJ"], FOUR)
    host, small, third = numbers
    opinion = {"position": "lead", "basis": "三定规定第三条"}
    await did(await city.department("FR-WJ"), small, "opinions", **opinion)
    (proposal,) = (await office.get("/v1/consultations/proposals")).json()["proposals"]
    assert (proposal["consultation"], proposal["sessions"], proposal["cases"]) == (host, [small, third], cases)
    assert "芙蓉区民政局" in proposal["reason"]
    assert "no date" in proposal["reason_en"]

    # Held as one: the others end, opinions follow their cases, each department is told once for each case.
    batched = await did(office, host, "batch", sessions=proposal["sessions"])
    assert [item["case"] for item in batched["agenda"]] == cases
    assert [p["department"] for p in batched["agenda"][1]["positions"]] == ["FR-WJ"]
    ended = (await office.get(f"/v1/consultations/{small}")).json()
    assert (ended["status"], ended["merged_into"], ended["agenda"][0]["outcome"]) == ("cancelled", host, "moved")
    moved = await told(city, "FR-MZ", "consultation.rescheduled")
    assert [(m["case"]["number"], m["consultation"]["moved_from"]) for m in moved] == [
        (cases[1], small), (cases[2], third),
    ]  # fmt: skip
    assert {m["consultation"]["number"] for m in moved} == {host}
    assert len(await told(city, "CS-JY", "consultation.invited")) == 3
    assert await refused(office, host, "batch", sessions=[small]) == (409, "illegal_move")
    assert await refused(office, host, "batch", sessions=[host]) == (422, "nothing_to_batch")
    await check(city)

    # Another session has the room in the morning of the 4th, and two of the departments.
    other_cases, (other,) = await convened(city, ["CS-JY", "FR-MZ"])
    await did(office, other, "schedule", meeting_at="2026-03-04T09:00:00+08:00", place=ROOM, minutes_long=120)
    wanted = {"meeting_at": "2026-03-04T10:00:00+08:00", "place": ROOM}
    clash = await post(office, host, "schedule", **wanted)
    assert (clash.status_code, clash.json()["code"]) == (409, "meeting_clash")
    (taken,) = clash.json()["clashes"]
    assert (taken["consultation"], taken["departments"], taken["place"]) == (other, ["CS-JY", "FR-MZ"], ROOM)
    saturday = await post(office, host, "schedule", **wanted | {"meeting_at": "2026-03-07T10:00:00+08:00"})
    assert (saturday.json()["code"], saturday.json()["instead"][:16]) == ("outside_office_hours", "2026-03-09T09:00")
    slots = (await office.get(f"/v1/consultations/{host}/slots?place={ROOM}&limit=12")).json()
    starts = [datetime.fromisoformat(slot["meeting_at"]).astimezone(ZONE) for slot in slots["slots"]]
    assert [f"{start:%d %H}" for start in starts if start.day == 4] == ["04 11", "04 14", "04 15", "04 16", "04 17"]
    dated = await did(office, host, "schedule", **wanted | {"meeting_at": slots["slots"][0]["meeting_at"]})
    assert (dated["status"], dated["minutes_long"]) == ("scheduled", 60)
    assert (await told(city, "FR-WJ", "consultation.rescheduled"))[-1]["consultation"]["previous_meeting_at"] is None
    assert (await office.get("/v1/consultations/proposals")).json()["proposals"] == []

    # They answer; then the meeting is moved, and they are asked again.
    await did(await city.department("FR-MZ"), host, "response", answer="accepted")
    moved_on = await did(office, host, "schedule", **wanted | {"meeting_at": "2026-03-05T14:00:00+08:00"})
    assert seat_of(moved_on, "FR-MZ")["answer"] is None
    last = (await told(city, "FR-MZ", "consultation.rescheduled"))[-1]["consultation"]
    assert (last["meeting_at"][:16], last["previous_meeting_at"][:10]) == ("2026-03-05T14:00", "2026-03-03")
    deputy = {"answer": "deputy", "deputy": "李副局长"}
    own = await did(await city.department("CS-MZ"), host, "response", **deputy)
    assert (own["invitations"][0]["deputy"], own["convener"], len(own["invitations"])) == (None, None, 1)
    await did(await city.department("CS-JY"), host, "response", answer="declined", reason="当天全市考试")
    assert await refused(await city.department("CS-JY"), host, "response", answer="declined") == (
        422, "response_unclear",
    )  # fmt: skip
    seen = (await office.get(f"/v1/consultations/{host}")).json()
    assert seat_of(seen, "CS-MZ")["deputy"] == "李副局长"
    assert "李副局长" not in json.dumps(await facts_of(city, "consultation.responded"), ensure_ascii=False)
    assert seen["convener"].startswith("office:")

    # Positions differ by case; restating keeps what was said before in the events.
    mz = await city.department("FR-MZ")
    await did(mz, host, "opinions", position="supporting", basis="配合办理", cases=cases[:2])
    stated = await did(mz, host, "opinions", position="not_concerned", basis="不属本局职责", cases=cases[1:2])
    assert [[p["position"] for p in item["positions"]] for item in stated["agenda"]] == [
        ["supporting"], ["not_concerned"], [],
    ]  # fmt: skip
    assert [f["position"] for f in await facts_of(city, "opinion.stated")] == [
        "lead", "supporting", "supporting", "not_concerned",
    ]  # fmt: skip
    assert await refused(mz, host, "opinions", **opinion, cases=other_cases) == (404, "not_found")

    # The meeting settles two cases and adjourns the third.
    clock.set(datetime(2026, 3, 5, 15, 0, tzinfo=ZONE))
    conclusions = [
        {
            "case": cases[0],
            "parts": [
                {"department": "FR-MZ", "lead": True, "obligations": [
                    {"obligation": "先停用群里接龙", "working_days": 3},
                    {"obligation": "合并三张表", "due_on": "2026-04-04"},
                ]},
                {"department": "CS-JY", "obligation": "配合清理", "working_days": 5},
            ],
            "dissent": [{"department": "FR-WJ", "words": "认为应由教育部门牵头"}],
        },
        {"case": cases[1], "parts": [{"department": "FR-WJ", "lead": True}, {"department": "FR-MZ"}]},
    ]  # fmt: skip
    attendance = [{"department": "FR-MZ", "attendance": "present"}, {"department": "FR-WJ", "attendance": "present"}]
    body = {"conclusions": conclusions, "minutes": MINUTES, "attendance": attendance}
    assert await refused(office, host, "conclusion", **body) == (422, "incomplete_conclusion")
    await did(office, host, "conclusion", **body, adjourned={"meeting_at": "2026-03-10T09:00:00+08:00"})
    session = (await office.get(f"/v1/consultations/{host}")).json()
    assert (session["status"], session["meeting_at"][:10]) == ("scheduled", "2026-03-10")
    kept = session["agenda"][0]["conclusion"]
    assert (kept["lead"], kept["supporting"], kept["not_concerned"]) == ("FR-MZ", ["CS-JY"], ["CS-MZ", "FR-WJ"])
    assert kept["attendance"] == {"CS-JY": "absent", "CS-MZ": "deputy", "FR-MZ": "present", "FR-WJ": "present"}
    assert kept["dissent"] == [{"department": "FR-WJ", "words": "认为应由教育部门牵头"}]
    duties = (await office.get(f"/v1/cases/{cases[0]}")).json()["assignments"]
    assert sorted((d["due_at"][:10], d["department"], d["role"], d["obligation"]) for d in duties) == [
        ("2026-03-10", "FR-MZ", "lead", "先停用群里接龙"),
        ("2026-03-12", "CS-JY", "supporting", "配合清理"),
        ("2026-04-07", "FR-MZ", "lead", "合并三张表"),
    ]
    assert (await office.get(f"/v1/cases/{cases[0]}")).json()["case"]["answer_due_at"][:10] == "2026-04-07"
    second = (await office.get(f"/v1/cases/{cases[1]}")).json()["assignments"]
    assert {(d["department"], d["role"]) for d in second} == {("FR-WJ", "lead"), ("FR-MZ", "supporting")}
    # Who was absent is bound and told; who is not concerned is told and gets nothing to do.
    absent = (await told(city, "CS-JY", "consultation.concluded"))[0]["consultation"]["conclusion"]
    assert (absent["part"], absent["attendance"], absent["lead"]) == ("supporting", "absent", "FR-MZ")
    free = (await told(city, "CS-MZ", "consultation.concluded"))[0]["consultation"]["conclusion"]
    assert (free["part"], free["manner"]) == ("not_concerned", "agreed")
    assert await told(city, "CS-MZ", "assignment.created") == []
    await check(city)
    rest = [{"case": cases[2], "parts": [{"department": "CS-MZ", "lead": True}]}]
    done = await did(office, host, "conclusion", conclusions=rest, minutes="续会议定。")
    assert (done["status"], done["minutes"]) == ("concluded", f"{MINUTES}\n\n续会议定。")
    await check(city)


async def test_without_agreement_the_office_rules_and_its_ruling_is_kept(city: CityUnderTest) -> None:
    office = await city.office()
    (case,), (number,) = await convened(city, ["FR-MZ", "FR-WJ"])
    parts = [{"department": "FR-MZ", "lead": True}, {"department": "FR-WJ"}]
    entry = {"case": case, "parts": parts, "manner": "ruled"}
    ruled = {"conclusions": [entry], "minutes": MINUTES}
    assert await refused(office, number, "conclusion", **ruled) == (422, "incomplete_conclusion")
    entry |= {"reason": "两家各执一词,依据三定规定确定。", "dissent": [{"department": "FR-WJ", "words": "保留意见"}]}
    await did(office, number, "conclusion", **ruled)
    record = (await office.get(f"/v1/cases/{case}")).json()
    (ruling,) = record["rulings"]
    assert (ruling["category"], ruling["reason"]) == ("multi_department", entry["reason"])
    assert [r["code"] for r in ruling["receivers"]] == ["FR-MZ", "FR-WJ"]
    assert {d["department"] for d in record["assignments"]} == {"FR-MZ", "FR-WJ"}
    said = (await told(city, "FR-WJ", "consultation.concluded"))[0]["consultation"]["conclusion"]
    assert (said["manner"], said["part"]) == ("ruled", "supporting")
    own = (await (await city.department("FR-WJ")).get(f"/v1/consultations/{number}")).json()
    assert own["agenda"][0]["conclusion"]["reason"] == entry["reason"]
    assert await refused(office, number, "conclusion", **ruled) == (409, "illegal_move")
    await check(city)


async def test_cases_go_back_to_triage_when_withdrawn_or_cancelled_and_a_settled_one_leaves_its_agenda(
    city: CityUnderTest,
) -> None:
    office = await city.office()
    cases, numbers = await convened(city, *[["FR-MZ", "FR-WJ"]] * 4)
    host = numbers[0]
    await did(office, host, "batch", sessions=numbers[1:])
    after = await did(office, host, "withdrawal", case=cases[0], reason="只涉及一家,直接交办")
    assert [item["outcome"] for item in after["agenda"]] == ["withdrawn", None, None, None]
    assert (await office.get(f"/v1/cases/{cases[0]}")).json()["case"]["status"] == "triage"
    said = (await told(city, "FR-MZ", "consultation.cancelled"))[0]["consultation"]
    assert (said["because"], said["reason"]) == ("withdrawn", "只涉及一家,直接交办")
    assert await refused(office, host, "withdrawal", case=cases[0], reason="再撤一次") == (404, "not_found")
    ruling = {"category": "municipal_district", "receivers": [{"code": "FR-MZ"}], "reason": "只涉及一家。"}
    assert (await office.post(f"/v1/cases/{cases[1]}/ruling", json=ruling)).status_code == 200
    closing = {"outcome": "not_a_burden", "statement": "不属受理范围。"}
    assert (await office.post(f"/v1/cases/{cases[2]}/close", json=closing)).status_code == 200
    agenda = (await office.get(f"/v1/consultations/{host}")).json()["agenda"]
    assert [item["outcome"] for item in agenda] == ["withdrawn", "settled", "settled", None]
    assert [m["consultation"]["because"] for m in await told(city, "FR-WJ", "consultation.cancelled")] == [
        "withdrawn", "settled", "settled",
    ]  # fmt: skip
    await check(city)
    ended = await did(office, host, "cancellation", reason="情况已查清")
    assert (ended["status"], ended["ended_because"]) == ("cancelled", "情况已查清")
    assert (await office.get(f"/v1/cases/{cases[3]}")).json()["case"]["status"] == "triage"
    await check(city)
    again = {"cases": [cases[0], cases[3]], "departments": ["FR-MZ", "FR-WJ"]}
    assert (await office.post("/v1/consultations", json=again)).status_code == 201
    await check(city)
    # The last case of a session takes the session with it.
    cases, (alone,) = await convened(city, ["FR-MZ", "FR-WJ"])
    closed = await office.post(f"/v1/cases/{cases[0]}/close", json=closing)
    assert closed.status_code == 200
    assert (await office.get(f"/v1/consultations/{alone}")).json()["status"] == "cancelled"
    await check(city)


async def test_departments_are_invited_and_let_go_and_only_who_is_invited_reads_the_session(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office = await city.office()
    cases, (number, other) = await convened(city, ["FR-MZ", "FR-WJ"], ["CS-JY", "CS-MZ"])
    jy = await city.department("CS-JY")
    assert (await jy.get(f"/v1/consultations/{number}")).status_code == 404
    assert await refused(office, number, "invitations") == (422, "invitations_unclear")
    assert await refused(office, number, "invitations", withdraw=["FR-MZ"], reason="不涉及") == (
        422, "too_few_departments",
    )  # fmt: skip
    await did(office, number, "invitations", departments=["CS-JY"])
    invited = (await told(city, "CS-JY", "consultation.invited"))[-1]
    assert (invited["case"]["number"], invited["reports"][0]["text"][:5]) == (cases[0], UNCLEAR[:5])
    listed = (await jy.get("/v1/consultations?limit=1")).json()
    assert [c["number"] for c in listed["consultations"]] == [other]
    rest = (await jy.get(f"/v1/consultations?cursor={listed['next_cursor']}")).json()
    assert ([c["number"] for c in rest["consultations"]], rest["next_cursor"]) == ([number], None)
    assert (await jy.get("/v1/consultations?status=concluded")).json()["consultations"] == []
    await did(office, number, "invitations", withdraw=["CS-JY"], reason="不涉及教育")
    gone = (await told(city, "CS-JY", "consultation.cancelled"))[-1]["consultation"]
    assert (gone["because"], gone["reason"]) == ("uninvited", "不涉及教育")
    assert (await jy.get(f"/v1/consultations/{number}")).status_code == 404
    assert await refused(jy, number, "response", answer="accepted") == (404, "not_found")
    back = await did(office, number, "invitations", departments=["CS-JY"])
    assert [seat["department"] for seat in back["invitations"]] == ["CS-JY", "FR-MZ", "FR-WJ"]
    # Whoever comes to a session with a date must be free then; after it has begun nobody is let go.
    for one, hour in ((number, 10), (other, 10)):
        body = {"meeting_at": f"2026-03-04T{hour}:00:00+08:00", "place": one}
        await did(office, one, "schedule", **body, despite_clash=one == other)
    assert await refused(office, number, "invitations", departments=["CS-MZ"]) == (409, "meeting_clash")
    await did(office, number, "invitations", departments=["CS-MZ"], despite_clash=True)
    assert [f.get("despite_clash") for f in await facts_of(city, "consultation.scheduled")] == [
        None, [number], [other],
    ]  # fmt: skip
    clock.set(datetime(2026, 3, 4, 10, 30, tzinfo=ZONE))
    assert await refused(office, number, "invitations", withdraw=["CS-MZ"], reason="不涉及") == (409, "meeting_begun")
    for path in ("proposals", f"{number}/slots"):
        assert (await jy.get(f"/v1/consultations/{path}")).status_code == 403
    await check(city)


async def test_a_meeting_after_the_clock_needs_a_reason_and_the_clock_moves_only_by_one_extension(
    city: CityUnderTest,
) -> None:
    office = await city.office()
    (case,), (number,) = await convened(city, ["FR-MZ", "FR-WJ"])
    due = (await office.get(f"/v1/consultations/{number}")).json()["due_at"]
    late = {"meeting_at": "2026-03-25T10:00:00+08:00", "place": ROOM}
    assert await refused(office, number, "schedule", **late) == (422, "late_meeting_needs_reason")
    dated = await did(office, number, "schedule", **late, reason="等省里文件")
    assert dated["due_at"] == due
    assert (await facts_of(city, "consultation.scheduled"))[0]["why"] == "等省里文件"
    longer = await did(office, number, "extension", working_days=10, reason="等省里文件")
    assert longer["due_at"] > due
    assert (await office.get(f"/v1/cases/{case}")).json()["case"]["due_at"] == longer["due_at"]
    clocks = [d for d in (await office.get(f"/v1/cases/{case}")).json()["deadlines"] if d["kind"] == "consultation"]
    assert {(d["extended"], d["ended"], d["met"]) for d in clocks} == {(True, True, None), (False, False, None)}
    assert await refused(office, number, "extension", working_days=5, reason="还要等") == (
        409, "consultation_extended_before",
    )  # fmt: skip
    await check(city)


async def test_two_sessions_do_not_get_the_same_room_at_the_same_moment(city: CityUnderTest) -> None:
    office = await city.office()
    _, numbers = await convened(city, ["FR-MZ", "FR-WJ"], ["CS-JY", "CS-MZ"])
    body = {"meeting_at": "2026-03-04T10:00:00+08:00", "place": ROOM}
    answers = await asyncio.gather(*(post(office, number, "schedule", **body) for number in numbers))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_office_batches_dates_and_concludes_a_session_on_its_pages(city: CityUnderTest) -> None:
    cases, (host, other) = await convened(city, ["FR-MZ", "FR-WJ"], ["FR-MZ", "FR-WJ"])
    browser = await at_work(city)
    page = await browser.get("/dashboard/consultations")
    assert "可以合并召开" in shown(page)
    assert (await browser.send(f"/dashboard/consultations/{host}/batch", {"sessions": other})).status_code == 303
    assert "已合并召开" in shown(await browser.follow())
    url = f"/dashboard/consultations/{host}"
    page = await browser.get(url)
    assert "各部门都有空的时间" in shown(page)
    bad = {"meeting_at": "2026-03-07T10:00", "place": ROOM}
    refusal = await browser.send(f"{url}/schedule", bad)
    assert (refusal.status_code, "最近可以安排在 2026-03-09 09:00" in refusal.text) == (422, True)
    assert (await browser.send(f"{url}/schedule", {"place": ROOM})).status_code == 422
    await browser.get(url)
    good = {"meeting_at": "2026-03-04T10:00", "place": ROOM, "minutes_long": "90"}
    assert (await browser.send(f"{url}/schedule", good)).status_code == 303
    assert "已定会期" in shown(await browser.follow())
    assert (await browser.send(f"{url}/withdrawal", {"case": cases[1], "reason": "单独办理"})).status_code == 303
    await browser.get(url)
    number = cases[0]
    fields = {
        f"lead:{number}": "FR-MZ",
        f"manner:{number}": "ruled",
        f"dissent:{number}:FR-WJ": "不同意牵头安排",
        "attendance:FR-MZ": "present",
        "attendance:FR-WJ": "absent",
        "minutes": MINUTES,
    }
    unreasoned = await browser.send(f"{url}/conclusion", fields)
    assert (unreasoned.status_code, "不同意牵头安排" in unreasoned.text) == (422, True)
    assert (await browser.send(f"{url}/conclusion", fields | {f"reason:{number}": "依职责确定"})).status_code == 303
    said = shown(await browser.follow())
    for words in ("不同意牵头安排", "缺席", "依职责确定", "已撤出议程"):
        assert words in said
    history = shown(await browser.get(f"/dashboard/cases/{number}"))
    assert "确定会期" in history
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Event).where(Event.type == "case.ruled")) == 1
    await check(city)
