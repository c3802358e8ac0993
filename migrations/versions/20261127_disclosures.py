"""disclosures

Revision: 20261127_disclosures
Follows: 20261126_audit_seals
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_disclosures"
down_revision = "20261126_audit_seals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What departments read of a report, once the office has seen to it; nothing means: masked by the rules."""
    op.add_column("reports", sa.Column("disclosed_title", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("disclosed_text", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("reports", "disclosed_text")
    op.drop_column("reports", "disclosed_title")
