"""cited precedents

Revision: 20261126_cited_precedents
Follows: 20261126_precedents
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_cited_precedents"
down_revision = "20261126_precedents"
branch_labels = None
depends_on = None

NOTE = "precedent:"


def upgrade() -> None:
    """What earlier decisions cite is read from their notes."""
    cited = op.create_table(
        "cited_precedents",
        sa.Column("precedent", sa.String(24), nullable=False),
        sa.Column("report_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["reports.id"],
            name=op.f("fk_cited_precedents_report_id_reports"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("precedent", "report_id", name=op.f("pk_cited_precedents")),
    )
    reports = sa.table("reports", sa.column("id", sa.String), sa.column("decision", sa.JSON))
    citing = sa.cast(reports.c.decision, sa.Text).like(f'%"{NOTE}%')
    rows = op.get_bind().execute(sa.select(reports.c.id, reports.c.decision).where(citing))
    found = [
        {"precedent": note.removeprefix(NOTE), "report_id": report}
        for report, decision in rows
        for note in dict.fromkeys(decision.get("notes", ()))
        if note.startswith(NOTE)
    ]
    if found:
        op.bulk_insert(cited, found)


def downgrade() -> None:
    op.drop_table("cited_precedents")
