"""待办: what waits for the office, the most urgent first; and the counts the menu asks for."""

from typing import Annotated, Final

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from app.access.principal import Permission
from app.dashboard.answering import make_pages, page, read_badges, shell, stamp_of, words_for
from app.dashboard.language import N_
from app.dashboard.menu import PAGES
from app.dashboard.rendering import render
from app.dashboard.session import HOME, Anybody, Office
from app.deliver.alerts import list_alerts
from app.ledger.pages import find_provisional
from app.ledger.sessions import records_of
from app.ledger.sweeps import find_alarm
from app.ledger.todo import Group, read_waiting

router = make_pages()


@router.get("")
async def show_front(request: Request) -> Response:
    """The address without its slash."""
    return RedirectResponse(HOME, 307)


# Where else than here somebody begins.
HOMES: Final = {
    Permission.USE_DEPARTMENT_PAGES: "/dashboard/duties",
    Permission.USE_REPORTER_PAGES: "/dashboard/reporting",
}


@router.get("/")
async def show_home(at: Anybody) -> Response:
    """我的待办 of the office; whoever acts for a department or a point is led to their own."""
    elsewhere = next((path for permission, path in HOMES.items() if at.may(permission)), None)
    return RedirectResponse(elsewhere, 303) if elsewhere else await _office_home(at)


async def _office_home(at: Office) -> Response:
    """Not a wall of totals, but what to open next."""
    async with at.read() as session:
        waiting = await read_waiting(session, at.now, at.city.calendar)
        groups: tuple[tuple[str, str, str, Group], ...] = (
            ("supervised", N_("三级督办"), "/dashboard/supervision?waiting=leader", waiting.supervised),
            ("quarantined", N_("督办异常，已停止"), "/dashboard/ledger?tab=open&sort=due", waiting.quarantined),
            ("overdue", N_("已逾期"), "/dashboard/ledger?tab=overdue&sort=due", waiting.overdue),
            ("today", N_("今日到期"), "/dashboard/ledger?tab=open&sort=due", waiting.due_today),
            ("triage", N_("待分办"), "/dashboard/triage", waiting.triage),
            ("extensions", N_("待审延期"), "/dashboard/ledger?tab=extension&sort=due", waiting.extensions),
            ("review", N_("待审核"), "/dashboard/ledger?status=in_review&sort=due", waiting.review),
            ("verification", N_("核实即将到期"), "/dashboard/ledger?status=verifying&sort=due", waiting.verification),
            ("province", N_("待省级答复"), "/dashboard/ledger?status=awaiting_province&sort=due", waiting.province),
            ("unresolved", N_("挂账待解"), "/dashboard/ledger?status=unresolved&sort=due", waiting.unresolved),
        )
        ids = [case.id for *_, group in groups for case in group.cases]
        provisional = await find_provisional(session, ids)
        sessions = await records_of(session, waiting.consultations)
        alarm = await find_alarm(session, at.now)
        address_alerts = await list_alerts(session)
    facts = {"groups": groups, "waiting": waiting, "words": words_for(at), "provisional": provisional}
    facts |= {"sessions": sessions, "alarm": alarm, "address_alerts": address_alerts}
    return await page(at, "home.html", "home", facts)


@router.get("/badges")
async def show_badges(
    at: Anybody, current: Annotated[str, Query(alias="page")] = "", seen: Annotated[str, Query()] = ""
) -> Response:
    """The menu with its counts; 204 where they are what the page shows already."""
    badges = await read_badges(at)
    if stamp_of(badges) == seen:
        return Response(status_code=204)
    known = current if current in {entry.key for entry in PAGES} else ""
    return render(at.request, "menu.html", shell(at, known, badges))
