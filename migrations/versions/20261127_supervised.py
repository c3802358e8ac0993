"""what stands under supervision is listed by department

Revision: 20261127_supervised
Follows: 20261127_documents
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_supervised"
down_revision = "20261127_documents"
branch_labels = None
depends_on = None

SUPERVISED = sa.text("level > 0 AND ended_at IS NULL")


def upgrade() -> None:
    """Few rows fit the condition, so the index is small."""
    op.create_index(
        "ix_deadlines_supervised",
        "deadlines",
        ["department_code"],
        unique=False,
        sqlite_where=SUPERVISED,
        postgresql_where=SUPERVISED,
    )


def downgrade() -> None:
    op.drop_index("ix_deadlines_supervised", table_name="deadlines")
