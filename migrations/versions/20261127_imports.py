"""imports

Revision: 20261127_imports
Follows: 20261127_disclosures
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_imports"
down_revision = "20261127_accounts"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
LATER = {"deferrable": True, "initially": "DEFERRED"}


def upgrade() -> None:
    """Spreadsheets of reports, row by row; the files themselves are not kept."""
    op.create_table(
        "imports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.String(80), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_by", sa.String(80), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.UniqueConstraint("sha256", name="uq_imports_sha256"),
    )
    op.create_index("ix_imports_uploaded_at", "imports", ["uploaded_at"])
    op.create_table(
        "import_rows",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("import_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("faults", JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("report_id", sa.String(32), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_rows_import_id_imports", **LATER),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_import_rows_report_id_reports", **LATER),
        sa.PrimaryKeyConstraint("id", name="pk_import_rows"),
        sa.UniqueConstraint("import_id", "number", name="uq_import_rows_import_id_number"),
    )
    op.create_index("ix_import_rows_import_id_state", "import_rows", ["import_id", "state", "number"])
    op.create_index("ix_import_rows_digest", "import_rows", ["digest"])
    op.create_index("ix_import_rows_report_id", "import_rows", ["report_id"])


def downgrade() -> None:
    op.drop_table("import_rows")
    op.drop_table("imports")
