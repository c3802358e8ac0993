"""先例 as the office reads them: with session, case, standing rulings and how often these were used. Writes nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.precedents import cited_in
from app.ledger.search import find_last, make_cursor
from app.models import (
    Case,
    CitedPrecedent,
    Consultation,
    Precedent,
    PrecedentState,
    Report,
    Ruling,
    StandingRuling,
)
from app.problems import NotFound

Rows = tuple[Precedent, str, str]


@dataclass(frozen=True, slots=True)
class PrecedentRecord:
    """A precedent with the numbers of its session and case.

    Attributes:
        rulings: its standing rulings, the newest first.
        uses: how many cases were dispatched by them.
    """

    precedent: Precedent
    consultation: str
    case: str
    rulings: Sequence[StandingRuling]
    uses: int

    @property
    def standing(self) -> StandingRuling | None:
        """The standing ruling in force."""
        return next((ruling for ruling in self.rulings if ruling.ended_at is None), None)


def _precedents() -> Select[*Rows]:
    return (
        select(Precedent, Consultation.number, Case.number)
        .join(Consultation, Consultation.id == Precedent.consultation_id)
        .join(Case, Case.id == Precedent.case_id)
    )


async def find_precedents(
    session: AsyncSession, *, in_force: bool | None = None, cursor: str | None = None, limit: int
) -> tuple[list[PrecedentRecord], str | None]:
    """The newest first, with the next page's cursor; `in_force` None finds all. Raises BadCursor."""
    statement = _precedents()
    if in_force is not None:
        withdrawn = Precedent.withdrawn_at
        statement = statement.where(withdrawn.is_(None) if in_force else withdrawn.is_not(None))
    if cursor:
        known: Any = select(Precedent.settled_at, Precedent.id)
        moment, last_id = await find_last(session, known, Precedent.number, cursor)
        same = and_(Precedent.settled_at == moment, Precedent.id < last_id)
        statement = statement.where(or_(Precedent.settled_at < moment, same))
    order = (Precedent.settled_at.desc(), Precedent.id.desc())
    rows = await _read(session, statement.order_by(*order).limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    following = make_cursor(rows[-1][0].number) if more else None
    return await _with_rulings(session, rows), following


@dataclass(frozen=True, slots=True)
class PrecedentFilter:
    """Which precedents to list: `state` in force, withdrawn, or None for all; `standing` only those with a standing
    ruling in force; `text` stands in the number, or in the line that says what was settled.
    """

    state: PrecedentState | None = None
    standing: bool = False
    text: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        withdrawn = Precedent.withdrawn_at
        found: list[ColumnElement[bool]] = []
        if self.state is not None:
            found.append(withdrawn.is_(None) if self.state is PrecedentState.IN_FORCE else withdrawn.is_not(None))
        if self.standing:
            in_force = StandingRuling.precedent_id == Precedent.id, StandingRuling.ended_at.is_(None)
            found.append(exists().where(*in_force))
        if self.text:
            number = Precedent.number == self.text.upper()
            found.append(or_(number, func.lower(Precedent.summary).contains(self.text.lower(), autoescape=True)))
        return found


async def page_precedents(
    session: AsyncSession, wanted: PrecedentFilter, *, offset: int, limit: int
) -> tuple[list[PrecedentRecord], int]:
    """Precedents, the newest first, and how many there are."""
    conditions = wanted.conditions()
    total = await session.scalar(select(func.count()).select_from(Precedent).where(*conditions)) or 0
    order = (Precedent.settled_at.desc(), Precedent.number.desc())
    rows = await _read(session, _precedents().where(*conditions).order_by(*order).offset(offset).limit(limit))
    return await _with_rulings(session, rows), total


async def cases_citing(session: AsyncSession, number: str, *, limit: int) -> tuple[list[Case], int]:
    """The cases whose reports cite a precedent, the newest first, and how many there are."""
    citing = (
        select(Report.case_id)
        .join(CitedPrecedent, CitedPrecedent.report_id == Report.id)
        .where(CitedPrecedent.precedent == number)
        .distinct()
        .subquery()
    )
    total = await session.scalar(select(func.count()).select_from(citing)) or 0
    rows = select(Case).where(Case.id.in_(select(citing.c.case_id))).order_by(Case.number.desc()).limit(limit)
    return list(await session.scalars(rows)), total


async def get_precedent(session: AsyncSession, number: str) -> PrecedentRecord:
    """The precedent with that number; raises NotFound."""
    rows = await _read(session, _precedents().where(Precedent.number == number))
    if not rows:
        raise NotFound
    return (await _with_rulings(session, rows))[0]


async def cited_on(session: AsyncSession, cases: Iterable[str]) -> Mapping[str, list[PrecedentRecord]]:
    """By case id, the precedents still in force that the decisions on its reports cite; two queries more or less."""
    cited: dict[str, list[str]] = defaultdict(list)
    reports = select(Report.case_id, Report.decision).where(Report.case_id.in_(list(cases))).order_by(Report.id)
    for case_id, decision in await session.execute(reports):
        cited[case_id] += [number for number in cited_in(decision) if number not in cited[case_id]]
    numbers = {number for found in cited.values() for number in found}
    if not numbers:
        return {}
    in_force = _precedents().where(Precedent.number.in_(numbers), Precedent.withdrawn_at.is_(None))
    rows = await _read(session, in_force)
    known = {record.precedent.number: record for record in await _with_rulings(session, rows)}
    return {case_id: [known[number] for number in found if number in known] for case_id, found in cited.items()}


async def settled_by(session: AsyncSession, case: Case) -> list[PrecedentRecord]:
    """The precedents that this very case made."""
    rows = await _read(session, _precedents().where(Precedent.case_id == case.id))
    return await _with_rulings(session, rows)


async def _read(session: AsyncSession, statement: Select[*Rows]) -> list[Rows]:
    return [(precedent, consultation, case) for precedent, consultation, case in await session.execute(statement)]


async def _with_rulings(session: AsyncSession, rows: Sequence[Rows]) -> list[PrecedentRecord]:
    if not rows:
        return []
    made: dict[str, list[StandingRuling]] = defaultdict(list)
    ids = [precedent.id for precedent, _, _ in rows]
    newest_first = (StandingRuling.made_at.desc(), StandingRuling.id.desc())
    standing = select(StandingRuling).where(StandingRuling.precedent_id.in_(ids)).order_by(*newest_first)
    for ruling in await session.scalars(standing):
        made[ruling.precedent_id].append(ruling)
    names = [f"precedent {precedent.number}" for precedent, _, _ in rows]
    counted = select(Ruling.ruled_by, func.count()).where(Ruling.ruled_by.in_(names)).group_by(Ruling.ruled_by)
    uses = {row[0]: row[1] for row in await session.execute(counted)}
    return [
        PrecedentRecord(precedent, consultation, case, made[precedent.id], uses.get(f"precedent {precedent.number}", 0))
        for precedent, consultation, case in rows
    ]
