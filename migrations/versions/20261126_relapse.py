"""relapse, looks back, nightly sweeps

Revision: 20261126_relapse
Follows: 20261126_clocks
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_relapse"
down_revision = "20261126_clocks"
branch_labels = None
depends_on = None

LINKED = sa.text("relapse_of IS NOT NULL")
UNFINISHED = sa.text("look_at IS NOT NULL")
OPEN = sa.text("asked_at IS NOT NULL AND ended_at IS NULL")
DAYS = (30, 90)
# By dialect: an opaque id, the moment some days after a case was struck off, and now, each as the application keeps it.
WORDS = {
    "sqlite": (
        "lower(hex(randomblob(16)))",
        "strftime('%Y-%m-%d %H:%M:%f', closed_at, '+{days} days') || '000'",
        "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'",
    ),
    "postgresql": (
        "replace(gen_random_uuid()::text, '-', '')",
        "closed_at + interval '{days} days'",
        "now()",
    ),
}


def upgrade() -> None:
    """The default stays: the version before this one, running beside it during an upgrade, does not name the column."""
    op.add_column("cases", sa.Column("relapses", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("cases", sa.Column("relapse_of", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_cases_relapse_of", "cases", ["relapse_of"], unique=False, sqlite_where=LINKED, postgresql_where=LINKED
    )
    op.add_column("endpoints", sa.Column("active_since", sa.DateTime(timezone=True), nullable=True))
    _create_look_backs()
    _create_sweeps()
    _plan_for_the_closed()


def _create_look_backs() -> None:
    op.create_table(
        "look_backs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(40), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_look_backs_case_id_cases"), initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["reports.id"],
            name=op.f("fk_look_backs_report_id_reports"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_backs")),
    )
    op.create_index("ix_look_backs_case_id", "look_backs", ["case_id"], unique=False)
    op.create_index(
        "ix_look_backs_look_at",
        "look_backs",
        ["look_at"],
        unique=False,
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_index(
        "uq_look_backs_open", "look_backs", ["report_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )


def _create_sweeps() -> None:
    op.create_table(
        "sweeps",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("offenders", sa.Integer(), nullable=False),
        sa.Column("broken_chains", sa.Integer(), nullable=False),
        sa.Column("named", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_sweeps")),
    )


def _plan_for_the_closed() -> None:
    """Plan the looks back for what was struck off as relieved before: those whose day has passed end unasked, so that
    an upgrade does not put months of questions to the points at once."""
    identity, due, now = WORDS[op.get_bind().dialect.name]
    for days in DAYS:
        planned = due.format(days=days)
        passed = f"{planned} < {now}"
        op.execute(
            "INSERT INTO look_backs (id, case_id, report_id, days, due_at, look_at, ended_at, answer)"  # noqa: S608 — the words are this file's
            f" SELECT {identity}, cases.id, newest.report_id, {days}, {planned},"
            f" CASE WHEN {passed} THEN NULL ELSE {planned} END,"
            f" CASE WHEN {passed} THEN {now} END, CASE WHEN {passed} THEN 'withdrawn' END"
            " FROM cases JOIN (SELECT case_id, MAX(id) AS report_id FROM reports"
            " GROUP BY case_id, observation_point_code) AS newest ON newest.case_id = cases.id"
            " WHERE cases.status = 'closed' AND cases.outcome = 'relieved'"
        )


def downgrade() -> None:
    """Answers to looks back are forgotten; the events that say a case relapsed stay in their chains."""
    op.drop_table("sweeps")
    op.drop_index("uq_look_backs_open", table_name="look_backs")
    op.drop_index("ix_look_backs_look_at", table_name="look_backs")
    op.drop_index("ix_look_backs_case_id", table_name="look_backs")
    op.drop_table("look_backs")
    op.drop_column("endpoints", "active_since")
    op.drop_index("ix_cases_relapse_of", table_name="cases")
    op.drop_column("cases", "relapse_of")
    op.drop_column("cases", "relapses")
