"""What the pages show of imports: the files, and their rows with what became of them. Reads only."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Case, Import, ImportRow, Report, RowState
from app.problems import NotFound


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A file with how many of its rows are in which state."""

    kept: Import
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        return self.total - self.counts[RowState.WAITING]

    @property
    def is_running(self) -> bool:
        return self.kept.committed_at is not None and self.kept.finished_at is None

    @property
    def may_commit(self) -> bool:
        return self.kept.committed_at is None and self.counts[RowState.WAITING] > 0


@dataclass(frozen=True, slots=True)
class RowRecord:
    """A row with the report and the case that it became."""

    row: ImportRow
    report: str | None
    case: str | None


async def list_imports(session: AsyncSession, *, offset: int, limit: int) -> tuple[list[ImportRecord], int]:
    """Files, the newest first, and how many there are."""
    total = await session.scalar(select(func.count()).select_from(Import)) or 0
    newest = select(Import).order_by(Import.uploaded_at.desc(), Import.id.desc()).offset(offset).limit(limit)
    kept = list(await session.scalars(newest))
    counts = await _count(session, [each.id for each in kept])
    return [ImportRecord(each, counts[each.id]) for each in kept], total


async def get_import(session: AsyncSession, import_id: str) -> ImportRecord:
    """Raises NotFound."""
    kept: Import | None = await session.get(Import, import_id)
    if kept is None:
        raise NotFound
    return ImportRecord(kept, (await _count(session, [kept.id]))[kept.id])


async def _count(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    found = {each: {state.value: 0 for state in RowState} for each in ids}
    counted = select(ImportRow.import_id, ImportRow.state, func.count()).where(ImportRow.import_id.in_(ids))
    for import_id, state, count in await session.execute(counted.group_by(ImportRow.import_id, ImportRow.state)):
        found[import_id][state] = count
    return found


async def page_rows(
    session: AsyncSession, import_id: str, states: Sequence[RowState], *, offset: int, limit: int | None = None
) -> list[RowRecord]:
    """Rows in the sheet's order."""
    statement: Any = (
        select(ImportRow, Report.number, Case.number)
        .outerjoin(Report, Report.id == ImportRow.report_id)
        .outerjoin(Case, Case.id == Report.case_id)
        .where(ImportRow.import_id == import_id, ImportRow.state.in_(states))
        .order_by(ImportRow.number)
        .offset(offset)
    )
    if limit is not None:
        statement = statement.limit(limit)
    return [RowRecord(*row) for row in await session.execute(statement)]


def read_about(plain: bytes) -> tuple[str, list[str]]:
    """A file's name, and the headings that meant nothing."""
    about = json.loads(plain)
    return about["name"], about["unknown"]
