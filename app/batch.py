"""Prepared statements straight to the driver: all that a transaction adds in one trip, and the few hot look-ups.

The unit of work would take a trip and a good deal of work for each table, and intake adds rows to eight of them. Here
PostgreSQL gets them in one statement. SQLite gets them here and now, not in the thread that begins and commits (see
docs/decisions/0066): they only touch memory. Loaded rows stay the session's business.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Dialect, Executable, insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg as PostgresDialect
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import Base
from app.models.columns import UtcDateTime

Processor = Callable[[Any], Any]
REQUIRED = object()
_PLACEHOLDER = re.compile(r"\$(\d+)")
_VALUES = " VALUES "
MOST_PARAMETERS = 900  # SQLite takes 999 in old builds


class Slot(NamedTuple):
    """One parameter: its name, how the driver wants its value, and what stands where none is given.

    `fallback` is a value, a function without arguments, or `REQUIRED`.
    """

    name: str
    processor: Processor | None
    fallback: Any


class Look(NamedTuple):
    """A constant SELECT and the values it is asked with."""

    statement: Executable
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it: its text, and its parameters in order."""

    sql: str
    slots: tuple[Slot, ...]

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters of one row in the driver's form; raises KeyError where a required one is missing."""
        ready = []
        for name, processor, fallback in self.slots:
            value = values.get(name, fallback)
            if value is fallback and callable(fallback):
                value = fallback()
            elif value is REQUIRED:
                raise KeyError(name)
            ready.append(processor(value) if processor else value)
        return tuple(ready)


@dataclass(slots=True)
class Batch:
    """New rows and prepared statements, in the order they were added."""

    _rows: dict[type[Base], list[Base]] = field(default_factory=dict)
    _statements: list[tuple[Executable, list[Mapping[str, Any]]]] = field(default_factory=list)

    def add(self, *rows: Base) -> None:
        """Take new rows along; they belong to no session and must not be changed after `write`."""
        for row in rows:
            self._rows.setdefault(type(row), []).append(row)

    def run(self, statement: Executable, parameters: Iterable[Mapping[str, Any]]) -> None:
        """Take a statement along: a constant of its module, run once for each set of parameters."""
        entries = list(parameters)
        if entries:
            self._statements.append((statement, entries))

    async def write(self, session: AsyncSession) -> None:
        """Write everything in the session's transaction; the batch is empty afterwards."""
        if not self._rows and not self._statements:
            return
        connection = await session.connection()
        work = []
        for model, rows in self._rows.items():
            prepared = prepare_insert(model, connection.dialect)
            work.append((prepared.sql, [prepared.bind(row.__dict__) for row in rows]))
        for statement, entries in self._statements:
            prepared = prepare(statement, connection.dialect)
            work.append((prepared.sql, [prepared.bind(entry) for entry in entries]))
        driver = _driver_of(connection)
        self._rows, self._statements = {}, []
        try:
            if isinstance(driver, psycopg.AsyncConnection):
                await _write_at_once(driver, work)
            else:
                _write_all(driver._conn, work)
        except (sqlite3.Error, psycopg.Error) as error:
            raise _wrap(error) from error


async def _write_at_once(driver: psycopg.AsyncConnection[Any], work: Sequence[tuple[str, list[Any]]]) -> None:
    """The rows of all tables, and the first run of each further statement, as one; further runs one after another.

    Rows of one table share one INSERT, and runs of one statement keep their order: numbers that the database gives
    out must follow it, while the parts of one statement are carried out in no order that one may count on.
    """
    together, later = [], []
    for sql, entries in work:
        if _VALUES in sql:
            together.append((sql, len(entries)))
        else:
            together.append((sql, 1))
            later += [(sql, entry) for entry in entries[1:]]
    parameters = [
        value for sql, entries in work for entry in (entries if _VALUES in sql else entries[:1]) for value in entry
    ]
    async with psycopg.AsyncRawCursor(driver) as cursor:
        await cursor.execute(_join(tuple(together)), parameters)
        for sql, entry in later:
            await cursor.execute(sql.encode(), entry)


@lru_cache(maxsize=512)
def _join(statements: tuple[tuple[str, int], ...]) -> bytes:
    """One statement made of several, each with its number of rows, their placeholders numbered through."""
    parts, offset = [], 0
    for sql, rows in statements:
        head, values, group = sql.partition(_VALUES)
        groups = []
        for _ in range(rows if values else 1):
            text = group if values else sql
            groups.append(_PLACEHOLDER.sub(lambda match, o=offset: f"${int(match[1]) + o}", text))  # type: ignore[misc]
            offset += max((int(n) for n in _PLACEHOLDER.findall(text)), default=0)
        parts.append(head + values + ", ".join(groups) if values else groups[0])
    expressions = ", ".join(f"_{n} AS ({part})" for n, part in enumerate(parts[:-1]))
    return (f"WITH {expressions} {parts[-1]}" if expressions else parts[-1]).encode()


