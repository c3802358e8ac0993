"""One attempt: post an event's bytes, signed, and say what came of it. It stores nothing and decides no retry.
Other channels make their own calls through it.

Built on httpcore, the layer under httpx: it follows no redirect, reads no proxy variable, decompresses nothing and
keeps no cookie, so none of these has to be switched off (see docs/decisions/0021).
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import httpcore

from app.deliver.backoff import read_retry_after
from app.deliver.dial import GuardedBackend, Lines, NameUnknown, Resolve, Resolver
from app.deliver.guard import AddressRefused, Guard, Target, UrlRefused, read_url
from app.deliver.signing import sign

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 15.0
MOST_ANSWER_BYTES = 16 * 1024
KEPT_ANSWER_BYTES = 1024


class Fault(StrEnum):
    """Why an attempt did not deliver."""

    TIMEOUT = "timeout"
    CONNECT = "cannot connect"
    NAME = "name not resolved"
    TLS = "certificate or TLS error"
    REFUSED = "address not allowed"
    BROKEN = "connection broke or answer is not HTTP"
    REDIRECT = "redirect, not followed"
    GONE = "gone (410)"
    STATUS = "answered with an error"
    SECRET = "stored secret cannot be opened"  # noqa: S105 — a message, not a secret
    ERASED = "content was erased"
    DEFECT = "internal error"
    DECLINED = "declined, see the answer"
    LIMITED = "too many messages for the receiver"
    UNREADABLE = "answer is not the vendor's"
    LOGIN = "login refused"
    NO_TLS = "server offers no TLS"
    NOT_SET_UP = "no mail server is set up"


_OUR_OWN = frozenset({Fault.SECRET, Fault.ERASED, Fault.DEFECT, Fault.NOT_SET_UP})


@dataclass(frozen=True, slots=True)
class Message:
    """What one attempt sends; `body` goes out byte for byte, `secrets` sign newest first."""

    webhook_id: str
    url: str
    secrets: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to make; `headers` go beside those that the connection needs."""

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        milliseconds: the whole exchange.
        http_status: None where no status line came.
        fault: None where it was delivered.
        answer: the start of what was answered, safe to store and show.
        retry_after: the wait that the receiver asked for.
        alive: what the answer itself tells of the other system; None where its status does.
        rest: for how long nothing at all may be sent there.
    """

    milliseconds: int = 0
    http_status: int | None = None
    fault: Fault | None = None
    answer: str | None = None
    retry_after: timedelta | None = None
    alive: bool | None = None
    rest: timedelta | None = None

    @property
    def delivered(self) -> bool:
        return self.fault is None

    @property
    def answered(self) -> bool | None:
        """Whether the other system is alive, whatever it thinks of this one event; None where nothing tells.

        A refusal of one event (4xx) is an answer; an overload, a defect of its own or a redirect is none.
        """
        if self.fault in _OUR_OWN:
            return None
        if self.alive is not None:
            return self.alive
        status = self.http_status
        return status is not None and (200 <= status < 300 or 400 <= status < 500) and status not in {408, 429}

    @property
    def final(self) -> bool:
        """No further attempt can change it."""
        return self.fault in {None, Fault.GONE, Fault.ERASED}


def user_agent() -> str:
    """`Yilong/<version>`."""
    try:
        return f"Yilong/{version('yilong')}"
    except PackageNotFoundError:
        return "Yilong/0"


class Posting(Protocol):
    """What carries deliveries needs of a sender; a simulation puts its own far end in the place of the network."""

    async def post(self, message: Message, now: datetime) -> Outcome: ...

    async def aclose(self) -> None: ...


class Sender:
    """Keeps connections to endpoints and makes attempts. One for each event loop; close it with `aclose`.

    Args:
        guard: where connections may go.
        total_seconds: bound of a whole exchange, from the name look-up to the last byte that is read.
        resolve: for tests; the system's resolver otherwise.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = Resolver()
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds
        self._agent = user_agent().encode()
        # The system's authorities: a private one is installed there or named by SSL_CERT_FILE.
        self._lines = Lines(GuardedBackend(guard, resolve or self._resolver), tls or ssl.create_default_context())

    async def aclose(self) -> None:
        await self._lines.aclose()
        self._resolver.close()

    async def post(self, message: Message, now: datetime) -> Outcome:
        """Make one attempt, signed for `now`; every failure is an outcome, none is raised."""
        timestamp = int(now.timestamp())
        signature = sign(message.secrets, message.webhook_id, timestamp, message.body)
        headers = (
            ("Content-Type", "application/json"),
            ("webhook-id", message.webhook_id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", signature),
        )
        return await self.call(Call(message.url, message.body, headers), now)

    async def call(self, call: Call, now: datetime) -> Outcome:
        """Make one request and judge its status; every failure is an outcome, none is raised."""
        started = time.monotonic()
        answer = _Answer()
        fault: Fault | None = None
        try:  # Whatever an endpoint does to us is an outcome.
            async with asyncio.timeout(self._total_seconds):
                await self._exchange(call, answer)
        except Exception as error:
            fault = fault_of(error)
        # A status line is the receiver's word: what breaks after it only cuts the answer short.
        if answer.http_status is not None:
            fault = judge(answer.http_status)
        return Outcome(
            milliseconds=round((time.monotonic() - started) * 1000),
            http_status=answer.http_status,
            fault=fault,
            answer=to_safe_text(bytes(answer.start)) or None,
            retry_after=read_retry_after(answer.retry_after, now),
        )

    async def _exchange(self, call: Call, answer: "_Answer") -> None:
        target = read_url(call.url)
        request = httpcore.Request(
            call.method,
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers=self._headers(target, call),
            content=call.body,
            extensions={"timeout": {"connect": self._connect_seconds}},
        )
        async with self._lines.line_to(target) as line:
            response = await line.handle_async_request(request)
            try:
                answer.http_status = response.status
                answer.retry_after = _find_header(response.headers, b"retry-after")
                await answer.read(response)
            finally:
                # Not read to its end, the connection is closed and not used again.
                await response.aclose()

    def _headers(self, target: Target, call: Call) -> list[tuple[bytes, bytes]]:
        return [
            (b"Host", target.authority.encode()),
            (b"Content-Length", str(len(call.body)).encode()),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", self._agent),
            *((name.encode(), value.encode()) for name, value in call.headers),
        ]


class _Answer:
    """What has been read of an answer so far; it survives the exchange being cut off."""

    def __init__(self) -> None:
        self.http_status: int | None = None
        self.retry_after: str | None = None
        self.start = bytearray()

    async def read(self, response: httpcore.Response) -> None:
        """Read raw bytes, 16 kB at most, and keep the first of them."""
        total = 0
        async for part in response.aiter_stream():
            total += len(part)
            self.start += part[: max(KEPT_ANSWER_BYTES - len(self.start), 0)]
            if total >= MOST_ANSWER_BYTES:
                return


def _find_header(headers: list[tuple[bytes, bytes]], name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), None)


def judge(status: int) -> Fault | None:
    """What a status means: 2xx delivered, 410 gone for good, anything else is tried again."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Fault.REDIRECT
    return Fault.GONE if status == 410 else Fault.STATUS


def fault_of(error: BaseException) -> Fault:
    """The category of a failed exchange; the error's own text is not kept, for it may quote addresses."""
    match error:
        case TimeoutError() | httpcore.TimeoutException():
            return Fault.TIMEOUT
        case AddressRefused() | UrlRefused():
            return Fault.REFUSED
        case NameUnknown():
            return Fault.NAME
        case httpcore.ConnectError():
            return Fault.TLS if isinstance(_root_of(error), ssl.SSLError) else Fault.CONNECT
        case httpcore.NetworkError() | httpcore.ProtocolError() | OSError():
            return Fault.BROKEN
        case _:
            return Fault.DEFECT


def _root_of(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def to_safe_text(data: bytes) -> str:
    """Foreign bytes as text that any database stores and any page shows: no NUL, no control but line breaks."""
    text = data.decode("utf-8", errors="replace")
    return "".join(map(_to_safe_character, text))


def _to_safe_character(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"
