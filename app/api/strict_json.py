"""Reads a request's body: counted while it streams, then as strict JSON. Nothing a sender can write gives a 5xx."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.problems import AppError, InvalidInput, MalformedJson

JSON_LIMIT = 256 * 1024
DEEPEST = 32
LONGEST_NUMBER = 40
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class BodyTooLarge(AppError):
    status, code = 413, "body_too_large"
    title_zh, title_en = "提交的内容过大", "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"单次提交不得超过 {limit // 1024} kB。请缩短内容或分次提交。",
            f"One request may hold {limit // 1024} kB at most. Shorten it or send it in parts.",
            limit=limit,
        )


def _refuse(zh: str, en: str) -> MalformedJson:
    return MalformedJson(f"{zh}。请按 RFC 8259 提交 UTF-8 编码的 JSON。", f"{en}. Send UTF-8 JSON as RFC 8259 has it.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refuse("同一对象中有重复的键", "An object has the same key twice")
    return found


def _constant(_: str) -> Any:
    raise _refuse("不接受 NaN 与 Infinity", "NaN and Infinity are not accepted")


def _bounded(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(digits: str) -> Any:
        if len(digits) > LONGEST_NUMBER:
            raise _refuse("数字过长", "A number is too long")
        value = kind(digits)
        if value in (float("inf"), float("-inf")):
            raise _refuse("数字超出范围", "A number is out of range")
        return value

    return read


def _check_depth(text: str) -> None:
    depth, inside, escaped = 0, False, False
    for c in text:
        if inside:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                inside = False
        elif c == '"':
            inside = True
        elif c in "[{":
            depth += 1
            if depth > DEEPEST:
                raise _refuse("嵌套层次过深", "It is nested too deeply")
        elif c in "]}":
            depth -= 1


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or _LONE_SURROGATE.search(value):
            raise _refuse("文字中含有无效字符", "A text holds an invalid character")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_strings(key)
            _check_strings(item)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)


def parse_strictly(raw: bytes) -> Any:
    """The JSON value, or MalformedJson: no NaN, NUL, lone surrogate, duplicate key, huge number, deep nesting."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refuse("不是有效的 UTF-8 编码", "It is not valid UTF-8") from None
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_int=_bounded(int),
            parse_float=_bounded(float),
        )
    except (ValueError, RecursionError):
        raise _refuse("JSON 语法有误", "The JSON syntax is wrong") from None
    if "\\u" in text or "\x00" in text:
        _check_strings(value)
    return value


class StrictRequest(Request):
    """A request whose body was already read within its limit and parsed strictly."""

    limit: ClassVar[int] = JSON_LIMIT

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > self.limit:
                    raise BodyTooLarge(self.limit)
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_strictly(await self.body())
        return self._json


def _check_address(path: str, query: bytes) -> None:
    """Raise InvalidInput where an address holds a NUL, which PostgreSQL's texts cannot; it names the parameters."""
    if "\x00" not in path and b"%00" not in query:
        return
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    names = dict.fromkeys(name for name, value in sent if "\x00" in value and "\x00" not in name)
    raise InvalidInput(
        "地址中含有空字符(%00)，请去掉后再试。",
        "The address holds a NUL (%00). Leave it out and try again.",
        errors=[{"field": name[:80], "zh": "含有空字符", "en": "holds a NUL"} for name in names] or None,
    )


class StrictRoute(APIRoute):
    """Reads and parses before FastAPI does, whose own handler would turn our problems into a bare 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            _check_address(request.scope["path"], request.scope.get("query_string", b""))
            strict = StrictRequest(request.scope, request.receive)
            if request.method in {"POST", "PUT", "PATCH"}:
                raw = await strict.body()
                if self.body_field is not None and raw:
                    await strict.json()
            return await handle(strict)

        return handle_strictly
