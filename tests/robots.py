"""Group robots for the tests: a real HTTP server that checks signatures as each vendor documents it, and answers so.

Written apart from the product, after the vendors' own examples.
"""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.clock import Clock
from tests.receiver import Answer, DepartmentReceiver, Request

AN_HOUR = 3600


class RobotGroup(DepartmentReceiver):
    """A group with a robot of one vendor: `dingtalk`, `feishu` or `wecom`.

    `texts` are those that the group got to read; `sign_secret` empty where the robot does not sign.
    """

    def __init__(self, vendor: str, *, clock: Clock, sign_secret: str = "") -> None:
        super().__init__(clock=clock)
        self.vendor, self.sign_secret, self._clock = vendor, sign_secret, clock
        self.texts: list[str] = []

    @property
    def url(self) -> str:
        where = {"dingtalk": "robot/send?access_token=", "wecom": "cgi-bin/webhook/send?key=", "feishu": "bot/v2/hook/"}
        return f"http://127.0.0.1:{self.port}/{where[self.vendor]}a-secret-of-the-group-7c1f"

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        default = super().take_request(method, path, headers, body)
        if default is not self.default:
            return default  # scripted
        if not self._is_signed(path, json.loads(body)):
            return _say(self.vendor, {"dingtalk": 310000, "feishu": 19021}[self.vendor], "sign not match")
        self.texts.append(text_of(body))
        return _say(self.vendor, 0, "ok")

    def _is_signed(self, path: str, sent: dict[str, Any]) -> bool:
        if not self.sign_secret:
            return True
        now = self._clock.now().timestamp()
        if self.vendor == "dingtalk":
            query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
            timestamp, offered = query.get("timestamp", "0"), query.get("sign", "")
            string_to_sign = f"{timestamp}\n{self.sign_secret}"
            code = hmac.new(self.sign_secret.encode("utf-8"), string_to_sign.encode("utf-8"), hashlib.sha256).digest()
            age = abs(now - int(timestamp) / 1000)
        else:
            timestamp, offered = sent.get("timestamp", "0"), sent.get("sign", "")
            string_to_sign = f"{timestamp}\n{self.sign_secret}"
            code = hmac.new(string_to_sign.encode("utf-8"), b"", hashlib.sha256).digest()
            age = abs(now - int(timestamp))
        return age < AN_HOUR and base64.b64encode(code).decode("utf-8") == offered


def text_of(body: bytes) -> str:
    """What the group reads of a message that a robot was sent."""
    sent = json.loads(body)
    text: str = sent["content"]["text"] if "msg_type" in sent else sent["text"]["content"]
    assert (sent.get("msgtype") or sent["msg_type"]) == "text"
    return text


def texts_of(requests: list[Request]) -> list[str]:
    return [text_of(request.body) for request in requests]


def _say(vendor: str, code: int, message: str) -> Answer:
    names = ("code", "msg") if vendor == "feishu" else ("errcode", "errmsg")
    return Answer(200, json.dumps(dict(zip(names, (code, message), strict=True))).encode())


def refusal(vendor: str, code: int, message: str = "refused") -> Answer:
    """A robot's 200 that says no."""
    return _say(vendor, code, message)
