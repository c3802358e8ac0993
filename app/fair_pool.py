"""A pool of connections that serves first come, first served.

SQLAlchemy's own waits on asyncio's queue, where who comes just as a connection is given back takes it before those who
have waited, and these begin at the end again: under load some waited twice as long as the rest.
"""

import asyncio
from collections import deque
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import await_
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty


class FairQueue(AsyncAdaptedQueue[Any]):
    """What is put goes to whoever has waited longest."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._waiting: deque[asyncio.Future[Any]] = deque()

    def put_nowait(self, item: Any) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(item)
                return
        super().put_nowait(item)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self.put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Raises Empty after `timeout` seconds, or at once where it is not to block."""
        if not block or not any(not turn.done() for turn in self._waiting):
            try:
                return self.get_nowait()
            except Empty:
                if not block:
                    raise
        return await_(self._wait(timeout))

    async def _wait(self, seconds: float | None) -> Any:
        turn: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await asyncio.wait_for(turn, seconds)
        except TimeoutError as error:
            raise Empty from error
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # handed over in the very moment of being called off
                self.put_nowait(turn.result())
            raise


class FairPool(AsyncAdaptedQueuePool):
    _queue_class = FairQueue
