"""待分办: the list on the left, one case with its evidence and its ruling form on the right."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Response

from app.access.principal import Permission
from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.case_view import actions_for, opinion_of
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import RulingInput, candidates_for
from app.dashboard.session import CaseReader, Office
from app.dashboard.suggesting import suggest_departments
from app.dashboard.words import Words
from app.disclosure import disclose_report
from app.flow.undoing import UNDONE_WITHIN
from app.ledger.found import find_page
from app.ledger.pages import CasePage
from app.ledger.proposed import find_last_ruled
from app.ledger.search import CaseFilter, CaseRecord, get_case, read_record
from app.models import Case, CaseStatus
from app.problems import NotFound

router = make_pages()
PATH = "/dashboard/triage"


@router.get("/triage")
async def show_triage(
    at: CaseReader, case: Annotated[str, Query()] = "", pick: Annotated[str, Query()] = ""
) -> Response:
    """The open item is the one asked for, else the most urgent; `pick` fills the form with that candidate."""
    return await triage_page(at, case, pick=pick)


async def triage_page(
    at: Office,
    number: str,
    *,
    pick: str = "",
    ruling: RulingInput | None = None,
    closing: dict[str, str] | None = None,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    """The page with one case open; `ruling` and `closing` are what was typed and refused."""
    state = ListState.from_query(PATH, at.request.query_params)
    state = ListState(
        PATH, tuple(pair for pair in state.filters if pair[0] == "text"), page=state.page, size=state.size
    )
    async with at.read() as session:
        listed = await _list(at, session, state)
        record = await _open(at, session, number, listed)
        last = await find_last_ruled(session, at.principal.holder, at.now - UNDONE_WITHIN)
    words = words_for(at)
    facts: dict[str, Any] = {"listing": Listing(state, listed.cases, listed.total), "words": words, "item": None}
    facts |= {"last_ruled": last, "provisional": listed.provisional, "item_url": lambda case: item_url(state, case)}
    if record is not None:
        facts |= item_facts(at, record, pick=pick, ruling=ruling, closing=closing)
        facts["item_provisional"] = any(d.provisional for d in record.deadlines if d.ended_at is None)
    return await page(at, "triage.html", "triage", facts, part="work", messages=messages, status=status)


def item_url(state: ListState, case: Case) -> str:
    """The address that opens a case beside the list as it is."""
    url = state.url(page=state.page)
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'case': case.number})}"


async def _list(at: Office, session: Any, state: ListState) -> CasePage:
    wanted = CaseFilter(status=(CaseStatus.TRIAGE,), text=state.value("text"))
    _, found = await find_page(session, wanted, CaseFilter(), order="due", offset=state.offset, limit=state.size)
    return found


async def _open(at: Office, session: Any, number: str, listed: CasePage) -> CaseRecord | None:
    case = next((known for known in listed.cases if known.number == number), None)
    if case is None and number:
        try:
            case = await get_case(session, at.principal, number.replace("\x00", ""))
        except NotFound:
            case = None
    if case is None:
        case = next(iter(listed.cases), None)
    return await read_record(session, case) if case else None


def item_facts(
    at: Office,
    record: CaseRecord,
    *,
    pick: str = "",
    ruling: RulingInput | None = None,
    closing: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What the forms of one case need, on the triage page and on the case's own."""
    words = words_for(at)
    decision = record.reports[0].decision
    candidates = candidates_for(decision, record.acts, words, record.opinion)
    picked = (
        candidates[int(pick) - 1] if pick.isascii() and pick.isdigit() and 0 < int(pick) <= len(candidates) else None
    )
    if ruling is None and picked is not None:
        ruling = RulingInput.proposed(picked, at.city, reason_for(words.say, picked.why))
    return {
        "item": record,
        "reports": reports_facts(record, at, words),
        "decision": decision,
        "opinion": opinion_of(record, words),
        "candidates": candidates,
        "reason_for": lambda candidate: reason_for(words.say, candidate.why),
        "ruling": ruling or RulingInput(category=decision["category"]),
        "closing": closing or {},
        "actions": actions_for(record.case, at.principal, record.deadlines),
        "departments": suggest_departments(at.city) if at.may(Permission.RULE) else "",
        "words": words,
    }


def reason_for(say: Any, why: str) -> str:
    """The reason a candidate brings along; the office may say more."""
    return str(say(N_("采纳：%(why)s。"), why=why))


def reports_facts(record: CaseRecord, at: Office, words: Words) -> list[dict[str, Any]]:
    """Each report with what departments read of it."""
    terms = at.city.terms_of_points(report.observation_point_code for report in record.reports)
    return [
        report_facts(report, at, words.spans(report.decision))
        | {
            "disclosed": disclose_report(report, terms),
            "adjusted": report.disclosed_text is not None,
            "has_contact": report.number in record.with_contact,
        }
        for report in record.reports
    ]


def report_facts(report: Any, at: Office, spans: list[dict[str, Any]]) -> dict[str, Any]:
    """A report with the unit that sent it; never how to reach a person."""
    point = at.city.points.get(report.observation_point_code)
    district = at.city.pack.district(point.district) if point else None
    name = " ".join(part for part in (district.name if district else "", point.name if point else "") if part)
    return {"report": report, "point": name or report.observation_point_code, "spans": spans}
