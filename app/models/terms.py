"""The terms that the office sets: a history that only grows."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, UtcDateTime, enum_column, id_column, new_id
from app.vocabulary import DeadlineKind, Urgency


class TermChange(Base):
    """办理时限: how long one kind of clock is, for all cases or some; in force until `ended_at`.

    A change ends the row before it on the same `subject` (`terms.subject_of`). Without `working_days` it withdraws the
    rule: what is more general applies again.
    """

    __tablename__ = "term_changes"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    subject: Mapped[str] = mapped_column(String(120))
    kind: Mapped[DeadlineKind] = mapped_column(enum_column(DeadlineKind))
    burden_type: Mapped[str | None] = mapped_column(String(40))
    urgency: Mapped[Urgency | None] = mapped_column(enum_column(Urgency))
    working_days: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    set_by: Mapped[str] = mapped_column(String(80))
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "uq_term_changes_in_force",
            "subject",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
