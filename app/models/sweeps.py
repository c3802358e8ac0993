"""The nightly reconciliations."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime


class Sweep(Base):
    """夜间对账: what reconciling the whole ledger found on one local day.

    `token` is the worker's that has it in hand. The row has ended with `finished_at`; `named` holds the first
    offenders as pairs of number and fault, `offenders` and `broken_chains` how many there are.
    """

    __tablename__ = "sweeps"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    token: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reports: Mapped[int] = mapped_column(Integer, default=0)
    opened: Mapped[int] = mapped_column(Integer, default=0)
    closed: Mapped[int] = mapped_column(Integer, default=0)
    events: Mapped[int] = mapped_column(BigInteger, default=0)
    offenders: Mapped[int] = mapped_column(Integer, default=0)
    broken_chains: Mapped[int] = mapped_column(Integer, default=0)
    named: Mapped[list[Any]] = mapped_column(Json, default=list)
