"""A search that finds many is counted, sorted and paged like any other, on both databases."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.database import Database
from app.ledger.pages import ORDERS, Balance, balance, first_page, page_cases
from app.ledger.search import CaseFilter
from app.models import Case, CaseStatus, Report
from tests.ledger.test_search import NOW, matching, put_on_ledger

LIMIT = 9
NARROWED: dict[str, tuple[CaseFilter, Callable[[Case], bool]]] = {
    "all": (CaseFilter(), lambda case: True),
    "open": (CaseFilter(open_only=True), lambda case: case.status is not CaseStatus.CLOSED),
    "closed": (CaseFilter(status=(CaseStatus.CLOSED,)), lambda case: case.status is CaseStatus.CLOSED),
    "overdue": (
        CaseFilter(overdue_at=NOW),
        lambda case: case.status is not CaseStatus.CLOSED and case.due_at is not None and case.due_at < NOW,
    ),
}


@pytest.fixture
async def many(database: Database) -> Database:
    """Cases of a few words, some closed, some due, some with reports that came from others."""
    chance = random.Random(4)
    words = ("社区填报表格", "村里填报", "社区的花名册", "照片台账", "excel表")
    texts = [[(None, "，".join(chance.sample(words, 2))) for _ in range(chance.randint(1, 3))] for _ in range(50)]
    made = await put_on_ledger(database, texts)
    async with database.write() as session:
        cases = {case.number: case for case in await session.scalars(select(Case))}
        for case in cases.values():
            case.status = chance.choice([CaseStatus.CLOSED, CaseStatus.CLOSED, CaseStatus.TRIAGE, CaseStatus.VERIFYING])
            case.due_at = chance.choice([None, NOW - timedelta(days=1), NOW + timedelta(days=1)])
            case.category = chance.choice(["unclear", "provincial"])
        for number, reports in list(made.items())[::4]:
            into = chance.choice([case for case in cases.values() if case.number != number])
            moved = update(Report).where(Report.id == reports[0].id)
            await session.execute(moved.values(case_id=into.id, came_from=cases[number].id))
    return database


async def read_pages(database: Database, wanted: CaseFilter, order: str, total: int) -> list[list[str]]:
    async with database.read() as session:
        return [
            [
                case.number
                for case in (await page_cases(session, wanted, order=order, offset=at, limit=LIMIT, total=total)).cases
            ]
            for at in range(0, 55, LIMIT)
        ]


@pytest.mark.parametrize("question", ["表", "社区", "村 表", "照片 excel 社区", "YL-2026-00000", "没有这样的话"])
@pytest.mark.parametrize("category", [None, "provincial"])
async def test_it_counts_and_shows_what_is_found(
    many: Database, question: str, category: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = CaseFilter(text=question, category=category)
    async with many.read() as session:
        numbers = await matching(session, question)
        found = [case for case in await session.scalars(select(Case)) if case.number in numbers]
    found = [case for case in found if category in (None, case.category)]
    account = Balance(len(found), sum(case.status is CaseStatus.CLOSED for case in found))
    for narrowed, holds in NARROWED.values():
        shown = {case.number for case in found if holds(case)}
        async with many.read() as session:
            assert await balance(session, selection, narrowed) == (account, len(shown))
        wanted = replace(narrowed, text=question, category=category)
        for order in ORDERS:
            monkeypatch.setattr("app.ledger.pages.MANY", 1000)
            few = await read_pages(many, wanted, order, len(shown))
            assert {number for page in few for number in page} == shown
            monkeypatch.setattr("app.ledger.pages.MANY", 0)
            assert await read_pages(many, wanted, order, len(shown)) == few


@pytest.mark.parametrize("order", ORDERS)
async def test_its_first_page_is_the_page_that_the_counted_list_begins_with(
    many: Database, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in ("表", "村 表", "YL-2026-00000"):
        wanted = CaseFilter(text=question)
        async with many.read() as session:
            account, total = await balance(session, wanted, CaseFilter())
            counted = await page_cases(session, wanted, order=order, offset=0, limit=LIMIT, total=total)
            assert await first_page(session, wanted, CaseFilter(), order=order, limit=LIMIT) is None
            monkeypatch.setattr("app.ledger.pages.MANY", 0)
            assert await first_page(session, wanted, CaseFilter(), order=order, limit=LIMIT) == (account, counted)
            monkeypatch.undo()


async def test_whoever_asks_for_more_gets_no_first_page(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.ledger.pages.MANY", 0)
    async with many.read() as session:
        for wanted, narrowed in (
            (CaseFilter(), CaseFilter()), (CaseFilter(text="。"), CaseFilter()),
            (CaseFilter(text="表", category="unclear"), CaseFilter()),
            (CaseFilter(text="表"), CaseFilter(open_only=True)),
            (CaseFilter(text="没有这样的话"), CaseFilter()),
        ):  # fmt: skip
            assert await first_page(session, wanted, narrowed, order="number", limit=LIMIT) is None
