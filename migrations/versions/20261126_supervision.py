"""supervision

Revision: 20261126_supervision
Follows: 20261126_returns_and_extensions
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_supervision"
down_revision = "20261126_returns_and_extensions"
branch_labels = None
depends_on = None

HIGHEST = sa.text("level = 3 AND ended_at IS NULL")


def upgrade() -> None:
    """The default stays: the version before this one, running beside it during an upgrade, does not name the column."""
    op.add_column("deadlines", sa.Column("level", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_deadlines_highest_level",
        "deadlines",
        ["case_id"],
        unique=False,
        sqlite_where=HIGHEST,
        postgresql_where=HIGHEST,
    )


def downgrade() -> None:
    """The events that say which level was reached stay in their chains."""
    op.drop_index("ix_deadlines_highest_level", table_name="deadlines")
    op.drop_column("deadlines", "level")
