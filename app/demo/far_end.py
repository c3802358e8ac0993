"""The network's far end, where webhooks arrive: in this process for a simulation, on a socket when live.

Both hand what arrives to somebody's `take`; neither knows what it means.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from app.deliver.send import Fault, Message, Outcome, judge
from app.deliver.signing import sign
from app.demo.correspondent import Reception

NOWHERE = "http://127.0.0.1:9"
TYPICAL_MILLISECONDS, TIMEOUT_MILLISECONDS = 40, 15_000
LATE_SECONDS = 2.0
LONGEST_HEAD, LONGEST_BODY = 16_384, 65_536
_REQUEST = re.compile(r"POST /([^\s/?]{0,20})\S* HTTP/1\.[01]")


class Receiving(Protocol):
    """Takes one webhook that came in for a department; `code` is the first part of the path."""

    def take(self, code: str, headers: Mapping[str, str], body: bytes) -> Reception: ...


class InProcess:
    """Takes the place of the worker's sender: signs as it does, and calls the systems without a network."""

    def __init__(self, systems: Receiving) -> None:
        self._systems = systems

    async def post(self, message: Message, now: datetime) -> Outcome:
        """One attempt. A system that answers too late has received it all the same."""
        timestamp = int(now.timestamp())
        headers = {
            "webhook-id": message.webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(message.secrets, message.webhook_id, timestamp, message.body),
        }
        reception = self._systems.take(message.url.rpartition("/")[2], headers, message.body)
        if reception.status is None:
            return Outcome(TYPICAL_MILLISECONDS, fault=Fault.CONNECT)
        if reception.late:
            return Outcome(TIMEOUT_MILLISECONDS, fault=Fault.TIMEOUT)
        return Outcome(TYPICAL_MILLISECONDS, reception.status, judge(reception.status))

    async def aclose(self) -> None:
        """Nothing is held."""


class OnSocket:
    """A small HTTP server: one request for each connection, enough for a demonstration."""

    def __init__(self, systems: Receiving | None = None) -> None:
        self.systems = systems
        self.address = ""

    @asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator["OnSocket"]:
        """Listen, on any free port for 0; answers 503 until `systems` is set. Raises OSError where it cannot."""
        server = await asyncio.start_server(self._serve, host, port, limit=LONGEST_HEAD)
        self.address = f"http://{host}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            request, *lines = head.rstrip().split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), LONGEST_BODY))
            reception = self._take(request, headers, body)
            await asyncio.sleep(LATE_SECONDS if reception.late else reception.delay)
            if reception.status is not None:
                writer.write(_to_bytes(reception.status, reception.body))
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def _take(self, request: str, headers: dict[str, str], body: bytes) -> Reception:
        found = _REQUEST.match(request)
        if found is None or self.systems is None:
            return Reception(503)
        return self.systems.take(found.group(1), headers, body)


def _to_bytes(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
