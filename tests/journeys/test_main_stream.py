"""The main job, end to end on both databases: a report in plain Chinese goes in, the right department gets a signed
webhook on a real socket, answers by signed callbacks, and the case is struck off with a reply to the reporter.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.clock import FixedClock
from app.ledger.reconcile import reconcile, verify_chains
from app.models import new_id
from tests.city import CityUnderTest, open_city
from tests.receiver import DepartmentReceiver

DEV_SET = Path(__file__).resolve().parents[3] / "shared" / "data" / "reports_dev.jsonl"
JOURNEYS = {"assignment": "A010", "escalation": "A071", "consultation": "A060"}


# Where the development set is not beside the checkout, reports of our own take the same three routes.
STAND_INS: dict[str, dict[str, Any]] = {
    "A010": {
        "district": "望城区",
        "text": "市交通局要求村道路名牌全部重做,每块三百多,让村里先垫钱。",
        "gold": {"route": "assignment", "sources": ["CS-JT"], "receivers": ["CS-JT"]},
    },
    "A071": {
        "district": "岳麓区",
        "text": "省科协规定每个村要发展一百名科普志愿者在平台注册,月月通报。",
        "gold": {"route": "escalation", "sources": ["HN-KX"], "receivers": ["CS-KX"]},
    },
    "A060": {
        "district": "天心区",
        "text": "区农业农村局要求人居环境打分,区卫健局要求健康村打分,两套表内容一样,都要村里报。",
        "gold": {"route": "consultation", "sources": ["TX-NY", "TX-WJ"], "receivers": ["TX-NY", "TX-WJ"]},
    },
}


def dev_report(report_id: str) -> dict[str, Any]:
    if not DEV_SET.exists():
        return STAND_INS[report_id]
    lines = DEV_SET.read_text(encoding="utf-8").splitlines()
    return next(report for report in map(json.loads, lines) if report["id"] == report_id)


async def test_the_stand_ins_take_the_same_routes(city: CityUnderTest) -> None:
    for report in STAND_INS.values():
        reporter = await city.reporter(city.point_in(report["district"]))
        decision = (await reporter.post("/v1/classifications", json={"text": report["text"]})).json()
        assert decision["route"] == report["gold"]["route"]
        assert sorted(r["code"] for r in decision["receivers"]) == report["gold"]["receivers"]


@pytest.fixture
async def working_city(city_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[CityUnderTest]:
    async with open_city(city_url, tmp_path, clock, with_worker=True) as opened:
        yield opened


@pytest.fixture
def receiver(clock: FixedClock) -> Iterator[DepartmentReceiver]:
    with DepartmentReceiver(clock=clock) as running:
        yield running


async def connect(city: CityUnderTest, receiver: DepartmentReceiver, *departments: str) -> None:
    """Give each department's system the same real receiver, with the same secret."""
    from app.deliver.endpoints import register_endpoint
    from app.deliver.guard import Guard

    async with city.runtime.database.write() as session:
        for code in departments:
            await register_endpoint(
                session,
                code,
                receiver.url,
                city.runtime.sealer,
                Guard.of([], allow_loopback=True),
                city.clock.now(),
                secret=receiver.secret,
            )


async def call_back(
    city: CityUnderTest, receiver: DepartmentReceiver, department: str, event_type: str, data: dict[str, Any]
) -> httpx.Response:
    """Answer as the department's system does: one signed event."""
    body = json.dumps({"type": event_type, "timestamp": "", "data": data}, ensure_ascii=False).encode()
    headers = receiver.sign_callback(f"msg_{new_id()}", body)
    async with city.anonymous() as system:
        return await system.post(f"/v1/callbacks/{department}", content=body, headers=headers)


async def send_dev_report(city: CityUnderTest, report_id: str) -> tuple[dict[str, Any], httpx.AsyncClient]:
    source = dev_report(report_id)
    reporter = await city.reporter(city.point_in(source["district"]))
    answer = await reporter.post("/v1/reports", json={"text": source["text"]})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["decision"]["route"] == source["gold"]["route"]
    assert sorted(r["code"] for r in body["decision"]["receivers"]) == sorted(source["gold"]["receivers"])
    return body, reporter


async def finish(city: CityUnderTest, receipt: dict[str, Any], reporter: httpx.AsyncClient, assignment_id: str) -> None:
    """The office accepts, the point confirms, the reporter reads the reply, and everything adds up."""
    office = await city.office()
    approved = await office.post(f"/v1/assignments/{assignment_id}/review", json={"accepted": True})
    assert approved.status_code == 200, approved.text
    if approved.json()["case_status"] != "verifying":
        return  # another department's feedback is still to be reviewed
    answer = await reporter.post(f"/v1/reports/{receipt['report']}/verification", json={"relieved": True})
    assert answer.status_code == 200, answer.text
    body = (await reporter.get(f"/v1/reports/{receipt['report']}")).json()
    assert body["status"] == "closed"
    assert [r["kind"] for r in body["replies"]] == ["final"]
    assert "表已取消" in body["replies"][0]["text"]
    await everything_adds_up(city)


