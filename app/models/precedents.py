"""What joint consultations settled, who cites it, and the standing rulings that the office made of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, directory_code, enum_column, id_column, new_id, reference
from app.vocabulary import Manner


class Precedent(Base):
    """先例: what a session concluded on one case; in force until the office withdraws it, or its case is settled anew.

    `likeness` is what counts of the case's first report (`Features.to_dict`), its `keys` those of the words alone.
    `summary` is masked. `obligations` are `{"department", "obligation", "working_days"}`, null for the usual.
    """

    __tablename__ = "precedents"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"))
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    manner: Mapped[Manner] = mapped_column(enum_column(Manner))
    summary: Mapped[str] = mapped_column(String(200))
    document_numbers: Mapped[list[str]] = mapped_column(Json)
    likeness: Mapped[dict[str, Any]] = mapped_column(Json)
    lead: Mapped[str] = mapped_column(directory_code())
    supporting: Mapped[list[str]] = mapped_column(Json)
    obligations: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    settled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_because: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_precedents_case_id", "case_id"),
        # Every process asks again and again whether anything was withdrawn.
        Index("ix_precedents_withdrawn_at", "withdrawn_at"),
    )


class CitedPrecedent(Base):
    """引用: a report whose decision cites a precedent, as its notes say; so that a precedent can tell who cites it."""

    __tablename__ = "cited_precedents"

    precedent: Mapped[str] = mapped_column(String(24), primary_key=True)
    report_id: Mapped[str] = mapped_column(reference("reports.id"), primary_key=True)


class StandingRuling(Base):
    """常规裁定: what matches the precedent is dispatched as it was settled, up to the day `until` or until ended."""

    __tablename__ = "standing_rulings"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    precedent_id: Mapped[str] = mapped_column(reference("precedents.id"))
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[date | None] = mapped_column(Date)
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(80))
    ended_because: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "uq_standing_rulings_in_force",
            "precedent_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
