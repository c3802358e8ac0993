"""接收地址: what the office sees of each address and does with it; alerts on the first page and in the digest."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from app.cli import application
from app.clock import FixedClock, SystemClock
from app.deliver.alerts import Watchman
from app.models import CheckKind, Delivery, DeliveryStatus, Endpoint, EndpointCheck, Role
from tests.apart import run_apart
from tests.city import SECRET, CityUnderTest, new_city, open_city
from tests.dashboard.office import OfficeBrowser, at_work, report, shown
from tests.deliver.test_operating import GONE_410, OK, SILENT, deliver
from tests.journeys.test_digests import digests, morning

PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"


async def registered(city: CityUnderTest, browser: OfficeBrowser, *, confirmed: bool = True) -> str:
    """The page of an address that was registered on the page of all of them."""
    await browser.get("/dashboard/endpoints")
    made = await browser.send("/dashboard/endpoints", {"department": "芙蓉区民政局", "url": "http://127.0.0.1:9/in"})
    assert made.status_code == 201
    assert "通过后才推送交办" in shown(made)
    if confirmed:
        async with city.runtime.database.write() as session:
            await session.execute(update(Endpoint).values(confirmed_at=city.clock.now()))
    page = await browser.get("/dashboard/endpoints")
    found: str = re.findall(r'href="(/dashboard/endpoints/[0-9a-f]+)"', page.text)[0]
    return found


async def test_an_address_is_challenged_and_tested_from_its_page(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url = await registered(city, browser, confirmed=False)
    page = shown(await browser.get(url))
    assert "待验证" in page
    assert "此后才推送交办" in page
    await browser.send(f"{url}/challenge")
    assert "验证消息已排队发送" in shown(await browser.follow())
    await browser.send(f"{url}/test")
    assert "测试消息已排队发送" in shown(await browser.follow())
    async with city.runtime.database.read() as session:
        kinds = list(await session.scalars(select(EndpointCheck.kind).order_by(EndpointCheck.created_at)))
    assert kinds == [CheckKind.CHALLENGE, CheckKind.TEST]
    async with city.runtime.database.write() as session:
        await session.execute(update(Endpoint).values(confirmed_at=city.clock.now()))
    page = shown(await browser.get(url))
    assert "正常" in page
    assert "再次验证" not in page


async def test_what_failed_or_was_never_sent_is_replayed_from_the_page(city: CityUnderTest, clock: FixedClock) -> None:
    await report(city, PLAIN)
    clock.advance(minutes=1)
    browser = await at_work(city, Role.ADMINISTRATOR)
    url = await registered(city, browser)
    await browser.get(url)
    bad = await browser.send(f"{url}/replay", {"what": "all", "since": "gestern"})
    assert bad.status_code == 422
    assert "请填写起始时间" in shown(bad)
    future = await browser.send(f"{url}/replay", {"what": "missing", "since": "2026-03-02T10:00"})
    assert future.status_code == 422
    assert 'value="2026-03-02T10:00"' in future.text
    await browser.send(f"{url}/replay", {"what": "missing", "since": "2026-03-02T09:00"})
    assert "已排队补推 1 条" in shown(await browser.follow())
    async with city.runtime.database.write() as session:
        await session.execute(update(Delivery).values(status=DeliveryStatus.DEAD, due_at=None))
    assert "未送达，已停止 1" in shown(await browser.get(url))
    await browser.send(f"{url}/replay", {"what": "failed", "since": "2026-03-02T09:00"})
    assert "已排队补推 1 条" in shown(await browser.follow())
    assert await deliver(city.runtime.database, clock.now(), OK)
    page = shown(await browser.get(url))
    assert "送达 1" in page
    assert "中位 40，95% 在 40 以内" in page
    assert "median 40, 95% within 40" in shown(await browser.get(f"{url}?lang=en"))


async def test_pausing_and_activating_say_so_and_only_an_administrator_may(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url = await registered(city, browser)
    await browser.get(url)
    await browser.send(f"{url}/pause")
    page = await browser.follow()
    assert "已停用，积压的保留待送" in shown(page)
    assert f'action="{url}/test"' not in page.text
    await browser.send(f"{url}/activation")
    assert "已恢复推送" in shown(await browser.follow())
    clerk = await at_work(city)
    page = await clerk.get(url)
    assert page.status_code == 200
    assert "操作" not in shown(page)
    token = clerk.hidden("/dashboard/sign-out")
    for word in ("challenge", "test", "pause", "activation", "replay"):
        assert (await clerk.post(f"{url}/{word}", token)).status_code == 403
    assert (await clerk.get("/dashboard/endpoints/0123456789abcdef")).status_code == 404


async def test_the_first_page_and_one_digest_tell_of_each_step_until_the_address_is_well(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await report(city, PLAIN)
    browser = await at_work(city, Role.ADMINISTRATOR)
    url = await registered(city, browser)
    for text in ("区民政局要求天天报甲表。", "区民政局组织微信打卡,下班后还要在群里接龙。"):
        await report(city, text, "FR-02")
    database, watchman = city.runtime.database, Watchman(city.runtime.database, clock)
    await morning(city, clock, "2026-03-02T10:00")
    assert await deliver(database, clock.now(), SILENT)
    clock.advance(minutes=59)
    assert not await watchman.look()
    clock.advance(minutes=1)
    assert await watchman.look()
    await browser.sign_in(Role.ADMINISTRATOR.value)  # the session has gone idle meanwhile
    page = await browser.follow()
    assert "推送已中断超过 1 小时" in shown(page)
    assert url in page.text
    await morning(city, clock, "2026-03-03T09:00")
    await morning(city, clock, "2026-03-04T09:00")
    office = await city.office()
    told = {day["day"]: day for day in await digests(office)}
    [entry] = told["2026-03-03"]["content"]["silent_addresses"]
    assert (entry["department"], entry["hours"], entry["failing_since"]) == ("FR-MZ", 1, "2026-03-02T10:00+08:00")
    assert entry["link"].endswith(url)
    text = told["2026-03-03"]["text"]
    assert "部门系统推送中断(1):" in text
    assert f"芙蓉区民政局 已超过1小时 {entry['link']}" in text
    assert "2026-03-04" not in told or "silent_addresses" not in told["2026-03-04"]["content"]
    assert await deliver(database, clock.now(), OK)
    await browser.sign_in(Role.ADMINISTRATOR.value)
    assert "推送告警" not in shown(await browser.get("/dashboard/"))
    assert await deliver(database, clock.now(), GONE_410)
    assert "对方答复地址已停用（410）" in shown(await browser.get("/dashboard/"))
    await browser.get(url)
    await browser.send(f"{url}/activation")
    assert "推送告警" not in shown(await browser.get("/dashboard/"))


# ── the command ──


async def give_up_all(url: str, folder: Path) -> None:
    """A report on a city of the true present, its one delivery given up; another address that never got it."""
    async with open_city(url, folder, SystemClock()) as city:
        office = await city.office()
        for path in ("a", "b"):
            body = {"department": "FR-MZ", "url": f"http://127.0.0.1:9/{path}"}
            assert (await office.post("/v1/endpoints", json=body)).status_code == 201
            if path == "a":
                await report(city, PLAIN)
        async with city.runtime.database.write() as session:
            await session.execute(update(Delivery).values(status=DeliveryStatus.DEAD, due_at=None))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_command_replays_by_time_and_by_id(kind: str, tmp_path: Path) -> None:
    since = (SystemClock().now() - timedelta(hours=1)).isoformat()
    later = (SystemClock().now() + timedelta(hours=1)).isoformat()
    with new_city(kind, tmp_path) as url:
        run_apart(give_up_all(url, tmp_path))
        environment = {"YILONG_DATABASE_URL": url, "YILONG_SECRET_KEY": SECRET, "YILONG_DATA_DIR": str(tmp_path)}
        runner = CliRunner(env=environment)

        def say(*arguments: str) -> tuple[int, str]:
            from app.settings import get_settings

            get_settings.cache_clear()
            try:
                result = runner.invoke(application, ["redeliver", *arguments])
            finally:
                get_settings.cache_clear()
            return result.exit_code, result.output

        assert say("--since", since) == (0, "已重新排队：1\n")
        assert say("--since", since) == (0, "已重新排队：0\n")
        assert say("--since", since, "--missing", "--department", "FR-JY") == (0, "已重新排队：0\n")
        assert say("--since", since, "--missing") == (0, "已重新排队：1\n")
        assert say("1") == (0, "已重新排队：1\n")
        for wrong in ([], ["1", "--since", since], ["1", "--missing"], ["--since", "gestern"], ["--since", later]):
            code, output = say(*wrong)
            assert (code, "已重新排队" in output) == (2, False), output
