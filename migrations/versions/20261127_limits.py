"""limits

Revision: 20261127_limits
Follows: 20261127_disclosures
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_limits"
down_revision = "20261127_sign_on"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Budgets that all processes draw from, and what sign-ins have failed lately."""
    op.create_table(
        "rate_buckets",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leases", JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_buckets")),
    )
    op.create_index("ix_rate_buckets_counted_at", "rate_buckets", ["counted_at"])
    op.create_table(
        "sign_in_counts",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("failures", sa.Float(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sign_in_counts")),
    )
    op.create_index("ix_sign_in_counts_wait_until", "sign_in_counts", ["wait_until"])


def downgrade() -> None:
    op.drop_table("sign_in_counts")
    op.drop_table("rate_buckets")
