"""常用视图: a person names what the ledger shows, and chooses its columns; nobody else sees any of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Path, Response
from starlette.datastructures import QueryParams

from app.access import saved_views
from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, words_for
from app.dashboard.language import N_
from app.dashboard.ledger import ledger_page, state_of
from app.dashboard.ledger_columns import write_columns
from app.dashboard.listing import ListState
from app.dashboard.rendering import Flash
from app.dashboard.session import CaseReader, Office

router = make_pages()
ViewId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
VIEWS: Final = "/ledger/views"


def _shown(at: Office) -> ListState:
    """The list that the form stood under."""
    return state_of(QueryParams(at.form.get("query")))


async def _keep(at: Office, form: str, act: Callable[[], Awaitable[Response]]) -> Response:
    """Do it, or show the list again with the name that was typed."""

    async def show_again(message: Flash, status: int) -> Response:
        return await ledger_page(at, _shown(at), messages=(message,), status=status, typed={form: at.form.get("name")})

    return await attempt(at, act, show_again)


@router.post(VIEWS)
async def save(at: CaseReader) -> Response:
    """Keep filters, order and columns under a name."""

    async def act() -> Response:
        url = _shown(at).url(page=1)
        async with at.desk(Permission.READ_CASES) as desk:
            view = await saved_views.save_view(
                desk.session, at.user_id, at.form.get("name"), url.partition("?")[2], desk.now
            )
        return go(at.request, url, Flash(words_for(at).say(N_("已保存视图：")), "success", view.name))

    return await _keep(at, "new", act)


@router.post(VIEWS + "/{id}/renaming")
async def rename(id: ViewId, at: CaseReader) -> Response:  # noqa: A002 - the address says id
    async def act() -> Response:
        async with at.desk(Permission.READ_CASES) as desk:
            view = await saved_views.rename_view(desk.session, at.user_id, id, at.form.get("name"))
        return go(at.request, _shown(at).url(page=1), Flash(words_for(at).say(N_("已改名：")), "success", view.name))

    return await _keep(at, id, act)


@router.post(VIEWS + "/{id}/deletion")
async def delete(id: ViewId, at: CaseReader) -> Response:  # noqa: A002 - the address says id
    async with at.desk(Permission.READ_CASES) as desk:
        name = await saved_views.delete_view(desk.session, at.user_id, id)
    return go(at.request, _shown(at).url(page=1), Flash(words_for(at).say(N_("已删除视图：")), "success", name))


@router.post("/ledger/columns")
async def choose_columns(at: CaseReader) -> Response:
    """Which columns the list has from now on, here and when it is opened again; none: the usual."""
    columns = "" if at.form.get("usual") else write_columns(at.form.all("column"))
    async with at.desk(Permission.READ_CASES) as desk:
        await saved_views.keep_columns(desk.session, at.user_id, columns or None)
    return go(at.request, _shown(at).url(columns=columns))
