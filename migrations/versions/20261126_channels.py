"""channels

Revision: 20261126_channels
Follows: 20261126_alerts
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_channels"
down_revision = "20261126_alerts"
branch_labels = None
depends_on = None

IN_A_MESSAGE = sa.text("message_id IS NOT NULL")


def upgrade() -> None:
    """Every address so far is a department system's webhook."""
    op.add_column("endpoints", sa.Column("channel", sa.String(40), nullable=False, server_default="webhook"))
    op.add_column("endpoints", sa.Column("office_hours", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("deliveries", sa.Column("message_id", sa.String(32), nullable=True))
    op.create_index(
        "ix_deliveries_message",
        "deliveries",
        ["endpoint_id", "message_id"],
        sqlite_where=IN_A_MESSAGE,
        postgresql_where=IN_A_MESSAGE,
    )


def downgrade() -> None:
    """An older version knows webhooks alone: other addresses are switched off, and stay so."""
    op.execute("UPDATE endpoints SET active = FALSE WHERE channel != 'webhook'")
    op.drop_index("ix_deliveries_message", table_name="deliveries")
    op.drop_column("deliveries", "message_id")
    op.drop_column("endpoints", "office_hours")
    op.drop_column("endpoints", "channel")
