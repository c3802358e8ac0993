"""returns and extensions

Revision: 20261126_returns_and_extensions
Follows: 20261126_second_opinions
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_returns_and_extensions"
down_revision = "20261126_second_opinions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Open cases were promised an answer by the first answer clock that was started on them."""
    op.add_column("cases", sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("assignments", sa.Column("extension", sa.String(40), nullable=True))
    op.add_column("assignments", sa.Column("extension_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deadlines", sa.Column("extended_by", sa.String(length=32), nullable=True))
    op.execute(
        "UPDATE cases SET answer_due_at = (SELECT MIN(due_at) FROM deadlines WHERE deadlines.case_id = cases.id"
        " AND deadlines.kind IN ('feedback', 'forwarding')) WHERE status <> 'closed'"
    )


def downgrade() -> None:
    """A request that was not decided is forgotten; its act and its events stay."""
    op.drop_column("deadlines", "extended_by")
    op.drop_column("assignments", "extension_until")
    op.drop_column("assignments", "extension")
    op.drop_column("cases", "answer_due_at")
