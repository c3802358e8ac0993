"""A pool of connections that serves first come, first served; who goes ahead gets every other turn at most.

SQLAlchemy's own waits on asyncio's queue, where who comes just as a connection is given back takes it before those who
have waited, and these begin at the end again: under load some waited twice as long as the rest.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import await_
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

_goes_ahead: ContextVar[bool] = ContextVar("goes_ahead", default=False)


@contextmanager
def going_ahead() -> Iterator[None]:
    """What asks for a connection within goes before others that wait, though never twice in a row."""
    before = _goes_ahead.set(True)
    try:
        yield
    finally:
        _goes_ahead.reset(before)


class FairQueue(AsyncAdaptedQueue[Any]):
    """What is put goes to whoever has waited longest, or has waited longest of those who go ahead."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._ahead: deque[asyncio.Future[Any]] = deque()
        self._went_ahead = False

    def put_nowait(self, item: Any) -> None:
        turn = self._next_turn()
        if turn is None:
            super().put_nowait(item)
        else:
            turn.set_result(item)

    def _next_turn(self) -> asyncio.Future[Any] | None:
        for line in (self._waiting, self._ahead) if self._went_ahead else (self._ahead, self._waiting):
            while line:
                turn = line.popleft()
                if not turn.done():
                    self._went_ahead = line is self._ahead
                    return turn
        return None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self.put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Raises Empty after `timeout` seconds, or at once where it is not to block."""
        if not block or all(turn.done() for turn in (*self._waiting, *self._ahead)):
            try:
                return self.get_nowait()
            except Empty:
                if not block:
                    raise
        return await_(self._wait(timeout))

    async def _wait(self, seconds: float | None) -> Any:
        turn: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        (self._ahead if _goes_ahead.get() else self._waiting).append(turn)
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