async def fetch(
    session: AsyncSession | AsyncConnection, statement: Executable, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run a constant SELECT and answer its rows as the driver has them: for look-ups that every request makes."""
    [rows] = await fetch_all(session, [Look(statement, values)])
    return rows


async def fetch_all(session: AsyncSession | AsyncConnection, looks: Sequence[Look]) -> list[list[tuple[Any, ...]]]:
    """Several look-ups, none of which needs what another finds, in one trip; the rows of each, in order."""
    connection = await session.connection() if isinstance(session, AsyncSession) else session
    driver = _driver_of(connection)
    ready = []
    for statement, values in looks:
        prepared = prepare(statement, connection.dialect)
        ready.append((prepared.sql, prepared.bind(values)))
    try:
        if isinstance(driver, psycopg.AsyncConnection):
            return await _read_at_once(driver, ready)
        return _read_all(driver._conn, ready)
    except (sqlite3.Error, psycopg.Error) as error:
        raise _wrap(error) from error


async def _read_at_once(
    driver: psycopg.AsyncConnection[Any], looks: Sequence[tuple[str, tuple[Any, ...]]]
) -> list[list[tuple[Any, ...]]]:
    async with AsyncExitStack() as stack:
        if len(looks) > 1:
            await stack.enter_async_context(driver.pipeline())
        cursors = []
        for sql, values in looks:
            cursor = await stack.enter_async_context(psycopg.AsyncRawCursor(driver))
            await cursor.execute(sql.encode(), values)
            cursors.append(cursor)
        return [await cursor.fetchall() for cursor in cursors]


def _read_all(
    connection: sqlite3.Connection, looks: Sequence[tuple[str, tuple[Any, ...]]]
) -> list[list[tuple[Any, ...]]]:
    return [connection.execute(sql, values).fetchall() for sql, values in looks]


def _driver_of(connection: AsyncConnection) -> Any:
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]


def _write_all(connection: sqlite3.Connection, work: Sequence[tuple[str, list[Any]]]) -> None:
    """Rows of one table as one statement."""
    for sql, entries in work:
        if _VALUES not in sql or len(entries) == 1:
            connection.executemany(sql, entries)
            continue
        at_once = max(1, MOST_PARAMETERS // len(entries[0]))
        for start in range(0, len(entries), at_once):
            rows = entries[start : start + at_once]
            connection.execute(_repeat(sql, len(rows)), [value for row in rows for value in row])


@lru_cache(maxsize=512)
def _repeat(sql: str, rows: int) -> str:
    """An INSERT of one row as one of several."""
    head, values, group = sql.partition(_VALUES)
    return head + values + ", ".join([group] * rows)


def _wrap(error: Exception) -> DBAPIError:
    """The driver's error as SQLAlchemy would have raised it, so that one place judges both."""
    if isinstance(error, sqlite3.IntegrityError | psycopg.IntegrityError):
        return IntegrityError("batch", None, error)
    if isinstance(error, sqlite3.OperationalError | psycopg.OperationalError):
        return OperationalError("batch", None, error)
    return DBAPIError("batch", None, error)


# By statement or model and the dialect's name: all engines of one kind take a statement alike.
_prepared: dict[tuple[object, str], Prepared] = {}


def prepare_insert(model: type[Base], dialect: Dialect) -> Prepared:
    """The INSERT of a table; what a row does not set takes the column's default."""
    key = (model, dialect.name)
    if key not in _prepared:
        defaults: dict[str, Any] = {}
        for column in model.__table__.columns:
            given_by_the_database = column.server_default is not None and column.default is None
            if given_by_the_database or (column.primary_key and column.autoincrement is True):
                continue
            default: Any = column.default.arg if column.default is not None else None
            defaults[column.key] = partial(default, None) if callable(default) else default
        _prepared[key] = _compile(insert(model).inline(), dialect, defaults)
    return _prepared[key]


def prepare(statement: Executable, dialect: Dialect) -> Prepared:
    """A constant of its module, compiled once."""
    key = (statement, dialect.name)
    if key not in _prepared:
        _prepared[key] = _compile(statement, dialect, {})
    return _prepared[key]


def _compile(statement: Any, dialect: Dialect, defaults: Mapping[str, Any]) -> Prepared:
    """With the placeholders that the driver takes as they are; `defaults` also names the columns of an INSERT."""
    style: Dialect = dialect
    if dialect.name == "postgresql":
        style = PostgresDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=style, column_keys=list(defaults) or None)
    slots = []
    for name in compiled.positiontup:
        bind = compiled.binds[name]
        fallback = defaults.get(name, REQUIRED if bind.required else bind.value)
        processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if isinstance(bind.type, UtcDateTime) and processor is not None:
            processor = lru_cache(maxsize=256)(processor)  # one moment stands in most rows of a transaction
        slots.append(Slot(name, processor, fallback))
    return Prepared(str(compiled), tuple(slots))
