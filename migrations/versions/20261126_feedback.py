"""feedback that can fail: evidence files, unresolved duties, points that said no

Revision: 20261126_feedback
Follows: 20261126_supervision
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_feedback"
down_revision = "20261126_supervision"
branch_labels = None
depends_on = None

UNUSED = sa.text("act_id IS NULL")


def upgrade() -> None:
    """The default stays: the version before this one, running beside it during an upgrade, does not name the column."""
    op.add_column("cases", sa.Column("denials", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("assignments", sa.Column("resolved", sa.Boolean(), nullable=True))
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("assignment_id", sa.String(length=32), nullable=False),
        sa.Column("act_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("uploaded_by", sa.String(length=80), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name=op.f("fk_evidence_assignment_id_assignments"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["act_id"], ["acts.id"], name=op.f("fk_evidence_act_id_acts"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_assignment_id", "evidence", ["assignment_id"], unique=False)
    op.create_index(
        "ix_evidence_unused", "evidence", ["uploaded_at"], unique=False, sqlite_where=UNUSED, postgresql_where=UNUSED
    )


def downgrade() -> None:
    """Cases that stand unresolved go back to the office's review; the files stay on disk."""
    op.execute("UPDATE cases SET status = 'in_review' WHERE status = 'unresolved'")
    op.execute("UPDATE deadlines SET kind = 'review' WHERE kind = 'revisit'")
    op.execute("UPDATE assignments SET status = 'closed' WHERE status = 'unresolved'")
    op.execute("UPDATE replies SET kind = 'interim' WHERE kind = 'unresolved'")
    op.drop_index("ix_evidence_unused", table_name="evidence")
    op.drop_index("ix_evidence_assignment_id", table_name="evidence")
    op.drop_table("evidence")
    op.drop_column("assignments", "resolved")
    op.drop_column("cases", "denials")
