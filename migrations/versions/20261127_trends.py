"""indexes for trends and for what a holiday notice moved

Revision: 20261127_trends
Follows: 20261127_saved_views
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_trends"
down_revision = "20261127_saved_views"
branch_labels = None
depends_on = None

HOURS = sa.text("hours_per_month IS NOT NULL")
RELIEVED = sa.text("outcome = 'relieved'")
DEADLINE_CHANGED = sa.text("type IN ('assignment.deadline_changed', 'case.deadline_changed')")


def upgrade() -> None:
    """Each leaves rows out, so that they cost little where a case, a report or an event is added."""
    op.create_index(
        "ix_cases_relieved",
        "cases",
        ["closed_at", "opened_at", "id"],
        sqlite_where=RELIEVED,
        postgresql_where=RELIEVED,
    )
    op.create_index(
        "ix_reports_hours",
        "reports",
        ["case_id", "observation_point_code", "hours_per_month"],
        sqlite_where=HOURS,
        postgresql_where=HOURS,
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
    op.drop_index("ix_reports_hours", "reports")
    op.drop_index("ix_cases_relieved", "cases")