async def everything_adds_up(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        result = await reconcile(session)
        events, broken = await verify_chains(session)
    assert result.offenders == []
    assert broken == []
    assert events > 0


def assert_protected(receiver: DepartmentReceiver, city: CityUnderTest, report_number: str) -> None:
    points = city.runtime.cities.current.points.values()
    for request in receiver.requests:
        text = request.body.decode()
        assert len(request.body) <= 20_000
        assert report_number not in text
        assert not [p.name for p in points if p.name in text or p.code in text]


FEEDBACK = {
    "measures": "已发文取消该项要求。",
    "public_reply": "表已取消,不再要求报送。",
    "document_changed": "长交发〔2026〕1号",
}


async def test_an_assignment_goes_from_report_to_struck_off(
    working_city: CityUnderTest, receiver: DepartmentReceiver
) -> None:
    city = working_city
    code = dev_report(JOURNEYS["assignment"])["gold"]["receivers"][0]
    await connect(city, receiver, code)
    receipt, reporter = await send_dev_report(city, JOURNEYS["assignment"])
    created = (await receiver.arrived(1))[0]
    assert created.verified
    event = created.event
    assert event["type"] == "assignment.created"
    assert event["id"] == created.webhook_id
    duty = event["data"]["assignment"]
    accepted = await call_back(
        city, receiver, code, "assignment.acceptance", {"assignment": duty["id"], "version": duty["version"]}
    )
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["status"] == "accepted"
    answered = await call_back(city, receiver, code, "assignment.feedback", {"assignment": duty["id"], **FEEDBACK})
    assert answered.json()["case_status"] == "in_review"
    await finish(city, receipt, reporter, duty["id"])
    closed = (await receiver.arrived(2))[1]
    assert closed.event["type"] == "case.closed"
    assert_protected(receiver, city, receipt["report"])


async def test_an_escalation_goes_up_and_comes_home(working_city: CityUnderTest, receiver: DepartmentReceiver) -> None:
    city = working_city
    source = dev_report(JOURNEYS["escalation"])["gold"]
    code = source["receivers"][0]
    await connect(city, receiver, code)
    receipt, reporter = await send_dev_report(city, JOURNEYS["escalation"])
    event = (await receiver.arrived(1))[0].event
    assert event["type"] == "escalation.created"
    duty = event["data"]["assignment"]
    assert [above["code"] for above in duty["on_behalf_of"]] == source["sources"]
    forwarding = {
        "reference": "长科协函〔2026〕3号",
        "forwarded_on": "2026-03-03",
        "forwarded_to": "湖南省科学技术协会",
    }
    forwarded = await call_back(city, receiver, code, "assignment.forwarding", {"assignment": duty["id"], **forwarding})
    assert forwarded.json()["case_status"] == "awaiting_province"
    reply = {"answer": "省级已取消注册指标。", "public_reply": "省级答复:指标及报表已取消,表已取消。", "agreed": True}
    home = await call_back(city, receiver, code, "assignment.upstream_reply", {"assignment": duty["id"], **reply})
    assert home.json()["case_status"] == "in_review", home.text
    await finish(city, receipt, reporter, duty["id"])


async def test_a_consultation_becomes_assignments_and_is_struck_off(
    working_city: CityUnderTest, receiver: DepartmentReceiver
) -> None:
    city = working_city
    codes = sorted(dev_report(JOURNEYS["consultation"])["gold"]["receivers"])
    await connect(city, receiver, *codes)
    receipt, reporter = await send_dev_report(city, JOURNEYS["consultation"])
    invited = await receiver.arrived(len(codes))
    assert {r.event["type"] for r in invited} == {"consultation.invited"}
    session_id = invited[0].event["data"]["consultation"]["id"]
    for code in codes:
        opinion = {"consultation": session_id, "position": "supporting", "basis": "三定规定第三条"}
        stated = await call_back(city, receiver, code, "consultation.opinion", opinion)
        assert stated.status_code == 200, stated.text
    answer = {"consultation": session_id, "answer": "deputy", "deputy": "办公室王主任"}
    comes = await call_back(city, receiver, codes[0], "consultation.response", answer)
    assert (comes.status_code, comes.json()["invitations"][0]["answer"]) == (200, "deputy"), comes.text
    assert comes.json()["invitations"][0]["deputy"] is None
    office = await city.office()
    parts = [
        {"department": codes[0], "lead": True, "working_days": 10},
        {"department": codes[1], "obligation": "配合合并两套评分表", "working_days": 7},
    ]
    concluded = await office.post(
        f"/v1/consultations/{session_id}/conclusion",
        json={"conclusions": [{"case": receipt["case"], "parts": parts}], "minutes": "两家合并为一次验收。"},
    )
    assert concluded.status_code == 200, concluded.text
    sent = await receiver.arrived(len(codes) * 3)
    duties = [r.event["data"]["assignment"] for r in sent if r.event["type"] == "assignment.created"]
    assert {d["department"]: d["role"] for d in duties} == {codes[0]: "lead", codes[1]: "supporting"}
    assert len({d["due_at"] for d in duties}) == 2
    for duty in duties:
        answered = await call_back(
            city, receiver, duty["department"], "assignment.feedback", {"assignment": duty["id"], **FEEDBACK}
        )
        assert answered.status_code == 200, answered.text
    for duty in duties:
        await finish(city, receipt, reporter, duty["id"])
    status = (await reporter.get(f"/v1/reports/{receipt['report']}")).json()["status"]
    assert status == "closed"
