"""Which reports are alike: the keys by which they are found, and pairs of cases that the office is to look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, id_column, reference


class ReportKey(Base):
    """One key of a report on an open case; no foreign key, for intake adds a dozen at once. Closing takes them away."""

    __tablename__ = "report_keys"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    report_id: Mapped[str] = mapped_column(id_column(), primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


class SimilarPair(Base):
    """疑似重复: two cases that may be one burden, `first_id` the smaller id; or that the office has parted.

    `evidence` is `{"report", "because"}`: the number of the newer report and the reasons, whose spans index its text.
    A parted pair is neither suggested nor joined again.
    """

    __tablename__ = "similar_pairs"

    first_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    second_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    score: Mapped[float] = mapped_column(Float)
    evidence: Mapped[dict[str, Any]] = mapped_column(Json)
    parted: Mapped[bool] = mapped_column(Boolean, default=False)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_similar_pairs_second_id", "second_id"),)
