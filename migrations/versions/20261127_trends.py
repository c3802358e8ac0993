"""indexes for trends and for what a holiday notice moved

Revision: 20261127_trends
Follows: 20261127_imports
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_trends"
down_revision = "20261127_imports"
branch_labels = None
depends_on = None

RELIEVED = sa.text("outcome = 'relieved'")
DEADLINE_CHANGED = sa.text("type IN ('assignment.deadline_changed', 'case.deadline_changed')")


def upgrade() -> None:
    """Both leave most rows out, so that they cost next to nothing where a case or an event is added."""
    op.create_index(
        "ix_cases_relieved",
        "cases",
        ["closed_at", "opened_at", "id"],
        sqlite_where=RELIEVED,
        postgresql_where=RELIEVED,
    )
    op.create_index(
        "ix_events_deadline_changed",
        "events",
        ["position"],
        sqlite_where=DEADLINE_CHANGED,
        postgresql_where=DEADLINE_CHANGED,
    )


def downgrade() -> None:
    op.drop_index("ix_events_deadline_changed", "events")
    op.drop_index("ix_cases_relieved", "cases")
