"""second opinions

Revision: 20261126_second_opinions
Follows: 20261126_learned
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_second_opinions"
down_revision = "20261126_learned"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "second_opinions",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("fault", sa.String(40), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
            name=op.f("fk_second_opinions_case_id_cases"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["reports.id"],
            name=op.f("fk_second_opinions_report_id_reports"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_second_opinions")),
    )
    op.create_index(
        "ix_second_opinions_due_at",
        "second_opinions",
        ["due_at"],
        unique=False,
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )


def downgrade() -> None:
    """Opinions are suggestions; the events that say one was obtained stay in their chains."""
    op.drop_index("ix_second_opinions_due_at", table_name="second_opinions")
    op.drop_table("second_opinions")
