"""台账: every case by filters that live in the address, with the balance of what was put on and struck off."""

from dataclasses import replace
from typing import Final

from fastapi import Response

from app.dashboard import labels
from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.ruling_form import entry_of, find_department
from app.dashboard.session import CaseReader, Office
from app.intake.accept import fold
from app.ledger.pages import ORDERS, balance, page_cases
from app.ledger.search import CaseFilter
from app.models import CaseStatus

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
FILTERS: Final = ("tab", "text", "status", "category", "department", "level")


def read_state(at: Office) -> ListState:
    """The list's state without what is no filter of it."""
    state = ListState.from_query(PATH, at.request.query_params, SORTS)
    kept = tuple((name, value) for name, value in state.filters if name in FILTERS)
    return ListState(PATH, kept, state.sort, state.page, state.size)


def entry_of_menu(state: ListState) -> str:
    """Which entry of the menu leads to this part of the ledger."""
    return next((key for key, part in PARTS.items() if part in state.filters), "ledger")


def selection_of(state: ListState, at: Office) -> CaseFilter:
    """What the form asks for, without tab and status: what the balance counts."""
    text, category, typed = state.value("text"), state.value("category"), state.value("department")
    return CaseFilter(
        folded_text=fold(text) or None if text else None,
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
    """What the address asks for: the list that is shown, and what is exported."""
    state = read_state(at)
    impossible = state.value("tab") == "closed" and state.value("status") not in {"", "closed"}
    return CaseFilter(department="-") if impossible else narrow(selection_of(state, at), state, at)


@router.get("/ledger")
async def show_ledger(at: CaseReader) -> Response:
    """One page of the ledger and the balance of the same selection."""
    state = read_state(at)
    selection = selection_of(state, at)
    async with at.read() as session:
        found = await page_cases(
            session,
            chosen_cases(at),
            order=state.sort if state.sort in ORDERS else SORTS[0],
            offset=state.offset,
            limit=state.size,
        )
        account = await balance(session, selection)
    facts = {
        "listing": Listing(state, found.cases, found.total),
        "provisional": found.provisional,
        "balance": account,
        "tabs": TABS,
        "words": words_for(at),
        "exports": [(form, state.url(format=form).replace(PATH, f"{PATH}/export", 1)) for form in ("xlsx", "csv")],
        "departments": at.city.departments.values(),
        "entry_of": lambda code: entry_of(code, at.city),
    }
    return await page(at, "ledger.html", entry_of_menu(state), facts)
