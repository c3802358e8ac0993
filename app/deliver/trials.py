"""What a department's receiver is tried with, and how a right one answers: `conformance` sends it and judges."""

import json
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.audit import SCHEMA_VERSION, to_canonical_json, to_rfc3339
from app.clock import Clock
from app.deliver.send import Message
from app.deliver.signing import TOLERANCE_SECONDS, new_secret
from app.models import new_id

MOST_BODY_BYTES: Final = 20_000
OUT_OF_TIME: Final = timedelta(seconds=2 * TOLERANCE_SECONDS)
CASE: Final = "YL-0000-000000"
DEPARTMENT: Final = "CHECK"
WORDS: Final = "对接检查，请勿办理。Conformance check: nothing to do."


class Wanted(StrEnum):
    """How a right receiver answers."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ECHOED = "echoed"


@dataclass(frozen=True, slots=True)
class Shot:
    """One request of ours; it is signed for `at`."""

    message: Message
    at: datetime
    token: str = ""


@dataclass(slots=True)
class Range:
    """Makes the shots at one address; the valid one is kept, to be sent again."""

    url: str
    secret: str
    clock: Clock
    first: Message | None = None

    def valid(self) -> Shot:
        shot = self._shot("assignment.created", seq=7)
        self.first = shot.message
        return shot

    def again(self) -> Shot:
        return Shot(self.first or self.valid().message, self.clock.now())

    def earlier(self) -> Shot:
        return self._shot("assignment.created", seq=3)

    def challenge(self) -> Shot:
        token = randomness.token_urlsafe(24)
        shot = self._shot("endpoint.challenge", seq=0, data={"challenge": token, "department": DEPARTMENT})
        return Shot(shot.message, shot.at, token)

    def rotated(self) -> Shot:
        return self._shot("assignment.created", secrets=(new_secret(), self.secret))

    def unknown_type(self) -> Shot:
        return self._shot("example.not_invented_yet", data={"anything": [1, {"else": None}]})

    def unknown_member(self) -> Shot:
        return self._shot("assignment.created", data=_data() | {"not_invented_yet": {"any": "thing"}})

    def largest(self) -> Shot:
        data = _data()
        report = data["reports"][0]
        room = MOST_BODY_BYTES - len(self._body("assignment.created", 7, data).encode())
        report["text"] += "长" * (room // len("长".encode()))
        return self._shot("assignment.created", data=data)

    def foreign(self) -> Shot:
        return self._shot("assignment.created", secrets=(new_secret(),))

    def unsigned(self) -> Shot:
        return self._shot("assignment.created", secrets=())

    def stale(self) -> Shot:
        return self._shot("assignment.created", at=self.clock.now() - OUT_OF_TIME)

    def ahead(self) -> Shot:
        return self._shot("assignment.created", at=self.clock.now() + OUT_OF_TIME)

    def _shot(
        self,
        event_type: str,
        *,
        seq: int = 7,
        data: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] | None = None,
        at: datetime | None = None,
    ) -> Shot:
        body = self._body(event_type, seq, _data() if data is None else data)
        signing = (self.secret,) if secrets is None else secrets
        return Shot(Message(json.loads(body)["id"], self.url, signing, body.encode()), at or self.clock.now())

    def _body(self, event_type: str, seq: int, data: Mapping[str, Any]) -> str:
        now = to_rfc3339(self.clock.now())
        head = {"type": event_type, "timestamp": now, "id": new_id(), "seq": seq, "schema_version": SCHEMA_VERSION}
        return to_canonical_json(head | {"data": dict(data)})


def _data() -> dict[str, Any]:
    """The `data` of an invented assignment that says what it is."""
    return {
        "case": {
            "number": CASE,
            "status": "dispatched",
            "category": "municipal_district",
            "route": "assignment",
            "burden_types": [],
            "urgency": "normal",
            "opened_on": "2000-01-01",
        },
        "assignment": {
            "id": "conformance-check",
            "kind": "assignment",
            "role": "lead",
            "status": "dispatched",
            "department": DEPARTMENT,
            "on_behalf_of": [],
            "obligation": WORDS,
            "due_at": "2000-01-31T18:00:00+08:00",
            "due_provisional": False,
            "paused_until": None,
            "extension": None,
            "version": 1,
        },
        "reports": [{"title": None, "text": WORDS}],
    }


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try: what a right receiver does, and what to do where this one does not."""

    zh: str
    en: str
    wanted: Wanted
    shoot: Callable[[Range], Shot]
    remedy: tuple[str, str]


