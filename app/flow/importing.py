"""导入: a spreadsheet of reports is read in a jail, judged row by row, and brought in once the office says so.

Each row goes the way of every report (`receive`), in a transaction that also notes what it became: whoever is killed in
between has done nothing, and the next one goes on with the rows that still wait.
"""

import asyncio
import hashlib
import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.clock import Clock
from app.database import Database, to_problem
from app.directory.city import City, CityCache
from app.directory.serials import Numbers
from app.flow.desk import set_up, thresholds_of
from app.flow.receive import Reading, read, receive
from app.intake import imports
from app.intake.imports import Sent
from app.intake.sheet import REQUIRED, Fault, Judge, Judged, Sheet, digest_of, from_json
from app.intake.spreadsheet import TEXT, Cell, read_spreadsheet
from app.log import get_logger
from app.models import ImportRow, Role, RowState
from app.problems import AppError
from app.sealing import Sealer
from app.settings import Settings

REFRESH_SECONDS: Final = 15.0
# On SQLite rows share a transaction; on PostgreSQL each has its own, or two workers might hold two cases crosswise.
TOGETHER: Final = 8
# Where another worker is just at the same rows.
PAUSE_SECONDS: Final = 0.05
LONGEST_NAME: Final = 120
# What a verb refuses, as a fault of the row.
REFUSED: Final = {
    "unknown_department": Fault("declared_departments", "unknown"),
    "observation_point_inactive": Fault("observation_point", "unknown"),
    "empty_text": Fault("text", "empty"),
}
DEFECT: Final = Fault("text", "defect")


async def read_sheet(file: IO[bytes], city: City, name: str, now: datetime, *, point: str = "") -> Sent:
    """What a file says: nothing is stored. `point` stands for rows that name none, where it is given.

    Raises SpreadsheetRefused or BadHeadings.
    """
    sha256 = await asyncio.to_thread(_hash, file)
    sheet = Sheet(tuple(each for each in REQUIRED if not (point and each == "observation_point")))
    async with aclosing(read_spreadsheet(file)) as lines:
        async for line in lines:
            sheet.take(line)
    sheet.close()
    judge = Judge(city, now.astimezone(city.calendar.zone).date())
    default = {"observation_point": Cell(TEXT, point)} if point else {}
    rows = await asyncio.to_thread(
        lambda: [(number, default | values, judge.judge(default | values)) for number, values in sheet.rows]
    )
    return Sent(sha256, clean_name(name), sheet.unknown, rows)


def _hash(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def clean_name(name: str) -> str:
    """A file's name without its folders and without characters that cannot be seen."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if unicodedata.category(c)[0] != "C")[:LONGEST_NAME]


@dataclass(slots=True)
class Importer:
    """Brings committed rows in; one for each worker process, or for one command.

    Args:
        clock: database time.
    """

    database: Database
    clock: Clock
    cities: CityCache
    numbers: Numbers
    sealer: Sealer
    settings: Settings
    _refreshed: float | None = None
    _judge: tuple[City, date, Judge] | None = None

    async def look(self) -> bool:
        """Bring in the next rows of what was committed first; whether there was any. Database failures are raised."""
        async with self.database.read() as session:
            found = await imports.find_committed(session)
        return found is not None and await self._bring_in_next(found) > 0

    async def bring_in(self, import_id: str) -> AsyncIterator[int]:
        """Bring in all rows of one import; tells how many after each transaction."""
        while done := await self._bring_in_next(import_id):
            yield done

    async def _bring_in_next(self, import_id: str) -> int:
        """The next rows in one transaction; how many there were. None left: the import has ended."""
        await self._refresh()
        now, city = self.clock.now(), self.cities.current
        most = TOGETHER if self.database.is_sqlite else 1
        async with self.database.read() as session:
            rows = await imports.next_rows(session, import_id, most)
        if not rows:
            async with self.database.write() as session:
                await imports.finish(session, import_id, now)
            return 0
        judge = self._judge_of(city, now.astimezone(city.calendar.zone).date())
        ready = []
        for row in rows:
            ready.append((row, *self._read_ahead(judge, city, row)))
            await asyncio.sleep(0)  # others have their turn between two
        await self.numbers.reserve_for(len(rows), now)
        async with self.database.write() as session:
            mine = await imports.claim(session, [row.id for row in rows])
            for row, judged, reading in ready:
                if row.id in mine:
                    await self._bring_in_row(session, row, judged, reading, city, now)
        if not mine:
            await asyncio.sleep(PAUSE_SECONDS)
        return len(rows)

    def _judge_of(self, city: City, today: date) -> Judge:
        """The judge of before, where city and day are the same."""
        if self._judge is None or self._judge[0] is not city or self._judge[1] != today:
            self._judge = (city, today, Judge(city, today))
        return self._judge[2]

    def _read_ahead(self, judge: Judge, city: City, row: ImportRow) -> tuple[Judged, Reading | None]:
        """Before the transaction, which others wait for: the row as the city knows points and departments now."""
        values = from_json(self.sealer.open(row.content or b"", imports.row_place(row.id)))
        try:
            judged = judge.judge(values)
            if judged.submission is None:
                return judged, None
            return judged, read(city, thresholds_of(self.settings), judged.submission, judged.point)
        except Exception as error:
            faults = faults_of(error)
            if faults is None:
                raise
            return Judged(faults=tuple(faults)), None

    async def _bring_in_row(
        self,
        session: AsyncSession,
        row: ImportRow,
        judged: Judged,
        reading: Reading | None,
        city: City,
        now: datetime,
    ) -> None:
        """One row becomes a report, or says what is wrong with it; it stops none of the others."""
        if judged.submission is None:
            return await imports.refuse(session, row.id, judged.faults)
        digest = digest_of(judged)
        if report := (await imports.find_known(session, [digest], now)).get(digest):
            return await imports.settle(session, row.id, report, RowState.KNOWN, now)
        # As the point's own report: what departments learn of it is the day, as of every report.
        sender = Principal(Role.REPORTER, f"import:{row.import_id}", observation_point=judged.point)
        desk = set_up(session, sender, self.settings, city=city, now=now, numbers=self.numbers, sealer=self.sealer)
        try:
            async with session.begin_nested():
                receipt = await receive(desk, judged.submission, reading)
        except Exception as error:
            faults = faults_of(error)
            if faults is None:
                raise
            return await imports.refuse(session, row.id, faults)
        return await imports.settle(session, row.id, receipt.report, RowState.DONE, now)

    async def _refresh(self) -> None:
        """A worker of its own has nobody else who follows packs and calendars."""
        if self._refreshed is None or time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            await self.cities.refresh()
            self._refreshed = time.monotonic()


def faults_of(error: Exception) -> Sequence[Fault] | None:
    """What an error says of the row; None where it says nothing of it, so that the row is tried again."""
    if isinstance(error, AppError):
        return None if error.status >= 500 else [REFUSED.get(error.code, DEFECT)]
    if to_problem(error) is not None:
        return None
    get_logger().error("import_row_failed", exc_info=error)
    return [DEFECT]
