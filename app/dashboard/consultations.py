"""会商: the sessions there are, and one session with its agenda, its positions and the form of its conclusion."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.api.sessions import waiting_of
from app.consult.conclude import EXPECTED, CaseConclusion, Part, Task
from app.consult.propose import Proposal, propose_batches
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department, read_days, read_text
from app.dashboard.session import At, Office
from app.flow import consultation
from app.ledger.sessions import SessionRecord, find_undated, page_consultations, read_consultation
from app.lifecycle import OPEN_SESSIONS
from app.models import Attendance, ConsultationStatus, Manner, Position

router = make_pages()
PATH: Final = "/dashboard/consultations"
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
LONGEST_MINUTES: Final = 20_000
LONGEST_OBLIGATION: Final = 2000
SUGGESTED: Final = 6


@router.get("/consultations")
async def show_consultations(at: At) -> Response:
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
async def show_consultation(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """One session, by id or number."""
    return await show_session(at, id)


async def _proposals(session: AsyncSession) -> list[Proposal]:
    """Which sessions without a date could be held as one."""
    return propose_batches(waiting_of(record) for record in await find_undated(session))


async def show_session(
    at: Office, wanted: str, *, typed: Form | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    async with at.read() as session:
        record = await read_consultation(session, wanted)
        is_open = record.consultation.status in OPEN_SESSIONS and at.may(Permission.CONVENE)
        times = await _free_times(session, at, record) if is_open else []
    form = _proposed(record)
    if typed is not None:
        # What another form of the page sent says nothing of the conclusion, which keeps what was proposed.
        form = typed if "minutes" in typed.values else Form({**form.values, **typed.values})
    facts = {
        "record": record,
        "times": times,
        "words": words_for(at),
        "typed": form,
        "may_conclude": is_open,
        "departments": at.city.departments.values() if at.may(Permission.CONVENE) else (),
    }
    return await page(at, "consultation.html", "consultations", facts, messages=messages, status=status)


async def _free_times(session: AsyncSession, at: Office, record: SessionRecord) -> list[datetime]:
    _, times, _ = await consultation.find_times(
        session, at.city, at.now, record.consultation.id, minutes=None, place=None, limit=SUGGESTED
    )
    return times


def _proposed(record: SessionRecord) -> Form:
    """The form as the positions suggest it: who offered to lead leads, who offered to help supports."""
    values: dict[str, list[str]] = {}
    for _, case in record.waiting():
        stated = [p for p in record.positions if p.case_id == case.id]
        leads = [p.department_code for p in stated if p.position is Position.LEAD]
        supports = [p.department_code for p in stated if p.position is Position.SUPPORTING]
        values[f"lead:{case.number}"] = leads[:1]
        values[f"supporting:{case.number}"] = leads[1:] + supports
    for seat in record.invitations:
        values[f"attendance:{seat.department_code}"] = [EXPECTED[seat.answer]] if seat.answer else []
    return Form(values)


@router.post("/consultations/{id}/conclusion")
async def conclude(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Record for each case who leads, who supports, what each does and by when."""
    at.principal.require(Permission.CONVENE)

    async def act() -> Response:
        async with at.read() as session:
            record = await read_consultation(session, id)
        faults: list[str] = []
        said = {case.number: _conclusion(at, record, case.number, faults) for _, case in record.waiting()}
        minutes = read_text(at.form, "minutes", N_("请写明会商纪要（2 至 20000 字）。"), faults, LONGEST_MINUTES)
        if faults:
            raise BadFields(list(dict.fromkeys(faults)))
        async with at.desk(Permission.CONVENE) as desk:
            await consultation.conclude(desk, record.consultation.id, said, minutes, attendance=_attendance(at, record))
        await at.runtime.cities.refresh()
        done = words_for(at).say(N_("会商 %(number)s 已形成结论并交办。"), number=record.consultation.number)
        return go(at.request, f"{PATH}/{record.consultation.number}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await show_session(at, id, typed=at.form, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _attendance(at: Office, record: SessionRecord) -> dict[str, Attendance]:
    """Who sat in each seat; a field left open says nothing."""
    typed = {seat.department_code: at.form.get(f"attendance:{seat.department_code}") for seat in record.invitations}
    return {code: Attendance(value) for code, value in typed.items() if value in set(Attendance)}


def _conclusion(at: Office, record: SessionRecord, number: str, faults: list[str]) -> CaseConclusion:
    form = at.form
    manner = Manner.RULED if form.get(f"manner:{number}") == Manner.RULED else Manner.AGREED
    reason = form.get(f"reason:{number}")
    if manner is Manner.RULED:
        read_text(form, f"reason:{number}", N_("由统筹部门裁定的，请写明理由（2 至 2000 字）。"), faults)
    codes = [seat.department_code for seat in record.invitations]
    dissent = {code: form.get(f"dissent:{number}:{code}") for code in codes}
    if any(len(words) > LONGEST_OBLIGATION for words in dissent.values()):
        faults.append(N_("保留意见不得超过 2000 字。"))
    kept = {code: words for code, words in dissent.items() if words}
    return CaseConclusion(_parts(at, record, number, faults), manner, reason or None, kept)


def _parts(at: Office, record: SessionRecord, number: str, faults: list[str]) -> list[Part]:
    """What the form says of one case: the invited departments, and one more that may have been added."""
    form = at.form
    lead, supporting = form.get(f"lead:{number}"), set(form.all(f"supporting:{number}"))
    codes = [seat.department_code for seat in record.invitations]
    if added := form.get(f"added:{number}"):
        code = find_department(added, at.city)
        if code is None:
            faults.append(N_("有承办单位不在部门目录中，请从列表中选择。"))
        elif code not in codes:
            codes.append(code)
            supporting.add(code)
    if lead not in codes:
        faults.append(N_("请为每个议题选定一个牵头单位。"))
    parts = []
    for code in codes:
        if code == lead or code in supporting:
            obligation = form.get(f"obligation:{number}:{code}")
            if len(obligation) > LONGEST_OBLIGATION:
                faults.append(N_("办理要求不得超过 2000 字。"))
            term = read_days(form, f"days:{number}:{code}", faults)
            parts.append(Part(code, code == lead, (Task(obligation or None, term),)))
    return parts
