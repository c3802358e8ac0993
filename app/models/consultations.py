"""Joint consultations 会商: the session, its agenda, who is invited and what each department said."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import ConsultationStatus, Position


class Consultation(Base):
    """会商: one session that settles who leads and who supports."""

    __tablename__ = "consultations"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    status: Mapped[ConsultationStatus] = mapped_column(enum_column(ConsultationStatus))
    convened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    meeting_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    place: Mapped[str | None] = mapped_column(String(200))
    minutes: Mapped[str | None] = mapped_column(Text)
    concluded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012


class AgendaItem(Base):
    """One case on a session's agenda, and what was concluded on it."""

    __tablename__ = "agenda_items"

    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    conclusion: Mapped[dict[str, Any] | None] = mapped_column(Json)

    __table_args__ = (Index("ix_agenda_items_case_id", "case_id"),)


class Invitation(Base):
    """One department's seat at a session, and its opinion with the basis it cites."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"))
    department_code: Mapped[str] = mapped_column(reference("departments.code"))
    on_behalf_of: Mapped[list[str]] = mapped_column(Json, default=list)
    invited_at: Mapped[datetime] = mapped_column(UtcDateTime)
    position: Mapped[Position | None] = mapped_column(enum_column(Position))
    basis: Mapped[str | None] = mapped_column(Text)
    stated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("consultation_id", "department_code"),)
