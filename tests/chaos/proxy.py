"""A TCP proxy on loopback that can cut connections, delay bytes, or swallow them without a word."""

import asyncio
import contextlib
from typing import Self

CHUNK = 65_536


class Proxy:
    """Stands between processes and a server; use `async with`.

    Attributes:
        delay: seconds that each chunk waits.
        black_hole: bytes are taken and never passed on, in either direction; what was swallowed is lost, so those
            connections are cut when the hole closes.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._fed: set[asyncio.StreamWriter] = set()
        self.delay = 0.0
        self.black_hole = False
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """Become a black hole."""
        self.black_hole = True

    def let_through(self) -> None:
        """Be a plain proxy again; connections that lost bytes are cut."""
        self.black_hole, self.delay = False, 0.0
        for writer in list(self._fed):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(far)
            pipes = [asyncio.create_task(self._pipe(reader, far)), asyncio.create_task(self._pipe(far_reader, writer))]
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
        except OSError:
            pass  # The server is away: whoever connected is told by the connection's end.
        finally:
            for each in (writer, far):
                if each is not None:
                    self._writers.discard(each)
                    self._fed.discard(each)
                    each.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.black_hole:
                    self._fed.add(writer)
                    continue
                writer.write(data)
                await writer.drain()
