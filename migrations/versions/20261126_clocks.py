"""clocks

Revision: 20261126_clocks
Follows: 20261126_clusters
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_clocks"
down_revision = "20261126_clusters"
branch_labels = None
depends_on = None

PROVISIONAL = sa.text("provisional")
IN_FORCE = sa.text("ended_at IS NULL")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """The defaults stay: the version before this one, running beside it in an upgrade, does not name the columns."""
    op.add_column("cases", sa.Column("urgency", sa.String(40), server_default="normal", nullable=False))
    op.add_column("assignments", sa.Column("due_provisional", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("assignments", sa.Column("paused_until", MOMENT, nullable=True))
    op.add_column("deadlines", sa.Column("working_days", sa.Integer(), nullable=True))
    op.add_column("deadlines", sa.Column("paused_by", sa.String(32), nullable=True))
    op.create_index(
        "ix_deadlines_provisional",
        "deadlines",
        ["calendar_version"],
        sqlite_where=PROVISIONAL,
        postgresql_where=PROVISIONAL,
    )
    op.create_table(
        "pauses",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("assignment_id", sa.String(32), nullable=False),
        sa.Column("blocker", sa.String(40), nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("remaining_days", sa.Integer(), nullable=False),
        sa.Column("paused_by", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name=op.f("fk_pauses_assignment_id_assignments"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
    )
    op.create_index("ix_pauses_assignment_id", "pauses", ["assignment_id"])
    op.create_table(
        "term_changes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("burden_type", sa.String(40), nullable=True),
        sa.Column("urgency", sa.String(40), nullable=True),
        sa.Column("working_days", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(80), nullable=False),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term_changes")),
    )
    op.create_index(
        "uq_term_changes_in_force",
        "term_changes",
        ["subject"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_table(
        "calendar_imports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("imported_by", sa.String(80), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.Column("changed", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_imports")),
    )
    _fill_in()


def _fill_in() -> None:
    """The working days of running clocks stood in their basis only; the mark of a duty's clock in the clock only."""
    connection = op.get_bind()
    running = "SELECT id, basis FROM deadlines WHERE ended_at IS NULL AND basis LIKE '% working days%'"
    counted = [
        {"id": row.id, "days": int(row.basis.split()[0])}
        for row in connection.execute(sa.text(running))
        if row.basis.split()[0].isdigit()
    ]
    if counted:
        connection.execute(sa.text("UPDATE deadlines SET working_days = :days WHERE id = :id"), counted)
    connection.execute(
        sa.text(
            "UPDATE assignments SET due_provisional = true WHERE EXISTS (SELECT 1 FROM deadlines"
            " WHERE deadlines.assignment_id = assignments.id AND deadlines.ended_at IS NULL"
            " AND deadlines.provisional AND deadlines.kind <> 'acceptance')"
        )
    )


def downgrade() -> None:
    """A pause is the version before's unknown: its clocks go on as the answer clock they stand for, at the old date."""
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "UPDATE deadlines SET ended_at = NULL, look_at = due_at WHERE paused_by IN"
            " (SELECT id FROM deadlines WHERE kind = 'pause' AND ended_at IS NULL)"
        )
    )
    connection.execute(sa.text("DELETE FROM deadlines WHERE kind = 'pause'"))
    op.drop_table("calendar_imports")
    op.drop_index("uq_term_changes_in_force", table_name="term_changes")
    op.drop_table("term_changes")
    op.drop_index("ix_pauses_assignment_id", table_name="pauses")
    op.drop_table("pauses")
    op.drop_index("ix_deadlines_provisional", table_name="deadlines")
    op.drop_column("deadlines", "paused_by")
    op.drop_column("deadlines", "working_days")
    op.drop_column("assignments", "paused_until")
    op.drop_column("assignments", "due_provisional")
    op.drop_column("cases", "urgency")
