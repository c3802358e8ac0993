"""Group robots of WeCom, DingTalk and Feishu: what is posted, how it is signed, what an answer means. Pure.

Sources: the vendors' documents, WeCom's and DingTalk's in copies of 2026.
WeCom (developer.work.weixin.qq.com/document/path/91770): text up to 2048 bytes, 20 a minute, key in the address.
DingTalk (open.dingtalk.com, 自定义机器人接入, 安全设置): 20 a minute, else ten minutes of silence and 130101;
`sign` is HMAC-SHA256 keyed by the secret over milliseconds, a line break and the secret, in the address.
Feishu (open.feishu.cn, 自定义机器人使用指南): 100 a minute and 5 a second, else code 11232; up to 20 kB; `sign` is
HMAC-SHA256 keyed by seconds, a line break and the secret, over nothing, in the body.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus

from app.deliver.channels import Robot
from app.deliver.notices import Letter
from app.deliver.send import Call, Fault, Outcome
from app.vocabulary import Channel

JSON_TYPE: Final = "application/json; charset=utf-8"
A_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a vendor documents.

    Attributes:
        codes: the members of an answer that may hold the code, first found counts; 0 is good.
        limited: codes that mean too many messages; `rest` is how long to keep quiet then.
        busy: codes that mean a defect on the vendor's side.
        most_bytes: of one message's text.
    """

    codes: tuple[str, ...]
    limited: frozenset[int]
    rest: timedelta
    most_bytes: int
    busy: frozenset[int] = frozenset({-1})


VENDORS: Final[Mapping[Channel, Vendor]] = {
    Channel.WECOM: Vendor(("errcode",), frozenset({45009}), A_MINUTE, 2048),
    Channel.DINGTALK: Vendor(("errcode",), frozenset({130101}), timedelta(minutes=10), 18_000),
    # Older robots of Feishu answer StatusCode.
    Channel.FEISHU: Vendor(("code", "StatusCode"), frozenset({11232}), A_MINUTE, 18_000),
}


def robot_call(channel: Channel, robot: Robot, letter: Letter, now: datetime) -> Call:
    """The request that writes one letter into the robot's group, signed for `now` where it has a secret."""
    text = letter.text(VENDORS[channel].most_bytes)
    url = robot.url
    content: dict[str, Any] = {"msgtype": "text", "text": {"content": text}}
    if channel is Channel.FEISHU:
        content = {"msg_type": "text", "content": {"text": text}}
        if robot.sign_secret:
            seconds = str(int(now.timestamp()))
            content |= {"timestamp": seconds, "sign": sign_feishu(robot.sign_secret, seconds)}
    elif channel is Channel.DINGTALK and robot.sign_secret:
        milliseconds = str(int(now.timestamp() * 1000))
        sign = quote_plus(sign_dingtalk(robot.sign_secret, milliseconds))
        url += f"{'&' if '?' in url else '?'}timestamp={milliseconds}&sign={sign}"
    body = json.dumps(content, ensure_ascii=False).encode()
    return Call(url=url, body=body, headers=(("Content-Type", JSON_TYPE), ("Idempotency-Key", letter.id)))


def sign_dingtalk(secret: str, milliseconds: str) -> str:
    """Base64 of HMAC-SHA256 over `milliseconds`, a line break and the secret, keyed by the secret."""
    digest = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def sign_feishu(secret: str, seconds: str) -> str:
    """Base64 of HMAC-SHA256 over nothing, keyed by `seconds`, a line break and the secret."""
    digest = hmac.digest(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256)
    return base64.b64encode(digest).decode()


def judge_robot(channel: Channel, outcome: Outcome) -> Outcome:
    """What an attempt has come to: robots answer 200 and say in the body what is wrong."""
    vendor = VENDORS[channel]
    if outcome.http_status == 429:
        return replace(outcome, fault=Fault.LIMITED, rest=outcome.retry_after or vendor.rest)
    if not outcome.delivered:
        return outcome
    code = _code_of(outcome.answer, vendor)
    if code == 0:
        return outcome
    if code is None:
        # Not a robot's answer: a gate in between, or an address that is none of theirs.
        return replace(outcome, fault=Fault.UNREADABLE, alive=False)
    if code in vendor.limited:
        return replace(outcome, fault=Fault.LIMITED, retry_after=vendor.rest, rest=vendor.rest)
    return replace(outcome, fault=Fault.DECLINED, alive=code not in vendor.busy)


def _code_of(answer: str | None, vendor: Vendor) -> int | None:
    try:
        members = json.loads(answer or "")
    except ValueError:
        return None
    if not isinstance(members, dict):
        return None
    found = (members[name] for name in vendor.codes if name in members)
    code = next(found, None)
    return code if isinstance(code, int) and not isinstance(code, bool) else None
