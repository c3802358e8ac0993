"""saved views of the ledger, and the columns that a person chose

Revision: 20261127_saved_views
Follows: 20261127_search
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_saved_views"
down_revision = "20261127_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("ledger_columns", sa.String(200), nullable=True))
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("query", sa.String(2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users"), deferrable=True, initially="DEFERRED"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_views_user_id_name")),
    )


def downgrade() -> None:
    """What people saved and chose is forgotten."""
    op.drop_table("saved_views")
    op.drop_column("users", "ledger_columns")
