"""送 to departments without a system: what their people read, when, and what of a report never gets there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.clock import FixedClock
from app.models import Delivery, DeliveryStatus, Endpoint
from app.worker import WorkerContext, deliver_next
from tests.api.scenes import ASSIGNED, assigned
from tests.city import CityUnderTest, open_city
from tests.mail_server import MailServer
from tests.receiver import Answer, DepartmentReceiver
from tests.robots import RobotGroup

ZONE = ZoneInfo("Asia/Shanghai")
SIGN_SECRET = "SEC7c1f0a"
OTHERS = (
    "区民政局通知所有社区月底前上墙六块制度牌,牌子自己花钱做。",
    "区民政局让我们每天在手机应用上打卡签到,不打卡就通报批评。",
)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


@asynccontextmanager
async def worker(city: CityUnderTest) -> AsyncIterator[WorkerContext]:
    """A worker that delivers when it is told."""
    runtime = city.runtime
    context = WorkerContext(
        runtime.database, runtime.settings, city.clock, runtime.sealer, cities=runtime.cities, chance=lambda: 0.0
    )
    context.open()
    yield context
    await context.close()


async def deliver(context: WorkerContext) -> None:
    """Send all that is due now."""
    for _ in range(20):
        found = await deliver_next(context)
        await context.courier.drain(10)
        if not found:
            return
    pytest.fail("a row loops")


async def register(city: CityUnderTest, group: RobotGroup, **fields: Any) -> dict[str, Any]:
    body = {"department": "FR-MZ", "channel": group.vendor, "url": group.url, "sign_secret": group.sign_secret}
    answer = await (await city.office()).post("/v1/endpoints", json=body | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def report(city: CityUnderTest, text: str) -> str:
    told = (await (await city.reporter("FR-01")).post("/v1/reports", json={"text": text})).json()
    assert told["decision"]["receivers"][0]["code"] == "FR-MZ", told
    number: str = told["case"]
    return number


async def test_a_group_reads_number_stage_deadline_and_link_and_nothing_of_the_report(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("dingtalk", clock=clock, sign_secret=SIGN_SECRET) as group:
        made = await register(city, group)
        scene = await assigned(city)
        async with worker(city) as context:
            await deliver(context)
            await scene.act("acceptance")
            await scene.act("feedback", measures="已发文取消。", public_reply="已取消。")
            await scene.review(accepted=False, comment="请附文件。")
            await deliver(context)
        texts, bodies = group.texts, b"".join(r.path.encode() + r.body for r in group.requests).decode()
    link = f"{city.runtime.settings.resolved_public_url}/v1/cases/{scene.case}"
    assert texts[0] == f"【一龙】芙蓉区民政局\n{scene.case} 交办 3月23日到期 {link}"
    assert [text.split(" ")[1] for text in texts] == ["交办", "退回重办"]
    for secret in (scene.report, "FR-01", "韶馨", "独居老人", "走访", "拍照", "请附文件"):
        assert secret not in bodies
    assert (made["secret"], made["office_hours"], made["channel"]) == (None, True, "dingtalk")
    listed = (await scene.office.get("/v1/endpoints")).text
    assert "…7c1f" in listed
    assert "a-secret-of-the-group" not in listed
    assert SIGN_SECRET not in listed
    async with city.runtime.database.read() as session:
        [row] = await session.scalars(select(Endpoint))
        assert b"a-secret-of-the-group" not in row.secret
    log = (await scene.office.get("/v1/deliveries")).json()
    assert [(entry["type"], entry["status"]) for entry in log] == [
        ("assignment.returned_to_department", "delivered"), ("assignment.created", "delivered"),
    ]  # fmt: skip
    [attempt] = (await scene.office.get(f"/v1/deliveries/{log[1]['id']}/attempts")).json()
    assert (attempt["http_status"], attempt["error"]) == (200, None)


async def test_what_comes_in_over_a_weekend_is_one_message_on_monday_morning(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("feishu", clock=clock, sign_secret=SIGN_SECRET) as group, DepartmentReceiver(clock=clock) as system:
        await register(city, group)
        body = {"department": "FR-MZ", "url": system.url}
        assert (await (await city.office()).post("/v1/endpoints", json=body)).status_code == 201
        async with city.runtime.database.write() as session:
            await session.execute(update(Endpoint).values(confirmed_at=clock.now()))
        async with worker(city) as context:
            numbers = []
            for moment, text in zip(
                ("2026-03-06T18:00", "2026-03-07T11:00", "2026-03-09T08:59"), (ASSIGNED, *OTHERS), strict=True
            ):
                clock.set(at(moment))
                numbers.append(await report(city, text))
                await deliver(context)
            assert (len(group.requests), len(system.requests)) == (0, 3)
            async with city.runtime.database.read() as session:
                waiting = (
                    await session.scalars(select(Delivery).where(Delivery.status == DeliveryStatus.PENDING))
                ).all()
            assert {row.due_at for row in waiting} == {at("2026-03-09T09:00")}
            clock.set(at("2026-03-09T09:00"))
            await deliver(context)
        [text] = group.texts
    heading, *lines = text.splitlines()
    assert heading == "【一龙】芙蓉区民政局 3项"
    assert [line.split(" ")[0] for line in lines] == numbers


async def test_who_wants_it_is_told_at_any_hour(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(at("2026-03-07T23:00"))
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group, office_hours=False)
        await report(city, ASSIGNED)
        async with worker(city) as context:
            await deliver(context)
        assert len(group.texts) == 1


async def test_every_attempt_has_the_same_id_and_words_and_the_log_says_why_it_failed(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        group.script(Answer(500), Answer(200, b'{"errcode":45009,"errmsg":"api freq out of limit"}'))
        await report(city, ASSIGNED)
        async with worker(city) as context:
            for seconds in (0, 5, 60):
                clock.advance(seconds=seconds)
                await deliver(context)
        assert len({(r.headers["idempotency-key"], r.body) for r in group.requests}) == 1
        assert (len(group.requests), len(group.texts)) == (3, 1)
    office = await city.office()
    [entry] = (await office.get("/v1/deliveries")).json()
    attempts = (await office.get(f"/v1/deliveries/{entry['id']}/attempts")).json()
    assert [(each["http_status"], each["error"]) for each in attempts] == [
        (500, "answered with an error"), (200, "too many messages for the receiver"), (200, None),
    ]  # fmt: skip


async def test_a_test_message_says_at_once_whether_the_channel_works(city: CityUnderTest, clock: FixedClock) -> None:
    clock.set(at("2026-03-07T23:00"))
    office = await city.office()
    with RobotGroup("dingtalk", clock=clock, sign_secret=SIGN_SECRET) as group:
        made = await register(city, group)
        good = (await office.post(f"/v1/endpoints/{made['id']}/test-message")).json()
        assert (good["delivered"], good["error"]) == (True, None)
        [text] = group.texts
        assert text.startswith("【一龙】芙蓉区民政局\n测试 测试消息")
        wrong = await register(city, group, sign_secret="SEC-another")
        bad = (await office.post(f"/v1/endpoints/{wrong['id']}/test-message")).json()
    assert (bad["delivered"], bad["error"]) == (False, "declined, see the answer")
    assert "sign not match" in bad["answer"]
    webhook = (await office.post("/v1/endpoints", json={"department": "FR-MZ", "url": "http://127.0.0.1:9/a"})).json()
    for endpoint_id, status in ((webhook["id"], 409), ("none", 404)):
        assert (await office.post(f"/v1/endpoints/{endpoint_id}/test-message")).status_code == status
    assert (await (await city.department("FR-MZ")).post(f"/v1/endpoints/{made['id']}/test-message")).status_code == 403
    rotated = await office.post(f"/v1/endpoints/{made['id']}/secret")
    assert (rotated.status_code, rotated.json()["code"]) == (409, "not_a_webhook")


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "invalid_input"),
    ({"url": "http://127.0.0.1:9/a", "to": ["a@b.cn"]}, "invalid_input"),
    ({"channel": "email", "to": ["a@b.cn"]}, "no_mail_server"),
    ({"channel": "email", "to": ["none"]}, "bad_channel"),
    ({"channel": "wecom", "url": "http://10.1.1.1/send?key=1"}, "webhook_address_refused"),
    ({"channel": "carrier-pigeon", "url": "http://127.0.0.1:9/a"}, "invalid_input"),
    ({"channel": "sms", "url": "http://127.0.0.1:9/a", "body": "{reporter}"}, "bad_channel"),
)


async def test_a_channel_that_cannot_work_is_refused(city: CityUnderTest) -> None:
    office = await city.office()
    for fields, code in REFUSED:
        answer = await office.post("/v1/endpoints", json={"department": "FR-MZ"} | fields)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "10.1.1.1" not in answer.text


async def test_a_department_with_a_mailbox_gets_its_case_by_mail(
    city_url: str, tmp_path: Any, clock: FixedClock
) -> None:
    async with MailServer().listening() as server:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none", "smtp_from": "a@b.cn"}
        async with open_city(city_url, tmp_path, clock, **mail) as city, worker(city) as context:
            office = await city.office()
            body = {"department": "FR-MZ", "channel": "email", "to": ["mz@furong.gov.cn"]}
            assert (await office.post("/v1/endpoints", json=body)).status_code == 201
            again = await office.post("/v1/endpoints", json=body)
            assert (again.status_code, again.json()["code"]) == (409, "endpoint_already_registered")
            number = await report(city, ASSIGNED)
            await deliver(context)
    [taken] = server.mails
    assert taken.to == ("mz@furong.gov.cn",)
    assert taken.parsed["subject"] == f"【一龙】芙蓉区民政局 {number} 交办"
    assert "独居老人" not in taken.parsed.get_content()
