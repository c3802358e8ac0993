"""Events: the audit trail and the outbox in one row."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, BigSerial, UtcDateTime, directory_code, id_column, new_id, reference

# The condition of the index over what a holiday notice moved; a query that says the same uses it.
DEADLINE_CHANGED = "type IN ('assignment.deadline_changed', 'case.deadline_changed')"


class Event(Base):
    """What happened to a case, hash-chained per case and append-only (a trigger refuses change and deletion).

    `facts` is canonical JSON without personal data and is covered by the hash. An event addressed to a department
    also carries `body`, the very bytes that every webhook attempt and the pull feed send; the hash covers only
    `body_commitment` (SHA-256 of salt and body), so that an erased body leaves the chain valid.
    """

    __tablename__ = "events"

    position: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(id_column(), unique=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    seq: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(120))
    department_code: Mapped[str | None] = mapped_column(directory_code())
    facts: Mapped[str] = mapped_column(Text)
    body: Mapped[str | None] = mapped_column(Text)
    body_salt: Mapped[str | None] = mapped_column(String(32))
    body_commitment: Mapped[str | None] = mapped_column(String(64))
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    # PostgreSQL: the transaction that wrote the row, by which the feed knows that nothing older is still open.
    written_in: Mapped[int] = mapped_column(BigSerial, server_default=text("0"))

    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        Index("ix_events_department", "department_code", "position"),
        Index(
            "ix_events_deadline_changed",
            "position",
            sqlite_where=text(DEADLINE_CHANGED),
            postgresql_where=text(DEADLINE_CHANGED),
        ),
    )
