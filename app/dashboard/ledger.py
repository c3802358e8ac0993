"""台账: every case by filters that live in the address, with the balance of what was put on and struck off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import QueryParams

from app.access.saved_views import find_columns, list_views
from app.dashboard import labels
from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.language import N_
from app.dashboard.ledger_columns import COLUMNS, SORTED, USUAL, read_columns
from app.dashboard.listing import SIZES, Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department
from app.dashboard.session import CaseReader, Office
from app.dashboard.suggesting import suggest_departments
from app.dashboard.words import Words
from app.ledger.export import duties_of, points_of
from app.ledger.found import find_page
from app.ledger.pages import ORDERS, Balance, CasePage
from app.ledger.search import CaseFilter
from app.models import Case, CaseStatus, SavedView

router = make_pages()
PATH: Final = "/dashboard/ledger"
SORTS: Final = ("-opened", "opened", "number", "due")
TABS: Final = (
    ("", N_("全部")),
    ("open", N_("未销号")),
    ("overdue", N_("逾期")),
    ("extension", N_("待审延期")),
    ("closed", N_("已销号")),
    ("relapsed", N_("回潮")),
)
# Parts of the ledger with an entry of their own in the menu.
PARTS: Final = {
    "acceptance": ("status", "dispatched"),
    "handling": ("status", "in_progress"),
    "verification": ("status", "verifying"),
    "closed": ("tab", "closed"),
}
FILTERS: Final = ("tab", "text", "status", "category", "department", "level", "columns")


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view, where it leads, and whether that is what the list shows."""

    view: SavedView
    url: str
    current: bool


def state_of(query: QueryParams) -> ListState:
    """The list's state without what is no filter of it."""
    state = ListState.from_query(PATH, query, SORTS)
    kept = tuple((name, value) for name, value in state.filters if name in FILTERS)
    return ListState(PATH, kept, state.sort, state.page, state.size)


def entry_of_menu(state: ListState) -> str:
    """Which entry of the menu leads to this part of the ledger."""
    return next((key for key, part in PARTS.items() if part in state.filters), "ledger")


def selection_of(state: ListState, at: Office) -> CaseFilter:
    """What the form asks for, without tab and status: what the balance counts."""
    category, typed = state.value("category"), state.value("department")
    return CaseFilter(
        text=state.value("text"),
        category=category if category in labels.CATEGORY else None,
        department=(find_department(typed, at.city) or "-") if typed else None,
        supervision_level=int(level) if (level := state.value("level")) in labels.SUPERVISION_LEVEL else None,
    )


def narrow(selection: CaseFilter, state: ListState, at: Office) -> CaseFilter:
    """The selection narrowed by tab and status."""
    tab, status = state.value("tab"), state.value("status")
    statuses = tuple(CaseStatus) if status not in labels.CASE_STATUS else (CaseStatus(status),)
    if tab == "closed":
        statuses = tuple(known for known in statuses if known is CaseStatus.CLOSED)
    if not statuses:
        return replace(selection, department="-")
    narrowed = tab == "closed" or len(statuses) == 1
    return replace(
        selection,
        status=statuses if narrowed else (),
        open_only=tab == "open",
        overdue_at=at.now if tab == "overdue" else None,
        extension_requested=tab == "extension",
        relapsed=tab == "relapsed",
    )


def chosen_cases(at: Office) -> CaseFilter:
    """What the address asks for: the list that is shown, and what is exported; or the cases that it names."""
    ticked = at.request.query_params.getlist("case")
    if ticked:
        return CaseFilter(numbers=tuple(number.replace("\x00", "") for number in ticked[: SIZES[-1]]))
    state = state_of(at.request.query_params)
    return narrow(selection_of(state, at), state, at)


@router.get("/ledger")
async def show_ledger(at: CaseReader) -> Response:
    """One page of the ledger and the balance of the same selection."""
    return await ledger_page(at, state_of(at.request.query_params))


async def ledger_page(
    at: Office,
    state: ListState,
    *,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The page; `typed` is a view's name that was refused, by the form it was typed in."""
    selection = selection_of(state, at)
    async with at.read() as session:
        account, found = await _read_page(session, at, state, selection)
        chosen = read_columns(state.value("columns") or await find_columns(session, at.user_id) or "")
        more = await _more_of(session, found.cases, chosen)
        views = [_link_to(view, state) for view in await list_views(session, at.user_id)]
    columns, words = chosen or USUAL, words_for(at)
    facts = more | {
        "listing": Listing(state, found.cases, found.total),
        "provisional": found.provisional,
        "balance": account,
        "tabs": TABS,
        "words": words,
        "exports": [(form, _export_url(state, form, chosen)) for form in ("xlsx", "csv")],
        "departments": suggest_departments(at.city),
        "columns": columns,
        "headings": [{"label": words.say(N_("选择"))}, *(_heading(key, words) for key in columns)],
        "export_columns": ",".join(chosen),
        "all_columns": COLUMNS,
        "query": _query_of(state.url(columns=",".join(columns))),
        "views": views,
        "typed": typed or {},
        "burdens": {burden.code: burden.name for burden in at.city.pack.burden_types},
    }
    return await page(at, "ledger.html", entry_of_menu(state), facts, messages=messages, status=status)


async def _read_page(
    session: AsyncSession, at: Office, state: ListState, selection: CaseFilter
) -> tuple[Balance, CasePage]:
    narrowed, order = narrow(CaseFilter(), state, at), state.sort if state.sort in ORDERS else SORTS[0]
    return await find_page(session, selection, narrowed, order=order, offset=state.offset, limit=state.size)


def _heading(key: str, words: Words) -> dict[str, str]:
    heading = {"label": words.say(COLUMNS[key]), "class": "wide" if key == "text" else ""}
    return heading | ({"sort": SORTED[key]} if key in SORTED else {})


async def _more_of(session: AsyncSession, cases: Sequence[Case], columns: Sequence[str]) -> dict[str, Any]:
    """What only some columns need, for the rows of one page."""
    return {
        "duties": await duties_of(session, cases) if "departments" in columns else {},
        "points": await points_of(session, cases) if "points" in columns else {},
    }


def _export_url(state: ListState, form: str, chosen: Sequence[str]) -> str:
    """A file has every column unless some were chosen."""
    return state.url(format=form, columns=",".join(chosen)).replace(PATH, f"{PATH}/export", 1)


def _link_to(view: SavedView, state: ListState) -> ViewLink:
    url = f"{PATH}?{view.query}"
    return ViewLink(view, url, state_of(QueryParams(view.query)).url() == state.url(page=1))


def _query_of(url: str) -> str:
    return url.partition("?")[2]
