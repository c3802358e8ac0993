"""What observation points sent, word for word, and what they were answered."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Float, Index, LargeBinary, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import (
    Base,
    BigSerial,
    Json,
    UtcDateTime,
    directory_code,
    enum_column,
    id_column,
    new_id,
    reference,
)
from app.vocabulary import ReplyKind, VerificationStatus


class Report(Base):
    """负担线索: what a point sent. The text never changes; only the pointer to its case and its verification move.

    `came_from` is the case under which it lay before that one was merged; None where it lies under its own. `likeness`
    is what counts for comparing it, kept where others are compared with it (see `route.likeness`), with its `keys`.
    `disclosed_text` and `disclosed_title` are what departments read in their place once the office has seen to it;
    None: masked by the rules.
    """

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    observation_point_code: Mapped[str] = mapped_column(directory_code())
    title: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    occurred_on: Mapped[date | None] = mapped_column(Date)
    hours_per_month: Mapped[float | None] = mapped_column(Float)
    declared_departments: Mapped[list[str]] = mapped_column(Json, default=list)
    decision: Mapped[dict[str, Any]] = mapped_column(Json)
    verification: Mapped[VerificationStatus] = mapped_column(enum_column(VerificationStatus))
    verification_comment: Mapped[str | None] = mapped_column(Text)
    came_from: Mapped[str | None] = mapped_column(id_column())
    likeness: Mapped[dict[str, Any] | None] = mapped_column(Json)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disclosed_title: Mapped[str | None] = mapped_column(Text)
    disclosed_text: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_reports_case_id", "case_id"),
        Index("ix_reports_point", "observation_point_code", "received_at"),
        Index(
            "ix_reports_hours",
            "case_id",
            "observation_point_code",
            "hours_per_month",
            sqlite_where=sql("hours_per_month IS NOT NULL"),
            postgresql_where=sql("hours_per_month IS NOT NULL"),
        ),
        Index(
            "ix_reports_came_from",
            "came_from",
            sqlite_where=sql("came_from IS NOT NULL"),
            postgresql_where=sql("came_from IS NOT NULL"),
        ),
    )


class ReportWords(Base):
    """What a search compares of a report (see `bigrams`), written with it and never changed: its number, title, text.

    Triggers keep `case_id` and `came_from` as the report's, and put each row into SQLite's full-text index.
    """

    __tablename__ = "report_words"

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    report_id: Mapped[str] = mapped_column(reference("reports.id"), unique=True)
    case_id: Mapped[str] = mapped_column(id_column())
    came_from: Mapped[str | None] = mapped_column(id_column())
    words: Mapped[str] = mapped_column(Text)

    # A search that finds many reads no wide rows to learn of which cases they are.
    __table_args__ = (
        Index("ix_report_words_id_case_id", "id", "case_id", "came_from"),
        Index(
            "ix_report_words_came_from",
            "came_from",
            "id",
            sqlite_where=sql("came_from IS NOT NULL"),
            postgresql_where=sql("came_from IS NOT NULL"),
        ),
    )


class ReportContact(Base):
    """How to reach the person behind a report: apart from the report, encrypted, never shown to a department.

    The row goes when the contact is erased; that it was, and why, stays in the case's chain.
    """

    __tablename__ = "report_contacts"

    report_id: Mapped[str] = mapped_column(reference("reports.id"), primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)


class Reply(Base):
    """回应: an answer addressed to one report. No case closes before each of its reports has a final one."""

    __tablename__ = "replies"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    report_id: Mapped[str] = mapped_column(reference("reports.id"))
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    kind: Mapped[ReplyKind] = mapped_column(enum_column(ReplyKind))
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_replies_report_id", "report_id"), Index("ix_replies_case_id", "case_id"))
