"""Statements are compiled once in a run of the tests, not once for each of their thousands of databases.

SQLAlchemy keeps what it compiled by engine, and a test has engines of its own: a fifth of the suite went there.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

# One driver and one server each: two dialects of a class compile alike.
ALIKE = (SQLiteDialect_aiosqlite, PGDialectAsync_psycopg)
MOST_STATEMENTS = 5000


def share_compiled_statements() -> None:
    """Let all engines of a driver use one cache, and take their dialects for equal in its keys."""
    caches: defaultdict[type[Dialect], LRUCache[Any, Any]] = defaultdict(lambda: LRUCache(MOST_STATEMENTS))
    begin = Engine.__init__

    def begin_with_shared_cache(engine: Engine, *args: Any, **options: Any) -> None:
        begin(engine, *args, **options)
        if isinstance(engine.dialect, ALIKE):
            engine._compiled_cache = caches[type(engine.dialect)]

    setattr(Engine, "__init__", begin_with_shared_cache)  # noqa: B010 - mypy forbids the plain assignment
    for dialect in ALIKE:
        setattr(dialect, "__eq__", lambda one, other: type(one) is type(other))  # noqa: B010
        setattr(dialect, "__hash__", lambda one: hash(type(one)))  # noqa: B010
