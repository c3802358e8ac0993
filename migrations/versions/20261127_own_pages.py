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


def upgrade() -> None:
    """Accounts of the office go on as they are. One of another role was nobody's, and could not be signed in to."""
    op.execute("UPDATE users SET role = 'clerk', active = false WHERE role IN ('department', 'reporter')")
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
        return
    for column, table in HOLDERS.items():
        op.add_column("users", sa.Column(column, sa.String(20), nullable=True))
        op.create_foreign_key(
            f"fk_users_{column}_{table}", "users", table, [column], ["code"], deferrable=True, initially="DEFERRED"
        )
    op.create_check_constraint(op.f(CHECK), "users", HOLDER_FITS_ROLE)


def _upgrade_sqlite() -> None:
    """SQLite adds constraints with a column only; the last one's may speak of all."""
    for column, table in HOLDERS.items():
        held = f"CONSTRAINT {CHECK} CHECK ({HOLDER_FITS_ROLE})" if column == "department_code" else ""
        op.execute(
            f"ALTER TABLE users ADD COLUMN {column} VARCHAR(20) CONSTRAINT fk_users_{column}_{table} "
            f"REFERENCES {table} (code) DEFERRABLE INITIALLY DEFERRED {held}"
        )


def downgrade() -> None:
    """Whose account it was is lost; the version before lets nobody in with one of a department or point."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(CHECK), "users", type_="check")
    for column in reversed(HOLDERS):
        op.drop_column("users", column)
