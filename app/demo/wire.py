"""How the parties reach the service: plain HTTP on a loopback socket, or straight into the application in this process.

Either way a request passes the whole application: middleware, authentication, routes, problems.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import httpcore

TIMEOUT = {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0}
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Wire(Protocol):
    """One way to reach the service."""

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer: ...


class HttpWire:
    """Connections to one address such as `http://127.0.0.1:8000`; use `async with`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._pool = httpcore.AsyncConnectionPool(max_connections=40)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer. Raises httpcore's errors where the connection fails."""
        answer = await self._pool.request(
            method,
            self._address + path,
            headers=list((({"content-type": "application/json"} if body is not None else {}) | dict(headers)).items()),
            content=body,
            extensions={"timeout": TIMEOUT},
        )
        return Answer(answer.status, answer.content)


class InProcessWire:
    """Calls the application directly; `changes` counts what may have given the worker something to do."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.changes = 0

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer; an error that escapes the application is answered 500, as a server does."""
        self.changes += method != "GET"
        inbox: list[Message] = [{"type": "http.request", "body": body or b"", "more_body": False}]
        outbox: list[Message] = []

        async def receive() -> Message:
            return inbox.pop() if inbox else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            outbox.append(message)

        try:
            await self._application(_scope(method, path, headers), receive, send)
        except Exception as error:
            return Answer(500, json.dumps({"detail": repr(error), "code": "escaped"}).encode())
        return Answer(outbox[0]["status"], b"".join(message.get("body", b"") for message in outbox[1:]))


def _scope(method: str, path: str, headers: Mapping[str, str]) -> Message:
    bare, _, query = path.partition("?")
    named = {"host": "yilong.test", "content-type": "application/json"} | dict(headers)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": bare,
        "raw_path": bare.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1),
        "server": ("yilong.test", 80),
        "state": {},
    }
