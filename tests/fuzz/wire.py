"""A request as its bytes go over the wire, the application's answer to it, and how to send it again by hand."""

import asyncio
import shlex
import time
import traceback
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI
from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict
from schemathesis import Case
from schemathesis.config import SanitizationConfig
from schemathesis.core.transport import Response
from schemathesis.transport.prepare import prepare_request

HOST = "yilong.test"
PATIENCE = 30.0
# What the generator's own client adds, and a sender need not send.
ADDED = frozenset({"user-agent", "accept-encoding", "connection", "accept", "x-schemathesis-testcaseid"})
HIDDEN = frozenset({"authorization", "host", "content-length"})

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """One request: `target` is path and query as they are sent."""

    method: str
    target: bytes
    headers: Headers
    body: bytes

    def with_header(self, name: bytes, value: bytes | None) -> "Wire":
        """With this header in place of others of its name; None takes it away."""
        kept = tuple((n, v) for n, v in self.headers if n != name)
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    def header(self, name: bytes) -> bytes | None:
        return next((v for n, v in self.headers if n == name), None)

    def as_curl(self) -> str:
        """The command that sends it again; host and key come from the environment."""
        parts = [f"curl -sS -X {self.method}"]
        if self.header(b"authorization") is not None:
            parts.append('-H "Authorization: Bearer $KEY"')
        for name, value in self.headers:
            if name.decode("latin-1") not in HIDDEN:
                parts.append(f"-H {_quoted(name + b': ' + value)}")
        before = ""
        if self.body:
            before = f"printf {_octal(self.body)} | "
            source = "@-"
            if _is_plain(self.body):
                before, source = "", shlex.quote(self.body.decode())
            parts.append(f"--data-binary {source}")
        return before + " ".join([*parts, f'"$URL"{_quoted(self.target)}'])


def _is_plain(data: bytes) -> bool:
    try:
        return data.decode().isprintable() and not data.startswith(b"@") and len(data) < 4000
    except UnicodeDecodeError:
        return False


def _octal(data: bytes) -> str:
    shown = data if len(data) <= 2000 else data[:2000]
    text = "".join(chr(b) if chr(b).isalnum() or b in b' {}[]":,.-_' else f"\\{b:03o}" for b in shown)
    return shlex.quote(text) + (f" `# the first 2000 of {len(data)} bytes`" if shown != data else "")


def _quoted(data: bytes) -> str:
    return shlex.quote(data.decode("latin-1")) if data.isascii() else "$'" + _octal(data)[1:]


@dataclass(slots=True)
class Answer:
    """What came back; `raised` is the last of the traceback where the application failed."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    seconds: float = 0.0
    raised: str = ""

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n == name), "")

    def for_checks(self, request: PreparedRequest) -> Response:
        """The same as Schemathesis has it."""
        headers: dict[str, list[str]] = {}
        for name, value in self.headers:
            headers.setdefault(name, []).append(value)
        return Response(self.status, headers, self.body, request, self.seconds, verify=True)


def prepared(case: Case[Any]) -> PreparedRequest:
    """A generated case as a client sends it."""
    return prepare_request(case, None, config=SanitizationConfig(enabled=False), base_url=f"http://{HOST}")


def wire_of(request: PreparedRequest, key: str | None) -> Wire:
    """A prepared request with the caller's key and without what its client adds."""
    parts = urlsplit(str(request.url))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = CaseInsensitiveDict(request.headers)
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    headers = [(_bytes(n.lower()), _bytes(v)) for n, v in sent.items() if n.lower() not in ADDED]
    body: Any = request.body or b""
    return Wire(str(request.method), _bytes(target), tuple(headers), body.encode() if isinstance(body, str) else body)


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("latin-1", "replace")


async def send(application: FastAPI, wire: Wire) -> Answer:
    """Let the application answer as a server would; what it raises beside its answer is noted."""
    answer, began, finished = Answer(), time.perf_counter(), asyncio.Event()
    path, _, query = wire.target.partition(b"?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": wire.method, "path": unquote(path.decode("latin-1")), "raw_path": path, "query_string": query,
        "headers": [(b"host", HOST.encode()), *wire.headers], "client": ("127.0.0.1", 50000), "server": (HOST, 80),
    }  # fmt: skip
    bodies = [wire.body]

    async def receive() -> dict[str, Any]:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        await finished.wait()
        return {"type": "http.disconnect"}

    async def take(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                finished.set()

    try:
        async with asyncio.timeout(PATIENCE):
            await application(scope, receive, take)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = [frame for frame in frames if "/app/" in frame.filename][-1:] or frames[-1:]
        answer.raised = f"{type(error).__name__} {str(error)[:300]} at {last[0].filename}:{last[0].lineno}"
    answer.seconds = time.perf_counter() - began
    return answer
