"""signed seals over the audit chains

Revision: 20261126_audit_seals
Follows: 20261126_channel_digests
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_audit_seals"
down_revision = "20261126_channel_digests"
branch_labels = None
depends_on = None

TABLES = ("audit_seals", "sealed_heads")


def upgrade() -> None:
    """Nothing that was there changes; the version before this one does not know the tables."""
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("public_key", sa.String(80), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_keys")),
    )
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("public_key", sa.String(80), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "sealed_heads",
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(24), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("seal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_sealed_heads")),
    )
    op.create_index("ix_sealed_heads_seal", "sealed_heads", ["seal"])
    for statement in _postgresql_guards() if op.get_bind().dialect.name == "postgresql" else _sqlite_guards():
        op.execute(statement)


def _sqlite_guards() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, '{0} is append-only'); END"
    guards = [
        f"CREATE TRIGGER {table}_never_{word} BEFORE {act} ON {table} {refuse.format(table)}"
        for table in TABLES
        for act, word in (("UPDATE", "changes"), ("DELETE", "loses_rows"))
    ]
    guards.append(
        f"CREATE TRIGGER audit_keys_never_loses_rows BEFORE DELETE ON audit_keys {refuse.format('audit_keys')}"
    )
    guards.append(
        "CREATE TRIGGER audit_keys_never_changes BEFORE UPDATE OF id, public_key, made_at ON audit_keys "
        + refuse.format("audit_keys")
    )
    return guards


def _postgresql_guards() -> list[str]:
    """`refuse_truncation` is there since the first tables."""
    refuse = "EXECUTE FUNCTION refuse_truncation()"
    guards = [
        f"CREATE TRIGGER {table}_never_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}"
        for table in TABLES
    ]
    guards += [
        f"CREATE TRIGGER {table}_is_never_truncated BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}"
        for table in (*TABLES, "audit_keys")
    ]
    guards.append(
        "CREATE TRIGGER audit_keys_never_changes BEFORE DELETE OR UPDATE OF id, public_key, made_at ON audit_keys "
        f"FOR EACH ROW {refuse}"
    )
    return guards


def downgrade() -> None:
    """The seals are gone with it, and with them the proof that nothing was cut off before: export the audit first."""
    op.drop_index("ix_sealed_heads_seal", table_name="sealed_heads")
    op.drop_table("sealed_heads")
    op.drop_table("audit_seals")
    op.drop_table("audit_keys")
