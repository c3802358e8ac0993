"""search: the words of every report, and full-text indexes over them

Revision: 20261127_search
Follows: 20261127_supervised
"""

import re
import unicodedata
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261127_search"
down_revision = "20261127_supervised"
branch_labels = None
depends_on = None

AT_ONCE = 500
TABLE = "report_words"
SQLITE = (
    "CREATE VIRTUAL TABLE report_words_index USING fts5("
    "words, content='report_words', content_rowid='id', tokenize='ascii', columnsize=0)",
    "CREATE TRIGGER report_words_are_found AFTER INSERT ON report_words BEGIN "
    "INSERT INTO report_words_index (rowid, words) VALUES (new.id, new.words); END",
    "CREATE TRIGGER report_words_are_forgotten AFTER DELETE ON report_words BEGIN "
    "INSERT INTO report_words_index (report_words_index, rowid, words) VALUES ('delete', old.id, old.words); END",
    "CREATE TRIGGER report_words_follow_reports AFTER UPDATE OF case_id, came_from ON reports BEGIN "
    "UPDATE report_words SET case_id = new.case_id, came_from = new.came_from WHERE report_id = new.id; END",
)
POSTGRESQL = (
    "CREATE INDEX ix_report_words_words ON report_words USING gin (array_to_tsvector(string_to_array(words, ' ')))",
    """CREATE FUNCTION move_report_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE report_words SET case_id = NEW.case_id, came_from = NEW.came_from WHERE report_id = NEW.id;
    RETURN NULL; END $$""",
    "CREATE TRIGGER report_words_follow_reports AFTER UPDATE OF case_id, came_from ON reports FOR EACH ROW "
    "WHEN (OLD.case_id <> NEW.case_id OR OLD.came_from IS DISTINCT FROM NEW.came_from) "
    "EXECUTE FUNCTION move_report_words()",
)


def upgrade() -> None:
    """The version before this one goes on searching as it did; what it takes in is indexed by the next tidying."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("report_id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("came_from", sa.String(32), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_report_words_report_id_reports"), deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_words")),
        sa.UniqueConstraint("report_id", name=op.f("uq_report_words_report_id")),
    )  # fmt: skip
    op.create_index("ix_report_words_id_case_id", TABLE, ["id", "case_id", "came_from"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if on_sqlite:
        _execute(SQLITE)
    _fill()
    if not on_sqlite:
        _execute(POSTGRESQL)


def _execute(statements: tuple[str, ...]) -> None:
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    """Cases that were opened since are not found by their text any more."""
    op.execute("DROP TRIGGER report_words_follow_reports" + ("" if _is_sqlite() else " ON reports"))
    op.execute("DROP TABLE report_words_index" if _is_sqlite() else "DROP FUNCTION move_report_words()")
    op.drop_table(TABLE)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


# ── what is there: as `app.bigrams` had it on this day; a test compares them ──

HAN = (
    "\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\uf900-\ufaff"
    "\U00020000-\U0003ffff\U000f0000-\U0010ffff"
)
WORD = rf"[^\W_{HAN}]"
HYPHEN, UNIT = re.compile(rf"(?<={WORD})[-\u2010](?={WORD})"), re.compile(rf"[{HAN}]|{WORD}{{1,64}}")
IS_HAN = re.compile(f"[{HAN}]")


def words_of(number: str, title: str | None, text: str) -> str:
    tokens = []
    for part in (number, number.rpartition("-")[2], *([title] if title else ()), text):
        units = UNIT.findall(HYPHEN.sub("", unicodedata.normalize("NFKC", part).lower()))
        tokens.append("¶")
        for unit, after in zip_longest(units, units[1:], fillvalue=""):
            tokens.append(unit + after if IS_HAN.match(unit) and IS_HAN.match(after) else unit)
    return " ".join(tokens)


def _fill() -> None:
    connection, after = op.get_bind(), ""
    reports: Any = sa.table(
        "reports", *(sa.column(name) for name in ("id", "number", "title", "text", "case_id", "came_from"))
    )
    words: Any = sa.table(TABLE, *(sa.column(name) for name in ("report_id", "case_id", "came_from", "words")))
    while rows := connection.execute(
        sa.select(reports).where(reports.c.id > after).order_by(reports.c.id).limit(AT_ONCE)
    ).all():
        after = rows[-1].id
        connection.execute(
            words.insert(),
            [
                {"report_id": row.id, "case_id": row.case_id, "came_from": row.came_from,
                 "words": words_of(row.number, row.title, row.text)}
                for row in rows
            ],
        )  # fmt: skip
