"""公文: the register of issued documents, one document as it stands on paper, and drafting, issuing and voiding one."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Path, Query, Response

from app.access.principal import Permission
from app.dashboard import labels
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.cases import Number
from app.dashboard.consultations import Id
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import CaseReader, Convener, Office, Ruler
from app.documents.sheet import Sheet, digest_of
from app.documents.wording import number_of
from app.flow import documents
from app.flow.desk import Desk
from app.flow.documents import Added
from app.ledger.documents import DocumentFilter, cases_of, get_document, is_in_chain, page_documents, years_of
from app.ledger.pages import names_of_users
from app.ledger.search import get_case, read_record
from app.ledger.sessions import read_consultation
from app.models import Document, DocumentKind

router = make_pages()
PATH: Final = "/dashboard/documents"
DocumentId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Key = Annotated[str, Query(max_length=120)]
FILTERS: Final = ("text", "kind", "year", "state")
STATES: Final = {"valid": N_("有效"), "void": N_("已作废")}
PREVIEW: Final = "preview"
LONGEST_COPIES, LONGEST_REMARKS = 200, 2000
NO_NUMBER: Final = "　　"
NOTHING: Final = Added()


# ── the register and one document ──


@router.get("/documents")
async def show_register(at: CaseReader) -> Response:
    """发文登记: everything that was issued, the newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    kept = tuple((name, value) for name, value in state.filters if name in FILTERS)
    state = ListState(PATH, kept, page=state.page, size=state.size)
    year, known = state.value("year"), state.value("state")
    wanted = DocumentFilter(
        kind=next((kind for kind in DocumentKind if kind == state.value("kind")), None),
        year=int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None,
        text=state.value("text").strip() or None,
        voided={"valid": False, "void": True}.get(known),
    )
    async with at.read() as session:
        rows, total = await page_documents(session, wanted, offset=state.offset, limit=state.size)
        years = await years_of(session)
    facts = {
        "listing": Listing(state, rows, total),
        "words": words_for(at),
        "states": STATES,
        "years": [(str(year), str(year)) for year in years],
        "about_url": about_url,
    }
    return await page(at, "documents.html", "documents", facts)


def about_url(document: Document) -> str:
    """The page of what a document is about."""
    place = "consultations" if document.consultation_id else "cases"
    return f"/dashboard/{place}/{document.about}"


@router.get("/documents/{id}")
async def show_document(id: DocumentId, at: CaseReader) -> Response:  # noqa: A002 - the address says id
    """原件: the sheet as it was issued, to be looked at and printed."""
    return await document_page(at, id)


