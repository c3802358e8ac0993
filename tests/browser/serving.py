"""Serves an application on a free port of this machine, in a thread with its own event loop."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

START_LIMIT_SECONDS = 30.0


@contextmanager
def serve_app(app: FastAPI) -> Iterator[str]:
    """The address of the running application; it is stopped on leaving. The lifespan runs in the server's own loop."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=3)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="app under test", daemon=True)
    thread.start()
    try:
        give_up = time.monotonic() + START_LIMIT_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > give_up:
                raise RuntimeError("the application under test did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_LIMIT_SECONDS)
        listener.close()
