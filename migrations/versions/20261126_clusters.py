"""clusters

Revision: 20261126_clusters
Follows: 20261126_digests
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_clusters"
down_revision = "20261126_digests"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Reports that are there already have no likeness: they are joined by the same words only, as before."""
    op.create_table(
        "report_keys",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("key", "report_id", name=op.f("pk_report_keys")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "similar_pairs",
        sa.Column("first_id", sa.String(length=32), nullable=False),
        sa.Column("second_id", sa.String(length=32), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("parted", sa.Boolean(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column],
                ["cases.id"],
                name=op.f(f"fk_similar_pairs_{column}_cases"),
                initially="DEFERRED",
                deferrable=True,
            )
            for column in ("first_id", "second_id")
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_similar_pairs")),
    )
    op.create_index("ix_similar_pairs_second_id", "similar_pairs", ["second_id"], unique=False)
    op.add_column("reports", sa.Column("came_from", sa.String(length=32), nullable=True))
    op.add_column("reports", sa.Column("likeness", JSON, nullable=True))
    _index("reports", "came_from")
    _index("cases", "merged_into")


def _index(table: str, column: str) -> None:
    there = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_{column}", table, [column], unique=False, sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    """Merged cases keep their pointer; where each report came from is forgotten."""
    op.drop_index("ix_cases_merged_into", table_name="cases")
    op.drop_index("ix_reports_came_from", table_name="reports")
    op.drop_column("reports", "likeness")
    op.drop_column("reports", "came_from")
    op.drop_index("ix_similar_pairs_second_id", table_name="similar_pairs")
    op.drop_table("similar_pairs")
    op.drop_table("report_keys")
