"""A list of the ledger: how many cases and one page of them; a search is made once for both. Reads only.

What a search finds is kept by the statement, and cases are gone through and looked up in it: the other way round the
row of each case that was found would be read, only to be counted.
"""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ScalarSelect, Select, and_, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.util import ClauseAdapter

from app.bigrams import asked_for
from app.ledger.finding import found_by, is_among
from app.ledger.pages import ORDERS, Balance, CasePage, balance, find_provisional, known_of, page_cases
from app.ledger.search import CaseFilter, conditions_of
from app.models import Case, CaseStatus

# So few are named all at once: to come upon them in their order, one would go through every case.
FEW: Final = 200
_WAITING: Final = [status for status in CaseStatus if status is not CaseStatus.CLOSED]
# What a case is sorted by, beside its id.
_SORTED_BY: Final[dict[str, tuple[Any, ...]]] = {
    "number": (Case.number,), "opened": (Case.opened_at,), "due": (Case.due_at, Case.number),
}  # fmt: skip


async def find_page(
    session: AsyncSession, wanted: CaseFilter, narrowed: CaseFilter, *, order: str, offset: int, limit: int
) -> tuple[Balance, CasePage]:
    """The balance of a selection, and one page of what `narrowed` leaves of it; `order` is a key of ORDERS."""
    if not asked_for(wanted.text):
        account, total = await balance(session, wanted, narrowed)
        return account, await page_cases(
            session, wanted, narrowed, order=order, offset=offset, limit=limit, total=total
        )
    if wanted == CaseFilter(text=wanted.text) and narrowed in known_of(Balance(0, 0)):
        opened, waiting, ids = (await session.execute(_by_words(wanted, narrowed, order, offset, limit))).one()
        account = Balance(opened, opened - waiting)
        total, skipped = known_of(account)[narrowed], offset if opened <= FEW else 0
    else:
        opened, closed, total, ids = (await session.execute(_by_more(wanted, narrowed, order, offset, limit))).one()
        account, skipped = Balance(opened, closed), 0
    named = Case.id.in_(ids.split(",") if ids else [])
    rows = select(Case).where(named, *conditions_of(narrowed)).order_by(*ORDERS[order][0])
    cases = (await session.scalars(rows.offset(skipped).limit(limit))).all()
    return account, CasePage(cases, total, await find_provisional(session, [case.id for case in cases]))


def _by_words(wanted: CaseFilter, narrowed: CaseFilter, order: str, offset: int, limit: int) -> Select[int, int, str]:
    """Of words and nothing else: how many are found, how many of them wait, and the ids of the page, or of all if few.

    Most cases are closed, so that only those that are not are looked at; and a page is soon full.
    """
    found = found_by(wanted.text)
    opened = select(func.count()).select_from(found).scalar_subquery()
    waiting = select(func.count()).select_from(Case).where(Case.status.in_(_WAITING), is_among(found))
    page = select(Case.id).where(is_among(found), *conditions_of(narrowed)).order_by(*ORDERS[order][0])
    ids = case((opened <= FEW, _listed(select(found.c.case_id))), else_=_listed(page.offset(offset).limit(limit)))
    return select(opened, waiting.scalar_subquery(), ids)


def _by_more(
    wanted: CaseFilter, narrowed: CaseFilter, order: str, offset: int, limit: int
) -> Select[int, int, int, str]:
    """Of words among others: how many are found, closed and shown, and the ids of the page.

    What else is asked says which cases are gone through, once for both.
    """
    shown = and_(true(), *conditions_of(narrowed)).label("shown")
    others = conditions_of(replace(wanted, text=""))
    every = select(Case.id, Case.status, *_SORTED_BY[order.removeprefix("-")], shown)
    chosen = every.where(*others, is_among(found_by(wanted.text))).cte("chosen")
    chosen = chosen.prefix_with("MATERIALIZED", dialect="postgresql")
    orders = [ClauseAdapter(chosen).traverse(column.expression) for column in ORDERS[order][0]]
    page = select(chosen.c.id).where(chosen.c.shown).order_by(*orders).offset(offset).limit(limit)
    closed = func.count().filter(chosen.c.status == CaseStatus.CLOSED)
    return select(func.count(), closed, func.count().filter(chosen.c.shown), _listed(page)).select_from(chosen)


def _listed(ids: Select[str]) -> ScalarSelect[Any]:
    """Ids as one value, commas between them: NULL for none."""
    rows = ids.subquery()
    return select(func.aggregate_strings(next(iter(rows.c)), ",")).scalar_subquery()
