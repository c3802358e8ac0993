"""会商: the sessions there are, and one session with its agenda, seats and positions, and its conclusion."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.consult.propose import Proposal, Waiting, propose_batches
from app.dashboard.answering import attempt, go, is_htmx, make_pages, page, words_for
from app.dashboard.conclusion_form import MORE, proposed_form, read_conclusions, show_cases
from app.dashboard.dates import in_china
from app.dashboard.document_view import drafts_of
from app.dashboard.forms import Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.meetings import LONGEST_PLACE, TYPED, read_minutes_long
from app.dashboard.rendering import Flash
from app.dashboard.session import CaseReader, Convener, Office
from app.dashboard.suggesting import suggest_departments
from app.flow import consultation
from app.flow.documents import occasions_on_session
from app.ledger.documents import list_on_session
from app.ledger.sessions import SessionRecord, find_undated, page_consultations, read_consultation, was_extended
from app.lifecycle import OPEN_SESSIONS
from app.models import ConsultationStatus

router = make_pages()
PATH: Final = "/dashboard/consultations"
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
SUGGESTED: Final = 6
INVITED_AT_ONCE: Final = 3
# What the address may say of the meeting to fix: a suggested time that was chosen, and for what it was suggested.
PREFILLED: Final = ("meeting_at", "minutes_long", "place")
FORMS: Final = ("schedule", "inviting", "uninviting", "extension", "withdrawal", "cancellation")
EMPTY: Final = Form()
FORM_MARK: Final = b'id="conclusion"'
FORM_ONLY: Final = {"HX-Retarget": "#conclusion", "HX-Reselect": "#conclusion", "HX-Reswap": "outerHTML"}


@router.get("/consultations")
async def show_consultations(at: CaseReader) -> Response:
    """All sessions, newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    wanted = next((known for known in ConsultationStatus if known == state.value("status")), None)
    state = ListState(PATH, (("status", wanted),) if wanted else (), page=state.page, size=state.size)
    async with at.read() as session:
        rows, total = await page_consultations(session, wanted, offset=state.offset, limit=state.size)
        proposals = await _proposals(session) if at.may(Permission.CONVENE) else []
    facts = {"listing": Listing(state, rows, total), "words": words_for(at), "proposals": proposals}
    return await page(at, "consultations.html", "consultations", facts)


@router.get("/consultations/{id}")
async def show_consultation(id: Id, at: CaseReader) -> Response:  # noqa: A002 - the address says id
    """One session, by id or number."""
    query = at.request.query_params
    prefilled = {name: [query[name]] for name in PREFILLED if query.get(name)}
    return await show_session(at, id, typed={"schedule": Form(prefilled)})


async def _proposals(session: AsyncSession) -> list[Proposal]:
    """Which sessions without a date could be held as one."""
    return propose_batches(Waiting(*found) for found in await find_undated(session))


async def show_session(
    at: Office,
    wanted: str,
    *,
    typed: Mapping[str, Form] | None = None,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    """The page; `typed` is what was entered in a form, by the form's name."""
    entered = dict.fromkeys(FORMS, EMPTY) | dict(typed or {})
    async with at.read() as session:
        record = await read_consultation(session, wanted)
        is_open = record.consultation.status in OPEN_SESSIONS and at.may(Permission.CONVENE)
        slots = await _find_slots(session, at, record, entered["schedule"]) if is_open else []
        extended = await was_extended(session, record)
        issued = await list_on_session(session, record.consultation.id)
    form = entered.get("conclusion") or proposed_form(record)
    facts = {
        "record": record,
        "slots": slots,
        "extended": extended,
        "words": words_for(at),
        "issued": issued,
        "drafts": drafts_of(occasions_on_session(record), issued, words_for(at), f"{PATH}/{record.consultation.number}")
        if at.may(Permission.CONVENE)
        else [],
        "typed": entered,
        "form": form,
        "cases": show_cases(form, record) if is_open else [],
        "invite_rows": _rows_to_invite(entered["inviting"]),
        "may_act": is_open,
        "may_let_go": len(record.invitations) > 2 and not _has_begun(at, record),
        "departments": suggest_departments(at.city) if at.may(Permission.CONVENE) else "",
    }
    return await page(at, "consultation.html", "consultations", facts, messages=messages, status=status)


def _has_begun(at: Office, record: SessionRecord) -> bool:
    """Whether the meeting has begun, so that nobody is let go any more."""
    meeting_at = record.consultation.meeting_at
    return meeting_at is not None and meeting_at <= at.now


def _rows_to_invite(form: Form) -> list[str]:
    typed = form.all("receiver")[:INVITED_AT_ONCE]
    return typed + [""] * (INVITED_AT_ONCE - len(typed))


async def _find_slots(
    session: AsyncSession, at: Office, record: SessionRecord, form: Form
) -> list[tuple[datetime, str, str]]:
    """Free times for the length and place that the form says: the moment, as its field takes it, and the page's
    address with it filled in."""
    minutes, place = read_minutes_long(form, []), form.get("place")[:LONGEST_PLACE] or None
    _, times, _ = await consultation.find_times(
        session, at.city, at.now, record.consultation.id, minutes=minutes, place=place, limit=SUGGESTED
    )
    wished = {name: form.get(name) for name in ("minutes_long", "place") if form.get(name)}
    address = f"{PATH}/{record.consultation.number}?"
    return [
        (time, value, address + urlencode({"meeting_at": value} | wished) + "#schedule")
        for time in times
        for value in (in_china(time).strftime(TYPED),)
    ]


@router.post("/consultations/{id}/conclusion")
async def conclude(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Record for each case who leads, who supports, what each does and by when; or show the form with one more line."""
    if at.form.get(MORE):
        return await _grow(at, id)

    async def act() -> Response:
        async with at.read() as session:
            record = await read_consultation(session, id)
        said = read_conclusions(at.form, record, at.city)
        async with at.desk(Permission.CONVENE) as desk:
            found = await consultation.conclude(
                desk,
                record.consultation.id,
                said.cases,
                said.minutes,
                attendance=said.attendance,
                adjourned=said.adjourned,
            )
            number = found.number
        await at.runtime.cities.refresh()
        done = N_("会商 %(number)s 已形成结论并交办。")
        if said.adjourned is not None:
            done = N_("会商 %(number)s 已就部分议题形成结论并交办，其余议题延期再议。")
        return go(at.request, f"{PATH}/{number}", Flash(words_for(at).say(done, number=number), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await show_session(at, id, typed={"conclusion": at.form}, messages=(message,), status=status)

    return await attempt(at, act, show_again)


async def _grow(at: Office, wanted: str) -> Response:
    """The form with all that was typed and one more line; htmx takes the form out of the page, and the whole page where
    the session has ended meanwhile."""
    answer = await show_session(at, wanted, typed={"conclusion": at.form})
    if is_htmx(at.request):
        if FORM_MARK not in bytes(answer.body):
            return go(at.request, f"{PATH}/{wanted}")
        answer.headers.update(FORM_ONLY)
    return answer
