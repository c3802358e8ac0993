"""Joint consultations 会商: the session, its agenda, who is invited, and what each department said on each case."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, directory_code, enum_column, id_column, new_id, reference
from app.vocabulary import AgendaOutcome, ConsultationStatus, InvitationAnswer, Position


class Consultation(Base):
    """会商: one session that settles for each case on its agenda who leads and who supports.

    `convener` is who called it, as events name an actor; `merged_into` the session that took over its whole agenda,
    `ended_because` why it was cancelled. `due_at` is the earliest consultation clock of the cases still open on it.
    """

    __tablename__ = "consultations"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    status: Mapped[ConsultationStatus] = mapped_column(enum_column(ConsultationStatus))
    convener: Mapped[str | None] = mapped_column(String(80))
    convened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    meeting_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    minutes_long: Mapped[int | None] = mapped_column(Integer)
    place: Mapped[str | None] = mapped_column(String(200))
    minutes: Mapped[str | None] = mapped_column(Text)
    concluded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merged_into: Mapped[str | None] = mapped_column(id_column())
    ended_because: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012
    __table_args__ = (Index("ix_consultations_status_meeting_at", "status", "meeting_at"),)


class AgendaItem(Base):
    """议题: one case on a session's agenda; `outcome` says how it left, None while it waits for its conclusion."""

    __tablename__ = "agenda_items"

    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    outcome: Mapped[AgendaOutcome | None] = mapped_column(enum_column(AgendaOutcome))
    conclusion: Mapped[dict[str, Any] | None] = mapped_column(Json)

    __table_args__ = (Index("ix_agenda_items_case_id", "case_id"),)


class Invitation(Base):
    """邀请: one department's seat at a session; `deputy` names who comes in its stead, for the office's eyes only."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"))
    department_code: Mapped[str] = mapped_column(reference("departments.code"))
    on_behalf_of: Mapped[list[str]] = mapped_column(Json, default=list)
    invited_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer: Mapped[InvitationAnswer | None] = mapped_column(enum_column(InvitationAnswer))
    deputy: Mapped[str | None] = mapped_column(String(120))
    answer_reason: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("consultation_id", "department_code"),)


class StatedPosition(Base):
    """意见: what a department says its part in one case is, and the basis it cites; restated until it is concluded."""

    __tablename__ = "positions"

    consultation_id: Mapped[str] = mapped_column(reference("consultations.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    department_code: Mapped[str] = mapped_column(directory_code(), primary_key=True)
    position: Mapped[Position] = mapped_column(enum_column(Position))
    basis: Mapped[str] = mapped_column(Text)
    stated_at: Mapped[datetime] = mapped_column(UtcDateTime)
