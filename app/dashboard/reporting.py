"""反映负担 from a point's phone: one field sends a report; what became of it, replies, the question that decides.

A point sees its own reports and nothing of others'. Every form works without JavaScript, and a refused one stays typed.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.api.door import thresholds_of
from app.api.reports import to_report_out
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.once import do_once, new_token
from app.dashboard.rendering import Flash
from app.dashboard.report_form import HOLDS, RELIEVED, ROWS, read_answer, read_report
from app.dashboard.session import AtPoint, Office, Sender, Verifier
from app.dashboard.suggesting import suggest_departments
from app.flow.desk import Desk
from app.flow.look_back import answer_look_back
from app.flow.receive import read, receive
from app.flow.verification import answer_verification
from app.ledger.reports import get_report, open_questions, page_reports

router = make_pages()
PATH: Final = "/dashboard/reporting"
SENT: Final = f"{PATH}/sent"
Number = Annotated[str, Path(pattern=r"^[A-Z]{2}-\d{4}-\d{6,10}$")]
LATEST: Final = 5
BLANK: Final = Form()
TABS: Final = (("", N_("全部")), ("open", N_("办理中")), ("closed", N_("已办结")))
RECEIVED: Final = N_("已收到，编号 %(number)s。")
JOINED: Final = N_("已收到，编号 %(number)s；与此前反映的是同一件事，一并办理。")


@router.get("/reporting")
async def show_reporting(at: AtPoint) -> Response:
    """What waits for an answer, the form, and what was sent last."""
    return await _reporting_page(at)


async def _reporting_page(at: Office, *, messages: tuple[Flash, ...] = (), status: int = 200) -> Response:
    """Where the form was refused, it stays as it was typed."""
    async with at.read() as session:
        questions = await open_questions(session, at.principal)
        latest, total = await page_reports(session, at.principal, offset=0, limit=LATEST)
    facts = {
        "questions": questions,
        "latest": latest,
        "total": total,
        "typed": at.form,
        "rows": ROWS,
        "once": new_token(),
        "departments": suggest_departments(at.city),
        "words": words_for(at),
        "path": PATH,
    }
    return await page(at, "reporting.html", "reporting", facts, messages=messages, status=status)


@router.post("/reporting")
async def send_report(at: Sender) -> Response:
    """Send a report; the page after it says at once its number, who is responsible, why, and by when."""

    async def act() -> Response:
        submission = read_report(at.form, at.city, at.now)
        # Read before the transaction, which others wait for.
        reading = read(at.city, thresholds_of(at.runtime), submission, at.principal.observation_point or "")
        joined: list[bool] = []

        async def do(desk: Desk) -> str:
            receipt = await receive(desk, submission, reading)
            joined.append(receipt.joined)
            return f"{PATH}/{receipt.report.number}"

        address = await do_once(at, Permission.SEND_REPORTS, do)
        said = JOINED if any(joined) else RECEIVED
        done = words_for(at).say(said, number=address.rpartition("/")[2])
        return go(at.request, address, Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _reporting_page(at, messages=(message,), status=status)

    return await attempt(at, act, show_again)


@router.get("/reporting/sent")
async def show_sent(at: AtPoint) -> Response:
    """The point's own reports, newest first."""
    state = ListState.from_query(SENT, at.request.query_params)
    kept = tuple((name, value.replace("\x00", "")) for name, value in state.filters if name in {"tab", "text"})
    state = ListState(SENT, kept, page=state.page, size=state.size)
    is_open = {"open": True, "closed": False}.get(state.value("tab"))
    async with at.read() as session:
        rows, total = await page_reports(
            session, at.principal, text=state.value("text"), is_open=is_open, offset=state.offset, limit=state.size
        )
    facts = {"listing": Listing(state, rows, total), "tabs": TABS, "words": words_for(at), "path": PATH}
    return await page(at, "sent.html", "sent", facts)


@router.get("/reporting/{number}")
async def show_report(number: Number, at: AtPoint) -> Response:
    """One report: how it stands, what was answered, and what the point is asked."""
    return await _report_page(at, number)


async def _report_page(
    at: Office, number: str, *, form: str = "", messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    """`form` is the one that was refused; it stays as it was filled in."""
    async with at.read() as session:
        record = await get_report(session, at.principal, number)
    out = to_report_out(record, at.city)
    facts: dict[str, Any] = {
        "out": out,
        "report": record.report,
        "is_over": record.case.closed_at is not None,
        "looking": next((look for look in out.look_backs if look.open), None),
        "url": f"{PATH}/{number}",
        "refused": form,
        "typed": at.form if form else BLANK,
        "blank": BLANK,
        "once": new_token(),
        "words": words_for(at),
    }
    return await page(at, "report.html", "sent", facts, messages=messages, status=status)


async def _answer(
    at: Office, number: str, form: str, field: str, verb: Callable[[Desk, bool, str | None], Awaitable[None]]
) -> Response:
    async def act() -> Response:
        async with at.read() as session:
            await get_report(session, at.principal, number)
        said, comment = read_answer(at.form, field)

        async def do(desk: Desk) -> str:
            await verb(desk, said, comment)
            return f"{PATH}/{number}"

        address = await do_once(at, Permission.ANSWER_VERIFICATION, do)
        return go(at.request, address, Flash(words_for(at).say(THANKS[field, said]), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _report_page(at, number, form=form, messages=(message,), status=status)

    return await attempt(at, act, show_again)


THANKS: Final = {
    (RELIEVED, True): N_("已记录：负担减下来了。感谢您核实。"),
    (RELIEVED, False): N_("已记录：负担还没有减下来，将退回继续办理。"),
    (HOLDS, True): N_("已记录：没有反弹。感谢您回头看。"),
    (HOLDS, False): N_("已记录：负担又回来了，该事项已重新办理。"),
}


@router.post("/reporting/{number}/verification")
async def verify(number: Number, at: Verifier) -> Response:
    """核实: 负担是否真的减下来."""

    async def verb(desk: Desk, relieved: bool, comment: str | None) -> None:
        await answer_verification(desk, number, relieved=relieved, comment=comment)

    return await _answer(at, number, "verification", RELIEVED, verb)


@router.post("/reporting/{number}/look-back")
async def look_back(number: Number, at: Verifier) -> Response:
    """回头看: 负担减下来以后有没有反弹."""

    async def verb(desk: Desk, holds: bool, comment: str | None) -> None:
        await answer_look_back(desk, number, holds=holds, comment=comment)

    return await _answer(at, number, "look-back", HOLDS, verb)
