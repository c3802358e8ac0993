"""The city as a process holds it in memory: pack, compiled knowledge with the learned model and the precedents in
force, calendar, terms; read again when they change.

Verbs take a `City` as an argument, so that rules stay pure and intake needs no look-up of departments or points.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.deadlines import Calendar, OfficeHours, office_moment
from app.directory.calendar import read_calendar, read_calendar_version
from app.directory.knowledge import Knowledge, compile_knowledge, with_learned, with_precedents
from app.directory.learned_models import find_active_version, get_payload
from app.directory.linear import LinearModel, NotAModel
from app.directory.loading import pack_from_files
from app.directory.pack import Department, ObservationPoint, Pack, Tier
from app.directory.pinyin import fold_typed, has_spelled, shorten, spell
from app.directory.precedent_book import read_precedents, read_precedents_version
from app.directory.precedents import PrecedentBook, compile_book
from app.directory.term_book import read_terms, read_terms_version
from app.log import get_logger
from app.masking import identifying_terms, in_order
from app.models import PackVersion
from app.problems import AppError, InvalidInput, NotAllowed
from app.terms import Terms

MOST_REMEMBERED = 2000


class NoPackLoaded(AppError):
    status, code = 503, "no_pack_loaded"
    title_zh, title_en = "尚未载入资料包", "No pack is loaded"

    def __init__(self) -> None:
        super().__init__("请先运行 yilong load-pack 载入部门与观测点资料。", "Run `yilong load-pack` first.")


class UnknownDepartment(InvalidInput):
    code = "unknown_department"
    title_zh, title_en = "没有这个部门", "No such department"

    def __init__(self, field: str) -> None:
        super().__init__(
            "部门代码不在目录中。请从 GET /v1/departments 查询正确的代码。",
            "The department code is not in the directory. Look it up at GET /v1/departments.",
            errors=[{"field": field, "zh": "没有这个部门代码", "en": "no such department code"}],
        )


class PointInactive(NotAllowed):
    code = "observation_point_inactive"
    title_zh, title_en = "观测点已停用", "The observation point is not active"

    def __init__(self) -> None:
        super().__init__(
            "这个观测点已不在目录中，不能再反映。已反映的仍可查询。请联系统筹部门。",
            "This observation point is no longer in the directory and may not send; what it sent can still be read.",
        )


@dataclass(frozen=True, slots=True)
class City:
    """One reading of the directory; immutable, shared by all requests until the next one replaces it."""

    pack: Pack
    knowledge: Knowledge
    calendar: Calendar
    departments: dict[str, Department]
    points: dict[str, ObservationPoint]
    names: dict[str, str]
    terms: Terms = field(default_factory=Terms)
    _identifying: dict[frozenset[str], list[str]] = field(default_factory=dict, compare=False, repr=False)
    _spelled: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def terms_of_points(self, codes: Iterable[str]) -> list[str]:
        """What in a text would tell that one of these points wrote it: their names and those of their townships."""
        wanted = frozenset(codes)
        known = self._identifying.get(wanted)
        if known is None and len(wanted) > 1:
            # Those of each by itself: which points report one case is new nearly every time, and names are many.
            known = in_order({term for code in wanted for term in self.terms_of_points((code,))})
        if known is None:
            points = [self.points[code] for code in sorted(wanted) if code in self.points]
            names = [name for point in points for name in (point.name, point.township)]
            public = [*self.names.values(), *(district.name for district in self.pack.districts)]
            if len(self._identifying) >= MOST_REMEMBERED:
                self._identifying.clear()
            known = self._identifying[wanted] = identifying_terms(names, public)
        return known

    @property
    def is_spelled(self) -> bool:
        return bool(self._spelled)

    def spell(self) -> Mapping[str, tuple[str, ...]]:
        """How each department's names are typed in pinyin; the first time takes a second of CPU."""
        if not self._spelled:
            self._spelled.update(spell(self.departments.values()))
        return self._spelled

    def say_spelling(self, code: str) -> str:
        """The same of one department as a line, to be looked through while somebody types; empty for an unknown one."""
        return shorten(self.spell().get(code, ()))

    def spelled_with(self, typed: str) -> list[str]:
        """The codes of the departments that have a name whose pinyin or initials hold what was typed."""
        wanted = fold_typed(typed)
        return [code for code, keys in self.spell().items() if any(wanted in key for key in keys)] if wanted else []

    def spelled_as(self, typed: str) -> list[str]:
        """The codes of the departments that have a name with just that pinyin or those initials."""
        wanted = fold_typed(typed)
        return [code for code, keys in self.spell().items() if wanted in keys] if wanted else []

    def get_department(self, code: str, field: str = "department") -> Department:
        """The department; raises UnknownDepartment naming the input field."""
        try:
            return self.departments[code]
        except KeyError:
            raise UnknownDepartment(field) from None

    def get_point(self, code: str | None) -> ObservationPoint:
        """The observation point; raises PointInactive where the pack names it no more, though its key is still good."""
        point = self.points.get(code or "")
        if point is None:
            raise PointInactive
        return point

    def represented_by(self, receiver: str, sources: Sequence[str]) -> list[str]:
        """The provincial sources that a receiver stands for: those whose municipal counterpart it is."""
        if receiver in sources:
            return []
        return [code for code in sources if self._stands_in_for(code) == receiver]

    def seat_of(self, code: str) -> str:
        """Who sits at the city's table for a department: a provincial one is represented, others come themselves."""
        return self._stands_in_for(code) or code

    def provincial_counterparts(self, receiver: str) -> list[str]:
        """The provincial departments a municipal one answers to: of its own line, or else all it is counterpart of."""
        above = [
            d for d in self.departments.values() if d.tier is Tier.PROVINCE and self._stands_in_for(d.code) == receiver
        ]
        line = self.departments[receiver].line
        return sorted(d.code for d in above if d.line == line) or sorted(d.code for d in above)

    def _stands_in_for(self, source: str) -> str | None:
        department = self.departments.get(source)
        if department is None or department.tier is not Tier.PROVINCE:
            return None
        return department.counterpart or self.pack.fallback_receiver


