"""Lists stay quick when they grow: their queries go by indexes, and their number does not depend on the rows."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from app.clock import FixedClock
from app.database import Database
from app.deliver.log import list_deliveries
from app.ledger.pages import balance, page_cases, page_deliveries
from app.ledger.search import CaseFilter, read_record
from app.ledger.sessions import find_undated
from app.ledger.todo import FAILED, count_badges
from app.models import CaseStatus
from tests.city import CityUnderTest
from tests.conftest import sqlite_template
from tests.dashboard.office import at_work
from tests.ledger.test_search import put_on_ledger

# A whole table read row by row; going through an index in its order is none.
READS_ALL = re.compile(r"SCAN (cases|deliveries|reports|report_words|events|assignments|deadlines)\b(?! USING)")
LISTS = {
    "all": CaseFilter(),
    "search": CaseFilter(text="表格"),
    "open": CaseFilter(open_only=True),
    "closed": CaseFilter(status=(CaseStatus.CLOSED,)),
    "in review": CaseFilter(status=(CaseStatus.IN_REVIEW,)),
    "category": CaseFilter(category="provincial"),
    "department": CaseFilter(department="CS-MZ"),
    "level": CaseFilter(supervision_level=3),
    "extension": CaseFilter(extension_requested=True),
    "relapsed": CaseFilter(relapsed=True),
}


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is asked meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    engine = database.reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def sqlite(tmp_path: Any) -> AsyncIterator[Database]:
    shutil.copyfile(sqlite_template(), tmp_path / "plans.db")
    database = Database(f"sqlite:///{tmp_path / 'plans.db'}")
    yield database
    await database.dispose()


async def plans_of(database: Database, asked: list[tuple[str, Any]]) -> list[str]:
    async with database.reader.connect() as connection:
        found = [await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values) for sql, values in list(asked)]
        return [str(row[-1]) for rows in found for row in rows]


async def test_no_list_of_the_office_reads_a_whole_table(sqlite: Database, clock: FixedClock) -> None:
    await put_on_ledger(sqlite, [[(None, "填报表格")]])
    now = clock.now()
    with statements(sqlite) as asked:
        async with sqlite.read() as session:
            for wanted in (*LISTS.values(), CaseFilter(overdue_at=now)):
                await balance(session, wanted, CaseFilter())
                await balance(session, CaseFilter(), wanted)
                await page_cases(session, wanted, order="-opened", offset=0, limit=20, total=1)
                await page_cases(session, wanted, order="-opened", offset=19_000, limit=20, total=20_000)
            case = (await page_cases(session, CaseFilter(), order="number", offset=0, limit=1)).cases[0]
            await read_record(session, case)
            await list_deliveries(session, case_id=case.id, limit=200)
            await find_undated(session)
            await page_deliveries(session, case_number=case.number, offset=0, limit=20)
            await count_badges(session, now, ZoneInfo("Asia/Shanghai"))
            await page_deliveries(session, offset=0, limit=20)
            await page_deliveries(session, status=FAILED, department="CS-MZ", offset=0, limit=20)
        plans = await plans_of(sqlite, asked)
    assert len(plans) > 100
    assert [plan for plan in plans if READS_ALL.search(plan)] == []


async def test_a_page_of_the_ledger_is_not_sorted_to_be_shown(sqlite: Database) -> None:
    with statements(sqlite) as asked:
        async with sqlite.read() as session:
            for order in ("-opened", "opened", "number", "-number", "due"):
                for offset in (0, 19_000):
                    await page_cases(session, CaseFilter(), order=order, offset=offset, limit=20, total=20_000)
        plans = await plans_of(sqlite, asked)
    assert len(plans) >= 10
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


async def test_the_number_of_queries_does_not_grow_with_the_rows(city: CityUnderTest) -> None:
    database = city.runtime.database
    browser = await at_work(city)
    columns = "columns=text,departments,points,due,sources"
    counts: list[list[int]] = []
    for cases in (2, 18):
        await put_on_ledger(database, [[(None, f"填报表格{n}")] for n in range(cases)], first=len(counts) * 100)
        await browser.get(f"/dashboard/ledger?{columns}")
        found = []
        for path in (f"/dashboard/ledger?text=表格&{columns}", "/dashboard/"):
            with statements(database) as asked:
                assert (await browser.get(path)).status_code == 200
            found.append(len(asked))
        counts.append(found)
    assert counts[0] == counts[1]
