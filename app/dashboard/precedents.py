"""先例: what sessions settled: the list, one precedent with who cites it, its standing ruling and its withdrawal."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import Office, PrecedentReader, RuleMaker, Ruler
from app.dashboard.words import Words
from app.flow import precedents
from app.flow.desk import Desk
from app.flow.trying_out import DryRun, try_standing
from app.ledger.pages import names_of_users
from app.ledger.precedents import (
    PrecedentFilter,
    PrecedentRecord,
    cases_citing,
    get_precedent,
    page_precedents,
)
from app.ledger.sessions import read_consultation
from app.models import PrecedentState

router = make_pages()
PATH: Final = "/dashboard/precedents"
Number = Annotated[str, Path(pattern=r"^XL-\d{4}-\d{6,10}$")]
STATES: Final = {
    "in_force": PrecedentFilter(PrecedentState.IN_FORCE),
    "standing": PrecedentFilter(PrecedentState.IN_FORCE, standing=True),
    "withdrawn": PrecedentFilter(PrecedentState.WITHDRAWN),
}
REASON: Final = N_("请写明理由（2 至 2000 字）。")
MOST_CITING: Final = 100
# How far a trial looks back, in months.
MONTHS: Final = (3, 6, 12, 24, 36)
USUAL_MONTHS: Final = 12
EMPTY: Final = Form()


@router.get("/precedents")
async def show_precedents(at: PrecedentReader) -> Response:
    """All precedents, the newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    wanted, text = state.value("state"), state.value("text").replace("\x00", "").strip()[:200]
    known = STATES.get(wanted, PrecedentFilter())
    kept = {"state": wanted if wanted in STATES else "", "text": text}
    filters = tuple((name, value) for name, value in kept.items() if value)
    state = ListState(PATH, filters, page=state.page, size=state.size)
    chosen = PrecedentFilter(known.state, known.standing, text)
    async with at.read() as session:
        rows, total = await page_precedents(session, chosen, offset=state.offset, limit=state.size)
    facts = {"listing": Listing(state, rows, total), "words": words_for(at), "expired": _is_expired(at)}
    return await page(at, "precedents.html", "precedents", facts)


def _is_expired(at: Office) -> Callable[[PrecedentRecord], bool]:
    """Whether the last day of a precedent's standing ruling is over, so that it applies no more."""
    today = at.now.astimezone(at.city.calendar.zone).date()

    def expired(record: PrecedentRecord) -> bool:
        until = record.standing.until if record.standing else None
        return until is not None and until < today

    return expired


@router.get("/precedents/{number}")
async def show_precedent(number: Number, at: PrecedentReader) -> Response:
    """One precedent."""
    return await _precedent_page(at, number)


async def _precedent_page(
    at: Office,
    number: str,
    *,
    typed: dict[str, Form] | None = None,
    messages: tuple[Flash, ...] = (),
    status: int = 200,
) -> Response:
    """The page; `typed` is what was entered in a form, by the form's name."""
    entered = {"withdrawal": EMPTY, "ending": EMPTY} | (typed or {})
    async with at.read() as session:
        record = await get_precedent(session, number)
        sitting = await read_consultation(session, record.consultation)
        citing, total = await cases_citing(session, number, limit=MOST_CITING)
        people = await names_of_users(session, _people_in(record))
    words = words_for(at, people)
    in_force = record.precedent.withdrawn_at is None
    facts = {
        "record": record,
        "minutes": sitting.consultation.minutes,
        "citing": citing,
        "citing_total": total,
        "words": words,
        "burdens": _burdens(at, record),
        "who": lambda holder: _who(holder, words),
        "expired": _is_expired(at)(record),
        "may_withdraw": in_force and at.may(Permission.RULE),
        "may_make_standing": in_force and record.standing is None and at.may(Permission.MAKE_STANDING),
        "may_end": in_force and record.standing is not None and at.may(Permission.MAKE_STANDING),
        "typed": entered,
    }
    return await page(at, "precedent.html", "precedents", facts, messages=messages, status=status)


def _people_in(record: PrecedentRecord) -> set[str]:
    """Ids of the office's people whom a precedent names."""
    holders = [
        record.precedent.withdrawn_by,
        *(r.made_by for r in record.rulings),
        *(r.ended_by for r in record.rulings),
    ]
    return {holder.removeprefix("user:") for holder in holders if holder}


def _who(holder: str, words: Words) -> str:
    """Who did it: a person's name, or the office where a system with a key did."""
    return words.actor("office:" + holder.removeprefix("user:"))


