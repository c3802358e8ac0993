"""Group commit for the embedded database: what waits for its one writer shares a transaction and its way to the disk.

Each act has a savepoint and a session without what others loaded: one that fails undoes itself only. Where it takes the
transaction along, the others are done again, each alone: an act must bear being done twice. Nobody is answered before
the commit, and where that fails everybody is told so. Source of the idea: DeWitt et al., 1984, section 3.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, database_problems

T = TypeVar("T")
MOST_TOGETHER = 8

Act = Callable[[AsyncSession], Awaitable[Any]]


@dataclass(slots=True)
class _Waiting:
    act: Act
    outcome: asyncio.Future[Any]


@dataclass(slots=True)
class Together:
    """Runs acts in the order they came. `prepare` is told how many come next, before their transaction begins."""

    database: Database
    prepare: Callable[[int], Awaitable[None]]
    _queue: deque[_Waiting] = field(default_factory=deque)
    _leading: asyncio.Task[None] | None = None

    async def write(self, act: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Do it in one transaction with its neighbours; the answer comes after the commit. Raises what `act` raises."""
        waiting = _Waiting(act, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._leading is None:
            self._leading = asyncio.create_task(self._lead())
        found: T = await waiting.outcome
        return found

    async def _lead(self) -> None:
        try:
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(MOST_TOGETHER, len(self._queue)))]
                try:
                    outcomes = await self._do(group)
                except BaseException as error:
                    outcomes = [error] * len(group)
                    if not isinstance(error, Exception):
                        raise
                finally:
                    for waiting, outcome in zip(group, outcomes, strict=True):
                        _tell(waiting.outcome, outcome)
        finally:
            self._leading = None

    async def _do(self, group: list[_Waiting]) -> list[Any]:
        await self.prepare(len(group))
        try:
            async with self.database.write() as session:
                driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
                return [await _do_one(session, driver._conn, waiting.act) for waiting in group]
        except (_TransactionLost, IntegrityError):  # the latter by the commit: nothing was stored, and one is at fault
            return [await self._do_alone(waiting.act) for waiting in group]

    async def _do_alone(self, act: Act) -> Any:
        try:
            async with self.database.write() as session:
                return await act(session)
        except Exception as error:
            return error


class _TransactionLost(Exception):
    """An act's error took the neighbours' work along before anything was committed, as one in flushing does."""


async def _do_one(session: AsyncSession, connection: sqlite3.Connection, act: Act) -> Any:
    """What the act answers, or the error that it raised and that undid it."""
    connection.execute("SAVEPOINT act")
    try:
        try:
            with database_problems():
                found = await act(session)
                await session.flush()
        except Exception as error:
            found = error
            connection.execute("ROLLBACK TO act")
        session.expunge_all()
        connection.execute("RELEASE act")
    except sqlite3.OperationalError as error:
        raise _TransactionLost from error
    return found


def _tell(outcome: asyncio.Future[Any], found: Any) -> None:
    if outcome.done():  # whoever asked has gone
        return
    if isinstance(found, BaseException):
        outcome.set_exception(found)
    else:
        outcome.set_result(found)
