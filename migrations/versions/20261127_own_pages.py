"""accounts of departments and points: each belongs to the one that it acts for

Revision: 20261127_own_pages
Follows: 20261127_imports
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_own_pages"
down_revision = "20261127_imports"
branch_labels = None
depends_on = None

HOLDERS = {"observation_point_code": "observation_points", "department_code": "departments"}
CHECK = "ck_users_holder_fits_role"
HOLDER_FITS_ROLE = (
    "(role = 'department') = (department_code IS NOT NULL) "
    "AND (role = 'reporter') = (observation_point_code IS NOT NULL)"
)
KEPT = "id, username, display_name, password_hash, role, active, must_change_password, created_at"


def upgrade() -> None:
    """Accounts of the office go on as they are. One of another role was nobody's, and could not be signed in to."""
    op.execute("UPDATE users SET role = 'clerk', active = false WHERE role IN ('department', 'reporter')")
    if op.get_bind().dialect.name == "sqlite":
        _make_again(with_holders=True)
        return
    for column, table in HOLDERS.items():
        op.add_column("users", sa.Column(column, sa.String(20), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_users_{column}_{table}"),
            "users",
            table,
            [column],
            ["code"],
            deferrable=True,
            initially="DEFERRED",
        )
    op.create_check_constraint(op.f(CHECK), "users", HOLDER_FITS_ROLE)


def downgrade() -> None:
    """Whose account it was is lost; the version before lets nobody in with one of a department or point."""
    if op.get_bind().dialect.name == "sqlite":
        _make_again(with_holders=False)
        return
    op.drop_constraint(op.f(CHECK), "users", type_="check")
    for column in reversed(HOLDERS):
        op.drop_column("users", column)


def _make_again(*, with_holders: bool) -> None:
    """SQLite adds no constraint. The table is made again under its name, so that what refers to it is satisfied."""
    op.execute("CREATE TABLE users_before AS SELECT * FROM users")
    op.drop_table("users")
    held: list[sa.schema.SchemaItem] = []
    if with_holders:
        held += [sa.Column(column, sa.String(20), nullable=True) for column in HOLDERS]
        held += [_reference(column, table) for column, table in HOLDERS.items()]
        held.append(sa.CheckConstraint(HOLDER_FITS_ROLE, name=op.f(CHECK)))
    op.create_table(
        "users",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("username", sa.String(80), nullable=False),
        sa.Column("display_name", sa.String(80), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *held,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.execute(f"INSERT INTO users ({KEPT}) SELECT {KEPT} FROM users_before")  # noqa: S608 - our own names
    op.drop_table("users_before")


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_users_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.code"], name=name, initially="DEFERRED", deferrable=True)
