"""A point that complains about its superiors is safe: what departments learn, who opens a contact, what is kept."""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import LargeBinary, func, select

from app import disclosure
from app.api.door import JSON_TYPE
from app.clock import FixedClock
from app.flow.protection import Forgetter
from app.ledger.reconcile import verify_chains
from app.log import get_logger
from app.masking import MASK
from app.models import Base, Event, ReportContact, Role
from tests.api.scenes import FEEDBACK, Scene
from tests.city import CityUnderTest
from tests.dashboard.office import PASSWORD, employ, visitor
from tests.sweep import Searcher, the_sweep

DAY = 86_400_000
PERSON, PHONE, MAIL, IDENTITY = "郭鹮鹮", "19955511234", "ibis-canary@villages.example", "430102199001011234"
CONTACT = f"{PERSON} {PHONE} {MAIL}"
OWN = ["韶馨社区", "示例街道甲", "荷塘月社区", "示例街道乙", "FR-01", "FR-02"]
WORDS = (
    "我是韶馨社区的郭鹮鹮,电话１９９ 5551-1234,身份证430102 19900101 1234,邮箱ibis-canary@villages.example。"
    "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
)
MATTER = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
SEVERAL = "示例街道甲转来的:区民政局、区卫健局和区农业农村局各发一张表,都要每周报一次独居老人情况,互相说归对方管。"
SECOND_OF_REPORTING = ["T01:37", "T09:37", " 09:37"]
REASON = "核实线索需要与反映人通话"


def key_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


async def send(city: CityUnderTest, text: str, point: str = "FR-01", **more: Any) -> dict[str, Any]:
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": text, "contact": CONTACT, **more})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def live_through(city: CityUnderTest, clock: FixedClock) -> Scene:
    """Two points, an assignment that comes back, and a session; departments act at other times of the day."""
    clock.set(datetime(2026, 3, 2, 1, 37, 41, 123000, tzinfo=clock.now().tzinfo))
    first = await send(city, WORDS, title="韶馨社区郭鹮鹮会计的表")
    await send(city, WORDS.replace("韶馨", "荷塘月"), "FR-02")
    await send(city, SEVERAL)
    office, department = await city.office(), await city.department("FR-MZ")
    duty = (await office.get(f"/v1/cases/{first['case']}")).json()["assignments"][0]["id"]
    scene = Scene(city, await city.reporter(), department, office, first["report"], first["case"], duty)
    clock.advance(hours=3)
    assert (await scene.act("acceptance")).status_code == 200
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    assert (await scene.review()).status_code == 200
    clock.set(datetime(2026, 3, 3, 1, 37, 11, tzinfo=clock.now().tzinfo))
    no = {"relieved": False, "comment": f"{PERSON}说没减"}
    assert (await scene.reporter.post(f"/v1/reports/{scene.report}/verification", json=no)).status_code == 200
    clock.advance(hours=3)
    return scene


async def read_everything(city: CityUnderTest, scene: Scene) -> list[str]:
    """All that a department can read, as it is answered."""
    paths = [
        f"/v1/cases/{scene.case}",
        f"/v1/cases/{scene.case}/events",
        "/v1/cases?limit=1",
        "/v1/events",
        "/v1/digests",
    ]
    paths += ["/v1/consultations?limit=1", f"/v1/reports/{scene.report}"]
    for code in ("FR-MZ", "FR-WJ"):
        department = await city.department(code)
        answers = [await department.get(path) for path in paths]
        if code == "FR-MZ":
            read = answers
    async with city.anonymous() as nobody:
        await nobody.get("/metrics")
    return [answer.text for answer in read]


async def test_nothing_a_department_reads_or_receives_tells_who_reported_or_when(
    city: CityUnderTest, clock: FixedClock
) -> None:
    keys = [key_of(await city.reporter(point)) for point in ("FR-01", "FR-02")]
    tokens = [*OWN, PERSON, PHONE, MAIL, IDENTITY, *SECOND_OF_REPORTING, *keys]
    with the_sweep().apart(Searcher(tokens)) as sweep:
        scene = await live_through(city, clock)
        answers = await read_everything(city, scene)
    assert sweep.hits == []
    assert sweep.counts["events"] >= 5
    assert sweep.counts["answers to departments"] >= 16
    assert sweep.counts["log lines"] > 20
    assert "要求每周报一次独居老人走访台账,还要逐户拍照上传" in answers[3]
    assert "/v1/cases/" not in answers[6], "a report is none of a department's business"
    ids = {found for answer in answers for found in re.findall(r'"([0-9a-f]{32})"', answer)}
    assert len(ids) > 4
    assert all(int(found[:12], 16) % DAY < 60_000 for found in ids), "an id tells the day alone"


