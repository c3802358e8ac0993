"""whom a provider of single sign-on vouches for

Revision: 20261127_sign_on
Follows: 20261127_disclosures
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_sign_on"
down_revision = "20261127_disclosures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody is known at a provider yet; those who have a password go on as before."""
    op.create_table(
        "user_identities",
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_user_identities_user_id_users"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_user_identities")),
    )


def downgrade() -> None:
    """Their accounts stay, for events name them; they have no password, so nobody gets in with them."""
    op.drop_table("user_identities")
