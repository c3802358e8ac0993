"""What a channel needs to reach people: mailboxes, a group robot, a text message gateway; read, sealed, opened. Pure.

All of it is a secret: whoever has a robot's address can write to its group. `shown` is what may be seen of it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.deliver.gateway import FIELDS, METHODS, Gateway, fields_of, is_sendable_header
from app.deliver.guard import MAX_URL_LENGTH, Guard
from app.deliver.keyring import place_of
from app.problems import InvalidInput
from app.sealing import SealBroken, Sealer
from app.vocabulary import Channel

ROBOTS: Final = frozenset({Channel.WECOM, Channel.DINGTALK, Channel.FEISHU})
SIGNING: Final = frozenset({Channel.DINGTALK, Channel.FEISHU})
MOST_MAILBOXES: Final = 20
LONGEST_BODY: Final = 4000
MOST_HEADERS: Final = 20
SHOWN_CHARACTERS: Final = 4
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
_PRINTABLE = re.compile(r"[!-~]{1,200}")


class BadChannel(InvalidInput):
    """A channel that could not reach anybody as it is described; `errors` names each field."""

    code = "bad_channel"
    title_zh, title_en = "通知渠道填写有误", "The channel is not described rightly"


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """E-mail goes to all of them."""

    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Robot:
    """A group robot: its whole address as the vendor shows it, on any host; `sign_secret` empty where unsigned."""

    url: str = field(repr=False)
    sign_secret: str = field(default="", repr=False)


Config = Mailboxes | Robot | Gateway


@dataclass(frozen=True, slots=True)
class Described:
    """A channel as somebody describes it; what the channel does not need stays empty."""

    channel: Channel
    url: str = ""
    to: Sequence[str] = ()
    sign_secret: str = ""
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    expects: str = ""


def read_config(described: Described, guard: Guard) -> Config:
    """What the channel needs, checked as far as text tells.

    Raises BadChannel; UrlRefused or AddressRefused where nothing may be sent to that address.
    """
    faults = list(_faults(described))
    if faults:
        zh = "通知渠道填写有误：" + ";".join(f["zh"] for f in faults) + "。"
        raise BadChannel(zh, "Mend the channel: " + "; ".join(f["en"] for f in faults) + ".", errors=faults)
    if described.channel is Channel.EMAIL:
        return Mailboxes(tuple(dict.fromkeys(described.to)))
    if described.channel in ROBOTS:
        guard.check_url(described.url)
        return Robot(described.url, described.sign_secret)
    gateway = Gateway(
        described.url,
        described.method,
        tuple(described.headers.items()),
        described.body,
        tuple(described.to),
        described.expects,
    )
    # The address is judged as it will be called: its host must not be a field.
    guard.check_url(gateway.sample_url)
    return gateway


def _fault(field_name: str, zh: str, en: str) -> dict[str, str]:
    return {"field": field_name, "zh": zh, "en": en}


def _faults(described: Described) -> list[dict[str, str]]:
    if described.channel is Channel.EMAIL:
        return _faults_of_mailboxes(described)
    faults = []
    if not 0 < len(described.url) <= MAX_URL_LENGTH:
        faults.append(_fault("url", "请填写地址，不超过 1000 个字符", "give the address, 1000 characters at most"))
    if described.channel in ROBOTS:
        return faults + _faults_of_robot(described)
    return faults + _faults_of_gateway(described)


def _faults_of_mailboxes(described: Described) -> list[dict[str, str]]:
    good = all(_MAILBOX.fullmatch(mailbox) and ".." not in mailbox for mailbox in described.to)
    if good and 0 < len(described.to) <= MOST_MAILBOXES:
        return []
    return [_fault("to", "请填写 1 至 20 个电子邮箱", "give 1 to 20 e-mail addresses")]


def _faults_of_robot(described: Described) -> list[dict[str, str]]:
    if not described.sign_secret:
        return []
    if described.channel not in SIGNING:
        return [_fault("sign_secret", "企业微信机器人不加签，请留空", "WeCom robots do not sign; leave it out")]
    if not _PRINTABLE.fullmatch(described.sign_secret):
        return [_fault("sign_secret", "加签密钥格式不对，请照机器人设置页原样复制", "copy the secret as it is shown")]
    return []


def _faults_of_gateway(described: Described) -> list[dict[str, str]]:
    faults = []
    if described.method not in METHODS:
        faults.append(_fault("method", "请求方法须为 GET、POST 或 PUT", "the method is GET, POST or PUT"))
    if "{" in described.url.partition("://")[2].partition("/")[0]:
        faults.append(_fault("url", "主机名中不能有字段", "the host's name holds no fields"))
    if len(described.body) > LONGEST_BODY:
        faults.append(_fault("body", "正文模板不超过 4000 个字符", "the body has 4000 characters at most"))
    unknown = [name for name in fields_of(described.url + described.body) if name not in FIELDS]
    if unknown:
        known = " ".join(f"{{{name}}}" for name in FIELDS)
        faults.append(_fault("body", f"模板中有未知的字段，可用的是 {known}", f"the fields of a template are {known}"))
    if len(described.headers) > MOST_HEADERS or not all(map(is_sendable_header, described.headers.items())):
        faults.append(_fault("headers", "请求头名称或内容不能使用", "a header's name or value cannot be used"))
    if not all(_PRINTABLE.fullmatch(number) for number in described.to) or len(described.to) > MOST_MAILBOXES:
        faults.append(_fault("to", "手机号码不超过 20 个，不含空格", "20 numbers at most, without blanks"))
    return faults


# ── kept ──


def seal_config(sealer: Sealer, endpoint_id: str, config: Config) -> bytes:
    """Encrypt what a channel needs, bound to its address."""
    return sealer.seal(json.dumps(asdict(config)).encode(), place_of(endpoint_id))


def open_config(sealer: Sealer, endpoint_id: str, channel: Channel, sealed: bytes) -> Config:
    """What a channel needs; raises SealBroken."""
    plain = sealer.open(sealed, place_of(endpoint_id))
    try:
        kept = json.loads(plain)
        if channel is Channel.EMAIL:
            return Mailboxes(tuple(kept["to"]))
        if channel in ROBOTS:
            return Robot(**kept)
        headers = tuple((name, value) for name, value in kept.pop("headers"))
        return Gateway(headers=headers, to=tuple(kept.pop("to")), **kept)
    except (ValueError, KeyError, TypeError) as error:
        raise SealBroken from error


# ── shown ──


def shown(config: Config) -> str:
    """What may be seen of a channel: mailboxes, or an address of which each secret keeps its last characters."""
    if isinstance(config, Mailboxes):
        return ("mailto:" + ",".join(config.to))[:MAX_URL_LENGTH]
    parts = urlsplit(config.url)
    path = "/".join(_cover(part) if len(part) >= 16 else part for part in parts.path.split("/"))
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{name}={_cover(value)}" if mark else _cover(name) for name, mark, value in pairs)
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")


def _cover(secret: str) -> str:
    return "…" + secret[-SHOWN_CHARACTERS:] if len(secret) > 2 * SHOWN_CHARACTERS else "…"
