"""accounts and keys are managed: what was done to them, and what that needs

Revision: 20261127_accounts
Follows: 20261127_disclosures
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261127_accounts"
down_revision = "20261127_limits"
branch_labels = None
depends_on = None

TABLE = "admin_acts"


def upgrade() -> None:
    """Passwords and keys go on as they are; the version before this one does not record what it does to them."""
    op.add_column("api_keys", sa.Column("last_used_on", sa.Date(), nullable=True))
    op.add_column("users", sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_acts")),
    )
    op.create_index("ix_admin_acts_happened_at", TABLE, ["happened_at"])
    op.create_index("ix_admin_acts_subject", TABLE, ["subject"])
    for statement in _postgresql_guards() if op.get_bind().dialect.name == "postgresql" else _sqlite_guards():
        op.execute(statement)


def _sqlite_guards() -> list[str]:
    return [
        f"CREATE TRIGGER {TABLE}_never_{word} BEFORE {act} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
        for act, word in (("UPDATE", "changes"), ("DELETE", "loses_rows"))
    ]


def _postgresql_guards() -> list[str]:
    """`refuse_truncation` is there since the first tables."""
    refuse = "EXECUTE FUNCTION refuse_truncation()"
    return [
        f"CREATE TRIGGER {TABLE}_never_changes BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {TABLE}_is_never_truncated BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refuse}",
    ]


def downgrade() -> None:
    """The record of acts is gone with it: keep a copy of the table first."""
    op.drop_table(TABLE)
    op.drop_column("users", "must_change_password")
    op.drop_column("api_keys", "last_used_on")