def _burdens(at: Office, record: PrecedentRecord) -> list[str]:
    names = {burden.code: burden.name for burden in at.city.pack.burden_types}
    return [names.get(code, code) for code in record.precedent.likeness["burdens"]]


# ── trying out ──


@router.get("/precedents/{number}/standing")
async def show_trial(number: Number, at: RuleMaker) -> Response:
    """What a standing ruling would have done to past reports, and the form that makes it one."""
    return await _trial_page(at, number)


async def _trial_page(
    at: Office, number: str, *, typed: Form = EMPTY, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    months = _months(typed.get("months") or at.request.query_params.get("months", ""))
    async with at.read() as session:
        record = await get_precedent(session, number)
    result = await _try(at, record, months)
    facts: dict[str, Any] = {
        "record": record,
        "words": words_for(at),
        "months": months,
        "choices": MONTHS,
        "result": result,
        "form": typed,
    }
    return await page(at, "precedent_trial.html", "precedents", facts, messages=messages, status=status)


def _months(typed: str) -> int:
    return next((months for months in MONTHS if str(months) == typed), USUAL_MONTHS)


async def _try(at: Office, record: PrecedentRecord, months: int) -> DryRun | None:
    """None where there is nothing to try: it was withdrawn, or is a standing ruling already."""
    if record.precedent.withdrawn_at is not None or record.standing is not None:
        return None
    runtime = at.runtime
    await runtime.cities.refresh()
    return await try_standing(runtime.database, at.city, record.precedent.number, months=months, now=at.now)


# ── acts ──

Act = Callable[[Desk], Awaitable[None]]
Show = Callable[[Flash, int], Awaitable[Response]]


async def _act(at: Office, number: str, needed: Permission, act: Act, done: str, show_again: Show) -> Response:
    """Do one verb and show the precedent with what was done, or what is wrong; each process learns of it."""

    async def attempted() -> Response:
        async with at.desk(needed) as desk:
            await act(desk)
        await at.runtime.cities.refresh()
        return go(at.request, f"{PATH}/{number}", Flash(words_for(at).say(done, number=number), "success"))

    return await attempt(at, attempted, show_again)


def _reason(at: Office) -> str:
    faults: list[str] = []
    reason = read_text(at.form, "reason", REASON, faults)
    if faults:
        raise BadFields(faults)
    return reason


@router.post("/precedents/{number}/withdrawal")
async def withdraw(number: Number, at: Ruler) -> Response:
    """撤销: it is cited no more, and its standing ruling ends with it."""

    async def act(desk: Desk) -> None:
        await precedents.withdraw(desk, number, _reason(at))

    async def show_again(message: Flash, status: int) -> Response:
        return await _precedent_page(at, number, typed={"withdrawal": at.form}, messages=(message,), status=status)

    return await _act(at, number, Permission.RULE, act, N_("先例 %(number)s 已撤销，今后不再引用。"), show_again)


@router.post("/precedents/{number}/standing")
async def make_standing(number: Number, at: RuleMaker) -> Response:
    """常规裁定: from now on what matches is dispatched as it was settled."""

    async def act(desk: Desk) -> None:
        reason, until = _standing(at)
        await precedents.make_standing(desk, number, reason, until)

    async def show_again(message: Flash, status: int) -> Response:
        return await _trial_page(at, number, typed=at.form, messages=(message,), status=status)

    done = N_("先例 %(number)s 已定为常规裁定，今后相同线索直接交办。")
    return await _act(at, number, Permission.MAKE_STANDING, act, done, show_again)


def _standing(at: Office) -> tuple[str, date | None]:
    """The reason, and the last day if there is one; raises BadFields."""
    faults: list[str] = []
    reason, until = read_text(at.form, "reason", REASON, faults), None
    if typed := at.form.get("until"):
        try:
            until = date.fromisoformat(typed)
        except ValueError:
            faults.append(N_("截止日期格式不正确，请重新选择，或留空。"))
    if at.form.get("seen") != "yes":
        faults.append(N_("请先看过回放检验的结果，再勾选确认。"))
    if faults:
        raise BadFields(faults)
    return reason, until


@router.post("/precedents/{number}/standing/end")
async def end_standing(number: Number, at: RuleMaker) -> Response:
    """End the standing ruling; what it dispatched stays as it is."""

    async def act(desk: Desk) -> None:
        await precedents.end_standing(desk, number, _reason(at))

    async def show_again(message: Flash, status: int) -> Response:
        return await _precedent_page(at, number, typed={"ending": at.form}, messages=(message,), status=status)

    done = N_("先例 %(number)s 的常规裁定已终止，已交办的不受影响。")
    return await _act(at, number, Permission.MAKE_STANDING, act, done, show_again)
