"""What no honest sender sends, as bytes: each spoiler takes a good request and ruins one thing of it."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tests.fuzz.wire import Wire

# A text that is sent where a request must be refused, and must not come back in the problem.
CANARY: Final = "回声-canary-7f3a91"
# Texts as JSON may hold them, and people or programs send them.
ODD_TEXTS: Final = (
    "", " ", "\t\r\n", "\u3000", "0", "null", "-1", "\u202e倒着写\u202c", "零\u200b宽\u200d\ufeff字", "e\u0301" * 40,
    "👩‍👩‍👧‍👦🏳️‍🌈", "\U0010ffff\U000e0001", "\uffff\ufffe", "𠮷𡃁𪚥", "İıſK", "１２３４", "\x01\x07\x1b[31m\x7f",
    "\x85\u2028\u2029", "ﷺ" * 60, "'; DROP TABLE cases; --", "{{7*7}}{name}%s%n", "<script>alert(1)</script>",
    "../../etc/passwd", "=1+1", "\\", '"', "市" * 199, "长沙市民政局〔2026〕99999999999999999999号", "a" * 5000,
)  # fmt: skip
NUMBERS: Final = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 500, "-" + "9" * 500, "0." + "3" * 500, "1e-400", "1E+30",
    "9223372036854775808", "-9223372036854775809", "1e309", "2147483648", "-0", "0.1", "01", "+1", "0x10", "1_000",
)  # fmt: skip
PLACEHOLDER: Final = "@@here@@"

Spoiler = Callable[[random.Random, Wire], Wire]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values that hold no others."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    empty = True
    for key, member in members:
        empty = False
        yield from leaves(member, (*path, key))
    if empty and path:
        yield path


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value in one place."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, dict):
        return value | {first: replaced(value[first], rest, new)}
    return [replaced(v, rest, new) if n == first else v for n, v in enumerate(value)]


def _with_raw(dice: random.Random, wire: Wire, raw: bytes) -> Wire:
    """With these bytes in place of one value of a JSON body, or of all of it."""
    try:
        body = json.loads(wire.body)
    except ValueError:
        return replace(wire, body=raw)
    places = list(leaves(body))
    if not places:
        return replace(wire, body=raw)
    text = json.dumps(replaced(body, dice.choice(places), PLACEHOLDER), ensure_ascii=False)
    return replace(wire, body=text.encode().replace(f'"{PLACEHOLDER}"'.encode(), raw, 1))


def odd_number(dice: random.Random, wire: Wire) -> Wire:
    return _with_raw(dice, wire, dice.choice(NUMBERS).encode())


def odd_string(dice: random.Random, wire: Wire) -> Wire:
    """NUL, lone surrogates, bytes that are no UTF-8, escapes that are none."""
    spoilt = (
        rb'"\u0000"', b'"a\x00b"', rb'"\ud800"', rb'"\udc00\ud800"', rb'"x\udfff"', b'"\xff\xfe"', b'"\xc0\xaf"',
        b'"\xe4\xb8"', b'"\xed\xa0\x80"', rb'"\x41"', rb'"\u12"', b'"\xf4\x90\x80\x80"', b'"\n"', b"'single'",
        b'"unended',
    )  # fmt: skip
    return _with_raw(dice, wire, dice.choice(spoilt))


def odd_shape(dice: random.Random, wire: Wire) -> Wire:
    """Another kind of value, deep nesting, the same key twice, a long list."""
    shapes = (
        b"[" * 20_000, b"[" * 20_000 + b"]" * 20_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[[[[[[[[[1]]]]]]]]]",
        b'{"a":1,"a":2}', rb'{"a":1,"\u0061":2}', b"[" + b"1," * 9_000 + b"1]", b"{}", b"[]", b"true", b"null",
        b"[null]", b'{"__proto__":{"x":1}}', b'{"":""}', b'["' + CANARY.encode() + b'"]',
        b'{"' + b"k" * 9_000 + b'":1}', b'[{"a":[{}]}]',
    )  # fmt: skip
    return _with_raw(dice, wire, dice.choice(shapes))


def odd_text(dice: random.Random, wire: Wire) -> Wire:
    return _with_raw(dice, wire, json.dumps(dice.choice(ODD_TEXTS)).encode())


def echo(dice: random.Random, wire: Wire) -> Wire:
    return _with_raw(
        dice, wire, json.dumps([CANARY, {"x": CANARY}, f"{CANARY}{'a' * 30_000}"][dice.randrange(3)]).encode()
    )


def odd_whole(dice: random.Random, wire: Wire) -> Wire:
    """A body that is cut, doubled, encoded otherwise or no JSON."""
    body = wire.body
    cut = body[: dice.randrange(len(body) + 1)] if body else b""
    spoilt = (
        b"", b" ", b"null", b"0", b'""', b"[]", cut, body + body, body + b",", body + b"\x00", b"\xef\xbb\xbf" + body,
        body.decode("utf-8", "replace").encode("utf-16"), b"a=1&b=2", b"<x/>", b"--x\r\n\r\n--x--",
        b"\x1f\x8b\x08" + body, body + b" " * 300_000, b"//c\n" + body, bytes(dice.randrange(256) for _ in range(60)),
    )  # fmt: skip
    return replace(wire, body=dice.choice(spoilt))


def odd_type(dice: random.Random, wire: Wire) -> Wire:
    """A content type, an encoding or a length that lies or says nothing."""
    lies: tuple[tuple[bytes, bytes | None], ...] = (
        (b"content-type", None), (b"content-type", b""), (b"content-type", b"text/plain"),
        (b"content-type", b"\xff/\xff"), (b"content-type", b"application/json; charset=utf-16"),
        (b"content-type", b"multipart/form-data"), (b"content-type", b";;;="),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"application/json" + b";a=b" * 2_000), (b"content-encoding", b"gzip"),
        (b"content-length", b"-1"), (b"content-length", b"abc"), (b"content-length", b"9" * 30),
        (b"transfer-encoding", b"chunked, gzip"), (b"expect", b"100-continue"), (b"content-length", b"0"),
    )  # fmt: skip
    return wire.with_header(*dice.choice(lies))


def odd_header(dice: random.Random, wire: Wire) -> Wire:
    oddities: tuple[tuple[bytes, bytes], ...] = (
        (b"accept-language", b"en;q=x,,\xff"), (b"accept-language", b"e" * 9_000), (b"accept", b"application/xml"),
        (b"accept", b"\xff"), (b"cookie", b"yilong_session=x; yilong_language=\xff; ="),
        (b"cookie", b"yilong_language=en"), (b"cookie", b";" * 5_000), (b"idempotency-key", b""),
        (b"idempotency-key", b"k" * 255), (b"idempotency-key", b"k" * 256), (b"idempotency-key", b"\xff\xfe\x80"),
        (b"idempotency-key", b"a\tb c"), (b"idempotency-key", "钥匙".encode()), (b"x-csrf-token", b"\xff"),
        (b"origin", b"null"), (b"origin", b"http://\xff:99999"), (b"sec-fetch-site", b"cross-site"),
        (b"x-forwarded-for", b"\x00"), (b"range", b"bytes=9-1,-"), (b"if-none-match", b'"\xff"'),
        (b"x-http-method-override", b"DELETE"), (b"x-request-id", b"a\xff" * 400), (b"host", b"\xff:x"),
        (b"webhook-id", b"\xff" * 300), (b"webhook-timestamp", b"9" * 400), (b"webhook-timestamp", b"1e9"),
        (b"webhook-timestamp", b"\xb2"), (b"webhook-signature", b"v1,\xff"), (b"webhook-signature", b"v1," * 5_000),
        (b"webhook-signature", b",,, v1,==== v1a,AAAA"),
    )  # fmt: skip
    return wire.with_header(*dice.choice(oddities))


def odd_key(dice: random.Random, wire: Wire) -> Wire:
    """A key that cannot be one: nobody may come in with it."""
    keys = (
        b"",
        b"Bearer",
        b"Bearer ",
        b"bearer \xff",
        b"Bearer a b c",
        b"Basic eDp5",
        b"Bearer " + b"k" * 9_000,
        b"Bearer yl_\x00",
        b"\xff",
    )
    return wire.with_header(b"authorization", dice.choice(keys))


def odd_path(dice: random.Random, wire: Wire) -> Wire:
    """Another last part, or another part, of the path."""
    path, mark, query = wire.target.partition(b"?")
    parts = path.split(b"/")
    spoilt = (
        b"%00", b"a%00b", b"%ff", b"%ed%a0%80", b"..", b"%2e%2e", b"a%2fb", b"", b"%", b"%zz", b"x" * 5_000,
        b"%F0%9F%90%89", b"-1", b"9" * 500, b"9223372036854775808", b"1e3", b"NaN", b"%20", b"%0d%0a", b"{number}",
        b"*", b"%EF%BC%91", b"1_0", b"%2b1", b"0x1", b"%E2%80%AE1",
    )  # fmt: skip
    parts[dice.randrange(2, len(parts)) if len(parts) > 2 else -1] = dice.choice(spoilt)
    return replace(wire, target=b"/".join(parts) + mark + query)


def odd_query(dice: random.Random, wire: Wire) -> Wire:
    """Values and names that a query cannot mean, of the names that it has and of others."""
    path, _, query = wire.target.partition(b"?")
    names = [part.partition(b"=")[0] for part in query.split(b"&") if part] + [
        b"limit", b"cursor", b"after", b"before", b"q", b"year", b"department", b"", b"%00", b"%ff", b"limit[]",
    ]  # fmt: skip
    values = (
        b"%00", b"a%00", b"%ff", b"%ed%a0%80", b"", b"-1", b"0", b"9" * 500, b"9223372036854775808",
        b"-9223372036854775809", b"1e9", b"NaN", b"%EF%BC%91", b"1_000", b"%2b1", b"+1", b"true", b"x" * 9_000,
        b"%F0%9F%90%89", b"%", b"%zz", b"'", b"%25", b"_%25_", b"a+b", b"null", b"eyJhIjoxfQ", b"AAAA", b"1;2",
        b"99999999999999999999", b"2026-02-30", b"0001-01-01", b"9999-12-31", b"%E2%80%AE",
    )  # fmt: skip
    added = b"&".join(dice.choice(names) + b"=" + dice.choice(values) for _ in range(dice.randrange(1, 3)))
    return replace(wire, target=path + b"?" + (query + b"&" if query and dice.random() < 0.5 else b"") + added)


# What may be done to any request, and what needs a body; by how often.
OF_BODIES: Mapping[Spoiler, int] = {
    odd_number: 3, odd_string: 4, odd_shape: 3, odd_text: 4, echo: 2, odd_whole: 3, odd_type: 2, odd_header: 2,
    odd_key: 1, odd_path: 1, odd_query: 1,
}  # fmt: skip
OF_BARE: Mapping[Spoiler, int] = {odd_query: 4, odd_path: 3, odd_header: 3, odd_key: 1, odd_type: 1}


def spoil(dice: random.Random, wire: Wire) -> tuple[str, Wire]:
    """The name of one way to ruin this request, and what comes of it."""
    ways = OF_BODIES if wire.body else OF_BARE
    (chosen,) = dice.choices(list(ways), list(ways.values()))
    return chosen.__name__, chosen(dice, wire)
