"""短信: a text message over whatever HTTP interface its gateway has, filled from a template with named fields. Pure.

A field is written `{number}`. In the address it is percent-encoded, in a JSON body escaped, in a form encoded: what
is filled in can never become part of the frame.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from urllib.parse import quote, quote_plus

from app.deliver.guard import MAX_URL_LENGTH
from app.deliver.notices import Letter
from app.deliver.send import Call, Fault, Outcome

# Bounds of the text in an address, the first that fits counts.
URL_TEXT_BYTES: Final = (None, 600, 400, 250, 150)
METHODS: Final = ("GET", "POST", "PUT")
FIELDS: Final = ("id", "to", "department", "count", "number", "stage", "due", "link", "text")
JSON_TYPE: Final = "application/json; charset=utf-8"
# What the connection itself says, and what would let one request carry another.
_OUR_OWN = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
    | {"accept-encoding", "user-agent", "idempotency-key", "proxy-authorization", "proxy-connection", "keep-alive"}
)
_FIELD = re.compile(r"\{([a-z_]+)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
_HEADER_VALUE = re.compile(r"[ -~]{0,1000}")


@dataclass(frozen=True, slots=True)
class Gateway:
    """How a gateway is asked for a text message.

    Attributes:
        headers: names and values; `Content-Type` decides how fields are escaped in `body`, JSON where absent.
        to: telephone numbers, for the field `{to}`, joined by commas.
        expects: what an answer contains where the message was taken; empty where the status says enough.
    """

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: str
    to: tuple[str, ...]
    expects: str

    @property
    def sample_url(self) -> str:
        """The address with its fields filled by something harmless."""
        return _FIELD.sub("x", self.url)


def fields_of(template: str) -> Iterator[str]:
    """The names of a template's fields."""
    return (found.group(1) for found in _FIELD.finditer(template))


def is_sendable_header(pair: tuple[str, str]) -> bool:
    """Whether a header may be sent along: well-formed, and none that frames the request."""
    name, value = pair
    return bool(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) and name.lower() not in _OUR_OWN)


def gateway_call(gateway: Gateway, letter: Letter) -> Call:
    """The request that asks for one letter to be sent as a text message."""
    values = _values(gateway, letter)
    content_type = next((value for name, value in gateway.headers if name.lower() == "content-type"), JSON_TYPE)
    others = tuple((name, value) for name, value in gateway.headers if name.lower() != "content-type")
    escape_in_url = partial(quote, safe="")
    # Chinese grows ninefold in an address: where it would be longer than one may be, the last lines are counted only.
    urls = (_fill(gateway.url, values | {"text": letter.text(most)}, escape_in_url) for most in URL_TEXT_BYTES)
    body = _fill(gateway.body, values, _escaping(content_type)).encode()
    described = (("Content-Type", content_type),) if body else ()
    return Call(
        url=min(urls, key=lambda url: len(url) > MAX_URL_LENGTH),
        body=body,
        method=gateway.method,
        headers=(*described, ("Idempotency-Key", letter.id), *others),
    )


def _values(gateway: Gateway, letter: Letter) -> dict[str, str]:
    """The fields of one letter. A gateway's own template often takes no lists: each field tells of all lines."""
    return {
        "id": letter.id,
        "to": ",".join(gateway.to),
        "department": letter.department,
        "count": str(letter.count),
        "number": "、".join(dict.fromkeys(line.number for line in letter.lines)),
        "stage": "、".join(dict.fromkeys(line.stage for line in letter.lines)),
        "due": "、".join(dict.fromkeys(line.due for line in letter.lines if line.due)),
        "link": letter.link,
        "text": letter.text(),
    }


def _fill(template: str, values: dict[str, str], escape: Callable[[str], str]) -> str:
    return _FIELD.sub(lambda found: escape(values[found.group(1)]), template)


def _escaping(content_type: str) -> Callable[[str], str]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return quote_plus
    if kind == "application/json" or kind.endswith("+json"):
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    if kind.endswith("xml"):
        return lambda value: value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return str


def judge_gateway(gateway: Gateway, outcome: Outcome) -> Outcome:
    """A 2xx that does not say what was expected is a refusal of this message."""
    if not outcome.delivered or not gateway.expects or gateway.expects in (outcome.answer or ""):
        return outcome
    return replace(outcome, fault=Fault.DECLINED)
