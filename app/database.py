"""Engines and sessions. One request, worker step or command is one transaction; reads go to a reader.

SQLite: one writing connection that begins IMMEDIATE, first come first served, and several readers on the write-ahead
log; anything else loses updates or answers "locked" (see docs/decisions/0003). PostgreSQL: psycopg 3. Readers run in
autocommit, so that a look costs one round trip; what must see one moment asks for a snapshot.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import IsolationLevel
from pydantic_core import to_json
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm.exc import StaleDataError

from app.fair_pool import FairPool, going_ahead
from app.problems import AppError, Conflict, StorageFull, Unavailable

SQLITE_READERS = 5
POOL_TIMEOUT_SECONDS = {"sqlite": 30, "postgresql": 10}
# A statement of ours takes milliseconds: a server that is silent for that long is not there any more.
PATIENCE_SECONDS = 10.0
SNAPSHOT = "yilong_snapshot"
# What a search found is looked up in memory (see `ledger.found`): PostgreSQL's own 4 MB hold some 130,000 reports, and
# beyond that it would go through all of them for each case. Whoever gives more keeps it.
ROOM_TO_READ = """
    SELECT set_config('work_mem', '32MB', false) FROM pg_settings WHERE name = 'work_mem' AND setting::int < 32768
"""
READER_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA query_only=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16000",
)
WRITER_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # 64 MB of pages, and a log of 16 MB before it is brought into the file: indexes are written again and again.
    "PRAGMA cache_size=-64000",
    "PRAGMA wal_autocheckpoint=4000",
)


class ConcurrentChange(Conflict):
    code = "concurrent_change"
    title_zh, title_en = "已被他人先行修改", "Changed by someone else first"

    def __init__(self) -> None:
        super().__init__(
            "这一项刚被他人修改。请重新读取后再提交。", "Someone else has just changed this. Read it again, then retry."
        )


def to_async_url(url: str) -> URL:
    """The asynchronous driver's URL for `sqlite:///…` or `postgresql://…`; raises ValueError for anything else."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"YILONG_DATABASE_URL: 不支持 {other}，请用 sqlite:/// 或 postgresql://")


class Database:
    """The engines of one process.

    `write()` is one transaction that commits on leaving; `read()` is for looking only.

    Args:
        pool_size: connections to PostgreSQL, for writing and for reading each.
        patience: seconds that PostgreSQL may take over one statement outside a snapshot; None: for ever.
    """

    def __init__(self, url: str, *, pool_size: int = 10, patience: float | None = None) -> None:
        self.url = to_async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.writer, self.reader = _sqlite_engines(self.url)
        else:
            self.writer, self.reader = _postgresql_engines(self.url, pool_size, patience)
        options: dict[str, Any] = {"expire_on_commit": False, "autoflush": False}
        self._write = async_sessionmaker(self.writer, **options)
        self._read = async_sessionmaker(self.reader, **options)
        self._looking: AsyncConnection | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def write(self, *, ahead: bool = False) -> AsyncIterator[AsyncSession]:
        """One transaction; commits on leaving, rolls back on any error. Database failures become problems.

        Args:
            ahead: waits for a connection now, before others that wait; for what is in hand already.
        """
        with database_problems():
            async with self._write() as session, session.begin():
                if ahead:
                    with going_ahead():
                        await session.connection()
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that must not write; on SQLite it cannot."""
        with database_problems():
            async with self._read() as session:
                yield session

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """A reading connection without a session, for `batch.fetch`; on SQLite one that all share and that stays."""
        with database_problems():
            if not self.is_sqlite:
                async with self.reader.connect() as connection:
                    yield connection
                return
            try:
                yield await self._look()
            except DBAPIError:
                await self._stop_looking()
                raise

    async def _look(self) -> AsyncConnection:
        if self._looking is None:
            async with self._opening:
                self._looking = self._looking or await self.reader.connect()
        return self._looking

    async def _stop_looking(self) -> None:
        connection, self._looking = self._looking, None
        if connection is not None:
            await connection.close()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A reading session that sees one moment of the database throughout: for reconciling and exports."""
        options: dict[str, Any] = {SNAPSHOT: True} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        async with self.read() as session:
            await session.connection(execution_options=options)
            yield session

    async def now(self) -> datetime:
        """The database's own time, aware UTC."""
        async with self.read() as session:
            if self.is_sqlite:
                value = await session.scalar(select(text("strftime('%Y-%m-%dT%H:%M:%f', 'now')")))
                return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
            moment = await session.scalar(select(func.clock_timestamp()))
            if not isinstance(moment, datetime):
                raise Unavailable
            return moment.astimezone(UTC)

    def wal_bytes(self) -> int | None:
        """How large SQLite's write-ahead log is; None on PostgreSQL, which has its own exporter."""
        if not self.is_sqlite:
            return None
        try:
            return os.stat(f"{self.url.database}-wal").st_size
        except OSError:
            return 0

    async def refuse_unsafe_sqlite(self) -> None:
        """Stop the start-up unless the write-ahead log, full synchronisation and foreign keys are really on."""
        if not self.is_sqlite:
            return
        async with self.writer.connect() as connection:
            found = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        if found != ["wal", 2, 1]:
            raise RuntimeError(
                f"SQLite 未能启用 WAL/FULL/外键（实际 {found}）：数据文件须放在本机磁盘，不能放在网络共享目录。"
            )

    async def dispose(self) -> None:
        await self._stop_looking()
        await self.writer.dispose()
        await self.reader.dispose()


