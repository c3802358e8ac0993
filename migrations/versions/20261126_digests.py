"""replies to supervision, instructions, digests

Revision: 20261126_digests
Follows: 20261126_sessions
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_digests"
down_revision = "20261126_sessions"
branch_labels = None
depends_on = None

QUARANTINED = sa.text("failures >= 5 AND ended_at IS NULL")
REQUESTED = sa.text("extension = 'requested'")


def upgrade() -> None:
    """The default stays: the version before this one, running beside it during an upgrade, does not name the column."""
    op.add_column("deadlines", sa.Column("promised_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deadlines", sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deadlines", sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_deadlines_quarantined",
        "deadlines",
        ["case_id"],
        sqlite_where=QUARANTINED,
        postgresql_where=QUARANTINED,
    )
    op.create_index(
        "ix_assignments_extension_requested",
        "assignments",
        ["case_id"],
        sqlite_where=REQUESTED,
        postgresql_where=REQUESTED,
    )
    _create_tables()


def _create_tables() -> None:
    op.create_table(
        "instructions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("look_again_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
            name=op.f("fk_instructions_case_id_cases"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instructions")),
    )
    op.create_index("ix_instructions_case_id", "instructions", ["case_id"])
    op.create_table(
        "digests",
        sa.Column("recipient", sa.String(20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("recipient", "day", name=op.f("pk_digests")),
    )


def downgrade() -> None:
    """What leaders decided and promised stays in the chains as events; notes and digests are lost."""
    op.drop_table("digests")
    op.drop_index("ix_instructions_case_id", table_name="instructions")
    op.drop_table("instructions")
    op.drop_index("ix_assignments_extension_requested", table_name="assignments")
    op.drop_index("ix_deadlines_quarantined", table_name="deadlines")
    op.drop_column("deadlines", "failures")
    op.drop_column("deadlines", "rests_until")
    op.drop_column("deadlines", "promised_until")