async def test_a_page_of_cases_goes_on_after_a_number(city: CityUnderTest) -> None:
    numbers = [(await send(city, f"区民政局要求报第{n}张互不相干的表。"))["case"] for n in range(3)]
    department, found, following = await city.department("FR-MZ"), [], ""
    for _ in numbers:
        page = (await department.get(f"/v1/cases?limit=1{following}")).json()
        found += [case["number"] for case in page["cases"]]
        if page["next_cursor"]:
            padded = page["next_cursor"] + "=" * (-len(page["next_cursor"]) % 4)
            assert base64.urlsafe_b64decode(padded).decode() == found[-1]
            following = f"&cursor={page['next_cursor']}"
    assert sorted(found) == sorted(numbers)
    foreign = base64.urlsafe_b64encode(b"YL-2026-999999").decode()
    for bad in (foreign, "%00", "é", "!"):
        assert (await department.get("/v1/cases", params={"cursor": bad})).status_code == 422


@pytest.mark.parametrize("form", ["raw", "base64", "full width"])
async def test_a_leak_is_caught(city: CityUnderTest, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """The sweep is worth something: without masking, in any of the forms, it finds the point and the person."""
    forms: dict[str, Callable[[str], str]] = {
        "raw": lambda text: text,
        "base64": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
        "full width": lambda text: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    }
    monkeypatch.setattr(disclosure, "mask", lambda text, _: forms[form](text))
    with the_sweep().apart(Searcher(["韶馨社区", PHONE])) as sweep:
        told = await send(city, f"韶馨社区 {PHONE} 区民政局要求每周报表。")
        await (await city.department("FR-MZ")).get("/v1/events")
        get_logger().warning("slipped", reason=f"电话 {PHONE}")
    assert told["decision"]["route"] == "assignment"
    assert {hit.channel for hit in sweep.hits} == {"events", "answers to departments", "log lines"}
    assert {hit.form for hit in sweep.hits if hit.channel == "events"} <= {form, "raw"}
    assert {hit.token for hit in sweep.hits} == {"韶馨社区", PHONE}


@pytest.mark.parametrize("token", [PHONE, "韶馨社区", MAIL])
def test_every_form_of_a_token_is_found_wherever_it_stands(token: str) -> None:
    searcher = Searcher([token, "不相干"])
    data = token.encode()
    written = [token, data.hex(), data.hex().upper(), json.dumps(token), "".join(f"%{b:02x}" for b in data)]
    written += [base64.b64encode(b"z" * before + data + b"tail").decode() for before in range(6)]
    written += [base64.urlsafe_b64encode(b"?" * before + data).decode() for before in range(3)]
    for text in written:
        assert [found[0] for found in searcher.find(f'{{"a":"…{text}…"}}')] == [token], text
    assert not list(searcher.find("区民政局 19955511235 abcdef0123456789" * 20))


# ── what the office puts right ──


async def disclosed(city: CityUnderTest, told: dict[str, Any]) -> Any:
    case = (await (await city.office()).get(f"/v1/cases/{told['case']}")).json()
    return next(r["disclosed"] for r in case["reports"] if r["number"] == told["report"])


async def bodies(city: CityUnderTest) -> list[str]:
    async with city.runtime.database.read() as session:
        found = await session.scalars(select(Event.body).where(Event.body.is_not(None)).order_by(Event.position))
        return [body for body in found if body is not None]


async def test_the_office_masks_more_and_shows_again_only_with_a_reason(city: CityUnderTest) -> None:
    told = await send(city, f"我是王芳。{MATTER}村里只有两名网格员。")
    before = await bodies(city)
    office, path = await city.office(), f"/v1/reports/{told['report']}/disclosure"
    assert (await disclosed(city, told))["text"] == f"我是{MASK}。{MATTER}村里只有两名网格员。"
    less = f"我是{MASK}。{MATTER}{MASK}"
    assert (await office.post(path, json={"text": less})).status_code == 200
    assert (await disclosed(city, told))["text"] == less
    plain = f"我是王芳。{MATTER}{MASK}"
    refused = await office.post(path, json={"text": plain})
    assert (refused.status_code, refused.json()["code"]) == (422, "reason_needed")
    for words in (f"我是{MASK}。区民政局不要求。", f"{MATTER}", less + "请从严处理。"):
        refused = await office.post(path, json={"text": words})
        assert (refused.status_code, refused.json()["code"]) == (422, "not_a_cut"), words
    assert (
        await office.post(path, json={"text": plain, "reason": "王芳同意公开姓名,电话13800138000"})
    ).status_code == 200
    assert await bodies(city) == before, "what was sent stays"
    facts = await facts_of(city, "report.disclosure_changed")
    assert [fact["unmasked"] for fact in facts] == [False, True]
    assert "王芳" not in json.dumps(facts[0], ensure_ascii=False)
    assert "13800138000" not in json.dumps(facts)
    ruling = {"category": "municipal_district", "receivers": [{"code": "CS-MZ"}], "reason": "市局要的表"}
    assert (await office.post(f"/v1/cases/{told['case']}/ruling", json=ruling)).status_code == 200
    created = [json.loads(body) for body in await bodies(city) if '"type":"assignment.created"' in body]
    assert created[-1]["data"]["reports"] == [{"title": None, "text": plain}]


async def test_who_may_change_what_departments_read(city: CityUnderTest) -> None:
    told = await send(city, MATTER)
    path = f"/v1/reports/{told['report']}/disclosure"
    for client in (await city.reporter(), await city.department("FR-MZ"), await city.client(Role.AUDITOR)):
        assert (await client.post(path, json={"text": MASK})).status_code == 403
    clerk = await city.client(Role.CLERK)
    stale = await clerk.post(path, json={"text": MASK, "version": 1})
    assert stale.status_code == 409
    assert (await clerk.post("/v1/reports/BG-2026-999999/disclosure", json={"text": MASK})).status_code == 404


# ── break-glass ──


async def facts_of(city: CityUnderTest, event_type: str) -> list[dict[str, Any]]:
    async with city.runtime.database.read() as session:
        found = await session.scalars(select(Event.facts).where(Event.type == event_type).order_by(Event.position))
        return [json.loads(facts) for facts in found]


async def contacts(city: CityUnderTest) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(ReportContact)) or 0


