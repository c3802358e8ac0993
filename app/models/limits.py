"""What is counted so that nobody takes too much: buckets that all processes draw from, and failed sign-ins."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime


class RateBucket(Base):
    """What is left of one budget. `leases` names what processes have drawn and may still hold, and until when."""

    __tablename__ = "rate_buckets"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    level: Mapped[float] = mapped_column(Float)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leases: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (Index("ix_rate_buckets_counted_at", "counted_at"),)


class SignInCount(Base):
    """Failed sign-ins of an account, an address or both together; the name stands for them and tells neither."""

    __tablename__ = "sign_in_counts"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    failures: Mapped[float] = mapped_column(Float)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    wait_until: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_sign_in_counts_wait_until", "wait_until"),)
