"""alerts

Revision: 20261126_alerts
Follows: 20261126_cited_precedents
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_alerts"
down_revision = "20261126_cited_precedents"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DUE, OPEN = sa.text("due_at IS NOT NULL"), sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Addresses that get events today have shown for themselves: they are asked no challenge."""
    op.add_column("endpoints", sa.Column("confirmed_at", MOMENT, nullable=True))
    op.add_column("endpoints", sa.Column("failing_since", MOMENT, nullable=True))
    op.execute("UPDATE endpoints SET confirmed_at = created_at")
    op.create_table(
        "endpoint_checks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(32), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(200), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["endpoints.id"],
            name=op.f("fk_endpoint_checks_endpoint_id_endpoints"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint_checks")),
    )
    op.create_index("ix_endpoint_checks_endpoint_id", "endpoint_checks", ["endpoint_id"])
    op.create_index("ix_endpoint_checks_due", "endpoint_checks", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_table(
        "endpoint_alerts",
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("hours", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["endpoints.id"],
            name=op.f("fk_endpoint_alerts_endpoint_id_endpoints"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "since", "hours", name=op.f("pk_endpoint_alerts")),
    )
    op.create_index(
        "ix_endpoint_alerts_open", "endpoint_alerts", ["endpoint_id"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_attempts_started_at", "attempts", ["started_at"])


def downgrade() -> None:
    """What waited for a challenge is sent to at once."""
    op.drop_index("ix_attempts_started_at", table_name="attempts")
    op.drop_index("ix_endpoint_alerts_open", table_name="endpoint_alerts")
    op.drop_table("endpoint_alerts")
    op.drop_index("ix_endpoint_checks_due", table_name="endpoint_checks")
    op.drop_index("ix_endpoint_checks_endpoint_id", table_name="endpoint_checks")
    op.drop_table("endpoint_checks")
    op.drop_column("endpoints", "failing_since")
    op.drop_column("endpoints", "confirmed_at")
