"""A search that finds many is counted, sorted and paged like any other, on both databases."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.database import Database
from app.ledger.found import find_page
from app.ledger.pages import ORDERS, Balance, balance
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


async def read_pages(
    database: Database, selection: CaseFilter, narrowed: CaseFilter, order: str
) -> tuple[set[tuple[Balance, int]], list[str]]:
    """What each page says of the whole, and the numbers of all pages in a row."""
    said, numbers = set(), []
    async with database.read() as session:
        for at in range(0, 55, LIMIT):
            account, page = await find_page(session, selection, narrowed, order=order, offset=at, limit=LIMIT)
            assert len(page.cases) == max(0, min(LIMIT, page.total - at))
            said.add((account, page.total))
            numbers += [case.number for case in page.cases]
    return said, numbers


def sorted_by(order: str, cases: list[Case]) -> list[str]:
    """The numbers in the order of a list; cases without a clock come last either way."""
    backwards, key = order.startswith("-"), order.removeprefix("-")
    if key == "due":
        cases = sorted(cases, key=lambda case: case.number, reverse=backwards)
        dated = [case for case in cases if case.due_at]
        dated.sort(key=lambda case: case.due_at or NOW, reverse=backwards)
        return [case.number for case in (*dated, *(case for case in cases if not case.due_at))]
    by = (lambda case: case.number) if key == "number" else (lambda case: (case.opened_at, case.id))
    return [case.number for case in sorted(cases, key=by, reverse=backwards)]


@pytest.mark.parametrize("question", ["表", "社区", "村 表", "照片 excel 社区", "YL-2026-00000", "没有这样的话", ""])
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
        shown = [case for case in found if holds(case)]
        async with many.read() as session:
            assert await balance(session, selection, narrowed) == (account, len(shown))
        for order in ORDERS:
            # Few are named all at once, many are gone through.
            for few in (200, 0):
                monkeypatch.setattr("app.ledger.found.FEW", few)
                said, pages = await read_pages(many, selection, narrowed, order)
                assert said == {(account, len(shown))}
                assert pages == sorted_by(order, shown)
