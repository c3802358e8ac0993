"""The daily seals over all audit chains, and the key that signs them."""

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, UtcDateTime, id_column


class AuditKey(Base):
    """The key pair that signs seals; `secret` is sealed under the deployment's secret key, a trigger keeps the rest."""

    __tablename__ = "audit_keys"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(80))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditSeal(Base):
    """封存: one signed seal. With the seals before it, it commits to the head of every chain (triggers keep it).

    `digest` covers the heads that moved since the seal before (`SealedHead`), `previous_hash` names that seal;
    `cases` is how many chains all of them together commit to.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    previous_hash: Mapped[str] = mapped_column(String(64))
    cases: Mapped[int] = mapped_column(Integer)
    heads: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(100))


class SealedHead(Base):
    """The head of one chain as a seal found it. No foreign key: it has to outlive a case that is made to vanish."""

    __tablename__ = "sealed_heads"

    case_id: Mapped[str] = mapped_column(id_column(), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(String(24))
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[int] = mapped_column(Integer)

    __table_args__ = (Index("ix_sealed_heads_seal", "seal"),)
