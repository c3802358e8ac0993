"""sessions

Revision: 20261126_sessions
Follows: 20261126_feedback
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_sessions"
down_revision = "20261126_feedback"
branch_labels = None
depends_on = None

# A case that was ruled on or closed meanwhile, or called to a later session, is no longer on the earlier one's agenda.
SETTLED = """
UPDATE agenda_items SET outcome = 'settled'
WHERE outcome IS NULL AND (
    case_id NOT IN (SELECT id FROM cases WHERE status = 'consulting')
    OR EXISTS (
        SELECT 1 FROM agenda_items later JOIN consultations ON consultations.id = later.consultation_id
        WHERE later.case_id = agenda_items.case_id AND later.consultation_id > agenda_items.consultation_id
        AND consultations.status = 'convened'
    )
)
"""
EMPTIED = """
UPDATE consultations SET status = 'cancelled', version = version + 1
WHERE status = 'convened'
AND NOT EXISTS (SELECT 1 FROM agenda_items WHERE consultation_id = consultations.id AND outcome IS NULL)
"""
DATED = "UPDATE consultations SET status = 'scheduled' WHERE status = 'convened' AND meeting_at IS NOT NULL"
# What a department said of a session it had said of each case on its agenda.
POSITIONS = """
INSERT INTO positions (consultation_id, case_id, department_code, position, basis, stated_at)
SELECT i.consultation_id, a.case_id, i.department_code, i.position, i.basis, i.stated_at
FROM invitations i JOIN agenda_items a ON a.consultation_id = i.consultation_id
WHERE i.position IS NOT NULL
"""
STATED = ("position", "basis", "stated_at")
RESTORED = """
UPDATE invitations SET position = p.position, basis = p.basis, stated_at = p.stated_at
FROM positions p
WHERE p.consultation_id = invitations.consultation_id AND p.department_code = invitations.department_code
AND p.case_id = (
    SELECT MIN(one.case_id) FROM positions one
    WHERE one.consultation_id = invitations.consultation_id AND one.department_code = invitations.department_code
)
"""


def upgrade() -> None:
    """Positions move to a table of their own, one for each case; agendas say how each case left them."""
    op.create_table(
        "positions",
        sa.Column("consultation_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("department_code", sa.String(length=20), nullable=False),
        sa.Column("position", sa.String(length=40), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name="fk_positions_case_id_cases", deferrable=True, initially="DEFERRED"
        ),
        sa.ForeignKeyConstraint(
            ["consultation_id"],
            ["consultations.id"],
            name="fk_positions_consultation_id_consultations",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("consultation_id", "case_id", "department_code", name="pk_positions"),
    )
    op.add_column("consultations", sa.Column("convener", sa.String(length=80), nullable=True))
    op.add_column("consultations", sa.Column("minutes_long", sa.Integer(), nullable=True))
    op.add_column("consultations", sa.Column("merged_into", sa.String(length=32), nullable=True))
    op.add_column("consultations", sa.Column("ended_because", sa.Text(), nullable=True))
    op.create_index("ix_consultations_status_meeting_at", "consultations", ["status", "meeting_at"], unique=False)
    op.add_column("agenda_items", sa.Column("outcome", sa.String(length=40), nullable=True))
    op.add_column("invitations", sa.Column("answer", sa.String(length=40), nullable=True))
    op.add_column("invitations", sa.Column("deputy", sa.String(length=120), nullable=True))
    op.add_column("invitations", sa.Column("answer_reason", sa.Text(), nullable=True))
    op.add_column("invitations", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("invitations", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(POSITIONS)
    op.execute(
        "UPDATE agenda_items SET outcome = 'concluded'"
        " WHERE consultation_id IN (SELECT id FROM consultations WHERE status = 'concluded')"
    )
    op.execute(
        "UPDATE agenda_items SET outcome = 'withdrawn'"
        " WHERE consultation_id IN (SELECT id FROM consultations WHERE status = 'cancelled')"
    )
    for statement in (SETTLED, EMPTIED, DATED):
        op.execute(statement)
    for name in STATED:
        op.drop_column("invitations", name)


def downgrade() -> None:
    """A seat keeps one of the positions it stated; what was different for each case is forgotten, events keep it."""
    op.add_column("invitations", sa.Column("position", sa.String(length=40), nullable=True))
    op.add_column("invitations", sa.Column("basis", sa.Text(), nullable=True))
    op.add_column("invitations", sa.Column("stated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(RESTORED)
    op.execute("UPDATE consultations SET status = 'convened' WHERE status = 'scheduled'")
    for name in ("withdrawn_at", "answered_at", "answer_reason", "deputy", "answer"):
        op.drop_column("invitations", name)
    op.drop_column("agenda_items", "outcome")
    op.drop_index("ix_consultations_status_meeting_at", table_name="consultations")
    for name in ("ended_because", "merged_into", "minutes_long", "convener"):
        op.drop_column("consultations", name)
    op.drop_table("positions")
