"""部门与观测点: what the directory says of each, how it is reached, its own past. Listed by code, never by figures."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.session import Office, TrendReader
from app.dashboard.trends import TIERS, trend_facts
from app.deliver.health import standing_of
from app.deliver.log import list_endpoints
from app.directory.city import City
from app.directory.folding import fold_word
from app.directory.pack import Department, Tier
from app.directory.points import read_points
from app.ledger.trends import Unit
from app.models import ObservationPoint
from app.problems import NotFound

router = make_pages()
DEPARTMENTS: Final = "/dashboard/departments"
POINTS: Final = "/dashboard/points"
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,20}$")]
FILTERS: Final = ("text", "tier", "district")
POINT_FILTERS: Final = ("text", "district")


@dataclass(frozen=True, slots=True)
class Row:
    """A department as the list and its page name it."""

    department: Department
    tier: str
    district: str
    counterparts: Sequence[str]


# ── departments ──


@router.get("/departments")
async def show_departments(at: TrendReader) -> Response:
    """The directory of departments."""
    state = _state(DEPARTMENTS, at, FILTERS)
    spelled = set(at.city.spelled_with(state.value("text")))
    found = [d for d in _by_code(at.city) if _fits(d, state, spelled)]
    shown = [_row(d, at) for d in found[state.offset : state.offset + state.size]]
    facts = {"listing": Listing(state, shown, len(found)), "tiers": TIERS, "districts": _districts(at.city)}
    return await page(at, "departments.html", "reference", facts | {"tab": "departments"})


def _state(path: str, at: Office, filters: Sequence[str]) -> ListState:
    state = ListState.from_query(path, at.request.query_params)
    kept = tuple((name, value) for name, value in state.filters if name in filters)
    return ListState(path, kept, page=state.page, size=state.size)


def _districts(city: City) -> list[tuple[str, str]]:
    return [(d.code, d.name) for d in sorted(city.pack.districts, key=lambda d: d.code)]


def _by_code(city: City) -> Iterable[Department]:
    return (city.departments[code] for code in sorted(city.departments))


def _fits(department: Department, state: ListState, spelled: Collection[str]) -> bool:
    tier, district = state.value("tier"), state.value("district")
    if (tier and department.tier != tier) or (district and department.district != district):
        return False
    wanted = fold_word(state.value("text"))
    return department.code in spelled or any(wanted in fold_word(name) for name in _names(department))


def _names(department: Department) -> tuple[str, ...]:
    return (department.code, department.name, department.line, *department.short_names)


def _row(department: Department, at: Office) -> Row:
    city, words = at.city, words_for(at)
    district = city.pack.district(department.district) if department.district else None
    return Row(
        department,
        words.say(TIERS[department.tier]),
        district.name if district else "",
        _counterparts(department, city),
    )


def _counterparts(department: Department, city: City) -> list[str]:
    """Codes of who answers to it one tier below; of a provincial one the municipal one that stands for it."""
    if department.tier is Tier.PROVINCE:
        below = city.pack.municipal_counterpart(department.code)
        return [below.code] if below else []
    if department.tier is Tier.MUNICIPAL:
        named = (city.pack.counterpart_in(department.code, d.code) for d in city.pack.districts)
        return sorted({found.code for found in named if found is not None})
    return []


def _above(department: Department, city: City) -> list[str]:
    """Codes of those to whose line it answers, one tier above."""
    if department.tier is Tier.MUNICIPAL:
        return city.provincial_counterparts(department.code)
    if department.tier is Tier.PROVINCE or department.district is None:
        return []
    municipal = (d for d in _by_code(city) if d.tier is Tier.MUNICIPAL)
    named = ((d.code, city.pack.counterpart_in(d.code, department.district)) for d in municipal)
    return [code for code, below in named if below is not None and below.code == department.code]


@router.get("/departments/{code}")
async def show_department(code: Code, at: TrendReader) -> Response:
    """One department: its entry, how it is named, how it is reached, and its own past."""
    department = at.city.departments.get(code)
    if department is None:
        raise NotFound
    async with at.read() as session:
        addresses = await list_endpoints(session, code)
    facts: dict[str, Any] = await trend_facts(at, Unit(department=code)) | {
        "row": _row(department, at),
        "above": _above(department, at.city),
        "prefixes": sorted(prefix for prefix, who in at.city.knowledge.issuers.items() if who.code == code),
        "addresses": [(endpoint, standing_of(endpoint, at.now).value) for endpoint in addresses],
        "may_see_keys": at.may(Permission.MANAGE_KEYS),
        "words": words_for(at),
        "tab": "departments",
    }
    return await page(at, "department.html", "reference", facts)


# ── observation points ──

POINT_STATE: Final = {True: N_("在用"), False: N_("已停用")}


@router.get("/points")
async def show_points(at: TrendReader) -> Response:
    """The observation points, those that the pack no longer names among them."""
    state = _state(POINTS, at, POINT_FILTERS)
    async with at.read() as session:
        points = await read_points(session)
    found = [point for point in points if _point_fits(point, state)]
    facts = {
        "listing": Listing(state, found[state.offset : state.offset + state.size], len(found)),
        "districts": _districts(at.city),
        "district_names": dict(_districts(at.city)),
        "states": POINT_STATE,
        "may_see_keys": at.may(Permission.MANAGE_KEYS),
        "tab": "points",
    }
    return await page(at, "points.html", "reference", facts)


def _point_fits(point: ObservationPoint, state: ListState) -> bool:
    if state.value("district") not in {"", point.district}:
        return False
    wanted = fold_word(state.value("text"))
    return any(wanted in fold_word(name) for name in (point.code, point.name, point.township or ""))


@router.get("/points/{code}")
async def show_point(code: Code, at: TrendReader) -> Response:
    """One point: its entry and its own past; nothing of a person."""
    async with at.read() as session:
        point = next((point for point in await read_points(session) if point.code == code), None)
    if point is None:
        raise NotFound
    facts: dict[str, Any] = await trend_facts(at, Unit(point=code)) | {
        "point": point,
        "district": dict(_districts(at.city)).get(point.district, point.district),
        "states": POINT_STATE,
        "may_see_keys": at.may(Permission.MANAGE_KEYS),
        "tab": "points",
    }
    return await page(at, "point.html", "reference", facts)
