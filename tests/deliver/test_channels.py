"""Channels as they are described, kept and shown: what cannot work is refused, what is secret is sealed, not shown."""

from typing import Any

import pytest

from app.deliver.channels import (
    BadChannel,
    Described,
    Mailboxes,
    Robot,
    open_config,
    read_config,
    seal_config,
    shown,
)
from app.deliver.gateway import Gateway
from app.deliver.guard import AddressRefused, Guard, UrlRefused
from app.problems import InvalidInput
from app.sealing import SealBroken
from app.vocabulary import Channel
from tests.deliver.factories import SEALER

DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef0123456789abcdef"
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/0a1b2c3d-0000-1111-2222-33334444abcd"
SMS = "https://sms.example.cn/v1/send?appkey=0123456789abcdef&to={to}"
TEMPLATE = '{"mobile": "{to}", "content": "{text}"}'


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"channel": Channel.EMAIL, "to": ["mz@furong.gov.cn", "mz@furong.gov.cn", "b.c+d@e.cn"]},
            Mailboxes(("mz@furong.gov.cn", "b.c+d@e.cn")),
        ),
        ({"channel": Channel.DINGTALK, "url": DINGTALK, "sign_secret": "SEC0f"}, Robot(DINGTALK, "SEC0f")),
        ({"channel": Channel.FEISHU, "url": FEISHU}, Robot(FEISHU)),
        (
            {"channel": Channel.WECOM, "url": "https://im.city.gov.cn/send?key=1"},
            Robot("https://im.city.gov.cn/send?key=1"),
        ),
        (
            {"channel": Channel.SMS, "url": SMS, "to": ["13800138000"], "body": TEMPLATE, "headers": {"X-Key": "k"}},
            Gateway(SMS, "POST", (("X-Key", "k"),), TEMPLATE, ("13800138000",), ""),
        ),
    ],
)
def test_what_is_described_is_kept_sealed_and_opened_again(fields: dict[str, Any], expected: object) -> None:
    described = Described(**fields)
    config = read_config(described, Guard())
    assert config == expected
    sealed = seal_config(SEALER, "e1", config)
    assert b"access_token" not in sealed
    assert open_config(SEALER, "e1", described.channel, sealed) == config
    with pytest.raises(SealBroken):
        open_config(SEALER, "e2", described.channel, sealed)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel": Channel.EMAIL}, "to"),
        ({"channel": Channel.EMAIL, "to": ["no mailbox"]}, "to"),
        ({"channel": Channel.EMAIL, "to": ["a@b.cn\r\nRCPT TO:<x@y.cn>"]}, "to"),
        ({"channel": Channel.EMAIL, "to": ["a@b.cn>"]}, "to"),
        ({"channel": Channel.EMAIL, "to": [f"a{n}@b.cn" for n in range(21)]}, "to"),
        ({"channel": Channel.DINGTALK}, "url"),
        ({"channel": Channel.WECOM, "url": DINGTALK, "sign_secret": "SEC0f"}, "sign_secret"),
        ({"channel": Channel.FEISHU, "url": FEISHU, "sign_secret": "with blank"}, "sign_secret"),
        ({"channel": Channel.SMS, "url": SMS, "body": "{text} {reporter}"}, "body"),
        ({"channel": Channel.SMS, "url": "https://{department}/send"}, "url"),
        ({"channel": Channel.SMS, "url": SMS, "method": "DELETE"}, "method"),
        ({"channel": Channel.SMS, "url": SMS, "headers": {"Host": "elsewhere"}}, "headers"),
        ({"channel": Channel.SMS, "url": SMS, "headers": {"X-Key": "a\r\nX-Other: b"}}, "headers"),
        ({"channel": Channel.SMS, "url": SMS, "headers": {"Bad Name": "b"}}, "headers"),
        ({"channel": Channel.SMS, "url": SMS, "to": ["138 0013 8000"]}, "to"),
    ],
)
def test_what_could_reach_nobody_is_refused_by_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadChannel) as caught:
        read_config(Described(**fields), Guard())
    assert [error["field"] for error in caught.value.errors or []] == [field]
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("ftp://a.cn/x", UrlRefused),
        ("http://10.0.0.1/robot/send?access_token=1", AddressRefused),
        ("http://169.254.169.254/latest/", AddressRefused),
        ("http://127.1/{to}", AddressRefused),
    ],
)
def test_no_channel_goes_where_webhooks_may_not(url: str, refusal: type[InvalidInput]) -> None:
    with pytest.raises(refusal):
        read_config(Described(channel=Channel.SMS, url=url), Guard())


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Mailboxes(("a@b.cn", "c@d.cn")), "mailto:a@b.cn,c@d.cn"),
        (Robot(DINGTALK, "SEC0f"), "https://oapi.dingtalk.com/robot/send?access_token=…cdef"),
        (Robot(FEISHU), "https://open.feishu.cn/open-apis/bot/v2/hook/…abcd"),
        (Robot("https://im.city.gov.cn/send?key=short"), "https://im.city.gov.cn/send?key=…"),
        (
            Gateway(SMS, "POST", (("Authorization", "Bearer 1"),), TEMPLATE, (), ""),
            "https://sms.example.cn/v1/send?appkey=…cdef&to=…",
        ),
    ],
)
def test_what_is_shown_of_a_channel_holds_no_key(config: Mailboxes | Robot | Gateway, expected: str) -> None:
    assert shown(config) == expected
