"""Official documents 公文: what was issued on paper, word for word, with its number."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import DocumentKind


class Document(Base):
    """公文: one issued document under its 发文字号. Triggers keep it: only the voiding (作废) is written later, once.

    `serial` is gapless within kind and `year` (the city's). `content` is canonical JSON, the sheet as it was issued;
    `digest` its SHA-256, which the chain of each case that it concerns keeps too. `occasion` is what it was issued
    for: there is one valid document for each. `about` is what it concerns, as the register shows it.
    """

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    kind: Mapped[DocumentKind] = mapped_column(enum_column(DocumentKind))
    year: Mapped[int] = mapped_column(Integer)
    serial: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(String(60), unique=True)
    occasion: Mapped[str] = mapped_column(String(120))
    about: Mapped[str] = mapped_column(String(24))
    addressee: Mapped[str] = mapped_column(Text)
    consultation_id: Mapped[str | None] = mapped_column(reference("consultations.id"))
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    issued_by: Mapped[str] = mapped_column(String(80))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    voided_by: Mapped[str | None] = mapped_column(String(80))
    voided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    void_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("kind", "year", "serial"),
        Index(
            "uq_documents_valid_occasion",
            "occasion",
            unique=True,
            sqlite_where=text("voided_at IS NULL"),
            postgresql_where=text("voided_at IS NULL"),
        ),
        Index("ix_documents_issued_at", "issued_at", "id"),
        Index("ix_documents_consultation_id", "consultation_id"),
    )


class DocumentCase(Base):
    """A case that a document concerns; one on a session's agenda may share it with others."""

    __tablename__ = "document_cases"

    document_id: Mapped[str] = mapped_column(reference("documents.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)

    __table_args__ = (Index("ix_document_cases_case_id", "case_id"),)
