"""督办: what the office's leaders decided, and the daily digests. Tables, nothing else."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import Decided


class Instruction(Base):
    """批示: what a leader of the office decided on a case at the highest level, and when it is looked at again."""

    __tablename__ = "instructions"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    decision: Mapped[Decided] = mapped_column(enum_column(Decided))
    note: Mapped[str] = mapped_column(Text)
    look_again_on: Mapped[date] = mapped_column(Date)
    decided_by: Mapped[str] = mapped_column(String(80))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_instructions_case_id", "case_id"),)


class Digest(Base):
    """每日提要: what one recipient is told of one working day, once: a department by its code, or `office`.

    The row whose recipient is empty says that the day's round is over: whoever has none by then had nothing to be told.
    """

    __tablename__ = "digests"

    recipient: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
