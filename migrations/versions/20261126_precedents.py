"""precedents

Revision: 20261126_precedents
Follows: 20261126_breakers
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_precedents"
down_revision = "20261126_breakers"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
IN_FORCE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """What was concluded before becomes no precedent: nobody then knew that it would bind."""
    op.create_table(
        "precedents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("number", sa.String(24), nullable=False),
        sa.Column("consultation_id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("manner", sa.String(40), nullable=False),
        sa.Column("summary", sa.String(200), nullable=False),
        sa.Column("document_numbers", JSON, nullable=False),
        sa.Column("likeness", JSON, nullable=False),
        sa.Column("lead", sa.String(20), nullable=False),
        sa.Column("supporting", JSON, nullable=False),
        sa.Column("obligations", JSON, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("withdrawn_by", sa.String(80), nullable=True),
        sa.Column("withdrawn_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consultation_id"],
            ["consultations.id"],
            name=op.f("fk_precedents_consultation_id_consultations"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
            name=op.f("fk_precedents_case_id_cases"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_precedents")),
        sa.UniqueConstraint("number", name=op.f("uq_precedents_number")),
    )
    op.create_index("ix_precedents_case_id", "precedents", ["case_id"])
    op.create_index("ix_precedents_withdrawn_at", "precedents", ["withdrawn_at"])
    op.create_table(
        "standing_rulings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("precedent_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["precedent_id"],
            ["precedents.id"],
            name=op.f("fk_standing_rulings_precedent_id_precedents"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_rulings")),
    )
    op.create_index(
        "uq_standing_rulings_in_force",
        "standing_rulings",
        ["precedent_id"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_index("ix_rulings_ruled_by", "rulings", ["ruled_by"])


def downgrade() -> None:
    op.drop_index("ix_rulings_ruled_by", table_name="rulings")
    op.drop_index("uq_standing_rulings_in_force", table_name="standing_rulings")
    op.drop_table("standing_rulings")
    op.drop_index("ix_precedents_withdrawn_at", table_name="precedents")
    op.drop_index("ix_precedents_case_id", table_name="precedents")
    op.drop_table("precedents")
