"""Letters over robots and gateways, against real servers that check them as the vendors document; and failures."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from app.clock import FixedClock
from app.deliver.channels import Robot
from app.deliver.gateway import Gateway, gateway_call
from app.deliver.guard import Guard
from app.deliver.messenger import Messenger
from app.deliver.notices import Letter, Line
from app.deliver.robots import sign_dingtalk, sign_feishu
from app.deliver.send import Fault, Outcome
from app.vocabulary import Channel
from tests.chaos.departments import BadTls
from tests.deliver.factories import LOOPBACK
from tests.receiver import Answer, DepartmentReceiver
from tests.robots import RobotGroup, refusal

SECRET = "SEC7c1f0a"
HERE = "https://yilong.test"
VENDORS = [Channel.WECOM, Channel.DINGTALK, Channel.FEISHU]


def letter(clock: FixedClock, *, events: int = 1) -> Letter:
    lines = (Line(f"YL-2026-{n:06d}", "交办", "3月23日到期", f"{HERE}/v1/cases/YL-2026-{n:06d}") for n in range(events))
    return Letter("0123456789abcdef0123456789abcdef", '芙蓉区"民政局"', clock.now(), tuple(lines))


@asynccontextmanager
async def messenger(guard: Guard = LOOPBACK) -> AsyncIterator[Messenger]:
    opened = Messenger(guard, HERE, total_seconds=1.0)
    yield opened
    await opened.aclose()


async def say(group: RobotGroup, clock: FixedClock, *, secret: str | None = None, events: int = 1) -> Outcome:
    channel = Channel(group.vendor)
    robot = Robot(group.url, group.sign_secret if secret is None else secret)
    async with messenger() as opened:
        return await opened.send(channel, robot, letter(clock, events=events), clock.now())


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_robot_takes_the_signed_letter_and_its_group_reads_it(vendor: Channel, clock: FixedClock) -> None:
    sign_secret = "" if vendor is Channel.WECOM else SECRET
    with RobotGroup(vendor, clock=clock, sign_secret=sign_secret) as group:
        outcome = await say(group, clock)
        assert (outcome.delivered, outcome.http_status, outcome.answered) == (True, 200, True)
        assert group.texts == [letter(clock).text()]
        assert group.requests[0].headers["idempotency-key"] == letter(clock).id


@pytest.mark.parametrize("vendor", [Channel.DINGTALK, Channel.FEISHU])
@pytest.mark.parametrize("secret", ["", "SEC-of-another-group"])
async def test_a_wrong_signature_is_declined_and_the_robot_is_alive(
    vendor: Channel, secret: str, clock: FixedClock
) -> None:
    with RobotGroup(vendor, clock=clock, sign_secret=SECRET) as group:
        outcome = await say(group, clock, secret=secret)
        assert group.texts == []
    assert (outcome.fault, outcome.http_status, outcome.answered, outcome.final) == (Fault.DECLINED, 200, True, False)
    assert "sign not match" in (outcome.answer or "")


def test_signatures_are_made_over_what_the_vendors_document() -> None:
    dingtalk = hmac.new(b"this is secret", b"1577262236757\nthis is secret", hashlib.sha256).digest()
    assert sign_dingtalk("this is secret", "1577262236757") == base64.b64encode(dingtalk).decode()
    feishu = hmac.new(b"1599360473\ndemo", b"", hashlib.sha256).digest()
    assert sign_feishu("demo", "1599360473") == base64.b64encode(feishu).decode()


@pytest.mark.parametrize(
    ("vendor", "code", "rest"),
    [
        (Channel.WECOM, 45009, timedelta(minutes=1)),
        (Channel.DINGTALK, 130101, timedelta(minutes=10)),
        (Channel.FEISHU, 11232, timedelta(minutes=1)),
    ],
)
async def test_too_many_messages_means_silence_for_as_long_as_the_vendor_asks(
    vendor: Channel, code: int, rest: timedelta, clock: FixedClock
) -> None:
    with RobotGroup(vendor, clock=clock) as group:
        group.script(Answer(200, refusal(vendor, code).body), Answer(429, headers={"Retry-After": "90"}), Answer(429))
        by_code, by_status, unsaid = [await say(group, clock) for _ in range(3)]
    assert (by_code.fault, by_code.rest, by_code.retry_after) == (Fault.LIMITED, rest, rest)
    assert (by_status.fault, by_status.rest) == (Fault.LIMITED, timedelta(seconds=90))
    assert (unsaid.fault, unsaid.rest) == (Fault.LIMITED, rest)


@pytest.mark.parametrize(
    ("vendor", "answer", "fault", "alive"),
    [
        (Channel.WECOM, b'{"errcode":93000,"errmsg":"invalid webhook url"}', Fault.DECLINED, True),
        (Channel.WECOM, b'{"errcode":-1,"errmsg":"system busy"}', Fault.DECLINED, False),
        (Channel.FEISHU, b'{"code":19024,"msg":"Key Words Not Found"}', Fault.DECLINED, True),
        (Channel.FEISHU, b'{"StatusCode":0,"StatusMessage":"success"}', None, True),
        (Channel.FEISHU, b'{"code":9499,"msg":"Bad Request","StatusCode":0}', Fault.DECLINED, True),
        (Channel.DINGTALK, b"<html>login</html>", Fault.UNREADABLE, False),
        (Channel.DINGTALK, b'{"errmsg":"ok"}', Fault.UNREADABLE, False),
        (Channel.DINGTALK, b'{"errcode":false}', Fault.UNREADABLE, False),
        (Channel.DINGTALK, b"[0]", Fault.UNREADABLE, False),
        (Channel.DINGTALK, b"", Fault.UNREADABLE, False),
    ],
)
async def test_a_robots_two_hundred_is_judged_by_the_code_in_it(
    vendor: Channel, answer: bytes, fault: Fault | None, alive: bool, clock: FixedClock
) -> None:
    with RobotGroup(vendor, clock=clock) as group:
        group.script(Answer(200, answer))
        outcome = await say(group, clock)
    assert (outcome.fault, outcome.answered) == (fault, alive)


@pytest.mark.parametrize(
    ("answer", "fault", "alive"),
    [
        (Answer(instead="hang"), Fault.TIMEOUT, False),
        (Answer(instead="reset"), Fault.BROKEN, False),
        (Answer(500), Fault.STATUS, False),
        (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), Fault.REDIRECT, False),
        (Answer(410), Fault.GONE, True),
    ],
)
async def test_what_befalls_a_webhook_befalls_a_robot_too(
    answer: Answer, fault: Fault, alive: bool, clock: FixedClock
) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        group.script(answer)
        outcome = await say(group, clock)
    assert (outcome.fault, outcome.answered) == (fault, alive)


async def test_a_certificate_that_nobody_vouches_for_gets_no_letter(clock: FixedClock) -> None:
    async with BadTls() as tls, messenger() as opened:
        outcome = await opened.send(Channel.DINGTALK, Robot(tls.url), letter(clock), clock.now())
        assert tls.requests == 0
    assert outcome.fault is Fault.TLS


async def test_the_guard_holds_for_robots(clock: FixedClock) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        async with messenger(Guard()) as opened:
            outcome = await opened.send(Channel.WECOM, Robot(group.url), letter(clock), clock.now())
        assert group.connections == 0
    assert outcome.fault is Fault.REFUSED


async def test_a_long_letter_keeps_to_the_vendors_bound(clock: FixedClock) -> None:
    with RobotGroup("wecom", clock=clock) as group:
        assert (await say(group, clock, events=60)).delivered
        [text] = group.texts
    assert len(text.encode()) <= 2048
    assert text.splitlines()[0].endswith("60项")


# ── text messages ──


def gateway(url: str, **fields: object) -> Gateway:
    plain = Gateway(url, "POST", (), '{"to":"{to}","sign":"一龙","text":"{text}"}', ("13800138000", "13900139000"), "")
    return replace(plain, **fields)  # type: ignore[arg-type]


async def test_a_template_is_filled_so_that_no_value_can_break_out_of_it(clock: FixedClock) -> None:
    told = letter(clock, events=2)
    with DepartmentReceiver(clock=clock) as receiver:
        form = (("Content-Type", "application/x-www-form-urlencoded"), ("X-Key", "k1"))
        ways = [
            gateway(receiver.url + "?who={department}"),
            gateway(receiver.url, headers=form, body="to={to}&text={text}&n={count}"),
            gateway(receiver.url + "?text={text}&id={id}", method="GET", body=""),
            gateway(receiver.url, headers=(("Content-Type", "text/xml"),), body="<t>{department}</t>"),
        ]
        async with messenger() as opened:
            for way in ways:
                assert (await opened.send(Channel.SMS, way, told, clock.now())).delivered
        as_json, as_form, as_query, as_xml = receiver.requests
    assert parse_qs(urlsplit(as_json.path).query) == {"who": ['芙蓉区"民政局"']}
    assert json.loads(as_json.body) == {"to": "13800138000,13900139000", "sign": "一龙", "text": told.text()}
    assert parse_qs(as_form.body.decode()) == {
        "to": ["13800138000,13900139000"], "text": [told.text()], "n": ["2"],
    }  # fmt: skip
    assert as_form.headers["x-key"] == "k1"
    assert (as_query.method, as_query.body) == ("GET", b"")
    assert parse_qs(urlsplit(as_query.path).query) == {"text": [told.text()], "id": [told.id]}
    assert as_xml.body.decode() == "<t>芙蓉区&quot;民政局&quot;</t>"
    assert {request.headers["idempotency-key"] for request in receiver.requests} == {told.id}


def test_a_template_that_takes_no_list_is_told_of_all_that_is_in_the_letter(clock: FixedClock) -> None:
    body = '{"number":"{number}","stage":"{stage}","due":"{due}","count":{count},"link":"{link}"}'
    call = gateway_call(gateway("https://sms.example.cn/", body=body), letter(clock, events=2))
    assert json.loads(call.body) == {
        "number": "YL-2026-000000、YL-2026-000001", "stage": "交办", "due": "3月23日到期", "count": 2,
        "link": f"{HERE}/v1/cases/YL-2026-000000",
    }  # fmt: skip


def test_a_text_that_would_make_an_address_too_long_is_cut_with_what_is_left_out_counted(clock: FixedClock) -> None:
    way = gateway("https://sms.example.cn/send?key=0123456789abcdef&to={to}&text={text}", method="GET", body="")
    one, nine = (gateway_call(way, letter(clock, events=n)).url for n in (1, 9))
    assert parse_qs(urlsplit(one).query)["text"] == [letter(clock).text()]
    assert len(nine) <= 1000
    [text] = parse_qs(urlsplit(nine).query)["text"]
    assert text.splitlines()[0].endswith("9项")
    assert re.fullmatch(r"……另有[1-8]项", text.splitlines()[-1])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(b'{"code":0}', None), (b'{"code":17,"message":"no balance"}', Fault.DECLINED), (b"", Fault.DECLINED)],
)
async def test_a_gateways_answer_must_say_what_is_expected_of_it(
    answer: bytes, fault: Fault | None, clock: FixedClock
) -> None:
    with DepartmentReceiver(clock=clock) as receiver:
        receiver.script(Answer(200, answer), Answer(503, b'{"code":0}'))
        way = gateway(receiver.url, expects='"code":0')
        async with messenger() as opened:
            outcomes = [await opened.send(Channel.SMS, way, letter(clock), clock.now()) for _ in range(2)]
    assert [outcome.fault for outcome in outcomes] == [fault, Fault.STATUS]
