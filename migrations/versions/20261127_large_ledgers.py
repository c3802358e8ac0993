"""indexes for ledgers of 100,000 cases

Revision: 20261127_large_ledgers
Follows: 20261127_trends
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_large_ledgers"
down_revision = "20261127_trends"
branch_labels = None
depends_on = None

# Name, table, columns, and of which rows where not of all.
INDEXES = (
    ("ix_cases_due_at", "cases", ["due_at", "number"], None),
    ("ix_cases_status_opened_at", "cases", ["status", "opened_at", "id"], None),
    ("ix_cases_category_opened_at", "cases", ["category", "opened_at", "id", "status"], None),
    ("ix_cases_relapsed", "cases", ["opened_at", "id"], "relapses > 0 OR relapse_of IS NOT NULL"),
    ("ix_deadlines_level", "deadlines", ["level", "case_id", "department_code"], "level > 0 AND ended_at IS NULL"),
    ("ix_deliveries_endpoint", "deliveries", ["endpoint_id", "id"], None),
    ("ix_deliveries_failed", "deliveries", ["id"], "status IN ('dead', 'quarantined')"),
)


def upgrade() -> None:
    """Writers wait while each is built, some seconds for a million rows."""
    for name, table, columns, where in INDEXES:
        some = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    for name, table, *_ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