class Versions(NamedTuple):
    """What a city was read from: the version of each part, empty where there is none."""

    pack: str
    learned: str
    calendar: str
    terms: str
    precedents: str


NOTHING_READ = Versions("", "", "", "", "")


class CityCache:
    """Holds the current `City` of a process; zone and office hours are the deployment's."""

    def __init__(self, database: Database, zone: ZoneInfo, hours: OfficeHours | None = None) -> None:
        self._database, self._zone, self._hours = database, zone, hours or OfficeHours()
        self._city: City | None = None
        self._versions: Versions | None = None
        self._lock = asyncio.Lock()

    @property
    def current(self) -> City:
        """The city as last read; raises NoPackLoaded before the first successful `refresh`."""
        if self._city is None:
            raise NoPackLoaded
        return self._city

    def office_moment(self, moment: datetime) -> datetime:
        """The moment itself in office hours, else the start of the next ones; by weekdays before a city is read."""
        calendar = self._city.calendar if self._city else Calendar({}, "", self._zone, self._hours)
        return office_moment(moment, calendar)

    async def refresh(self) -> bool:
        """Read again the parts that have another version. Answers whether any had."""
        async with self._lock, self._database.read() as session:
            wanted = await _read_versions(session)
            if not wanted.pack or wanted == self._versions:
                return False
            self._city = await self._read(session, wanted)
            self._versions = wanted
            return True

    async def _read(self, session: AsyncSession, wanted: Versions) -> City:
        """The city of these versions; parts that have the one in memory are taken from there."""
        old, known = self._city, self._versions or NOTHING_READ
        calendar = (
            old.calendar
            if old and wanted.calendar == known.calendar
            else await read_calendar(session, self._zone, self._hours)
        )
        terms = old.terms if old and wanted.terms == known.terms else await read_terms(session)
        settled = old.knowledge.precedents if old and wanted.precedents == known.precedents else None
        book = await _read_book(session) if settled is None else settled
        city = old if old and wanted[:2] == known[:2] else await self._read_pack(session, wanted, calendar)
        return replace(city, calendar=calendar, terms=terms, knowledge=with_precedents(city.knowledge, book))

    async def _read_pack(self, session: AsyncSession, wanted: Versions, calendar: Calendar) -> City:
        files = await session.scalar(select(PackVersion.files).where(PackVersion.version == wanted.pack))
        payload = await get_payload(session, wanted.learned) if wanted.learned else None
        return await asyncio.to_thread(_build, files or {}, calendar, payload)


async def _read_versions(session: AsyncSession) -> Versions:
    return Versions(
        pack=await session.scalar(select(PackVersion.version).where(PackVersion.active)) or "",
        learned=await find_active_version(session),
        calendar=await read_calendar_version(session),
        terms=await read_terms_version(session),
        precedents=await read_precedents_version(session),
    )


async def _read_book(session: AsyncSession) -> PrecedentBook:
    return await asyncio.to_thread(compile_book, await read_precedents(session))


def _build(files: dict[str, str], calendar: Calendar, payload: bytes | None) -> City:
    city = build_city(files, calendar)
    if has_spelled():
        city.spell()
    if payload is None:
        return city
    try:
        return replace(city, knowledge=with_learned(city.knowledge, LinearModel.from_bytes(payload)))
    except NotAModel:
        # Written by another release: reports are decided without it, as before there was one.
        get_logger().warning("learned_model_unreadable")
        return city


def build_city(files: Mapping[str, str], calendar: Calendar) -> City:
    """A city from a pack's files; takes up to a second of CPU where this process has not compiled them before."""
    knowledge = compile_files(tuple(sorted(files.items())))
    pack = knowledge.pack
    return City(
        pack=pack,
        knowledge=knowledge,
        calendar=calendar,
        departments={d.code: d for d in pack.departments},
        points={p.code: p for p in pack.observation_points},
        names={d.code: d.name for d in pack.departments},
    )


@lru_cache(maxsize=2)
def compile_files(files: tuple[tuple[str, str], ...]) -> Knowledge:
    """The last two packs of this process, by their whole content; nothing of them is ever written to."""
    return compile_knowledge(pack_from_files(dict(files)))
