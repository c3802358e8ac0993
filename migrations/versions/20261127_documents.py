"""official documents

Revision: 20261127_documents
Follows: 20261127_own_pages
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_documents"
down_revision = "20261127_own_pages"
branch_labels = None
depends_on = None

LATER = {"deferrable": True, "initially": "DEFERRED"}
FROZEN = (
    "id", "kind", "year", "serial", "number", "occasion", "about", "addressee", "consultation_id", "content", "digest",
    "issued_by", "issued_at",
)  # fmt: skip


def upgrade() -> None:
    """What is issued on paper, kept as it was issued; triggers keep it so."""
    op.create_table(
        "documents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(60), nullable=False),
        sa.Column("occasion", sa.String(120), nullable=False),
        sa.Column("about", sa.String(24), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("consultation_id", sa.String(32), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("issued_by", sa.String(80), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_by", sa.String(80), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consultation_id"], ["consultations.id"], name="fk_documents_consultation_id_consultations", **LATER
        ),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("number", name="uq_documents_number"),
        sa.UniqueConstraint("kind", "year", "serial", name="uq_documents_kind_year_serial"),
    )
    valid = sa.text("voided_at IS NULL")
    op.create_index(
        "uq_documents_valid_occasion", "documents", ["occasion"],
        unique=True, sqlite_where=valid, postgresql_where=valid,
    )  # fmt: skip
    op.create_index("ix_documents_issued_at", "documents", ["issued_at", "id"])
    op.create_index("ix_documents_consultation_id", "documents", ["consultation_id"])
    op.create_table(
        "document_cases",
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_document_cases_document_id_documents", **LATER
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_document_cases_case_id_cases", **LATER),
        sa.PrimaryKeyConstraint("document_id", "case_id", name="pk_document_cases"),
    )
    op.create_index("ix_document_cases_case_id", "document_cases", ["case_id"])
    for statement in _postgresql_guards() if op.get_bind().dialect.name == "postgresql" else _sqlite_guards():
        op.execute(statement)


def _sqlite_guards() -> list[str]:
    def guard(table: str, name: str, when: str) -> str:
        return f"CREATE TRIGGER {table}_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"

    return [
        guard("documents", "never_loses_rows", "DELETE ON documents"),
        guard("documents", "never_changes", f"UPDATE OF {', '.join(FROZEN)} ON documents"),
        guard("documents", "is_voided_once", "UPDATE ON documents WHEN OLD.voided_at IS NOT NULL"),
        guard("document_cases", "never_loses_rows", "DELETE ON document_cases"),
        guard("document_cases", "never_changes", "UPDATE ON document_cases"),
    ]


def _postgresql_guards() -> list[str]:
    """`refuse_truncation` is there since the first tables."""
    refuse = "EXECUTE FUNCTION refuse_truncation()"
    return [
        f"CREATE TRIGGER documents_never_changes BEFORE DELETE OR UPDATE OF {', '.join(FROZEN)} ON documents "
        f"FOR EACH ROW {refuse}",
        f"CREATE TRIGGER documents_is_voided_once BEFORE UPDATE ON documents FOR EACH ROW "
        f"WHEN (OLD.voided_at IS NOT NULL) {refuse}",
        f"CREATE TRIGGER document_cases_never_changes BEFORE UPDATE OR DELETE ON document_cases FOR EACH ROW {refuse}",
        *(
            f"CREATE TRIGGER {table}_is_never_truncated BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}"
            for table in ("documents", "document_cases")
        ),
    ]


def downgrade() -> None:
    """The register is gone with it: print or export it first. The chains keep numbers and digests."""
    op.drop_table("document_cases")
    op.drop_table("documents")
