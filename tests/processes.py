"""Starts servers as processes of their own, as an operator would, and stops them."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

YILONG = [sys.executable, "-m", "app.cli"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment_for(url: str, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a process that works on that database."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("YILONG_")}
    plenty = {"YILONG_RATE_PER_KEY_PER_MINUTE": "1000000", "YILONG_RATE_FAILED_KEYS_PER_MINUTE": "1000000"}
    own = {"YILONG_DATABASE_URL": url, "YILONG_DATA_DIR": str(folder), "PYTHONWARNINGS": ""}
    return inherited | plenty | own | more


def wait_until_up(port: int, process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    """Wait for `/healthz`; raises RuntimeError where the process ends or stays silent."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not come up")


@contextmanager
def running(
    command: list[str], port: int, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that is up; stopped afterwards, killed if it will not stop."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=output)
    try:
        wait_until_up(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(25)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve_command(port: int, *options: str) -> list[str]:
    return [*YILONG, "serve", "--port", str(port), *options]


def bare_command(port: int) -> list[str]:
    return [
        sys.executable, "-m", "uvicorn", "tests.bench.bare:create_bare_app", "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
