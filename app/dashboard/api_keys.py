"""接口密钥: the keys of points, departments and the office as an administrator manages them.

A new key is on the answer alone: nothing of it goes into an address, a cookie or the log. A form carries a mark of what
it was shown with, so that one sent twice, or by two people, changes things once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access import admin_log, keyholders
from app.access.keyholders import KeyFilter
from app.access.principal import Permission
from app.dashboard.admin_log import entries_of
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields, Form
from app.dashboard.labels import Labels
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.menu import ROLE_LABELS
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department
from app.dashboard.session import KeyManager, Office
from app.directory.city import City
from app.models import ApiKey, Role
from app.problems import NotFound

router = make_pages()
PATH: Final = "/dashboard/keys"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{1,40}$")]
ACTS: Final = 20
MOST_DAYS: Final = 3650
MOST_OVERLAP_DAYS: Final = keyholders.MOST_OVERLAP // timedelta(days=1)
LONGEST_LABEL: Final = 80
FILTERS: Final = ("role", "holder", "state")
FIELDS: Final = ("role", "holder", "days", "label")
KEY_STATE: Final[Labels] = {
    "live": N_("有效"),
    "ending": N_("有效，将到期"),
    "expired": N_("已到期"),
    "revoked": N_("已停用"),
}
KEY_TONES: Final[Labels] = {"live": "success", "ending": "warning", "expired": "neutral", "revoked": "neutral"}
BAD_DAYS: Final = N_("有效期请填写 1 至 3650 的整天数；不设期限的，请留空。")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the list shows it; `holder` is a point's or a department's name, empty for the office."""

    key: ApiKey
    holder: str
    state: str
    tone: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, whose it is, and the one before it with its end."""

    key: str = field(repr=False)
    row: KeyRow
    before: ApiKey | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who gets a key or an account, as typed into the form."""

    role: Role
    observation_point: str | None = None
    department: str | None = None


@router.get("/keys")
async def show_keys(at: KeyManager) -> Response:
    """The keys, those in force first asked for, and the form for another one."""
    return await _keys_page(at)