TRIALS: Final = (
    Trial("回应验证", "echoes the challenge", Wanted.ECHOED, Range.challenge, (
        '对 endpoint.challenge 回 2xx 和 {"challenge": data.challenge 的值}。',
        'Answer endpoint.challenge with 2xx and {"challenge": the value of data.challenge}.')),
    Trial("接受正确的签名", "accepts a valid signature", Wanted.ACCEPTED, Range.valid, (
        "核对密钥；对收到的原始字节验签；办理放到应答之后。",
        "Check the secret; verify the raw bytes; answer first, work afterwards.")),
    Trial("重复到达的照样回 2xx", "accepts a repeated event quietly", Wanted.ACCEPTED, Range.again, (
        "记下 webhook-id；办过的回 2xx，不再办。",
        "Remember each webhook-id; answer a known one with 2xx and do nothing.")),
    Trial("晚到的旧事件照收", "tolerates events out of order", Wanted.ACCEPTED, Range.earlier, (
        "seq 比收过的小也回 2xx；以 seq 和 version 决定是否采用。",
        "Answer a smaller seq with 2xx too; seq and version tell whether it still counts.")),
    Trial("两个签名有一个对就接受", "accepts one valid signature of two", Wanted.ACCEPTED, Range.rotated, (
        "webhook-signature 按空格拆开逐个比对：换密钥时会有两个。",
        "Split webhook-signature at spaces and try each: there are two while a secret is rotated.")),
    Trial("不认识的类型回 2xx", "accepts unknown types", Wanted.ACCEPTED, Range.unknown_type, (
        "类型会增加：不认识的回 2xx，不办。",
        "Types are added: answer those you do not know with 2xx and do nothing.")),
    Trial("不认识的成员不妨碍", "ignores unknown members", Wanted.ACCEPTED, Range.unknown_member, (
        "成员会增加：忽略不认识的。", "Members are added: ignore those you do not know.")),
    Trial("收得下 20 kB", "takes 20 kB", Wanted.ACCEPTED, Range.largest, (
        "放宽请求体大小限制（反向代理也要看），并按字节读完 Content-Length。",
        "Raise the limit of request bodies, the proxy's too, and read Content-Length bytes to the end.")),
    Trial("拒绝别的密钥", "refuses another secret's signature", Wanted.REFUSED, Range.foreign, (
        "验签不过就回 401:现在谁都可以冒充一龙。",
        "Answer 401 where the signature does not match: now anybody can pose as Yilong.")),
    Trial("拒绝没有签名的", "refuses what is not signed", Wanted.REFUSED, Range.unsigned, (
        "没有签名就回 401。", "Answer 401 where there is no signature.")),
    Trial("拒绝十分钟前的", "refuses what was signed ten minutes ago", Wanted.REFUSED, Range.stale, (
        "webhook-timestamp 相差超过 5 分钟回 401，否则旧消息可以重放。",
        "Answer 401 where webhook-timestamp is over 5 minutes away, or old messages can be replayed.")),
    Trial("拒绝十分钟后的", "refuses what is signed for ten minutes ahead", Wanted.REFUSED, Range.ahead, (
        "时间超前的也回 401；服务器与标准时间同步。",
        "Answer 401 to what is ahead of time too; keep the clock in step.")),
)  # fmt: skip
