"""Connects to exactly the address that the guard has vetted. The request keeps the name, so Host and SNI are right.

Name and connection are one step here: between the check and the connection nothing is resolved again, so a name
server that changes its mind (rebinding) gains nothing. No proxy variable is read.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkStream

from app.deliver.guard import AddressRefused, Guard, Target, read_literal

# Threads that wait for name servers: their own, so that a dead name server does not hold up anything else.
RESOLVER_THREADS = 16
IDLE_SECONDS = 10.0

Resolve = Callable[[str, int], Awaitable[list[str]]]


class NameUnknown(Exception):
    """The host's name has no address, or no name server answered."""


class Resolver:
    """Asks the system for a name's addresses, in threads of its own."""

    def __init__(self, threads: int = RESOLVER_THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="yilong-resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """All addresses of a host, in the system's order; raises NameUnknown."""
        literal = read_literal(host)
        if literal:
            return [literal]
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise NameUnknown from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """What the connection pool connects through; every new connection passes the guard.

    Args:
        resolve: host and port → addresses.
    """

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard, self._resolve = guard, resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 — the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Resolve, vet all, connect to the first that answers; the whole of it takes at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                addresses = self._guard.vet(await self._resolve(host, port))
                return await self._connect_to_first(addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error

    async def _connect_to_first(
        self, addresses: list[str], port: int, seconds: float | None, options: Iterable[SOCKET_OPTION] | None
    ) -> AsyncNetworkStream:
        share = seconds / len(addresses) if seconds else None
        *others, last = addresses
        for address in others:
            try:
                return await self._network.connect_tcp(address, port, share, None, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, share, None, options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 — the signature is httpcore's
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        raise AddressRefused("unix socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Lines:
    """Open connections, kept for a few seconds after use: departments get their events in bursts.

    httpcore's own pool would do, but its bookkeeping grows with the square of the connections (docs/decisions/0021).
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        self._backend, self._tls = backend, tls
        self._idle: dict[tuple[str, str, int], list[httpcore.AsyncHTTPConnection]] = {}
        self._swept = time.monotonic()

    @asynccontextmanager
    async def line_to(self, target: Target) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection of one's own, fresh or used before; kept afterwards if its exchange came to a clean end."""
        await self._sweep()
        place = (target.scheme, target.host, target.port)
        line = await self._find(place) or self._make(target)
        try:
            yield line
        finally:
            if line.is_available():
                self._idle.setdefault(place, []).append(line)
            else:
                await line.aclose()

    async def _find(self, place: tuple[str, str, int]) -> httpcore.AsyncHTTPConnection | None:
        kept = self._idle.get(place, [])
        while kept:
            line = kept.pop()
            if not line.has_expired():
                return line
            await line.aclose()
        return None

    def _make(self, target: Target) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=self._tls,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backend,
        )

    async def _sweep(self) -> None:
        """Close what nobody came back for."""
        if time.monotonic() - self._swept < IDLE_SECONDS:
            return
        self._swept = time.monotonic()
        lines = [line for kept in self._idle.values() for line in kept]
        expired = [line for line in lines if line.has_expired()]
        self._idle = {place: [k for k in kept if k not in expired] for place, kept in self._idle.items()}
        self._idle = {place: kept for place, kept in self._idle.items() if kept}
        for line in expired:
            await line.aclose()

    async def aclose(self) -> None:
        kept, self._idle = list(self._idle.values()), {}
        for line in (line for lines in kept for line in lines):
            await line.aclose()