def to_json_text(value: Any) -> str:
    """How a JSON column is written: Chinese as it is, half the bytes that escapes would take."""
    return to_json(value).decode()


def insert_if_absent(database: Database, model: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that does nothing where the row is there already, waiting for whoever is just writing it."""
    insert = sqlite.insert if database.is_sqlite else postgresql.insert
    return insert(model).on_conflict_do_nothing()


@contextmanager
def database_problems() -> Iterator[None]:
    """Turn database failures into problems the caller can act on; leave everything else as it is."""
    try:
        yield
    except Exception as error:
        problem = to_problem(error)
        if problem is None:
            raise
        raise problem from error


def to_problem(error: BaseException) -> AppError | None:
    """The problem a database failure means to the caller; None where it is a defect of ours."""
    if isinstance(error, StaleDataError):
        return ConcurrentChange()
    if isinstance(error, PoolTimeout):
        return Unavailable()
    if isinstance(error, DBAPIError):
        message = str(error.orig).lower()
        if "disk is full" in message or "no space left" in message or "disk full" in message:
            return StorageFull("存储空间已满，未写入任何内容。请联系管理员。", "Storage is full; nothing was written.")
        if error.connection_invalidated or isinstance(error, OperationalError):
            return Unavailable()
    return None


def _sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    options: dict[str, Any] = {
        "poolclass": FairPool,
        "json_serializer": to_json_text,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT_SECONDS["sqlite"],
        "pool_reset_on_return": None,
    }
    writer = create_async_engine(url, pool_size=1, **options)
    reader = create_async_engine(url, pool_size=SQLITE_READERS, **options)
    _configure_sqlite(writer, WRITER_PRAGMAS, begin="BEGIN IMMEDIATE")
    _configure_sqlite(reader, READER_PRAGMAS, begin=None)
    return writer, reader


def _configure_sqlite(engine: AsyncEngine, pragmas: tuple[str, ...], begin: str | None) -> None:
    """Set the pragmas of each connection, and begin transactions with our own statement in place of the driver's."""

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _: Any) -> None:
        # The driver's own transaction handling is off: it would begin too late, and deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "reset")
    def end_what_is_open(connection: Any, _: Any, __: Any) -> None:
        # A rollback is a trip to the connection's thread: only where a transaction was left open.
        if connection.driver_connection.in_transaction:
            connection.rollback()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_explicitly(connection: Connection) -> None:
        statement = "BEGIN" if connection.get_execution_options().get(SNAPSHOT) else begin
        if statement is not None:
            adapted: Any = connection.connection.dbapi_connection
            adapted.run_async(lambda driver: driver.execute_fetchall(statement))


class ImpatientConnection(psycopg.AsyncConnection[Any]):
    """Gives a server up that has fallen silent, as behind a firewall that lost its state: no error would ever come.

    The operating system notices after many minutes, or never where something in between still answers for the server.
    """

    patience: float | None = PATIENCE_SECONDS

    async def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        patience = None if self.isolation_level is IsolationLevel.REPEATABLE_READ else self.patience
        try:
            return await super().wait(gen, *arguments, **{"timeout": patience} | options)
        except psycopg.errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server has fallen silent") from error


def _postgresql_engines(url: URL, pool_size: int, patience: float | None) -> tuple[AsyncEngine, AsyncEngine]:
    async def connect(*arguments: Any, **options: Any) -> ImpatientConnection:
        connection = await ImpatientConnection.connect(*arguments, **options)
        connection.patience = patience
        return connection

    async def connect_to_read(*arguments: Any, **options: Any) -> ImpatientConnection:
        connection = await connect(*arguments, **options)
        await connection.set_autocommit(True)
        await connection.execute(ROOM_TO_READ)
        return connection

    # No server-side prepared statements: PgBouncer in transaction mode cannot carry them between connections.
    connect_args = {"prepare_threshold": None, "connect_timeout": 5, "application_name": "yilong"}
    options: dict[str, Any] = {
        "poolclass": FairPool,
        "json_serializer": to_json_text,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT_SECONDS["postgresql"],
        "pool_recycle": 1800,
    }
    writing, reading = (connect_args | {"async_creator_fn": way} for way in (connect, connect_to_read))
    writer = create_async_engine(url, connect_args=writing, **options)
    reader = create_async_engine(url, connect_args=reading, isolation_level="AUTOCOMMIT", **options)
    return writer, reader
