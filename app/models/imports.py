"""Spreadsheets of reports that the office brings in for its points."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import RowState


class Import(Base):
    """导入: one file, known by its hash, so that sending it again finds what became of it. The file itself is not kept.

    `about` is sealed: the file's name and the headings that meant nothing. From `committed_at` on its waiting rows are
    the worker's; `finished_at` says that none is left.
    """

    __tablename__ = "imports"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    sha256: Mapped[str] = mapped_column(String(64))
    about: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_by: Mapped[str] = mapped_column(String(80))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    committed_by: Mapped[str | None] = mapped_column(String(80))
    committed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("sha256", name="uq_imports_sha256"),
        Index("ix_imports_uploaded_at", "uploaded_at"),
    )


class ImportRow(Base):
    """导入的一行: its number in the sheet and what became of it. With the file's hash it is its own idempotency key.

    `content` is sealed, as it may hold a contact, and gone once the row is a report. `report_id` is the report that it
    became, in that report's own transaction, or that says the same already. `digest` is what makes two rows the same
    report.
    """

    __tablename__ = "import_rows"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    import_id: Mapped[str] = mapped_column(reference("imports.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[RowState] = mapped_column(enum_column(RowState))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    faults: Mapped[list[Any]] = mapped_column(Json, default=list)
    digest: Mapped[str] = mapped_column(String(64), default="")
    report_id: Mapped[str | None] = mapped_column(reference("reports.id"))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("import_id", "number", name="uq_import_rows_import_id_number"),
        Index("ix_import_rows_import_id_state", "import_id", "state", "number"),
        Index("ix_import_rows_digest", "digest"),
        Index("ix_import_rows_report_id", "report_id"),
    )
