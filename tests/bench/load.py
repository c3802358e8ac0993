"""Posts JSON over kept-alive sockets, as many at once as asked, and measures. Lean, so that the server is measured."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a run measured; times in milliseconds."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float
    bodies: list[bytes]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


async def post_for(
    port: int,
    make_body: Callable[[int], object],
    *,
    seconds: float,
    concurrency: int,
    path: str = "/v1/reports",
    key: str | None = None,
    keep_bodies: bool = False,
) -> Load:
    """Post for that long from `concurrency` connections; a status other than 201 counts as an error."""
    times: list[float] = []
    bodies: list[bytes] = []
    errors = 0
    serial = iter(range(10**9))
    began = time.perf_counter()

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - began < seconds:
            payload = json.dumps(make_body(next(serial)), ensure_ascii=False).encode()
            start = time.perf_counter()
            writer.write(_head(path, key, len(payload)) + payload)
            status, body = await _read_answer(reader)
            times.append((time.perf_counter() - start) * 1000)
            errors += status != 201
            if keep_bodies:
                bodies.append(body)
        writer.close()

    await asyncio.gather(*(client() for _ in range(concurrency)))
    elapsed = time.perf_counter() - began
    times.sort()
    return Load(len(times), errors, elapsed, times[len(times) // 2], times[int(len(times) * 0.99)], bodies)


def _head(path: str, key: str | None, length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {length}"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    length = next(int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
    return status, await reader.readexactly(length)
