"""One question to a chat-completions endpoint: post JSON, read a bounded answer, say what came of it.

It goes the way webhooks go: the same guard, vetted and pinned addresses, no redirect, no proxy, nothing unpacked, the
whole exchange bounded. It stores nothing and does not judge what the answer says.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpcore

from app.deliver.dial import GuardedBackend, Lines, Resolve, Resolver
from app.deliver.guard import Guard
from app.deliver.send import CONNECT_SECONDS, Fault, fault_of, user_agent
from app.vocabulary import OpinionFault

MOST_ANSWER_BYTES: Final = 64 * 1024
COMPLETIONS: Final = "/chat/completions"
RESOLVER_THREADS: Final = 2
_FAULTS: Final[Mapping[Fault, OpinionFault]] = {
    Fault.TIMEOUT: OpinionFault.TIMEOUT,
    Fault.REFUSED: OpinionFault.ADDRESS_REFUSED,
    Fault.DEFECT: OpinionFault.DEFECT,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one question: the body of a 200 in JSON, or why there is none."""

    milliseconds: int = 0
    http_status: int | None = None
    body: bytes | None = None
    fault: OpinionFault | None = None


def completions_url(url: str) -> str:
    """The address to post to: `…/v1` as clients of this interface are told it, or the full one."""
    path, mark, query = url.partition("?")
    path = path.rstrip("/")
    return (path if path.endswith(COMPLETIONS) else path + COMPLETIONS) + mark + query


class Asker:
    """Asks one endpoint. One for each event loop; close it with `aclose`.

    Args:
        guard: where connections may go.
        url: of the endpoint, see `completions_url`.
        key: sent as a Bearer token where there is one.
        total_seconds: bound of a whole exchange, from the name look-up to the last byte.
        resolve: for tests; the system's resolver otherwise.

    Raises UrlRefused or AddressRefused where the address's text tells that it cannot be asked.
    """

    def __init__(
        self, guard: Guard, url: str, *, total_seconds: float, key: str | None = None, resolve: Resolve | None = None
    ) -> None:
        self._target = guard.check_url(completions_url(url))
        self._key, self._total_seconds = (key or "").strip(), total_seconds
        self._resolver = Resolver(RESOLVER_THREADS)
        self._lines = Lines(GuardedBackend(guard, resolve or self._resolver), ssl.create_default_context())

    async def aclose(self) -> None:
        await self._lines.aclose()
        self._resolver.close()

    async def ask(self, body: bytes) -> Heard:
        """Post one question; every failure is an outcome, none is raised."""
        started = time.monotonic()
        answer = _Answer()
        try:  # Whatever an endpoint does to us is an outcome.
            async with asyncio.timeout(self._total_seconds):
                await self._exchange(body, answer)
        except Exception as error:
            answer.fault = _FAULTS.get(fault_of(error), OpinionFault.UNREACHABLE)
        return Heard(
            milliseconds=round((time.monotonic() - started) * 1000),
            http_status=answer.status,
            body=None if answer.fault else bytes(answer.body),
            fault=answer.fault,
        )

    async def _exchange(self, body: bytes, answer: "_Answer") -> None:
        target = self._target
        request = httpcore.Request(
            "POST",
            httpcore.URL(
                scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
            ),
            headers=self._headers(body),
            content=body,
            extensions={"timeout": {"connect": min(CONNECT_SECONDS, self._total_seconds)}},
        )
        async with self._lines.line_to(target) as line:
            response = await line.handle_async_request(request)
            try:
                await answer.read(response)
            finally:
                # Not read to its end, the connection is closed and not used again.
                await response.aclose()

    def _headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"Host", self._target.authority.encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", user_agent().encode()),
        ]
        return [*headers, (b"Authorization", f"Bearer {self._key}".encode())] if self._key else headers


class _Answer:
    """What has been read of an answer so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()
        self.fault: OpinionFault | None = None

    async def read(self, response: httpcore.Response) -> None:
        """Read the body of a 200 that says it is JSON, 64 kB at most; nothing of any other answer."""
        self.status = response.status
        if self.status != 200:
            self.fault = OpinionFault.ERROR_STATUS
            return
        if not _is_json(response.headers):
            self.fault = OpinionFault.NOT_JSON
            return
        async for part in response.aiter_stream():
            self.body += part
            if len(self.body) > MOST_ANSWER_BYTES:
                self.fault = OpinionFault.TOO_LONG
                return


def _is_json(headers: list[tuple[bytes, bytes]]) -> bool:
    found = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return found.partition(b";")[0].strip().lower() == b"application/json"
