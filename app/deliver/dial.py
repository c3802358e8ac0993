"""Connects to exactly the address that the guard has vetted. The request keeps the name, so Host and SNI are right.

Name and connection are one step here: between the check and the connection nothing is resolved again, so a name
server that changes its mind (rebinding) gains nothing. No proxy variable is read.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkStream

from app.deliver.guard import AddressRefused, Guard, read_literal

# Threads that wait for name servers: their own, so that a dead name server does not hold up anything else.
RESOLVER_THREADS = 16

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
