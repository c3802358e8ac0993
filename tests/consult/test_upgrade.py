"""Sessions of before: what was said of one was said of each of its cases; a case that is over is off the agenda.
Decisions of before: whom they cite is read from their notes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, Table, insert, text

from app.database import Database
from app.directory.schema import alembic_config
from tests import postgres

BEFORE, AFTER = "20261126_supervision", "20261126_sessions"
MOMENT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with postgres.new_database(None) as url:
            yield url


def move(connection: Connection, revision: str, *, down: bool = False) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)


def put(connection: Connection, name: str, **values: Any) -> None:
    """A row with what is said; columns that must have something get something."""
    table = Table(name, MetaData(), autoload_with=connection)
    blank: dict[type, Any] = {str: "", int: 1, bool: False, datetime: MOMENT, dict: [], object: []}
    for column in table.columns:
        if not column.nullable and column.name not in values and column.server_default is None:
            values[column.name] = blank[column.type.python_type]
    connection.execute(insert(table).values(**values))


def fill(connection: Connection) -> None:
    for code in ("A", "B"):
        put(connection, "departments", code=code)
    for case, status in (("c1", "consulting"), ("c2", "consulting"), ("c3", "closed"), ("c4", "dispatched")):
        put(connection, "cases", id=case, number=case, status=status)
    # s1 waits with a date; c3 was closed meanwhile; c2 was called again to s3; s2 has nothing left; s4 is concluded.
    for session, status, meeting in (
        ("s1", "convened", MOMENT), ("s2", "convened", None), ("s3", "convened", None), ("s4", "concluded", None),
    ):  # fmt: skip
        put(connection, "consultations", id=session, number=session, status=status, meeting_at=meeting)
    for session, case in (("s1", "c1"), ("s1", "c3"), ("s2", "c2"), ("s3", "c2"), ("s4", "c4")):
        put(connection, "agenda_items", consultation_id=session, case_id=case)
    for session, code, position in (("s1", "A", "lead"), ("s1", "B", None), ("s4", "A", "supporting")):
        said = {"position": position, "basis": position, "stated_at": MOMENT if position else None}
        put(connection, "invitations", id=session + code, consultation_id=session, department_code=code, **said)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def walk(connection: Connection) -> None:
    move(connection, BEFORE)
    fill(connection)
    connection.commit()
    move(connection, AFTER)
    assert rows(connection, "SELECT id, status FROM consultations ORDER BY id") == [
        ("s1", "scheduled"), ("s2", "cancelled"), ("s3", "convened"), ("s4", "concluded"),
    ]  # fmt: skip
    assert rows(connection, "SELECT consultation_id, case_id, outcome FROM agenda_items ORDER BY 1, 2") == [
        ("s1", "c1", None), ("s1", "c3", "settled"), ("s2", "c2", "settled"), ("s3", "c2", None),
        ("s4", "c4", "concluded"),
    ]  # fmt: skip
    stated = "SELECT consultation_id, case_id, department_code, position FROM positions ORDER BY 1, 2"
    assert rows(connection, stated) == [
        ("s1", "c1", "A", "lead"), ("s1", "c3", "A", "lead"), ("s4", "c4", "A", "supporting"),
    ]  # fmt: skip
    connection.commit()
    move(connection, BEFORE, down=True)
    assert rows(connection, "SELECT id, position, basis FROM invitations ORDER BY id") == [
        ("s1A", "lead", "lead"), ("s1B", None, None), ("s4A", "supporting", "supporting"),
    ]  # fmt: skip
    assert rows(connection, "SELECT status FROM consultations WHERE id = 's1'") == [("convened",)]


async def test_sessions_of_before_keep_what_was_said_and_those_that_are_over_are_ended(empty_url: str) -> None:
    database = Database(empty_url)
    async with database.writer.connect() as connection:
        await connection.run_sync(walk)
    await database.dispose()


def cite(connection: Connection) -> None:
    """Reports whose decisions cite two precedents, one (noted twice), none, and one that has no notes."""
    put(connection, "cases", id="c1", number="c1", status="closed")
    for report, notes in (
        ("r1", {"notes": ["precedent:XL-2026-000001", "precedent:XL-2026-000002"]}),
        ("r2", {"notes": ["disputed", "precedent:XL-2026-000001", "precedent:XL-2026-000001"]}),
        ("r3", {"notes": ["disputed"]}),
        ("r4", {}),
    ):
        decision = {"evidence": [{"supports": "precedent XL-2026-000009"}], **notes}
        put(connection, "reports", id=report, number=report, case_id="c1", decision=decision, received_at=MOMENT)


def look_up(connection: Connection) -> None:
    move(connection, "20261126_precedents")
    cite(connection)
    connection.commit()
    move(connection, "20261126_cited_precedents")
    assert rows(connection, "SELECT precedent, report_id FROM cited_precedents ORDER BY 1, 2") == [
        ("XL-2026-000001", "r1"), ("XL-2026-000001", "r2"), ("XL-2026-000002", "r1"),
    ]  # fmt: skip
    connection.commit()
    move(connection, "20261126_precedents", down=True)


async def test_what_earlier_decisions_cite_is_found_from_the_precedent(empty_url: str) -> None:
    database = Database(empty_url)
    async with database.writer.connect() as connection:
        await connection.run_sync(look_up)
    await database.dispose()
