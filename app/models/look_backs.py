"""The looks back at what was struck off as relieved."""

from datetime import datetime

from sqlalchemy import Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import LookBackAnswer


class LookBack(Base):
    """回头看: one question to one point, some weeks after its case was struck off: does the relief hold?

    A closed case has no clock, so the question keeps its own times: due at `due_at`, asked at `asked_at`, to be
    answered by `answer_by`. `look_at` is when the worker acts on it next, None once it has ended. It hangs on the
    point's newest report on the case.
    """

    __tablename__ = "look_backs"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    report_id: Mapped[str] = mapped_column(reference("reports.id"))
    days: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[LookBackAnswer | None] = mapped_column(enum_column(LookBackAnswer))
    comment: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_look_backs_case_id", "case_id"),
        Index(
            "ix_look_backs_look_at",
            "look_at",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
        Index(
            "uq_look_backs_open",
            "report_id",
            unique=True,
            sqlite_where=text("asked_at IS NOT NULL AND ended_at IS NULL"),
            postgresql_where=text("asked_at IS NOT NULL AND ended_at IS NULL"),
        ),
    )
