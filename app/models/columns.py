"""The declarative base and the column types all tables share: aware UTC times, enums by value, opaque ids."""

import secrets
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
    """A UUID version 7 as 32 hex digits: sorts by time, says nothing else. Source: RFC 9562, section 5.7."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return f"{value:032x}"


def columns_of(row: Base) -> dict[str, Any]:
    """The loaded column values of a row, for exports and tests."""
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
