"""The declarative base and the column types all tables share: aware UTC times, enums by value, opaque ids."""

import secrets
import threading
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, ForeignKey, Integer, MetaData, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

ID_LENGTH = 32
Json = JSON().with_variant(JSONB(), "postgresql")
# A UUID of version 7 has 12 and 62 bits of chance after its time.
RANDOM_BITS, STEP_BITS = 74, 40
DAY = 86_400_000
_making = threading.Lock()
# The newest id of each kind: whose time is the moment, and whose time is the day.
_newest = {1: 0, DAY: 0}
BigSerial = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All tables; constraints are named so that migrations can speak of them."""

    metadata = MetaData(naming_convention=NAMING)

    def __init__(self, **values: Any) -> None:
        """A new row; nobody asks what its columns were before, so nothing is kept of it. Raises TypeError."""
        unknown = values.keys() - type(self).__mapper__.columns.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.__dict__.update(values)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; refuses naive ones. SQLite keeps it without its offset, PostgreSQL as timestamptz."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_column(kind: type[StrEnum]) -> Enum:
    """A column that stores the value of a StrEnum as text and checks it on the way in."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        validate_strings=True,
        length=40,
        values_callable=lambda members: [m.value for m in members],
    )


def id_column() -> String:
    """The type of an opaque id (see `new_id`)."""
    return String(ID_LENGTH)


def reference(target: str) -> ForeignKey:
    """A foreign key that is checked at commit, so that rows of one transaction may be written in any order."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


def directory_code() -> String:
    """The code of a department or point on a row that every report adds; checked against the directory, not by a key.

    A foreign key would lock the directory's row in each of many transactions at once, and the directory never deletes.
    """
    return String(20)


def new_id() -> str:
    """A UUID version 7 as 32 hex digits: sorts by time, and one process's by the order in which it made them.

    It says nothing else. Rows that one act adds are told apart by it, so that what comes first never is chance.
    Source: RFC 9562, sections 5.7 and 6.2 (method 2: within a millisecond it counts on by a random step).
    """
    return _make_id(1)


def day_id() -> str:
    """The same for what departments see by its id: its time is that of the day, for the moment may be a report's."""
    return _make_id(DAY)


def _make_id(grain: int) -> str:
    with _making:
        milliseconds = time.time_ns() // 1_000_000 // grain * grain
        newest = _newest[grain]
        if milliseconds > newest >> RANDOM_BITS:
            number = (milliseconds << RANDOM_BITS) | secrets.randbits(RANDOM_BITS)
        else:
            number = newest + 1 + secrets.randbits(STEP_BITS)
        _newest[grain] = number
    time_and_a, b = number >> 62, number & ((1 << 62) - 1)
    stamp, a = time_and_a >> 12, time_and_a & 0xFFF
    return f"{(stamp << 80) | (0x7 << 76) | (a << 64) | (0x2 << 62) | b:032x}"


def columns_of(row: Base) -> dict[str, Any]:
    """The loaded column values of a row, for exports and tests."""
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
