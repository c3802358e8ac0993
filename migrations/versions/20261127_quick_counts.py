"""an index of the reports that have moved, for searches

Revision: 20261127_quick_counts
Follows: 20261127_large_ledgers
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_quick_counts"
down_revision = "20261127_large_ledgers"
branch_labels = None
depends_on = None

MOVED = sa.text("came_from IS NOT NULL")


def upgrade() -> None:
    """Few reports have moved: it costs nothing where one comes in."""
    op.create_index(
        "ix_report_words_came_from", "report_words", ["came_from", "id"], sqlite_where=MOVED, postgresql_where=MOVED
    )


def downgrade() -> None:
    op.drop_index("ix_report_words_came_from", "report_words")