async def chains_hold(city: CityUnderTest) -> bool:
    async with city.runtime.database.snapshot() as session:
        checked, broken = await verify_chains(session)
    return checked > 0 and not broken


async def test_a_contact_is_opened_for_a_reason_by_a_leader_and_the_chain_says_so(city: CityUnderTest) -> None:
    told = await send(city, MATTER)
    path = f"/v1/reports/{told['report']}/contact-view"
    body = {"reason": f"{REASON}{PHONE}"}
    others = [await city.client(role) for role in (Role.CLERK, Role.AUDITOR)]
    for client in (*others, await city.reporter(), await city.department("FR-MZ")):
        assert (await client.post(path, json=body)).status_code == 403
    leader = await city.client(Role.LEADER)
    assert (await leader.post(path, json={})).status_code == 422
    for _ in range(2):
        answer = await leader.post(path, json=body, headers={"Idempotency-Key": "once"})
        assert answer.json() == {"report": told["report"], "contact": CONTACT}
        assert answer.headers["cache-control"] == "no-store"
    looked = await facts_of(city, "report.contact_viewed")
    assert looked == [{"report": told["report"], "why": f"{REASON}{MASK}"}] * 2
    events = (await others[1].get(f"/v1/cases/{told['case']}/events")).json()
    seen = [event for event in events if event["type"] == "report.contact_viewed"]
    assert all(event["actor"].startswith("office:key:") and event["happened_at"] for event in seen)
    assert seen
    assert PHONE not in json.dumps(events)
    department = (await (await city.department("FR-MZ")).get(f"/v1/cases/{told['case']}/events")).text
    assert "contact" not in department
    assert await chains_hold(city)


# ── retention ──


async def test_contacts_go_some_time_after_the_case_was_struck_off_and_the_chain_holds(
    city: CityUnderTest, clock: FixedClock
) -> None:
    ended, open_still = await send(city, MATTER), await send(city, SEVERAL)
    office = await city.office()
    closing = {"outcome": "answered", "statement": "已答复。"}
    assert (await office.post(f"/v1/cases/{ended['case']}/close", json=closing)).status_code == 200
    forgetter = Forgetter(city.runtime.database, clock, city.runtime.cities, 180)
    clock.advance(days=179)
    assert await forgetter.forget() == 0
    clock.advance(days=2)
    assert await forgetter.forget() == 1
    assert await forgetter.forget() == 0
    assert await contacts(city) == 1
    assert await facts_of(city, "report.contact_erased") == [
        {"reports": [ended["report"]], "because": "retention", "days": 180}
    ]
    assert await chains_hold(city)
    leader = await city.client(Role.LEADER)
    gone = await leader.post(f"/v1/reports/{ended['report']}/contact-view", json={"reason": REASON})
    assert (gone.status_code, gone.json()["code"]) == (409, "no_contact")
    path = f"/v1/reports/{open_still['report']}/contact-erasure"
    assert (await (await city.client(Role.CLERK)).post(path, json={"reason": REASON})).status_code == 403
    assert (await leader.post(path, json={"reason": REASON})).json() == {"report": open_still["report"], "erased": True}
    assert (await leader.post(path, json={"reason": REASON})).status_code == 409
    assert await contacts(city) == 0
    assert await chains_hold(city)


