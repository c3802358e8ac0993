"""会商 for a department: the sessions at which it has a seat; its position, whether it comes, and what was concluded.

Of a session it sees what the interface shows departments: its own seat and positions, and what came out.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.api.consultations import state_opinion, to_consultation_out
from app.api.sessions import answer_invitation
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.duty_form import read_opinion, read_response, typed_words
from app.dashboard.forms import Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.once import do_once, new_token
from app.dashboard.rendering import Flash
from app.dashboard.session import AtDepartment, Invited, Office
from app.flow.desk import Desk
from app.ledger.duties import read_told_at_session
from app.ledger.sessions import page_consultations, read_consultation
from app.lifecycle import OPEN_SESSIONS
from app.models import ConsultationStatus

router = make_pages()
PATH: Final = "/dashboard/invitations"
BLANK: Final = Form()
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]


@router.get("/invitations")
async def show_invitations(at: AtDepartment) -> Response:
    """The department's sessions, newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    wanted = next((known for known in ConsultationStatus if known == state.value("status")), None)
    state = ListState(PATH, (("status", wanted),) if wanted else (), page=state.page, size=state.size)
    async with at.read() as session:
        records, total = await page_consultations(
            session, wanted, offset=state.offset, limit=state.size, principal=at.principal
        )
    rows = [
        (to_consultation_out(record, at.principal), record.has_stated(at.principal.department or ""))
        for record in records
    ]
    facts = {"listing": Listing(state, rows, total), "words": words_for(at)}
    return await page(at, "invitations.html", "invitations", facts)


@router.get("/invitations/{id}")
async def show_invitation(id: Id, at: AtDepartment) -> Response:  # noqa: A002 - the address says id
    """One session: its agenda with the words that gave it, the department's own position, what was concluded."""
    return await _session_page(at, id)


async def _session_page(
    at: Office, wanted: str, *, form: str = "", messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    """`form` is the one that was refused; it stays as it was filled in."""
    async with at.read() as session:
        record = await read_consultation(session, wanted, at.principal)
        seat = next(s for s in record.invitations if s.department_code == at.principal.department)
        told = await read_told_at_session(session, at.city, seat, [case for _, case in record.agenda])
    shown, words = to_consultation_out(record, at.principal), words_for(at)
    is_open = shown.status in OPEN_SESSIONS
    facts = {
        "session": shown,
        "seat": shown.invitations[0],
        "told": told,
        "invited": [s.department_code for s in record.invitations],
        "is_open": is_open,
        "waiting": [item for item in shown.agenda if item.outcome is None],
        "url": f"{PATH}/{shown.number}",
        "words": words,
        "once": new_token(),
        "refused": form,
        "typed": at.form if form else BLANK,
        "blank": BLANK,
        "lost": [(words.say(label), text) for label, text in typed_words(form, at.form)]
        if form and not is_open
        else [],
    }
    return await page(at, "invitation.html", "invitations", facts, messages=messages, status=status)


async def _answer(
    at: Office, wanted: str, form: str, read: Callable[[Form], Callable[[Desk, str], Awaitable[object]]], done: str
) -> Response:
    async def act() -> Response:
        async with at.read() as session:
            found = (await read_consultation(session, wanted, at.principal)).consultation
        say = read(at.form)

        async def do(desk: Desk) -> str:
            await say(desk, found.id)
            return f"{PATH}/{found.number}"

        address = await do_once(at, Permission.STATE_OPINION, do)
        return go(at.request, address, Flash(words_for(at).say(done, number=found.number), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _session_page(at, wanted, form=form, messages=(message,), status=status)

    return await attempt(at, act, show_again)


@router.post("/invitations/{id}/opinion")
async def give_opinion(id: Id, at: Invited) -> Response:  # noqa: A002 - the address says id
    """会商意见: what the department's part is, on what basis; of all cases or of some."""

    def read(form: Form) -> Callable[[Desk, str], Awaitable[object]]:
        said = read_opinion(form)
        return lambda desk, session_id: state_opinion(desk, session_id, said)

    return await _answer(at, id, "opinion", read, N_("已提交会商 %(number)s 的意见，形成结论前可以修改。"))


@router.post("/invitations/{id}/response")
async def respond(id: Id, at: Invited) -> Response:  # noqa: A002 - the address says id
    """参会答复: whether the department comes, or who in its stead."""

    def read(form: Form) -> Callable[[Desk, str], Awaitable[object]]:
        said = read_response(form)
        return lambda desk, session_id: answer_invitation(desk, session_id, said)

    return await _answer(at, id, "response", read, N_("已答复是否参加会商 %(number)s。"))
