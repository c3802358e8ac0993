"""会商: the sessions there are, and one session with its agenda, its positions and the form of its conclusion."""

from typing import Annotated, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.consult.conclude import Part
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department, read_days, read_text
from app.dashboard.session import At, Office
from app.flow import consultation
from app.ledger.pages import SessionRecord, page_consultations, read_consultation
from app.models import ConsultationStatus, Position

router = make_pages()
PATH: Final = "/dashboard/consultations"
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
LONGEST_MINUTES: Final = 20_000
LONGEST_OBLIGATION: Final = 2000


@router.get("/consultations")
async def show_consultations(at: At) -> Response:
    """All sessions, newest first."""
    state = ListState.from_query(PATH, at.request.query_params)
    wanted = next((known for known in ConsultationStatus if known == state.value("status")), None)
    state = ListState(PATH, (("status", wanted),) if wanted else (), page=state.page, size=state.size)
    async with at.read() as session:
        rows, total = await page_consultations(session, wanted, offset=state.offset, limit=state.size)
    facts = {"listing": Listing(state, rows, total), "words": words_for(at)}
    return await page(at, "consultations.html", "consultations", facts)


@router.get("/consultations/{id}")
async def show_consultation(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """One session, by id or number."""
    return await _page(at, id)


async def _page(
    at: Office, wanted: str, *, typed: Form | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    async with at.read() as session:
        record = await read_consultation(session, wanted)
    form = typed or _proposed(record)
    facts = {
        "record": record,
        "words": words_for(at),
        "typed": form,
        "may_conclude": record.consultation.status is ConsultationStatus.CONVENED and at.may(Permission.CONVENE),
        "departments": at.city.departments.values() if at.may(Permission.CONVENE) else (),
    }
    return await page(at, "consultation.html", "consultations", facts, messages=messages, status=status)


def _proposed(record: SessionRecord) -> Form:
    """The form as the positions suggest it: who offered to lead leads, who offered to help supports."""
    values: dict[str, list[str]] = {}
    for _, case in record.agenda:
        leads = [seat.department_code for seat in record.invitations if seat.position is Position.LEAD]
        supports = [seat.department_code for seat in record.invitations if seat.position is Position.SUPPORTING]
        values[f"lead:{case.number}"] = leads[:1]
        values[f"supporting:{case.number}"] = leads[1:] + supports
    return Form(values)


@router.post("/consultations/{id}/conclusion")
async def conclude(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Record for each case who leads, who supports, what each does and by when."""
    at.principal.require(Permission.CONVENE)

    async def act() -> Response:
        async with at.read() as session:
            record = await read_consultation(session, id)
        faults: list[str] = []
        parts = {case.number: _parts(at, record, case.number, faults) for _, case in record.agenda}
        minutes = read_text(at.form, "minutes", N_("请写明会商纪要（2 至 20000 字）。"), faults, LONGEST_MINUTES)
        if faults:
            raise BadFields(list(dict.fromkeys(faults)))
        async with at.desk(Permission.CONVENE) as desk:
            await consultation.conclude(desk, record.consultation.id, parts, minutes)
        done = words_for(at).say(N_("会商 %(number)s 已形成结论并交办。"), number=record.consultation.number)
        return go(at.request, f"{PATH}/{record.consultation.number}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _page(at, id, typed=at.form, messages=(message,), status=status)

    return await attempt(at, act, show_again)


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
            parts.append(Part(code, code == lead, obligation or None, read_days(form, f"days:{number}:{code}", faults)))
    return parts