# ── a stolen database ──


async def dump(city: CityUnderTest) -> list[str]:
    """Every value of every table as text; bytes as they are and as hex, and for SQLite the file itself."""
    found = []
    async with city.runtime.database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    if value is None:
                        continue
                    if isinstance(column.type, LargeBinary):
                        found += [value.decode("latin-1"), value.decode("utf-8", "replace"), value.hex()]
                    else:
                        found.append(
                            value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
                        )
    if city.url.startswith("sqlite"):
        for file in city.folder.glob("city.db*"):
            found.append(file.read_bytes().decode("utf-8", "replace"))
    return found


async def test_a_stolen_database_holds_no_key_password_secret_token_or_contact(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await live_through(city, clock)
    office = await city.office()
    once, twice, thrice = ({"Idempotency-Key": key} for key in ("one", "two", "three"))
    address = {"department": "FR-MZ", "url": "http://127.0.0.1:9/in"}
    made = await office.post("/v1/endpoints", json=address, headers=once)
    again = await office.post("/v1/endpoints", json=address, headers=once)
    assert made.json() == again.json(), "a retry gets the same answer, secret and all"
    rotated = await office.post(f"/v1/endpoints/{made.json()['id']}/secret", json={}, headers=twice)
    assert rotated.status_code == 200
    robot = {"department": "FR-WJ", "channel": "dingtalk", "sign_secret": "SEC-canary-0123456789",
             "url": "http://127.0.0.1:9/send?access_token=robot-canary-0123456789"}  # fmt: skip
    assert (await office.post("/v1/endpoints", json=robot)).status_code == 201
    path = f"/v1/reports/{scene.report}/contact-view"
    assert (await office.post(path, json={"reason": REASON}, headers=thrice)).status_code == 200
    browser = await visitor(city)
    await browser.sign_in(await employ(city, Role.LEADER))
    token = browser.client.cookies["yilong_session"]
    secrets = [made.json()["secret"].removeprefix("whsec_"), rotated.json()["secret"].removeprefix("whsec_")]
    keys = [key_of(client) for client in city._clients.values()]
    assert len(keys) >= 4
    tokens = [*keys, *secrets, token, PASSWORD, CONTACT, MAIL + " ", "robot-canary-0123456789", robot["sign_secret"]]
    tokens += [base64.b64decode(secret).hex() for secret in secrets]
    searcher, texts = Searcher(tokens), await dump(city)
    assert len(texts) > 500
    assert [
        (found, text[max(0, found[2] - 40) : found[2] + 80]) for text in texts for found in searcher.find(text)
    ] == []


# ── logs ──


async def test_logs_hold_no_text_body_credential_or_signature_at_any_level(
    city: CityUnderTest, clock: FixedClock
) -> None:
    headers = {"content-type": JSON_TYPE, "webhook-id": "msg_1", "webhook-signature": "v1,c2lnbmF0dXJlLWNhbmFyeQ=="}
    canary = "signature-canary"
    tokens = ["走访台账", "拍照上传", "已发文取消", PERSON, PHONE, canary, "c2lnbmF0dXJlLWNhbmFyeQ", "query-canary"]
    tokens += [key_of(client) for client in (await city.reporter(), await city.office())]
    with the_sweep().apart(Searcher(tokens)) as sweep:
        await live_through(city, clock)
        async with city.anonymous(headers={"authorization": "Bearer signature-canary"}) as nobody:
            await nobody.get("/v1/cases?q=query-canary")
            await nobody.post("/v1/callbacks/FR-MZ", content=b'{"type":"signature-canary"}', headers=headers)
            await nobody.post("/v1/reports", content=b"signature-canary")
        try:
            raise ValueError(f"{PERSON} signature-canary")
        except ValueError as error:
            get_logger().error("failed", exc_info=error, text=MATTER, body=canary, signature=canary)
    assert [hit for hit in sweep.hits if hit.channel == "log lines"] == []
    assert sweep.counts["log lines"] >= 12


async def test_a_department_reads_the_day_of_what_a_point_may_have_set_off(
    city: CityUnderTest, clock: FixedClock
) -> None:
    """Clocks and events start with the local day for a department; the office reads the moment."""
    scene = await live_through(city, clock)
    zone = ZoneInfo("Asia/Shanghai")
    for client, is_day in ((scene.department, True), (scene.office, False)):
        case = (await client.get(f"/v1/cases/{scene.case}")).json()
        events = (await client.get(f"/v1/cases/{scene.case}/events")).json()
        moments = [clock["started_at"] for clock in case["deadlines"]] + [event["happened_at"] for event in events]
        local = [datetime.fromisoformat(moment).astimezone(zone).strftime("%H:%M:%S") for moment in moments]
        assert (set(local) == {"00:00:00"}) is is_day
