"""What makes sense for a department's system alone is refused for a channel to its people, by the API and by the page.

A channel signs nothing, answers no challenge, and drops nothing by its id. Every route of one address stands in one of
the lists here.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select, update

from app.clock import FixedClock
from app.deliver.endpoints import drop_signing_keys, rotate_secret, rotate_signing_key
from app.models import Delivery, DeliveryStatus, Endpoint, EndpointCheck, Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, report, shown
from tests.robots import RobotGroup

PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
# Method, end of the address, body: for systems alone.
API: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("POST", "challenge", None),
    ("POST", "test", None),
    ("POST", "secret", None),
    ("POST", "secret", {"overlap_hours": 0}),
    ("POST", "signing-key", None),
    ("POST", "signing-key", {"overlap_hours": 0}),
    ("DELETE", "signing-key", None),
)
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("challenge", {}),
    ("test", {}),
    ("secret", {"overlap_hours": "24"}),
    ("secret", {}),
    ("secret/revocation", {"agreed": "yes"}),
    ("signing-key", {"overlap_hours": "24"}),
    ("signing-key/revocation", {"agreed": "yes"}),
    ("signing-key/removal", {"agreed": "yes"}),
)
# For every address, or for channels alone.
OTHERS = {
    ("DELETE", ""), ("POST", "activation"), ("GET", "checks"), ("POST", "test-message"), ("POST", "pause"), ("GET", ""),
    ("POST", "replay"),
}  # fmt: skip
WORDS = "通知渠道没有签名密钥，也不作系统验证。"


def routes_of(routes: Any, start: str) -> Iterator[tuple[str, str]]:
    """Method and end of the address of every route of one address under a start."""
    for route in routes:
        if isinstance(route, APIRoute) and route.path.startswith(f"{start}/endpoints/{{id}}"):
            end = route.path.removeprefix(f"{start}/endpoints/{{id}}").lstrip("/")
            yield from ((method, end) for method in route.methods or ())


async def registered(city: CityUnderTest, channel: str, url: str, sign_secret: str = "") -> str:
    body = {"department": "FR-MZ", "channel": channel, "url": url, "sign_secret": sign_secret}
    made = await (await city.office()).post("/v1/endpoints", json=body)
    assert made.status_code == 201, made.text
    endpoint_id: str = made.json()["id"]
    return endpoint_id


@pytest.fixture
async def channel(city: CityUnderTest, clock: FixedClock) -> str:
    """A group that was told of a report in vain, long ago; another report is from before it was registered."""
    await report(city, PLAIN)
    clock.advance(minutes=1)
    endpoint_id = await registered(city, "wecom", "http://127.0.0.1:9/cgi-bin/webhook/send?key=0123456789abcdef")
    await report(city, "区民政局通知所有社区月底前上墙六块制度牌,牌子自己花钱做。")
    async with city.runtime.database.write() as session:
        await session.execute(update(Delivery).values(status=DeliveryStatus.DEAD, due_at=None))
    return endpoint_id


async def rows(city: CityUnderTest) -> tuple[Any, ...]:
    """All that the routes could change."""
    async with city.runtime.database.read() as session:
        [endpoint] = await session.scalars(select(Endpoint))
        deliveries = list(await session.scalars(select(Delivery).order_by(Delivery.id)))
        checks = await session.scalar(select(func.count()).select_from(EndpointCheck))
        return endpoint.secret, endpoint.confirmed_at, [(d.id, d.status, d.due_at) for d in deliveries], checks


def test_every_route_of_an_address_is_known_to_be_for_all_or_for_systems() -> None:
    from app.api import deliveries, operating
    from app.dashboard import channels, endpoints, signing_keys

    api = {(method, end) for method, end, _ in API}
    found = set(routes_of([*deliveries.router.routes, *operating.router.routes], "/v1")) - OTHERS
    assert found == api
    parts = (endpoints, channels, signing_keys)
    pages = {end for part in parts for method, end in routes_of(part.router.routes, "/dashboard")} - {
        end for _, end in OTHERS
    }
    assert pages == {end for end, _ in PAGES}


async def test_the_api_refuses_for_a_channel_what_is_for_systems(city: CityUnderTest, channel: str) -> None:
    office, before = await city.office(), await rows(city)
    for method, end, body in API:
        answer = await office.request(method, f"/v1/endpoints/{channel}/{end}", json=body)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "not_a_webhook"), (method, end, problem)
        assert problem["detail"].startswith(WORDS)
    english = await office.post(f"/v1/endpoints/{channel}/secret", headers={"Accept-Language": "en"})
    assert "no signing secret and gets no challenge" in english.json()["detail"]
    assert await rows(city) == before
    published = (await office.get("/v1/signing-keys")).json()
    assert [entry["keys"] for entry in published] == [[]]
    assert (await office.get(f"/v1/endpoints/{channel}/checks")).json() == []


async def test_the_page_offers_no_such_thing_and_refuses_it_alike(city: CityUnderTest, channel: str) -> None:
    browser, before = await at_work(city, Role.ADMINISTRATOR), await rows(city)
    url = f"/dashboard/endpoints/{channel}"
    page = await browser.get(url)
    for absent in ("签名密钥", "验证与测试", "通过验证"):
        assert absent not in shown(page)
    assert set(re.findall(rf'action="{url}/([^"]+)"', page.text)) == {"test-message", "pause", "replay"}
    token = {"csrf_token": browser.hidden(f"{url}/pause")["csrf_token"]}
    for end, fields in PAGES:
        answer = await browser.post(f"{url}/{end}", token | fields)
        assert (answer.status_code, WORDS in shown(answer)) == (409, True), (end, shown(answer))
        part = await browser.post(f"{url}/{end}", token | fields, **HTMX)
        assert (part.status_code, WORDS in shown(part), "<html" in part.text) == (409, True, False), end
    assert await rows(city) == before


async def test_the_verbs_themselves_refuse(city: CityUnderTest, channel: str, clock: FixedClock) -> None:
    from app.deliver.endpoints import NotAWebhook

    database, sealer, before = city.runtime.database, city.runtime.sealer, await rows(city)
    for verb in (rotate_secret, rotate_signing_key, drop_signing_keys):
        async with database.write() as session:
            with pytest.raises(NotAWebhook):
                await verb(session, channel, sealer, clock.now())
    assert await rows(city) == before


async def test_what_a_channel_was_not_sent_is_sent_again_all_at_once(
    city: CityUnderTest, channel: str, clock: FixedClock
) -> None:
    office, begun = await city.office(), clock.now() - timedelta(hours=1)
    clock.advance(minutes=1)
    body = {"what": "failed", "since": begun.isoformat()}
    assert (await office.post(f"/v1/endpoints/{channel}/replay", json=body)).json() == {"queued": 1}
    [again] = (await office.get("/v1/deliveries")).json()
    assert again["status"] == "pending"


async def test_one_message_of_a_channel_is_sent_again(city: CityUnderTest, channel: str) -> None:
    [given_up] = (await (await city.office()).get("/v1/deliveries")).json()
    answer = await (await city.office()).post(f"/v1/deliveries/{given_up['id']}/redelivery")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


# ── 发送测试 ──


async def pressed(browser: OfficeBrowser, url: str) -> str:
    """Press 发送测试 on the page of an address, and read where it leads."""
    page = await browser.get(url)
    assert "发送测试" in shown(page)
    await browser.send(f"{url}/test-message")
    assert browser.page.headers["location"] == url
    return shown(await browser.follow())


async def test_the_page_of_a_channel_sends_a_test_message_and_says_what_came_of_it(
    city: CityUnderTest, clock: FixedClock
) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    with RobotGroup("dingtalk", clock=clock, sign_secret="SEC7c1f0a") as group:
        good = f"/dashboard/endpoints/{await registered(city, group.vendor, group.url, group.sign_secret)}"
        assert "测试消息已送达，请在手机或邮箱里查看。" in await pressed(browser, good)
        [text] = group.texts
        assert text.startswith("【一龙】芙蓉区民政局\n测试 测试消息")
        bad = f"/dashboard/endpoints/{await registered(city, group.vendor, group.url, 'SEC-wrong')}"
        said = await pressed(browser, bad)
        assert "测试消息没有送达：200 对方拒收，见其回答" in said
        assert "sign not match" in said
        assert len(group.texts) == 1
    assert "测试消息没有送达：无法连接" in await pressed(browser, good)  # the group is gone
    await browser.get(good)
    answer = await browser.send(f"{good}/test-message", HX_Request="true")
    assert good in answer.headers["hx-location"]


async def test_a_system_gets_no_test_message(city: CityUnderTest) -> None:
    office, browser = await city.office(), await at_work(city, Role.ADMINISTRATOR)
    body = {"department": "FR-MZ", "url": "http://127.0.0.1:9/in"}
    made = (await office.post("/v1/endpoints", json=body)).json()["id"]
    answer = await office.post(f"/v1/endpoints/{made}/test-message")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_has_no_test_message")
    url = f"/dashboard/endpoints/{made}"
    page = await browser.get(url)
    assert f'action="{url}/test-message"' not in page.text
    token = {"csrf_token": browser.hidden(f"{url}/pause")["csrf_token"]}
    refused = await browser.post(f"{url}/test-message", token)
    assert (refused.status_code, "测试消息发给人看" in shown(refused)) == (409, True)
