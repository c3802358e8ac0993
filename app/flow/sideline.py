"""A worker's long task, one at a time beside its loop: begun, waited for, ended, tried again later where it failed."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from app.clock import Clock
from app.log import get_logger

LOOK_AGAIN: Final = timedelta(minutes=10)


class Sideline:
    """What such a task is kept by; close it with `aclose`.

    Args:
        failed: what a failure is called in the log.
    """

    def __init__(self, clock: Clock, failed: str) -> None:
        self._clock, self._failed = clock, failed
        self._task: asyncio.Task[None] | None = None
        self._rests_until: datetime | None = None

    def _is_free(self, now: datetime) -> bool:
        return self._task is None and (self._rests_until is None or now >= self._rests_until)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()):
            self._rests_until = self._clock.now() + LOOK_AGAIN
            get_logger().error(self._failed, exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Wait for a task under way to end, for that many seconds at most."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def aclose(self, seconds: float = 0.0) -> None:
        """Let a task under way end, for that many seconds at most; who comes next does what is left."""
        if (task := self._task) is not None:
            await asyncio.wait([task], timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
