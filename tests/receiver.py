"""A department's system for the tests: a real HTTP server on a loopback socket, in threads of its own.

It verifies every request with the independent `standardwebhooks` package and can be told to behave badly.
"""

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from app.clock import Clock

TEST_SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@dataclass(frozen=True)
class Request:
    """One request as it came in; `verified` is the independent package's opinion."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    verified: bool

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to answer: a status, after a delay; or something worse, named by `instead`.

    `instead`: `hang` (no answer), `drip` (a header byte at a time), `drip-body`, `flood`, `bomb` (gzip), `reset`.
    """

    status: int = 200
    body: bytes = b'{"ok":true}'
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    instead: str | None = None


class DepartmentReceiver:
    """Records what arrives and answers by its script, then with `default`.

    Args:
        secret: what the department verifies and signs with.
        clock: where the sender's clock is not the true time, the one it goes by.

    Use as a context manager. `requests` grows in order of arrival; `connections` counts those ever opened.
    """

    def __init__(self, secret: str = TEST_SECRET, *, clock: Clock | None = None) -> None:
        self.secret, self.clock = secret, clock
        self.default = Answer()
        self.requests: list[Request] = []
        # Challenges are answered, and counted apart, unless `echo` is switched off.
        self.challenges: list[Request] = []
        self.echo = True
        self.connections = 0
        self.stopped = threading.Event()
        self._script: deque[Answer] = deque()
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self.hang_up()
        self._thread.join(5)

    def hang_up(self) -> None:
        """Close every open connection."""
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def open_connections(self) -> int:
        return len(self._sockets)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    # ── telling it what to do ──

    def script(self, *answers: Answer | int) -> None:
        """Answer the next requests so, one each; a number is a status."""
        with self._changed:
            self._script.extend(Answer(a) if isinstance(a, int) else a for a in answers)

    # ── asking what came ──

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Wait until that many requests came; raises AssertionError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} of {count} requests came within {timeout} s")
            return list(self.requests)

    async def arrived(self, count: int, seconds: float = 10.0) -> list[Request]:
        """`wait_for` without blocking the event loop."""
        return await asyncio.to_thread(self.wait_for, count, seconds)

    def sign_callback(self, webhook_id: str, body: bytes, *, at: datetime | None = None) -> dict[str, str]:
        """The headers of a signed `POST /v1/callbacks/{department_code}`, made by the independent package."""
        moment = (at or (self.clock.now() if self.clock else datetime.now(UTC))).astimezone(UTC)
        return {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(webhook_id, moment, body.decode()),
        }

    # ── for the handler ──

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        request = Request(method, path, headers, body, time.monotonic(), self._verify(headers, body))
        if self.echo and b'"endpoint.challenge"' in body:
            self.challenges.append(request)
            return Answer(body=json.dumps({"challenge": request.event["data"]["challenge"]}).encode())
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self._script.popleft() if self._script else self.default

    def _verify(self, headers: dict[str, str], body: bytes) -> bool:
        webhook = Webhook(self.secret)
        try:
            if self.clock is None:
                webhook.verify(body, headers)
                return True
            moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            expected = webhook.sign(headers["webhook-id"], moment, body.decode())
            in_time = abs((self.clock.now() - moment).total_seconds()) <= 300
            return in_time and expected in headers["webhook-signature"].split(" ")
        except (WebhookVerificationError, KeyError, ValueError):
            return False

    def remember(self, connection: socket.socket) -> None:
        self.connections += 1
        self._sockets.add(connection)

    def forget(self, connection: socket.socket) -> None:
        self._sockets.discard(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up is no error here."""


def _handler_for(receiver: DepartmentReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            receiver.remember(self.connection)

        def finish(self) -> None:
            receiver.forget(self.connection)
            with contextlib.suppress(OSError):
                super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.take_request(self.command, self.path, headers, body)
            if answer.delay:
                receiver.stopped.wait(answer.delay)
            with contextlib.suppress(OSError):
                _BEHAVIOURS.get(answer.instead or "", _reply)(self, answer, receiver.stopped)
                self.wfile.flush()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    return Handler


def _reply(handler: BaseHTTPRequestHandler, answer: Answer, _: threading.Event) -> None:
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body)


def _hang(handler: BaseHTTPRequestHandler, _: Answer, stopped: threading.Event) -> None:
    handler.close_connection = True
    stopped.wait(60)


def _drip(handler: BaseHTTPRequestHandler, answer: Answer, stopped: threading.Event) -> None:
    handler.close_connection = True
    start = b"HTTP/1.1 %d OK\r\nContent-Length: 1000\r\n" % answer.status
    start += b"".join(f"{name}: {value}\r\n".encode() for name, value in answer.headers.items())
    if answer.instead == "drip-body":
        handler.wfile.write(start + b"\r\n")
        start = b""
    for byte in start + b"X-Slow: " + b"a" * 5000:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        if stopped.wait(0.02):
            return


def _flood(handler: BaseHTTPRequestHandler, answer: Answer, stopped: threading.Event) -> None:
    handler.close_connection = True
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    while not stopped.is_set():
        handler.wfile.write(b"flood" * 10_000)


@lru_cache(maxsize=1)
def packed_bomb() -> bytes:
    """20 MB of nothing in 20 kB."""
    return gzip.compress(bytes(20_000_000))


def _bomb(handler: BaseHTTPRequestHandler, answer: Answer, stopped: threading.Event) -> None:
    _reply(handler, Answer(answer.status, packed_bomb(), {"Content-Encoding": "gzip", **answer.headers}), stopped)


def _reset(handler: BaseHTTPRequestHandler, _: Answer, __: threading.Event) -> None:
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


_BEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler, Answer, threading.Event], None]] = {
    "hang": _hang,
    "drip": _drip,
    "drip-body": _drip,
    "flood": _flood,
    "bomb": _bomb,
    "reset": _reset,
}
