"""操作日志: what was done to accounts and keys, by whom and when; written with the act, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AdminAct, AdminActKind, ApiKey, User, new_id

# Who acts by a command on the machine itself.
OPERATOR: Final = "operator"
# The provider of single sign-on, by what it says of a person who signs in.
PROVIDER: Final = "provider"


@dataclass(frozen=True, slots=True)
class ActRow:
    """One entry; `by` is the acting person's name, or the prefix of the acting key, empty for a command."""

    act: AdminAct
    by: str


def record(
    session: AsyncSession, kind: AdminActKind, subject: str, *, by: str, now: datetime, **facts: str | int | None
) -> None:
    """Note an act in the running transaction. `facts` must hold no secret: roles, names, prefixes, moments."""
    said = {name: value for name, value in facts.items() if value is not None}
    session.add(AdminAct(id=new_id(), happened_at=now, actor=by, kind=kind, subject=subject, facts=said))


async def page_acts(
    session: AsyncSession, *, kind: AdminActKind | None = None, subject: str | None = None, offset: int, limit: int
) -> tuple[list[ActRow], int]:
    """The log, newest first, and how many entries there are."""
    conditions = [] if kind is None else [AdminAct.kind == kind]
    if subject is not None:
        conditions.append(AdminAct.subject == subject)
    total = await session.scalar(select(func.count()).select_from(AdminAct).where(*conditions))
    newest = AdminAct.happened_at.desc(), AdminAct.id.desc()
    acts = await session.scalars(select(AdminAct).where(*conditions).order_by(*newest).offset(offset).limit(limit))
    return await _named(session, list(acts)), total or 0


async def _named(session: AsyncSession, acts: Sequence[AdminAct]) -> list[ActRow]:
    ids = {act.actor.rpartition(":")[2] for act in acts}
    people = await session.execute(select(User.id, User.display_name).where(User.id.in_(ids)))
    keys = await session.execute(select(ApiKey.id, ApiKey.prefix).where(ApiKey.id.in_(ids)))
    names = {row[0]: row[1] for row in (*people, *keys)}
    return [ActRow(act, names.get(act.actor.rpartition(":")[2], "")) for act in acts]