async def _keys_page(
    at: Office, *, made: NewKey | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    """`made` is shown with the page, this once; where the form was refused, it stays as typed."""
    state = ListState.from_query(PATH, at.request.query_params)
    kept = tuple((name, value.replace("\x00", "")) for name, value in state.filters if name in FILTERS)
    state = ListState(PATH, kept, page=state.page, size=state.size)
    wanted = _filter_of(state, at)
    async with at.read() as session:
        rows = await keyholders.list_keys(session, wanted, limit=state.size, offset=state.offset)
        total = await keyholders.count_keys(session, wanted)
        newest = await keyholders.newest_id(session)
    facts = {
        "listing": Listing(state, [_row(key, at) for key in rows], total),
        "typed": {name: at.form.get(name) if not made else "" for name in FIELDS},
        "newest": newest,
        "made": made,
    }
    return await page(at, "api_keys.html", "administration", facts | _choices(at), messages=messages, status=status)


def _choices(at: Office) -> dict[str, Any]:
    return {
        "roles": list(Role),
        "holders": [*at.city.points.values(), *at.city.departments.values()],
        "words": words_for(at),
        "tab": "keys",
    }


def _filter_of(state: ListState, at: Office) -> KeyFilter:
    """What the address asks for; a holder that nobody is finds nothing."""
    typed = state.value("holder")
    department = find_department(typed, at.city) if typed else None
    point = _find_point(typed, at.city) if typed and department is None else None
    return KeyFilter(
        role=next((known for known in Role if known == state.value("role")), None),
        observation_point=point if point or not typed or department else "-",
        department=department,
        valid_at=None if state.value("state") == "all" else at.now,
    )


def _find_point(typed: str, city: City) -> str | None:
    """The code that was meant: by code, by `code name`, or by a name that only one has."""
    first = typed.split(maxsplit=1)[0].upper() if typed else ""
    if first in city.points:
        return first
    named = [point.code for point in city.points.values() if typed == point.name]
    return named[0] if len(named) == 1 else None


def _row(key: ApiKey, at: Office) -> KeyRow:
    state = _state_of(key, at.now)
    point = at.city.points.get(key.observation_point_code or "")
    name = point.name if point else key.observation_point_code or ""
    department = at.city.names.get(key.department_code or "", key.department_code or "")
    return KeyRow(key, name or department, words_for(at).label(KEY_STATE, state), KEY_TONES[state])


def _state_of(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "live"
    return "ending" if key.expires_at > now else "expired"


@router.post("/keys")
async def make_key(at: KeyManager) -> Response:
    """制发: a key for a point, a department or the office, shown once."""

    async def act() -> Response:
        holder, days, label = _read_new(at)
        async with at.desk(Permission.MANAGE_KEYS) as desk:
            key, row = await keyholders.issue_key(
                desk.session,
                holder.role,
                holder.observation_point,
                holder.department,
                by=desk.principal.actor,
                now=desk.now,
                days=days,
                label=label,
                newest=at.form.get("newest"),
            )
        return await _keys_page(at, made=NewKey(key, _row(row, at)), status=201)

    async def show_again(message: Flash, status: int) -> Response:
        return await _keys_page(at, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_new(at: Office) -> tuple[Holder, int | None, str | None]:
    """Whom the key is for, its days (None: without end), what it is for. Raises BadFields."""
    faults: list[str] = []
    holder = read_holder(at, faults)
    days = _read_number(at.form, "days", MOST_DAYS, BAD_DAYS, faults)
    label = at.form.get("label")
    if len(label) > LONGEST_LABEL or not label.isprintable():
        faults.append(N_("用途请写在一行内，不超过 80 个字符。"))
    if faults or holder is None:
        raise BadFields(faults)
    return holder, days, label or None


def read_holder(at: Office, faults: list[str]) -> Holder | None:
    """Whom a key or an account is for, as a form with a role and a holder says."""
    role = next((known for known in Role if known == at.form.get("role")), None)
    typed = at.form.get("holder")
    if role is None:
        faults.append(N_("请选择角色。"))
        return None
    if role is Role.REPORTER:
        point = _find_point(typed, at.city)
        if point is None:
            faults.append(N_("请从列表中选择观测点。"))
        return Holder(role, observation_point=point)
    if role is Role.DEPARTMENT:
        department = find_department(typed, at.city)
        if department is None:
            faults.append(N_("请从列表中选择部门。"))
        return Holder(role, department=department)
    if typed:
        faults.append(N_("统筹部门的角色不属于观测点或部门，请将“观测点或部门”留空。"))
    return Holder(role)


def _read_number(form: Form, name: str, most: int, fault: str, faults: list[str], least: int = 1) -> int | None:
    try:
        return form.number(name, least, most)
    except ValueError:
        faults.append(fault)
        return None


@router.get("/keys/{id}")
async def show_key(id: Id, at: KeyManager) -> Response:  # noqa: A002 - the address says id
    """One key: whose it is, how it stands, what was done to it."""
    return await _key_page(at, id)


async def _key_page(
    at: Office, key_id: str, *, made: NewKey | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    async with at.read() as session:
        key = await session.get(ApiKey, key_id)
        if key is None:
            raise NotFound
        acts, _ = await admin_log.page_acts(session, subject=f"key:{key_id}", offset=0, limit=ACTS)
    words = words_for(at)
    facts = {
        "row": _row(key, at),
        "role": words.label(ROLE_LABELS, key.role),
        "is_live": _state_of(key, at.now) in {"live", "ending"},
        "mark": keyholders.mark_of([key]),
        "acts": entries_of(acts, words),
        "typed": {"overlap_days": at.form.get("overlap_days") or "7", "days": at.form.get("days")},
        "made": made,
        "words": words,
        "tab": "keys",
    }
    return await page(at, "api_key.html", "administration", facts, messages=messages, status=status)


@router.post("/keys/{id}/rotation")
async def rotate_key(id: Id, at: KeyManager) -> Response:  # noqa: A002 - the address says id
    """更换: a new key beside this one, which then ends by a day. The answer shows the new one, this once."""

    async def act() -> Response:
        async with at.desk(Permission.MANAGE_KEYS) as desk:
            row = await keyholders.lock_key(desk.session, id, desk.now, at.form.get("mark"))
            overlap, days = _read_rotation(at)
            rotated = await keyholders.rotate_key(
                desk.session, row, by=desk.principal.actor, now=desk.now, overlap=overlap, days=days
            )
        return await _key_page(at, id, made=NewKey(rotated.key, _row(rotated.new, at), rotated.old))

    async def show_again(message: Flash, status: int) -> Response:
        return await _key_page(at, id, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_rotation(at: Office) -> tuple[timedelta, int | None]:
    """How long the old key goes on, and the new one's days (None: as the old one's). Raises BadFields."""
    faults: list[str] = []
    fault = N_("并用天数请填写 1 至 90 的整数；要让原密钥马上失效，请先更换，再停用原密钥。")
    overlap = _read_number(at.form, "overlap_days", MOST_OVERLAP_DAYS, fault, faults)
    days = _read_number(at.form, "days", MOST_DAYS, BAD_DAYS, faults)
    if overlap is None and not faults:
        faults.append(fault)
    if faults or overlap is None:
        raise BadFields(faults)
    return timedelta(days=overlap), days


@router.post("/keys/{id}/revocation")
async def revoke_key(id: Id, at: KeyManager) -> Response:  # noqa: A002 - the address says id
    """停用: at once, in every process; it cannot be taken back."""

    async def act() -> Response:
        async with at.desk(Permission.MANAGE_KEYS) as desk:
            row = await keyholders.lock_key(desk.session, id, desk.now, at.form.get("mark"))
            if at.form.get("agreed") != "yes":
                raise BadFields([N_("请先看清后果，再勾选确认。")])
            keyholders.revoke_key(desk.session, row, by=desk.principal.actor, now=desk.now)
        return go(at.request, f"{PATH}/{id}", Flash(words_for(at).say(N_("已停用，立即生效。")), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _key_page(at, id, messages=(message,), status=status)

    return await attempt(at, act, show_again)
