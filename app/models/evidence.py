"""Files that prove what a department says it did: the row; the bytes lie in a folder or a bucket."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, UtcDateTime, id_column, new_id, reference


class Evidence(Base):
    """佐证材料: one uploaded file. `act_id` is the first act that refers to it; None: nothing does, and it is swept."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    assignment_id: Mapped[str] = mapped_column(reference("assignments.id"))
    act_id: Mapped[str | None] = mapped_column(reference("acts.id"))
    name: Mapped[str] = mapped_column(String(160))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    uploaded_by: Mapped[str] = mapped_column(String(80))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_evidence_assignment_id", "assignment_id"),
        Index(
            "ix_evidence_unused",
            "uploaded_at",
            sqlite_where=text("act_id IS NULL"),
            postgresql_where=text("act_id IS NULL"),
        ),
    )
