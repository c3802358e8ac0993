"""an index for the burdens of the city's trend

Revision: 20261127_city_counts
Follows: 20261127_quick_counts
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_city_counts"
down_revision = "20261127_quick_counts"
branch_labels = None
depends_on = None

ITS_OWN = sa.text("merged_into IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_cases_burden_types", "cases", ["burden_types", "opened_at"], sqlite_where=ITS_OWN, postgresql_where=ITS_OWN
    )


def downgrade() -> None:
    op.drop_index("ix_cases_burden_types", "cases")
