"""learned models

Revision: 20261126_learned
Follows: 20261123_first
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_learned"
down_revision = "20261123_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learned_models",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trained_on", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("validation", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("backtested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("backtest", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_learned_models")),
    )
    op.create_index(
        "uq_learned_models_active",
        "learned_models",
        ["active"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )


def downgrade() -> None:
    op.drop_index("uq_learned_models_active", table_name="learned_models")
    op.drop_table("learned_models")
