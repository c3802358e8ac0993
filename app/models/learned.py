"""What was learnt from the office's rulings: models as they were fitted, at most one of them in force."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime


class LearnedModel(Base):
    """学得模型: fitted to rulings and struck-off cases. A candidate until it was back-tested and somebody activated it.

    `trained_on` counts what it was fitted to, `validation` says what it was worth on texts it had not seen, `backtest`
    what it would have changed. `payload` is the model itself, its version the hash of that.
    """

    __tablename__ = "learned_models"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    trained_on: Mapped[dict[str, Any]] = mapped_column(Json)
    validation: Mapped[dict[str, Any]] = mapped_column(Json)
    payload: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    backtested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    backtest: Mapped[dict[str, Any] | None] = mapped_column(Json)
    active: Mapped[bool] = mapped_column(Boolean, default=False)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "uq_learned_models_active",
            "active",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )
