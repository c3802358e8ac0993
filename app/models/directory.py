"""Who there is: packs, departments, observation points, calendar days, serial numbers."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, id_column, new_id


class PackVersion(Base):
    """A pack as it was loaded: its files, so that every replica compiles the same knowledge."""

    __tablename__ = "pack_versions"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    files: Mapped[dict[str, str]] = mapped_column(Json)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    active: Mapped[bool] = mapped_column(Boolean, default=False)

    __table_args__ = (
        Index(
            "uq_pack_versions_active",
            "active",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )


class Department(Base):
    """部门: a unit of the directory that can cause a burden and be made to lift it."""

    __tablename__ = "departments"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    short_names: Mapped[list[str]] = mapped_column(Json)
    tier: Mapped[str] = mapped_column(String(20))
    district: Mapped[str | None] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(40))
    counterpart_code: Mapped[str | None] = mapped_column(String(20))
    vertical: Mapped[bool] = mapped_column(Boolean, default=False)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class ObservationPoint(Base):
    """观测点: a village or community that reports burdens."""

    __tablename__ = "observation_points"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    district: Mapped[str] = mapped_column(String(40))
    township: Mapped[str | None] = mapped_column(String(80))
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class CalendarDay(Base):
    """One day of the working calendar, make-up days included; a day that is missing here is provisional."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    working: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(80))


class CalendarImport(Base):
    """放假通知 as it was loaded: which year, by whom, what it changed. The calendar's version counts them.

    `changed` has for each day its date, and whether it was worked before (None: not known) and is now.
    """

    __tablename__ = "calendar_imports"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    year: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(80))
    imported_by: Mapped[str] = mapped_column(String(80))
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class Serial(Base):
    """The next unused number of a series; a process takes a block at a time, so numbers may have gaps.

    Those of official documents are taken one at a time, in the transaction that issues: they have none.
    """

    __tablename__ = "serials"

    series: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_value: Mapped[int] = mapped_column(Integer, default=1)
