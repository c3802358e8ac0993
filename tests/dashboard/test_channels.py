"""Channels to people on the page of addresses: registered, tried, and no key shown again."""

from app.clock import FixedClock
from app.dashboard import labels
from app.deliver.send import Fault
from app.models import Channel, Role
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, shown
from tests.robots import RobotGroup

PAGE = "/dashboard/endpoints"
REGISTER = f"{PAGE}/channels"


async def test_a_group_is_registered_and_gets_a_test_message(city: CityUnderTest, clock: FixedClock) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    await browser.get(PAGE)
    with RobotGroup("dingtalk", clock=clock, sign_secret="SEC7c1f0a") as group:
        fields = {"department": "芙蓉区民政局", "channel": "dingtalk", "url": group.url, "office_hours": "yes"}
        for secret in ("SEC-wrong", "SEC7c1f0a"):
            await browser.get(PAGE)
            await browser.send(REGISTER, fields | {"sign_secret": secret})
            page = await browser.follow()
            assert "已登记芙蓉区民政局的钉钉群" in shown(page)
            assert "…7c1f" in page.text
            for hidden in ("a-secret-of-the-group", secret):
                assert hidden not in page.text
        made = (await (await city.office()).get("/v1/endpoints")).json()
        for endpoint, said in zip(made, ("测试消息没有送达：200 对方拒收，见其回答", "测试消息已送达"), strict=True):
            await browser.send(f"{PAGE}/{endpoint['id']}/test-message")
            assert said in shown(await browser.follow())
        assert len(group.texts) == 1


async def test_what_is_wrong_with_a_channel_is_said_and_what_was_typed_stays(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    for fields, said in (
        ({"department": "没有", "channel": "email", "to": "a@b.cn"}, "请从列表中选择部门。"),
        ({"department": "FR-MZ", "channel": "webhook"}, "请选择通知渠道。"),
        ({"department": "FR-MZ", "channel": "email", "to": "a@b.cn，坏邮箱"}, "请填写 1 至 20 个电子邮箱"),
        ({"department": "FR-MZ", "channel": "email", "to": "a@b.cn"}, "本系统没有配置邮件服务器"),
        ({"department": "FR-MZ", "channel": "sms", "url": "http://127.0.0.1:9/", "headers": "坏"}, "请求头每行一个"),
    ):
        await browser.get(PAGE)
        answer = await browser.send(REGISTER, fields)
        assert (answer.status_code, said in shown(answer)) == (422, True), shown(answer)
        if "to" in fields:
            assert f'value="{fields["to"]}"' in answer.text
    assert (await (await city.office()).get("/v1/endpoints")).json() == []


async def test_a_gateway_is_registered_with_its_template_and_headers(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    await browser.get(PAGE)
    fields = {
        "department": "FR-MZ", "channel": "sms", "to": "13800138000, 13900139000", "method": "PUT",
        "url": "http://127.0.0.1:9/send?key=0123456789abcdef", "headers": "X-Key: k1\nContent-Type: application/json",
        "body": '{"to":"{to}","text":"{text}"}', "expects": "ok",
    }  # fmt: skip
    await browser.send(REGISTER, fields)
    assert "已登记芙蓉区民政局的短信" in shown(await browser.follow())
    [made] = (await (await city.office()).get("/v1/endpoints")).json()
    assert (made["channel"], made["office_hours"]) == ("sms", False)
    assert made["url"] == "http://127.0.0.1:9/send?key=…cdef"


async def test_only_an_administrator_registers_channels_and_sends_test_messages(city: CityUnderTest) -> None:
    browser = await at_work(city)
    page = await browser.get(PAGE)
    assert REGISTER not in page.text
    token = browser.hidden("/dashboard/sign-out")
    assert (await browser.post(REGISTER, token)).status_code == 403
    assert (await browser.post(f"{PAGE}/x/test-message", token)).status_code == 403


def test_every_channel_and_every_fault_has_its_word() -> None:
    assert labels.CHANNEL.keys() == {channel.value for channel in Channel}
    assert labels.FAULT.keys() == {fault.value for fault in Fault}
