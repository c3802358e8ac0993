"""事项页: one case with its reports, duties, history and replies, and the acts of the office upon it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard import labels
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.case_view import duties_of, look_backs_of, people_in, stages_of, timeline_of
from app.dashboard.document_view import drafts_of
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.meetings import LONGEST_PLACE, read_meeting
from app.dashboard.reach_view import read_cluster
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import RulingInput, read_departments, read_ruling, read_text
from app.dashboard.session import CaseReader, Convener, Office, Reviewer, Ruler
from app.dashboard.triage import item_facts, triage_page
from app.deliver.log import list_deliveries
from app.feedback.rectification import Because
from app.flow import consultation, handle, office
from app.flow.desk import CaseChanged
from app.flow.documents import occasions_on_case
from app.flow.unresolved import leave_unresolved
from app.ledger.documents import list_on_case
from app.ledger.pages import names_of_users
from app.ledger.precedents import cited_on, settled_by
from app.ledger.search import get_case, read_record
from app.ledger.todo import next_in_triage
from app.models import CaseOutcome

router = make_pages()
Number = Annotated[str, Path(pattern=r"^[A-Z]{2}-\d{4}-\d{6,10}$")]
MOST_DELIVERIES = 200
LONGEST_STATEMENT = 4000
VERDICTS = {
    "accept": N_("已审核通过 %(number)s 的反馈："),
    "return": N_("已将 %(number)s 退回重办："),
    "grant": N_("已同意 %(number)s 延期，并已告知反映人："),
    "refuse": N_("未同意 %(number)s 延期，原期限不变："),
    "unresolved": N_("已认可 %(number)s 未能解决的反馈："),
}


@router.get("/cases/{number}")
async def show_case(number: Number, at: CaseReader, pick: str = "") -> Response:
    """The whole case."""
    return await case_page(at, number, pick=pick)


async def case_page(
    at: Office,
    number: str,
    *,
    typed: dict[str, Any] | None = None,
    pick: str = "",
    messages: tuple[Flash, ...] = (),
    status: int = 200,
    opened: dict[str, str] | None = None,
) -> Response:
    """The page; `typed` holds what was entered in a form that was refused, by the form's name, `opened` the contact
    that was just opened, by its report's number.
    """
    entered = typed or {}
    async with at.read() as session:
        case = await get_case(session, at.principal, number)
        record = await read_record(session, case)
        deliveries = await list_deliveries(session, case_id=case.id, limit=MOST_DELIVERIES)
        people = await names_of_users(session, people_in(record))
        words = words_for(at, people)
        cluster = await read_cluster(session, at, record, words)
        cited, made = await cited_on(session, [case.id]), await settled_by(session, case)
        issued = await list_on_case(session, case.id)
    facts = item_facts(at, record, pick=pick, ruling=entered.get("ruling"), closing=entered.get("closing"))
    facts |= cluster | {
        "words": words,
        "cited": cited.get(case.id, []),
        "made": made,
        "typed": entered,
        "blank": Form(),
        "stages": stages_of(record, words),
        "duties": duties_of(record, words),
        "look_backs": look_backs_of(record),
        "timeline_entries": timeline_of(record, [row.delivery for row in deliveries], words),
        "has_deliveries": bool(deliveries),
        "item_provisional": any(d.provisional for d in record.deadlines if d.ended_at is None),
        "reasons": {known: labels.BECAUSE[known] for known in Because},
        "ruler": words.ruler,
        "opened": opened or {},
        "issued": issued,
        "drafts": drafts_of(occasions_on_case(record), issued, words, f"/dashboard/cases/{number}")
        if at.may(Permission.RULE)
        else [],
    }
    return await page(at, "case.html", "ledger", facts, messages=messages, status=status)


async def act_on_case(
    at: Office, number: str, act: Callable[[], Awaitable[Response]], *, form: str, typed: Any
) -> Response:
    """Do it, or show the page it came from again with what was typed in that form."""
    from_triage = at.form.get("from") == "triage"

    async def show_again(message: Flash, status: int) -> Response:
        if from_triage:
            return await triage_page(at, number, messages=(message,), status=status, **{form: typed})
        return await case_page(at, number, typed={form: typed}, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def version_of(form: Form) -> int | None:
    """The version that the page showed; a form without one is out of date."""
    try:
        version = form.number("version", 0, 10**9)
    except ValueError:
        version = None
    if version is None:
        raise CaseChanged(0)
    return version


async def _onward(at: Office, number: str) -> str:
    """Where to go when it is done: after triage the next case opens by itself; elsewhere the case stays."""
    if at.form.get("from") != "triage":
        return f"/dashboard/cases/{number}"
    text = at.form.get("text")
    async with at.read() as session:
        case = await get_case(session, at.principal, number)
        following = await next_in_triage(session, case, text)
    query = {"text": text, "case": following or ""}
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"/dashboard/triage?{kept}" if kept else "/dashboard/triage"


@router.post("/cases/{number}/ruling")
async def rule(number: Number, at: Ruler) -> Response:
    """裁定 or 改派."""

    async def act() -> Response:
        version, wanted = version_of(at.form), read_ruling(at.form, at.city)
        onward = await _onward(at, number)
        async with at.desk(Permission.RULE) as desk:
            await office.rule(
                desk,
                number,
                category=wanted.category,
                receivers=wanted.receivers,
                reason=wanted.reason,
                term=wanted.term,
                urgency=wanted.urgency,
                expected_version=version,
            )
        said = words_for(at)
        names = said.departments([code for code, _ in wanted.receivers])
        done = said.say(
            N_("已裁定 %(number)s（%(category)s）："),
            number=number,
            category=said.say(labels.CATEGORY[wanted.category]),
        )
        return go(at.request, onward, Flash(done, "success", names))

    return await act_on_case(at, number, act, form="ruling", typed=RulingInput.typed(at.form))


@router.post("/cases/{number}/closing")
async def close(number: Number, at: Ruler) -> Response:
    """办结: end it with a statement to every reporter."""
    typed = {name: at.form.get(name) for name in ("outcome", "statement", "reason")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        outcome = next((known for known in CaseOutcome if known == typed["outcome"]), None)
        if outcome is None or outcome is CaseOutcome.MERGED:
            faults.append(N_("请选择办理结果。"))
        statement = read_text(
            at.form, "statement", N_("请写明给反映人的答复（2 至 4000 字）。"), faults, LONGEST_STATEMENT
        )
        if faults or outcome is None:
            raise BadFields(faults)
        onward = await _onward(at, number)
        async with at.desk(Permission.RULE) as desk:
            await office.close(
                desk,
                number,
                outcome=outcome,
                statement=statement,
                reason=typed["reason"][:2000] or None,
                expected_version=version,
            )
        say = words_for(at).say
        done = say(
            N_("已办结 %(number)s（%(outcome)s），答复已发给反映人。"),
            number=number,
            outcome=say(labels.OUTCOME[outcome]),
        )
        return go(at.request, onward, Flash(done, "success"))

    return await act_on_case(at, number, act, form="closing", typed=typed)


@router.post("/cases/{number}/reopening")
async def reopen(number: Number, at: Ruler) -> Response:
    """重新挂账: with the reason, which is kept."""
    typed = {"reason": at.form.get("reason")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        reason = read_text(at.form, "reason", N_("请写明重新挂账的理由（2 至 2000 字）。"), faults, 2000)
        if faults:
            raise BadFields(faults)
        async with at.desk(Permission.RULE) as desk:
            await office.reopen(desk, number, reason=reason, expected_version=version)
        done = words_for(at).say(N_("%(number)s 已重新挂账，请重新分办。"), number=number)
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="reopening", typed=typed)


@router.post("/cases/{number}/review")
async def review(number: Number, at: Reviewer) -> Response:
    """审核: what a department sent is accepted, or goes back with a comment; more time is granted or refused.

    `unresolved` accepts that the burden cannot be lifted; what is said to the reporters then is optional.
    """
    typed = {name: at.form.get(name) for name in ("assignment", "comment", "statement")}

    async def act() -> Response:
        verdict = at.form.get("verdict")
        accepted = verdict in {"accept", "grant", "unresolved"}
        faults: list[str] = []
        if not accepted and verdict != "refuse":
            read_text(at.form, "comment", N_("退回重办须写明意见（2 至 2000 字）。"), faults)
        if len(typed["statement"]) > LONGEST_STATEMENT:
            faults.append(N_("给反映人的说明不能超过 4000 字。"))
        if faults:
            raise BadFields(faults)
        async with at.desk(Permission.REVIEW) as desk:
            _, duty = await handle.review(
                desk,
                typed["assignment"],
                accepted=accepted,
                comment=typed["comment"],
                statement=typed["statement"] or None,
                expected_version=version_of(at.form),
            )
        done = words_for(at).say(VERDICTS.get(verdict, VERDICTS["return"]), number=number)
        message = Flash(done, "success", words_for(at).department(duty.department_code))
        return go(at.request, f"/dashboard/cases/{number}", message)

    return await act_on_case(at, number, act, form="review", typed=typed)


@router.post("/cases/{number}/unresolved")
async def leave(number: Number, at: Ruler) -> Response:
    """挂账待解: the office leaves it unresolved, or does so once more, and tells every reporter why."""
    typed = {name: at.form.get(name) for name in ("because", "statement", "days")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        because = next((known for known in Because if known == typed["because"]), None)
        if because is None:
            faults.append(N_("请选择未能解决的原因。"))
        statement = read_text(
            at.form, "statement", N_("请写明给反映人的说明（2 至 4000 字）。"), faults, LONGEST_STATEMENT
        )
        term = _term(at.form, faults)
        if faults or because is None:
            raise BadFields(faults)
        async with at.desk(Permission.RULE) as desk:
            await leave_unresolved(
                desk, number, because=because, statement=statement, term=term, expected_version=version
            )
        done = words_for(at).say(N_("%(number)s 已挂账待解，已向反映人说明。"), number=number)
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="leaving", typed=typed)


def _term(form: Form, faults: list[str]) -> int | None:
    """Working days until the office comes back to it; None where nothing was entered."""
    try:
        return form.number("days", 1, 250)
    except ValueError:
        faults.append(N_("再议时限应为 1 至 250 个工作日。"))
        return None


@router.post("/cases/{number}/consultation")
async def convene(number: Number, at: Convener) -> Response:
    """会商: call the departments together on this case."""
    typed = {"receivers": at.form.all("receiver"), "form": at.form}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        codes = read_departments(at.form.all("receiver"), at.city, faults)
        dated = bool(at.form.get("meeting_at"))
        meeting = read_meeting(at.form, at.city.calendar.zone, faults) if dated else None
        place = at.form.get("place")[:LONGEST_PLACE] or None
        if faults:
            raise BadFields(faults)
        async with at.read() as session:
            seen = await get_case(session, at.principal, number)
        if seen.last_seq != version:
            raise CaseChanged(seen.last_seq)
        async with at.desk(Permission.CONVENE) as desk:
            made = await consultation.convene_on(
                desk, [number], [code for code in codes if code], meeting=meeting, place=place
            )
        done = words_for(at).say(N_("已提请会商 %(number)s："), number=made.number)
        names = words_for(at).departments([code for code in codes if code])
        return go(at.request, f"/dashboard/consultations/{made.number}", Flash(done, "success", names))

    return await act_on_case(at, number, act, form="convening", typed=typed)
