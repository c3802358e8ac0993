"""The processes of one deployment: started from the nursery, killed, started again."""

import asyncio
import json
import os
import random
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.processes import free_port

STARTING_SECONDS = 180.0
RESPAWN_SECONDS = 0.5
LOG_START_BYTES = 100_000


@dataclass
class Member:
    """One process; `port` is None for a worker."""

    name: str
    arguments: list[str]
    port: int | None = None
    pid: int | None = None
    born: float = 0.0
    log_start: int = 0
    up: bool = False

    @property
    def alive(self) -> bool:
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Deployment:
    """Keeps its members running, whatever kills them. Use `async with`.

    Args:
        environment: of every process.
        apis, workers: how many of each; no worker means that one `serve` does both.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, *, apis: int, workers: int) -> None:
        self._environment, self._folder = dict(environment), folder
        self.members = [_make_api(n, alone=workers == 0) for n in range(apis)]
        self.members += [Member(f"worker-{n}", ["worker"]) for n in range(workers)]
        self.kills = 0
        self.ended_by_themselves = 0
        self._nursery: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.nursery", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=None,
        )  # fmt: skip
        self._keeper = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for member in self.members:
            self._signal(member, signal.SIGKILL)
        if self._nursery and self._nursery.stdin:
            self._nursery.stdin.close()
            await self._nursery.wait()

    # ── asking ──

    def ports(self) -> list[int]:
        """Ports of the APIs that were up when last looked at; all where none was."""
        ports = [m.port for m in self.members if m.port and m.up]
        return ports or [m.port for m in self.members if m.port]

    def log_of(self, member: Member) -> Path:
        return self._folder / f"{member.name}.log"

    async def all_up(self) -> None:
        """Wait until every member is up; raises RuntimeError after three minutes."""
        if not await self._until(lambda: all(m.up for m in self.members), STARTING_SECONDS):
            missing = [m for m in self.members if not m.up]
            tails = [self.log_of(m).read_text()[-800:] for m in missing if self.log_of(m).exists()]
            raise RuntimeError(f"not up: {[m.name for m in missing]} {tails}")

    # ── hurting ──

    def kill_one(self, chance: random.Random) -> bool:
        """SIGKILL a process that is up, unless it is the last of its kind: the service is meant to make headway."""
        kinds = [[m for m in self.members if m.up and (m.port is None) is working] for working in (False, True)]
        alone = len(self.members) == 1
        candidates = [m for kind in kinds for m in kind if alone or len(kind) > 1]
        if not candidates:
            return False
        self._signal(chance.choice(candidates), signal.SIGKILL)
        self.kills += 1
        return True

    def _signal(self, member: Member, number: signal.Signals) -> None:
        if member.pid is not None and member.alive:
            os.kill(member.pid, number)
        member.up = False

    # ── keeping ──

    async def _keep_running(self) -> None:
        while True:
            for member in self.members:
                if not member.alive and time.monotonic() - member.born > RESPAWN_SECONDS:
                    if member.up:
                        self.ended_by_themselves += 1
                    member.up = False
                    await self._start(member)
                elif member.alive and not member.up:
                    member.up = await self._is_up(member)
            await asyncio.sleep(0.05)

    async def _start(self, member: Member) -> None:
        nursery = self._nursery
        if nursery is None or nursery.stdin is None or nursery.stdout is None:
            raise RuntimeError("the nursery is not open")
        log = self.log_of(member)
        order = {"arguments": member.arguments, "environment": self._environment, "log": str(log)}
        log_start = log.stat().st_size if log.exists() else 0
        nursery.stdin.write(json.dumps(order).encode() + b"\n")
        member.pid = int(await nursery.stdout.readline())
        member.born, member.log_start = time.monotonic(), log_start

    async def _is_up(self, member: Member) -> bool:
        if member.port is None:
            with self.log_of(member).open("rb") as log:
                log.seek(member.log_start)
                return b"worker_started" in log.read(LOG_START_BYTES)
        return await asyncio.to_thread(_answers, member.port)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        return True


def _make_api(number: int, *, alone: bool) -> Member:
    port = free_port()
    options = [] if alone else ["--no-worker"]
    return Member(f"api-{number}", ["serve", "--port", str(port), *options], port)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return True
    except OSError:
        return False