async def document_page(
    at: Office,
    document_id: str,
    *,
    reason: str = "",
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    async with at.read() as session:
        document = await get_document(session, document_id)
        people = {by.removeprefix("user:") for by in (document.issued_by, document.voided_by) if by}
        words = words_for(at, await names_of_users(session, people))
        cases = list((await cases_of(session, document_id)).values())
        holds = document.digest == digest_of(document.content) and await is_in_chain(session, document)
    facts = {
        "document": document,
        "sheet": Sheet.from_json(document.content),
        "cases": cases,
        "words": words,
        "holds": holds,
        "reason": reason,
        "about_url": about_url,
    }
    return await page(at, "document.html", "documents", facts, messages=messages, status=status)


@router.post("/documents/{id}/void")
async def void(id: DocumentId, at: Ruler) -> Response:  # noqa: A002 - the address says id
    """作废: the number stays taken, the sheet is marked."""

    async def act() -> Response:
        faults: list[str] = []
        reason = read_text(at.form, "reason", N_("请写明作废的理由（2 至 2000 字）。"), faults)
        if faults:
            raise BadFields(faults)
        async with at.desk(Permission.RULE) as desk:
            number = (await documents.void(desk, id, reason)).number
        done = words_for(at).say(N_("公文已作废，文号保留："))
        return go(at.request, f"{PATH}/{id}", Flash(done, "success", number))

    async def show_again(message: Flash, status: int) -> Response:
        return await document_page(at, id, reason=at.form.get("reason"), messages=(message,), status=status)

    return await attempt(at, act, show_again)


# ── drafting and issuing ──


def _added(form: Form) -> Added:
    """What the issuer typed. Raises BadFields."""
    added = Added(" ".join(form.get("copies").split()), form.get("remarks"))
    faults = []
    if len(added.copies) > LONGEST_COPIES:
        faults.append(N_("抄送不得超过 200 字。"))
    if len(added.remarks) > LONGEST_REMARKS:
        faults.append(N_("补充内容不得超过 2000 字。"))
    if faults:
        raise BadFields(faults)
    return added


Draw = Callable[[str, str, Added], Awaitable[Sheet]]


async def _draft_page(
    at: Office, url: str, key: str, draw: Draw, *, added: Added = NOTHING, messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:  # fmt: skip
    """The draft without a number, and the form that issues it."""
    kind = DocumentKind(key.partition(":")[0]) if key.partition(":")[0] in set(DocumentKind) else DocumentKind.MINUTES
    year = at.now.astimezone(at.city.calendar.zone).year
    number = number_of(at.city.pack.issuer, kind, year, NO_NUMBER)
    facts = {
        "sheet": await draw(key, number, added),
        "url": url,
        "key": key,
        "added": added,
        "kind": labels.DOCUMENT_KIND[kind],
        "words": words_for(at),
    }
    return await page(at, "document_draft.html", "documents", facts, messages=messages, status=status)


async def _issue(
    at: Office, url: str, draw: Draw, keep: Callable[[Desk, str, Added], Awaitable[Document]], permission: Permission
) -> Response:
    """Show the draft with what was added, or issue it and show the document."""
    key = at.form.get("key")

    async def act() -> Response:
        added = _added(at.form)
        if at.form.get("act") == PREVIEW:
            return await _draft_page(at, url, key, draw, added=added)
        async with at.desk(permission) as desk:
            document = await keep(desk, key, added)
        done = words_for(at).say(N_("已印发："))
        return go(at.request, f"{PATH}/{document.id}", Flash(done, "success", document.number))

    async def show_again(message: Flash, status: int) -> Response:
        typed = Added(at.form.get("copies")[:LONGEST_COPIES], at.form.get("remarks")[:LONGEST_REMARKS])
        return await _draft_page(at, url, key, draw, added=typed, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _draw_on_case(at: Office, case_number: str) -> Draw:
    async def draw(key: str, number: str, added: Added) -> Sheet:
        async with at.read() as session:
            record = await read_record(session, await get_case(session, at.principal, case_number))
            return await documents.draft_on_case(session, at.city, at.now, record, key, number, added)

    return draw


def _draw_on_session(at: Office, wanted: str) -> Draw:
    async def draw(key: str, number: str, added: Added) -> Sheet:
        async with at.read() as session:
            record = await read_consultation(session, wanted)
            return await documents.draft_on_session(session, at.city, at.now, record, key, number, added)

    return draw


@router.get("/cases/{number}/documents")
async def draft_on_case(number: Number, at: Ruler, key: Key = "") -> Response:
    """拟稿: what would be issued on a case."""
    return await _draft_page(at, f"/dashboard/cases/{number}", key, _draw_on_case(at, number))


@router.post("/cases/{number}/documents")
async def issue_on_case(number: Number, at: Ruler) -> Response:
    """印发 on a case."""

    async def keep(desk: Desk, key: str, added: Added) -> Document:
        return await documents.issue_on_case(desk, number, key, added)

    return await _issue(at, f"/dashboard/cases/{number}", _draw_on_case(at, number), keep, Permission.RULE)


@router.get("/consultations/{id}/documents")
async def draft_on_session(id: Id, at: Convener, key: Key = "") -> Response:  # noqa: A002 - the address says id
    """拟稿: what would be issued on a session."""
    return await _draft_page(at, f"/dashboard/consultations/{id}", key, _draw_on_session(at, id))


@router.post("/consultations/{id}/documents")
async def issue_on_session(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """印发 on a session."""

    async def keep(desk: Desk, key: str, added: Added) -> Document:
        return await documents.issue_on_session(desk, id, key, added)

    return await _issue(at, f"/dashboard/consultations/{id}", _draw_on_session(at, id), keep, Permission.CONVENE)
