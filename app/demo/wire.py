"""How the parties of the demonstration reach the service: plain HTTP on a loopback socket, a pool of connections."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpcore

TIMEOUT = {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
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
            headers=list(headers.items()) + ([("content-type", "application/json")] if body is not None else []),
            content=body,
            extensions={"timeout": TIMEOUT},
        )
        return Answer(answer.status, answer.content)
