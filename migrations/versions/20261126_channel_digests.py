"""channel digests

Revision: 20261126_channel_digests
Follows: 20261126_channels
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_channel_digests"
down_revision = "20261126_channels"
branch_labels = None
depends_on = None

DIGEST = sa.text("digest_day IS NOT NULL")
DUE = sa.text("due_at IS NOT NULL")
IN_A_MESSAGE = sa.text("message_id IS NOT NULL")
COPY = """INSERT INTO deliveries
    (id, event_id, endpoint_id, case_id, seq, status, due_at, attempts, crashes, lease_token, lease_until, created_at,
     finished_at, message_id, digest_day, expires_at)
    SELECT id, event_id, endpoint_id, case_id, seq, status, due_at, attempts, crashes, lease_token, lease_until,
     created_at, finished_at, message_id, digest_day, expires_at FROM deliveries_before ORDER BY id"""


def upgrade() -> None:
    """A digest belongs to no event and no case."""
    op.add_column("deliveries", sa.Column("digest_day", sa.Date(), nullable=True))
    op.add_column("deliveries", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    _let_be_empty(True)
    op.create_index(
        "ix_deliveries_digest",
        "deliveries",
        ["digest_day", "endpoint_id"],
        unique=True,
        sqlite_where=DIGEST,
        postgresql_where=DIGEST,
    )


def downgrade() -> None:
    """An older version cannot read what was sent of digests: it goes."""
    op.drop_index("ix_deliveries_digest", table_name="deliveries")
    op.execute("DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE digest_day IS NOT NULL)")
    op.execute("DELETE FROM deliveries WHERE digest_day IS NOT NULL")
    _let_be_empty(False)
    op.drop_column("deliveries", "expires_at")
    op.drop_column("deliveries", "digest_day")


def _let_be_empty(nullable: bool) -> None:
    """SQLite changes no column. Its table is made again under the same name, so that what refers to it is satisfied."""
    if op.get_bind().dialect.name != "sqlite":
        # What was deleted is checked now: PostgreSQL alters no table for which a check is still to come.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
        op.alter_column("deliveries", "event_id", existing_type=sa.String(32), nullable=nullable)
        op.alter_column("deliveries", "case_id", existing_type=sa.String(32), nullable=nullable)
        return
    op.execute("CREATE TABLE deliveries_before AS SELECT * FROM deliveries")
    op.drop_table("deliveries")
    _make_table(nullable)
    op.execute(COPY)
    op.drop_table("deliveries_before")


def _make_table(nullable: bool) -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(32), nullable=nullable),
        sa.Column("endpoint_id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=nullable),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("due_at", moment, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(32), nullable=True),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("message_id", sa.String(32), nullable=True),
        sa.Column("digest_day", sa.Date(), nullable=True),
        sa.Column("expires_at", moment, nullable=True),
        _reference("case_id", "cases"),
        _reference("endpoint_id", "endpoints"),
        _reference("event_id", "events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("event_id", "endpoint_id", name=op.f("uq_deliveries_event_id_endpoint_id")),
    )
    for name, columns, where in (
        ("ix_deliveries_due", ["endpoint_id", "due_at", "id"], DUE),
        ("ix_deliveries_order", ["endpoint_id", "case_id", "seq"], DUE),
        ("ix_deliveries_message", ["endpoint_id", "message_id"], IN_A_MESSAGE),
    ):
        op.create_index(name, "deliveries", columns, sqlite_where=where)


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_deliveries_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, initially="DEFERRED", deferrable=True)
