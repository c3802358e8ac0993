"""每日提要 to departments without a system: over each of their channels once, on its own day, and no notice twice."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from app.clock import FixedClock
from app.database import Database
from app.directory.city import CityCache
from app.flow.digest import Digester
from app.models import Delivery, DeliveryStatus, Digest, Endpoint, Role
from app.worker import WorkerContext
from tests.api.scenes import FEEDBACK, Scene
from tests.city import CityUnderTest, open_city
from tests.dashboard.office import at_work, shown
from tests.journeys.test_channels import SIGN_SECRET, deliver, register, worker
from tests.journeys.test_digests import DEPARTMENT, digester_of, given
from tests.journeys.test_supervision import ZONE, local, supervisor_of
from tests.mail_server import MailServer
from tests.receiver import Answer, DepartmentReceiver
from tests.robots import RobotGroup

NAME = "芙蓉区民政局"


async def morning(city: CityUnderTest, clock: FixedClock, context: WorkerContext, moment: str) -> None:
    """All that a worker does at that moment: the clocks speak, the digests are made, what is due is sent."""
    clock.set(local(moment))
    await deliver(context)
    supervisor, digester = supervisor_of(city), digester_of_address(city)
    for _ in range(60):
        if not await supervisor.look():
            await deliver(context)
            if not await digester.make():
                await deliver(context)
                return
    pytest.fail("the worker never rests")


def digester_of_address(city: CityUnderTest) -> Digester:
    runtime = city.runtime
    return Digester(runtime.database, city.clock, runtime.cities, runtime.settings.resolved_public_url)


def link(city: CityUnderTest, number: str) -> str:
    return f"{city.runtime.settings.resolved_public_url}/v1/cases/{number}"


def forget(group: RobotGroup) -> None:
    group.texts.clear()
    group.requests.clear()


async def rows(city: CityUnderTest) -> list[Delivery]:
    """What was queued of digests, oldest first."""
    async with city.runtime.database.read() as session:
        found = await session.scalars(
            select(Delivery).where(Delivery.digest_day.is_not(None)).order_by(Delivery.digest_day, Delivery.id)
        )
        return list(found)


async def states(city: CityUnderTest) -> list[tuple[str, str]]:
    return [(str(row.digest_day), row.status) for row in await rows(city)]


async def read_digest(reader: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await reader.get("/v1/digests")).json()["digests"][-1]
    return found


async def quiet_case(city: CityUnderTest, clock: FixedClock, group: RobotGroup, context: WorkerContext) -> Scene:
    """A case that was told of long ago and ends on 23 March; the group has read of it."""
    scene = await given(city, 1)
    await deliver(context)
    forget(group)
    return scene


# ── what, and when ──


async def test_a_morning_says_everything_once_by_its_notice_or_in_the_digest(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("dingtalk", clock=clock, sign_secret=SIGN_SECRET) as group:
        await register(city, group)
        async with worker(city) as context:
            scene = await quiet_case(city, clock, group, context)
            read: dict[str, list[str]] = {}
            for day in ("03-18", "03-19", "03-20", "03-21", "03-23", "03-24", "03-25"):
                await morning(city, clock, context, f"2026-{day}T09:00")
                read[day] = list(group.texts)
                forget(group)
            there = link(city, scene.case)
            assert read == {
                "03-18": [],
                "03-19": [f"【一龙】{NAME}\n{scene.case} 临期提醒 反馈 3月23日到期 {there}"],
                "03-20": [f"【一龙】{NAME} 每日提要\n{scene.case} 即将到期 反馈 3月23日到期 {there}"],
                "03-21": [],
                "03-23": [f"【一龙】{NAME} 每日提要\n{scene.case} 即将到期 反馈 3月23日到期 {there}"],
                "03-24": [f"【一龙】{NAME}\n{scene.case} 逾期 反馈 3月23日到期 3月27日前答复 {there}"],
                "03-25": [f"【一龙】{NAME} 每日提要\n{scene.case} 逾期 反馈 3月23日到期 {there}"],
            }
            # The digest itself is whole: it is read, not sent.
            listed = (await scene.department.get("/v1/digests")).json()["digests"]
            assert [each["day"][5:] for each in listed] == ["03-19", "03-20", "03-23", "03-24", "03-25"]
            assert all("letter" not in each["content"] for each in listed)
            await scene.act("feedback", **FEEDBACK)
            await morning(city, clock, context, "2026-03-26T09:00")
            assert group.texts == []


async def test_what_the_night_and_the_morning_have_said_is_counted_and_the_rest_is_listed(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("feishu", clock=clock) as group:
        await register(city, group, sign_secret="")
        async with worker(city) as context:
            first = await quiet_case(city, clock, group, context)
            clock.set(local("2026-03-03T10:00"))
            second = await given(city, 2)
            await deliver(context)
            await morning(city, clock, context, "2026-03-19T09:00")
            clock.set(local("2026-03-19T19:00"))
            await given(city, 3, accept=False)
            forget(group)
            # 20 March: the second is reminded of, the third was assigned in the night and has to be signed for.
            await morning(city, clock, context, "2026-03-20T09:00")
    *notices, digest = group.texts
    assert [text.splitlines()[1].split(" ")[1] for text in notices] == ["交办", "临期提醒"]
    assert second.case in notices[1]
    heading, *lines, counted = digest.splitlines()
    assert heading == f"【一龙】{NAME} 每日提要 2项"
    assert sorted(line.split(" ")[1:3] for line in lines) == [["即将到期", "反馈"], ["即将到期", "签收"]]
    assert lines[0].split(" ")[0] == first.case or lines[1].split(" ")[0] == first.case
    assert second.case not in digest
    assert counted == "另有1项已单独通知"


async def test_every_channel_of_the_department_gets_it_once_and_its_system_and_others_do_not(
    city_url: str, tmp_path: Any, clock: FixedClock
) -> None:
    group, system = RobotGroup("wecom", clock=clock), DepartmentReceiver(clock=clock)
    with group, system:
        async with MailServer().listening() as server:
            mail = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none", "smtp_from": "a@b.cn"}
            async with open_city(city_url, tmp_path, clock, **mail) as city, worker(city) as context:
                office = await city.office()
                for way in (
                    {"channel": "email", "to": ["mz@furong.gov.cn"]},
                    {"channel": "sms", "url": f"{system.url}/sms", "body": '{"t":"{count} {stage} {due} {link}"}'},
                    {"url": system.url},
                ):
                    made = await office.post("/v1/endpoints", json={"department": DEPARTMENT} | way)
                    assert made.status_code == 201, made.text
                await register(city, group)
                await register(city, group, department="FR-JY", url=group.url + "2")
                off = await register(city, group, url=group.url + "3")
                assert (await office.delete(f"/v1/endpoints/{off['id']}")).status_code == 200
                async with city.runtime.database.write() as session:
                    await session.execute(update(Endpoint).values(confirmed_at=clock.now()))
                scene = await quiet_case(city, clock, group, context)
                await morning(city, clock, context, "2026-03-19T09:00")
                forget(group)
                system.requests.clear()
                server.mails.clear()
                await morning(city, clock, context, "2026-03-20T09:00")
                there = link(city, scene.case)
                line = f"{scene.case} 即将到期 反馈 3月23日到期 {there}"
                assert group.texts == [f"【一龙】{NAME} 每日提要\n{line}"]
                [taken] = server.mails
                assert taken.parsed["subject"] == f"【一龙】{NAME} 每日提要 {scene.case} 即将到期 反馈"
                assert line in taken.parsed.get_content()
                [text_message] = system.requests
                whole = f"{city.runtime.settings.resolved_public_url}/v1/digests?after=2026-03-19"
                assert json.loads(text_message.body) == {"t": f"1 即将到期 反馈 3月23日到期 {whole}"}
                assert [row.status for row in await rows(city)] == [DeliveryStatus.DELIVERED] * 3


async def test_what_a_group_reads_of_a_digest_tells_nothing_of_who_reported_or_what(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            scene = await quiet_case(city, clock, group, context)
            await scene.act("extension", reason="须修订文件。", working_days=5)
            await morning(city, clock, context, "2026-03-20T09:00")
        sent = "".join(f"{r.path} {r.headers} {r.body.decode()}" for r in group.requests)
    assert scene.case in sent
    for secret in (scene.report, "FR-01", "韶馨", "独居老人", "走访", "拍照", "须修订文件"):
        assert secret not in sent


async def test_a_long_digest_is_cut_to_what_the_vendor_takes_with_a_count_and_a_link(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            scenes = [await given(city, number) for number in range(13)]
            await morning(city, clock, context, "2026-03-19T09:00")
            forget(group)
            await morning(city, clock, context, "2026-03-20T09:00")
            [text] = group.texts
    heading, *lines, rest = text.splitlines()
    assert heading == f"【一龙】{NAME} 每日提要 13项"
    assert {line.split(" ")[0] for line in lines} < {scene.case for scene in scenes}
    assert len(lines) <= 10
    assert rest.startswith(f"……另有{13 - len(lines)}项 http")
    assert len(text.encode()) <= 2048
    # The link leads to the whole of it.
    said = (await scenes[0].department.get("/v1/digests" + rest.partition("/v1/digests")[2])).json()["digests"]
    assert [(each["day"], len(each["content"]["due"])) for each in said] == [("2026-03-20", 13)]


# ── once, whatever happens ──


async def test_workers_at_once_queue_it_once_and_one_that_starts_again_sends_nothing_twice(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            await quiet_case(city, clock, group, context)
            await morning(city, clock, context, "2026-03-19T09:00")
            clock.set(local("2026-03-20T09:00"))
            databases = [Database(city.url) for _ in range(3)]
            digesters = [Digester(d, clock, CityCache(d, ZONE), "http://yilong.test") for d in databases]

            async def work(digester: Digester) -> None:
                while await digester.make():
                    pass

            await asyncio.gather(*(work(digester) for digester in digesters))
            for database in databases:
                await database.dispose()
        assert [row.status for row in await rows(city)] == [DeliveryStatus.PENDING]
        forget(group)
        for _ in range(2):
            async with worker(city) as again:
                await morning(city, clock, again, "2026-03-20T09:05")
        assert len(group.texts) == 1
        assert len(await rows(city)) == 1


async def test_a_worker_lost_between_sending_and_settling_sends_the_same_words_under_the_same_id(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            await quiet_case(city, clock, group, context)
            await morning(city, clock, context, "2026-03-19T09:00")
        async with worker(city) as lost:

            async def vanish(*_: object) -> None:
                return None

            monkeypatch.setattr(lost.courier, "_settle", vanish)
            clock.set(local("2026-03-20T09:00"))
            digester = digester_of(city)
            while await digester.make():
                pass
            forget(group)
            await deliver(lost)
        assert len(group.requests) == 1
        clock.advance(seconds=46)
        async with worker(city) as context:
            await deliver(context)
    assert len({(r.headers["idempotency-key"], r.body) for r in group.requests}) == 1
    assert len(group.requests) == 2
    [row] = await rows(city)
    assert (row.status, row.attempts, row.crashes) == (DeliveryStatus.DELIVERED, 1, 0)


async def test_a_round_that_stores_nothing_queues_nothing(city: CityUnderTest, clock: FixedClock) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            await morning(city, clock, context, "2026-03-20T09:00")
        assert (group.requests, await rows(city)) == ([], [])
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Digest)) == 1


# ── failures ──


async def test_it_is_tried_again_with_backoff_and_breaker_and_the_office_sees_each_attempt(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            scene = await quiet_case(city, clock, group, context)
            await morning(city, clock, context, "2026-03-19T09:00")
            forget(group)
            group.script(Answer(500), Answer(200, b'{"errcode":45009,"errmsg":"api freq out of limit"}'))
            await morning(city, clock, context, "2026-03-20T09:00")
            async with city.runtime.database.read() as session:
                failing = (await session.scalars(select(Endpoint))).one()
                assert (failing.failures, failing.failing_since) == (1, clock.now())
            for seconds in (5, 60):
                clock.advance(seconds=seconds)
                await deliver(context)
            assert len({(r.headers["idempotency-key"], r.body) for r in group.requests}) == 1
            assert (len(group.requests), len(group.texts)) == (3, 1)
    [entry] = [e for e in (await scene.office.get("/v1/deliveries")).json() if e["type"] == "digest"]
    assert (entry["status"], entry["digest_day"], entry["department"]) == ("delivered", "2026-03-20", DEPARTMENT)
    assert entry["event"] == entry["message"]
    attempts = (await scene.office.get(f"/v1/deliveries/{entry['id']}/attempts")).json()
    assert [(each["http_status"], each["error"]) for each in attempts] == [
        (500, "answered with an error"), (200, "too many messages for the receiver"), (200, None),
    ]  # fmt: skip
    clerk = await at_work(city, Role.ADMINISTRATOR)
    for path in ("/dashboard/deliveries", f"/dashboard/deliveries/{entry['id']}"):
        page = shown(await clerk.get(path))
        assert "每日提要" in page
        assert "2026年3月20日" in page


async def test_a_digest_that_did_not_get_there_on_its_day_is_outdated_and_todays_is_sent(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        await register(city, group)
        async with worker(city) as context:
            scene = await quiet_case(city, clock, group, context)
            await morning(city, clock, context, "2026-03-19T09:00")
            forget(group)
            group.script(500)
            await morning(city, clock, context, "2026-03-20T09:00")
            [row] = await rows(city)
            for _ in range(60):
                [row] = await rows(city)
                if row.due_at is None or row.due_at >= local("2026-03-20T18:00"):
                    break
                clock.set(max(row.due_at, clock.now() + timedelta(minutes=31)))
                group.script(500)
                await deliver(context)
            tried = row.attempts
            assert tried >= 5
            forget(group)
            await morning(city, clock, context, "2026-03-23T09:00")
            assert [text.splitlines()[1].split(" ")[0] for text in group.texts] == [scene.case]
            assert len(group.requests) == 1
        assert await states(city) == [("2026-03-20", "outdated"), ("2026-03-23", "delivered")]
        before = (await rows(city))[0]
        assert (before.attempts, before.due_at) == (tried, None)
        refused = await scene.office.post(f"/v1/deliveries/{before.id}/redelivery")
        assert (refused.status_code, refused.json()["code"]) == (409, "digest_outdated")
        again = await scene.office.post(f"/v1/deliveries/{(await rows(city))[1].id}/redelivery")
        assert again.status_code == 200
        async with worker(city) as context:
            await deliver(context)
        assert len(group.texts) == 2
        assert group.texts[0] == group.texts[1]
        clerk = await at_work(city)
        assert "过期，不再发送" in shown(await clerk.get("/dashboard/deliveries"))


async def test_of_an_address_that_is_paused_or_given_up_nothing_is_left_open_after_the_day(
    city: CityUnderTest, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        made = await register(city, group)
        async with worker(city) as context:
            scene = await quiet_case(city, clock, group, context)
            await morning(city, clock, context, "2026-03-19T09:00")
            group.script(Answer(410))
            await morning(city, clock, context, "2026-03-20T09:00")
            assert await states(city) == [("2026-03-20", "dead")]
            await morning(city, clock, context, "2026-03-23T09:00")
            assert await states(city) == [("2026-03-20", "outdated")]
            assert (await scene.office.post(f"/v1/endpoints/{made['id']}/activation")).status_code == 200
            forget(group)
            for day in ("24", "25"):
                await morning(city, clock, context, f"2026-03-{day}T09:00")
    assert (await states(city))[-1] == ("2026-03-25", "delivered")
    assert (await read_digest(scene.department))["day"] == "2026-03-25"
