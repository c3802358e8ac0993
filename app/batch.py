"""Prepared statements straight to the driver: all that a transaction adds in one trip, and the few hot look-ups.

The unit of work would take a trip and a good deal of work for each table, and intake adds rows to eight of them. Here
PostgreSQL gets them in one statement, SQLite's thread in one call. Loaded rows stay the session's business.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Dialect, Executable, insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg as PostgresDialect
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import Base

Processor = Callable[[Any], Any]
_PLACEHOLDER = re.compile(r"\$(\d+)")
_VALUES = " VALUES "


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it: its text, and what to do with each parameter."""

    sql: str
    names: tuple[str, ...]
    processors: Mapping[str, Processor]
    constants: Mapping[str, Any]

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters of one row in the driver's form."""
        ready = []
        for name in self.names:
            value = values[name] if name in values else self.constants[name]
            processor = self.processors.get(name)
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
            work.append((prepared.sql, [prepared.bind(_values_of(row)) for row in rows]))
        for statement, entries in self._statements:
            prepared = prepare(statement, connection.dialect)
            work.append((prepared.sql, [prepared.bind(entry) for entry in entries]))
        driver: Any = (await connection.get_raw_connection()).driver_connection
        self._rows, self._statements = {}, []
        try:
            if isinstance(driver, psycopg.AsyncConnection):
                await _write_at_once(driver, work)
            else:
                await _in_thread(driver, _write_all, work)
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
    connection = await session.connection() if isinstance(session, AsyncSession) else session
    prepared = prepare(statement, connection.dialect)
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        if isinstance(driver, psycopg.AsyncConnection):
            async with psycopg.AsyncRawCursor(driver) as cursor:
                await cursor.execute(prepared.sql.encode(), prepared.bind(values))
                return await cursor.fetchall()
        return [tuple(row) for row in await driver.execute_fetchall(prepared.sql, prepared.bind(values))]
    except (sqlite3.Error, psycopg.Error) as error:
        raise _wrap(error) from error


async def _in_thread(driver: Any, act: Callable[..., None], *arguments: Any) -> None:
    """One call in the thread that owns the SQLite connection; aiosqlite offers none for several statements."""
    await driver._execute(act, driver._conn, *arguments)


def _write_all(connection: sqlite3.Connection, work: Sequence[tuple[str, list[Any]]]) -> None:
    for sql, parameters in work:
        connection.executemany(sql, parameters)


def _wrap(error: Exception) -> DBAPIError:
    """The driver's error as SQLAlchemy would have raised it, so that one place judges both."""
    if isinstance(error, sqlite3.IntegrityError | psycopg.IntegrityError):
        return IntegrityError("batch", None, error)
    if isinstance(error, sqlite3.OperationalError | psycopg.OperationalError):
        return OperationalError("batch", None, error)
    return DBAPIError("batch", None, error)


@lru_cache(maxsize=128)
def _columns(model: type[Base]) -> tuple[tuple[str, Any], ...]:
    """The columns an INSERT names, each with its default: a value, a function without arguments, or None."""
    found = []
    for column in model.__table__.columns:
        given_by_the_database = column.server_default is not None and column.default is None
        if given_by_the_database or (column.primary_key and column.autoincrement is True):
            continue
        default: Any = column.default.arg if column.default is not None else None
        found.append((column.key, default))
    return tuple(found)


def _values_of(row: Base) -> dict[str, Any]:
    """A new row's values; what was not set takes the column's default."""
    given = row.__dict__
    values = {}
    for key, default in _columns(type(row)):
        if key in given:
            values[key] = given[key]
        else:
            values[key] = default(None) if callable(default) else default
    return values


@lru_cache(maxsize=128)
def prepare_insert(model: type[Base], dialect: Dialect) -> Prepared:
    """The INSERT of a table."""
    return prepare(insert(model).inline(), dialect, tuple(key for key, _ in _columns(model)))


@lru_cache(maxsize=128)
def prepare(statement: Executable, dialect: Dialect, keys: tuple[str, ...] | None = None) -> Prepared:
    """Compile a statement once for a dialect, with the placeholders its driver takes as they are."""
    style: Dialect = dialect
    if dialect.name == "postgresql":
        style = PostgresDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled: Any = statement.compile(dialect=style, column_keys=list(keys) if keys else None)  # type: ignore[attr-defined]
    processors = {}
    for name, bind in compiled.binds.items():
        processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if processor is not None:
            processors[name] = processor
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    return Prepared(str(compiled), tuple(compiled.positiontup), processors, constants)
