"""操作日志: what was done to accounts and keys, for administrators and auditors. It only reads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fastapi import Response

from app.access.admin_log import OPERATOR, PROVIDER, ActRow, page_acts
from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.labels import Labels
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.menu import ROLE_LABELS
from app.dashboard.session import LogReader
from app.dashboard.words import Words
from app.models import AdminActKind

router = make_pages()
PATH: Final = "/dashboard/admin-log"
ADMIN_ACT: Final[Labels] = {
    "user_created": N_("新建账号"),
    "role_set": N_("更改角色"),
    "user_deactivated": N_("停用账号"),
    "user_activated": N_("恢复账号"),
    "sessions_ended": N_("结束登录"),
    "password_reset": N_("重置密码"),
    "password_changed": N_("修改本人密码"),
    "key_created": N_("制发密钥"),
    "key_rotated": N_("更换密钥"),
    "key_revoked": N_("停用密钥"),
}
FACTS: Final = (
    ("username", N_("用户名")),
    ("name", N_("姓名")),
    ("prefix", N_("密钥前缀")),
    ("observation_point", N_("观测点")),
    ("department", N_("部门")),
    ("before", N_("原为")),
    ("role", N_("角色")),
    ("after", N_("换为")),
    ("expires_at", N_("有效至")),
    ("count", N_("结束的登录")),
)


class Said(NamedTuple):
    """One thing that is known of an act: what it is, and the value."""

    label: str
    value: str | datetime


class Entry(NamedTuple):
    """One act in words: when, who, what it is called, what else is known of it."""

    at: datetime
    actor: str
    title: str
    facts: list[Said]


@router.get("/admin-log")
async def show_log(at: LogReader) -> Response:
    """The log, newest first; of one kind where asked for."""
    state = ListState.from_query(PATH, at.request.query_params)
    state = ListState(PATH, tuple(f for f in state.filters if f[0] == "kind"), page=state.page, size=state.size)
    kind = next((known for known in AdminActKind if known == state.value("kind")), None)
    async with at.read() as session:
        acts, total = await page_acts(session, kind=kind, offset=state.offset, limit=state.size)
    words = words_for(at)
    kinds = [(value, words.say(said)) for value, said in ADMIN_ACT.items()]
    facts = {"listing": Listing(state, entries_of(acts, words), total), "kinds": kinds}
    return await page(at, "admin_log.html", "admin-log", facts)


def entries_of(rows: Sequence[ActRow], words: Words) -> list[Entry]:
    """The acts as a reader understands them."""
    return [
        Entry(
            row.act.happened_at,
            _actor(row, words),
            words.label(ADMIN_ACT, row.act.kind),
            [Said(words.say(said), _value(name, row, words)) for name, said in FACTS if name in row.act.facts],
        )
        for row in rows
    ]


def _actor(row: ActRow, words: Words) -> str:
    if row.act.actor == OPERATOR:
        return words.say(N_("运维人员（命令行）"))
    if row.act.actor == PROVIDER:
        return words.say(N_("单点登录"))
    if row.act.actor.startswith("office:key:"):
        return words.say(N_("密钥 %(prefix)s"), prefix=row.by)
    return row.by


def _value(name: str, row: ActRow, words: Words) -> str | datetime:
    value = str(row.act.facts[name])
    if name in {"role", "before"} and value in ROLE_LABELS:
        return words.say(ROLE_LABELS[value])
    if name == "department":
        return f"{words.department(value)} {value}"
    if name == "observation_point":
        point = words.city.points.get(value)
        return f"{point.name} {value}" if point else value
    if name == "expires_at":
        return datetime.fromisoformat(value)
    return value
