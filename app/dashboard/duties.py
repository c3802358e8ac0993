"""交办 for a department without a system: its own to-do, its duties, and on each the acts that the interface knows.

It shows what the interface tells departments and does what it does for them; never who reported.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Final

from fastapi import Path, Response
from starlette.datastructures import UploadFile

from app.access.principal import Permission
from app.api import acts
from app.api.consultations import to_consultation_out
from app.dashboard import labels
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.duty_form import DOCUMENT_ROWS, read_act, typed_words
from app.dashboard.duty_view import (
    history_of,
    names_on_behalf,
    nearest_clock,
    open_acts,
    pause_of,
    sent_back_with,
)
from app.dashboard.feedback_view import ACTION, MEASURE, SCOPE
from app.dashboard.forms import FileRefused, Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.once import do_once, new_token
from app.dashboard.rendering import Flash
from app.dashboard.session import Answering, AtDepartment, Handler, Office
from app.dashboard.suggesting import suggest_departments
from app.feedback.rectification import Because
from app.feedback.vault import make_vault
from app.flow import evidence
from app.flow.desk import Desk
from app.flow.handle import prepare_return
from app.intake.accept import fold
from app.ledger.duties import ORDERS, OVERDUE, Search, page_duties, read_duty, read_to_do
from app.ledger.sessions import open_invitations
from app.models import AssignmentStatus as A
from app.problems import AppError

router = make_pages()
PATH: Final = "/dashboard/duties"
LIST: Final = f"{PATH}/all"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
CHUNK: Final = 64 * 1024
BLANK: Final = Form()
# Of the acts that are open, the form of the first of these lies open once the duty is signed for.
ANSWERS: Final = ("supervision_reply", "forwarding", "upstream_reply", "feedback")
TABS: Final = (
    ("", N_("全部")),
    ("overdue", N_("已逾期")),
    ("waiting", N_("待签收")),
    ("working", N_("办理中")),
    ("reworking", N_("退回重办")),
    ("answered", N_("已反馈")),
    ("over", N_("已结束")),
)
GROUPS: Final = (
    (OVERDUE, N_("已逾期")),
    ("waiting", N_("待签收")),
    ("reworking", N_("退回重办")),
    ("working", N_("办理中")),
)
DONE: Final[Mapping[str, str]] = {
    "acceptance": N_("已签收 %(number)s，请在期限内反馈。"),
    "return": N_("已将 %(number)s 退回统筹部门。"),
    "progress": N_("已登记 %(number)s 的办理进展。"),
    "feedback": N_("已反馈 %(number)s，待统筹部门审核。"),
    "extension": N_("已为 %(number)s 申请延期，待统筹部门审批，期限暂不变。"),
    "forwarding": N_("已登记 %(number)s 上报，请在收到省级答复后登记。"),
    "upstream_reply": N_("已登记 %(number)s 的省级答复，待统筹部门审核。"),
    "supervision_reply": N_("已答复 %(number)s 的督办，请按承诺的日期反馈。"),
}
CONSULTED: Final = N_("该事项已退回过一次，现转入会商 %(session)s。")


# ── lists ──


@router.get("/duties")
async def show_to_do(at: AtDepartment) -> Response:
    """待办: what is late first, then what is to be signed for, done again or done, and sessions to prepare."""
    async with at.read() as session:
        groups = await read_to_do(session, at.city, at.principal, at.now)
        sessions = await open_invitations(session, at.principal)
    preparing = [
        to_consultation_out(s, at.principal) for s in sessions if not s.has_stated(at.principal.department or "")
    ]
    facts = {"groups": [(key, label, groups[key]) for key, label in GROUPS], "sessions": preparing}
    return await page(at, "duties.html", "duties", facts | {"words": words_for(at)})


@router.get("/duties/all")
async def show_duties(at: AtDepartment) -> Response:
    """Every duty that the department has or had."""
    state = ListState.from_query(LIST, at.request.query_params, sorts=tuple(ORDERS))
    known = {"tab", "text"}
    kept = tuple((name, value.replace("\x00", "")) for name, value in state.filters if name in known)
    state = ListState(LIST, kept, state.sort, state.page, state.size)
    typed = tuple(word for word in state.value("text").split() if fold(word))
    async with at.read() as session:
        lines, total = await page_duties(
            session,
            at.city,
            at.principal,
            at.now,
            standing=state.value("tab"),
            search=Search(typed, fold) if typed else None,
            order=state.sort,
            offset=state.offset,
            limit=state.size,
        )
    facts = {"listing": Listing(state, lines, total), "tabs": TABS, "words": words_for(at)}
    return await page(at, "duty_list.html", "all-duties", facts)


# ── one duty ──


@router.get("/duties/{id}")
async def show_duty(id: Id, at: AtDepartment) -> Response:  # noqa: A002 - the address says id
    """What is asked, the words that gave it, how it stands, what can be done now."""
    return await _duty_page(at, id)


async def _duty_page(
    at: Office,
    duty_id: str,
    *,
    kind: str = "",
    uploaded: tuple[str, ...] = (),
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    """`kind` is the act whose form was refused; it stays as it was filled in, with the files that came with it."""
    async with at.read() as session:
        record = await read_duty(session, at.city, at.principal, duty_id)
    words = words_for(at)
    possible = open_acts(record, words)
    lost = typed_words(kind, at.form) if kind and kind not in possible else []
    facts = {
        "record": record,
        "duty": record.duty,
        "opened_on": date.fromisoformat(record.case["opened_on"]),
        "url": f"{PATH}/{duty_id}",
        "words": words,
        "clock": nearest_clock(record, words),
        "on_behalf_of": names_on_behalf(record.duty, words),
        "pause": pause_of(record, words),
        "sent_back_with": sent_back_with(record),
        "possible": possible,
        "history": history_of(record, words),
        "refused": kind,
        "typed": at.form if kind else BLANK,
        "blank": BLANK,
        "opened": next((act for act in possible if act in ANSWERS and record.duty.status is not A.DISPATCHED), ""),
        "attached": {*at.form.all("evidence"), *uploaded} if kind else set(),
        "lost": [(words.say(label), text) for label, text in lost],
        "once": new_token(),
        "departments": suggest_departments(at.city) if "return" in possible else "",
        "choices": {
            "measures": MEASURE,
            "actions": ACTION,
            "scopes": SCOPE,
            "reasons": {known: labels.BECAUSE[known] for known in Because},
            "document_rows": DOCUMENT_ROWS,
        },
    }
    return await page(at, "duty.html", "all-duties", facts, messages=messages, status=status)


async def _act(at: Office, duty_id: str, kind: str) -> Response:
    """Do what a form asks by the verb that interface and callbacks share, once; or show it again as it was filled."""
    uploaded: list[str] = []

    async def act() -> Response:
        async with at.read() as session:
            record = await read_duty(session, at.city, at.principal, duty_id)
        read_act(kind, at.form, at.city)
        await _take_files(at, duty_id, uploaded)
        said, sessions = read_act(kind, at.form, at.city, uploaded), []

        async def do(desk: Desk) -> str:
            if kind == "return":
                await prepare_return(desk.numbers, desk.now)
            done = await acts.act_on(desk, duty_id, said)
            sessions.append(getattr(done, "consultation", None))
            return f"{PATH}/{duty_id}"

        address = await do_once(at, Permission.ACT_ON_ASSIGNMENTS, do)
        opened = next(filter(None, sessions), None)
        say = words_for(at).say
        done = say(CONSULTED, session=opened) if opened else say(DONE[kind], number=record.case["number"])
        return go(at.request, address, Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _duty_page(at, duty_id, kind=kind, uploaded=tuple(uploaded), messages=(message,), status=status)

    try:
        return await attempt(at, act, show_again)
    finally:
        await at.form.close()


async def _take_files(at: Office, duty_id: str, kept: list[str]) -> None:
    """Take in the files of a form, each by itself: one that is refused leaves those before it on the duty.

    Raises FileRefused, NoEvidenceNow, TooManyFiles or NotFound.
    """
    vault = make_vault(at.runtime.settings)
    for file in at.form.files:
        if not file.filename:
            continue
        try:
            received = await vault.receive(_chunks(file))
        except AppError as error:
            if error.status >= 500:
                raise
            raise FileRefused(error.zh, error.en, file.filename) from None
        try:
            async with at.desk(Permission.ACT_ON_ASSIGNMENTS) as desk:
                kept.append((await evidence.add(desk, duty_id, received, file.filename)).id)
        finally:
            await vault.discard(received)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK):
        yield chunk


@router.post("/duties/{id}/acceptance")
async def accept(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """签收."""
    return await _act(at, id, "acceptance")


@router.post("/duties/{id}/return")
async def return_duty(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """退回: with a reason from the list; as not its duty with its basis and the department it proposes."""
    return await _act(at, id, "return")


@router.post("/duties/{id}/progress")
async def report_progress(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """办理进展."""
    return await _act(at, id, "progress")


@router.post("/duties/{id}/feedback")
async def give_feedback(id: Id, at: Answering) -> Response:  # noqa: A002 - the address says id
    """反馈, with the files that prove it."""
    return await _act(at, id, "feedback")


@router.post("/duties/{id}/extension")
async def ask_for_time(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """延期."""
    return await _act(at, id, "extension")


@router.post("/duties/{id}/forwarding")
async def forward(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """上报."""
    return await _act(at, id, "forwarding")


@router.post("/duties/{id}/upstream-reply")
async def bring_answer(id: Id, at: Answering) -> Response:  # noqa: A002 - the address says id
    """上级答复, with the files that prove it."""
    return await _act(at, id, "upstream_reply")


@router.post("/duties/{id}/supervision-reply")
async def reply_to_supervision(id: Id, at: Handler) -> Response:  # noqa: A002 - the address says id
    """督办答复."""
    return await _act(at, id, "supervision_reply")
