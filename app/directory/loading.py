"""Brings a pack into the database: departments, observation points, and the files themselves for every replica.

Idempotent; says what changed. Nothing is deleted: what a pack no longer names becomes inactive, history keeps its name.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.calendar import seed_calendar
from app.directory.pack import Pack, load_pack
from app.models import Department, ObservationPoint, PackVersion


@dataclass(slots=True)
class LoadReport:
    """What loading a pack changed; each entry is a code, or a number of days for the calendar."""

    version: str
    name: str
    activated: bool = False
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    calendar_days: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.activated or self.added or self.changed or self.retired or self.calendar_days)


def read_files(folder: Path) -> dict[str, str]:
    """The text files of a pack folder by name; raises FileNotFoundError where there is no such folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"没有这个资料包目录：{folder}")
    return {p.name: p.read_text(encoding="utf-8-sig") for p in sorted(folder.iterdir()) if p.is_file()}


def pack_from_files(files: Mapping[str, str]) -> Pack:
    """Validate and read a pack that is held as text; raises `pack.PackError`."""
    with tempfile.TemporaryDirectory(prefix="yilong-pack-") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / Path(file).name).write_text(content, encoding="utf-8")
        return load_pack(folder)


async def load_into_database(session: AsyncSession, files: Mapping[str, str], now: datetime) -> LoadReport:
    """Validate a pack and make it the active one; raises `pack.PackError` and changes nothing where it is faulty."""
    pack = pack_from_files(files)
    report = LoadReport(version=pack.version, name=pack.name)
    await _activate(session, pack, files, now, report)
    await _store(session, Department, (_department_columns(pack, d) for d in pack.departments), report)
    points = (
        {"code": p.code, "name": p.name, "district": p.district, "township": p.township or None}
        for p in pack.observation_points
    )
    await _store(session, ObservationPoint, points, report)
    report.calendar_days = await seed_calendar(session)
    return report


def _department_columns(pack: Pack, department: Any) -> dict[str, Any]:
    return {
        "code": department.code,
        "name": department.name,
        "short_names": list(department.short_names),
        "tier": str(department.tier),
        "district": department.district,
        "line": department.line,
        "counterpart_code": department.counterpart,
        "vertical": department.vertical,
    }


async def _activate(
    session: AsyncSession, pack: Pack, files: Mapping[str, str], now: datetime, report: LoadReport
) -> None:
    known = await session.get(PackVersion, pack.version)
    if known is not None and known.active:
        return
    await session.execute(update(PackVersion).values(active=False))
    if known is None:
        session.add(PackVersion(version=pack.version, name=pack.name, files=dict(files), loaded_at=now, active=True))
    else:
        known.active = True
    report.activated = True


async def _store(
    session: AsyncSession,
    model: type[Department] | type[ObservationPoint],
    wanted: Iterable[dict[str, Any]],
    report: LoadReport,
) -> None:
    rows: Iterable[Any] = await session.scalars(select(model))
    present = {row.code: row for row in rows}
    for columns in wanted:
        row = present.pop(columns["code"], None)
        if row is None:
            session.add(model(**columns, active=True))
            report.added.append(columns["code"])
            continue
        columns["active"] = True
        different = {name: value for name, value in columns.items() if getattr(row, name) != value}
        for name, value in different.items():
            setattr(row, name, value)
        if different:
            report.changed.append(row.code)
    for row in present.values():
        if row.active:
            row.active = False
            report.retired.append(row.code)
