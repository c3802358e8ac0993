"""常用视图: what one person keeps of the ledger, for themself alone. Knows no list: a view is an address's query."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import SavedView, User, new_id
from app.problems import Conflict, InvalidInput, NotFound

MOST_VIEWS: Final = 20
LONGEST_NAME: Final = 40
LONGEST_QUERY: Final = 2000


class BadViewName(InvalidInput):
    code = "bad_view_name"
    title_zh, title_en = "视图名称无效", "The name of the view cannot be used"

    def __init__(self) -> None:
        super().__init__(
            f"视图名称须为 1 至 {LONGEST_NAME} 个可显示的字符。",
            f"Use 1 to {LONGEST_NAME} characters that can be shown.",
        )


class ViewNameTaken(Conflict):
    code = "view_name_taken"
    title_zh, title_en = "已有同名视图", "A view has this name already"

    def __init__(self) -> None:
        super().__init__("您已有同名的视图，请换一个名称。", "One of your views has this name; choose another.")


class TooManyViews(Conflict):
    code = "too_many_views"
    title_zh, title_en = "视图已满", "Too many views"

    def __init__(self) -> None:
        super().__init__(
            f"每人最多保存 {MOST_VIEWS} 个视图。请先删除不用的。",
            f"A person keeps {MOST_VIEWS} views at most. Delete one first.",
        )


class ViewTooLong(InvalidInput):
    code = "view_too_long"
    title_zh, title_en = "查询条件过长", "The conditions are too long"

    def __init__(self) -> None:
        super().__init__("查询条件过长，不能保存。请缩短关键词。", "The conditions are too long to be kept.")


def check_name(typed: str) -> str:
    """The name in one line; raises BadViewName for none, a long one, and what cannot be shown."""
    name = " ".join(typed.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadViewName
    return name


async def list_views(session: AsyncSession, user_id: str) -> Sequence[SavedView]:
    """A person's own, in the order in which they were saved."""
    rows = select(SavedView).where(SavedView.user_id == user_id).order_by(SavedView.created_at, SavedView.id)
    return (await session.scalars(rows)).all()


async def save_view(session: AsyncSession, user_id: str, typed: str, query: str, now: datetime) -> SavedView:
    """Keep a query under a name. Raises BadViewName, ViewTooLong, ViewNameTaken or TooManyViews."""
    name = check_name(typed)
    if len(query) > LONGEST_QUERY:
        raise ViewTooLong
    await _lock(session, user_id)
    await _refuse_taken(session, user_id, name)
    if await session.scalar(select(func.count()).where(SavedView.user_id == user_id)) >= MOST_VIEWS:  # type: ignore[operator]
        raise TooManyViews
    view = SavedView(id=new_id(), user_id=user_id, name=name, query=query, created_at=now)
    session.add(view)
    return view


async def rename_view(session: AsyncSession, user_id: str, view_id: str, typed: str) -> SavedView:
    """Raises NotFound for another's, BadViewName or ViewNameTaken."""
    await _lock(session, user_id)
    view = await _own(session, user_id, view_id)
    name = check_name(typed)
    await _refuse_taken(session, user_id, name, but=view_id)
    view.name = name
    return view


async def delete_view(session: AsyncSession, user_id: str, view_id: str) -> str:
    """Its name; raises NotFound for another's."""
    view = await _own(session, user_id, view_id)
    await session.execute(delete(SavedView).where(SavedView.id == view_id))
    return view.name


async def keep_columns(session: AsyncSession, user_id: str, columns: str | None) -> None:
    """Remember which columns a person chose; None: the usual."""
    await session.execute(update(User).where(User.id == user_id).values(ledger_columns=columns))


async def find_columns(session: AsyncSession, user_id: str) -> str | None:
    """Which columns a person chose last."""
    return await session.scalar(select(User.ledger_columns).where(User.id == user_id))


async def _lock(session: AsyncSession, user_id: str) -> None:
    """One at a time of each person: two windows do not pass the bound, or take a name, together."""
    await session.execute(select(User.id).where(User.id == user_id).with_for_update())


async def _own(session: AsyncSession, user_id: str, view_id: str) -> SavedView:
    found = await session.scalar(select(SavedView).where(SavedView.id == view_id, SavedView.user_id == user_id))
    if found is None:
        raise NotFound
    return found


async def _refuse_taken(session: AsyncSession, user_id: str, name: str, but: str = "") -> None:
    taken = select(SavedView.id).where(SavedView.user_id == user_id, SavedView.name == name, SavedView.id != but)
    if await session.scalar(taken):
        raise ViewNameTaken
