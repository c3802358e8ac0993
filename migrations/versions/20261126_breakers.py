"""breakers

Revision: 20261126_breakers
Follows: 20261126_relapse
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_breakers"
down_revision = "20261126_relapse"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every address starts in good health."""
    op.add_column("endpoints", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("endpoints", sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("endpoints", sa.Column("proven", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """What rested is tried at once."""
    op.drop_column("endpoints", "proven")
    op.drop_column("endpoints", "rests_until")
    op.drop_column("endpoints", "failures")
