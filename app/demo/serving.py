"""Serves the played city's API and dashboard in this process; when it ends is the play's to decide."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from app.main import create_app
from app.runtime import Runtime


class _Server(uvicorn.Server):
    """The service in this process; signals are the play's to handle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(runtime: Runtime, listening: socket.socket, *, with_worker: bool) -> AsyncIterator[str]:
    """API and dashboard on that socket; answers their address as it is reached from here."""
    application = create_app(runtime, with_worker=with_worker)
    server = _Server(uvicorn.Config(application, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.02)
        host, port = listening.getsockname()[:2]
        # Bound to every address, the service is reached by loopback from here.
        yield f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 — compared, not bound
    finally:
        server.should_exit = True
        await task
