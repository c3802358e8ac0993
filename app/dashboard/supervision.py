"""督办: the list of what stands under it; a leader decides on a case at level 3, and what has stopped goes on."""

from datetime import date
from typing import Final

from fastapi import Response

from app.access.principal import Permission
from app.dashboard import labels
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.cases import Number, case_page
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import CaseReader, Instructor, Office, Ruler
from app.flow import supervision
from app.flow.desk import CaseChanged
from app.ledger.documents import supervision_of
from app.ledger.supervision import page_supervised
from app.models import Decided

router = make_pages()
LONGEST_NOTE: Final = 2000
PATH: Final = "/dashboard/supervision"
FILTERS: Final = ("level", "waiting")
WAITING: Final = {"leader": N_("待负责人批示")}


def _version(at: Office) -> int:
    """The version that the page showed; a form without one is out of date."""
    try:
        version = at.form.number("version", 0, 10**9)
    except ValueError:
        version = None
    if version is None:
        raise CaseChanged(0)
    return version


def _read_day(at: Office, faults: list[str]) -> date | None:
    try:
        return date.fromisoformat(at.form.get("look_again_on"))
    except ValueError:
        faults.append(N_("请选择再次查看的日期。"))
        return None


@router.get("/supervision")
async def show_supervised(at: CaseReader) -> Response:
    """What stands at which level, what waits for a leader; departments in the order of their codes."""
    state = ListState.from_query(PATH, at.request.query_params)
    kept = tuple((name, value) for name, value in state.filters if name in FILTERS)
    state = ListState(PATH, kept, page=state.page, size=state.size)
    level = state.value("level")
    async with at.read() as session:
        rows, total = await page_supervised(
            session,
            at.now,
            level=int(level) if level in labels.SUPERVISION_LEVEL else None,
            undecided=state.value("waiting") == "leader",
            offset=state.offset,
            limit=state.size,
        )
        papers = await supervision_of(session, [row.case.id for row in rows])
    facts = {"listing": Listing(state, rows, total), "words": words_for(at), "papers": papers, "waiting": WAITING}
    return await page(at, "supervision.html", "supervision", facts | {"now": at.now})


@router.post("/cases/{number}/instruction")
async def instruct(number: Number, at: Instructor) -> Response:
    """批示: what a leader decided, and when the case is looked at again."""
    typed = {name: at.form.get(name) for name in ("decision", "note", "look_again_on")}

    async def act() -> Response:
        faults: list[str] = []
        decision = next((known for known in Decided if known == typed["decision"]), None)
        if decision is None:
            faults.append(N_("请选择批示意见。"))
        note = read_text(at.form, "note", N_("请写明批示内容（2 至 2000 字）。"), faults, LONGEST_NOTE)
        day = _read_day(at, faults)
        if faults or decision is None or day is None:
            raise BadFields(faults)
        async with at.desk(Permission.INSTRUCT) as desk:
            await supervision.instruct(
                desk, number, decision=decision, note=note, look_again_on=day, expected_version=_version(at)
            )
        say = words_for(at).say
        done = say(N_("已批示 %(number)s（%(decision)s）。"), number=number, decision=say(labels.DECIDED[decision]))
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await case_page(at, number, typed={"instruction": typed}, messages=(message,), status=status)

    return await attempt(at, act, show_again)


@router.post("/cases/{number}/release")
async def release(number: Number, at: Ruler) -> Response:
    """恢复: look again at clocks whose look kept failing."""

    async def act() -> Response:
        async with at.desk(Permission.RULE) as desk:
            await supervision.release(desk, number)
        done = words_for(at).say(N_("%(number)s 的督办已恢复。"), number=number)
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await case_page(at, number, messages=(message,), status=status)

    return await attempt(at, act, show_again)
