"""The working calendar: which days are worked, make-up days included; leaders and administrators load the notice."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.directory.announcing import Announcement, NamedDay, of_list, of_notice
from app.directory.calendar import read_days, read_imports
from app.directory.notice import FIRST_YEAR, LAST_YEAR, LONGEST_NOTICE, BadNotice, read_notice
from app.flow.clocks import load_holidays
from app.flow.desk import Desk

router = make_router("clocks 时限")


class DayIn(In):
    day: date
    working: bool
    name: str | None = Field(None, max_length=40)


class NoticeIn(In):
    """放假通知: its own words in `text`, or `year` with `days`. A notice is taken whole or not at all."""

    text: str | None = Field(None, max_length=LONGEST_NOTICE, description="the State Council office's notice, pasted")
    year: int | None = Field(
        None, ge=FIRST_YEAR, le=LAST_YEAR, description="needed where the text does not name it, and with `days`"
    )
    days: list[DayIn] | None = Field(None, max_length=400, description="the rest of the year goes by weekday")
    dry_run: bool = Field(False, description="say what would change, and change nothing")

    def read(self) -> Announcement:
        """Raises BadNotice."""
        if (self.text is None) == (self.days is None):
            raise BadNotice("请提供通知正文(text)或日期列表(days)，二者只填其一。", "Give text or days, not both.")
        if self.text is not None:
            return of_notice(read_notice(self.text, self.year))
        if self.year is None:
            raise BadNotice("请写明年份。", "Give the year.")
        return of_list(self.year, [NamedDay(d.day, d.working, d.name) for d in self.days or ()])


class DayChangeOut(Out):
    day: date
    was: bool | None = Field(description="whether it was worked; null where it was not known")
    working: bool
    name: str | None


class NoticeOut(Out):
    """What a notice changed or, on a dry run, would change."""

    year: int
    dry_run: bool
    changed: list[DayChangeOut]


class DayOut(Out):
    day: date
    working: bool
    name: str | None
    provisional: bool = Field(description="not announced: judged by weekday and fixed holidays")


class ImportOut(Out):
    year: int
    source: str
    imported_by: str
    imported_at: datetime
    changed: int


class CalendarOut(Out):
    year: int
    known: bool = Field(description="whether each day of the year is announced")
    version: str
    days: list[DayOut]
    imports: list[ImportOut] = Field(description="what was loaded for the year, the newest first; for the office only")


@router.get("/calendar")
async def get_calendar(
    at: Annotated[Door, door(Permission.READ_DIRECTORY)],
    year: Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR, description="this year if absent")] = None,
) -> CalendarOut:
    """Every day of a year: worked or not, announced or only assumed."""
    calendar = at.runtime.cities.current.calendar
    wanted = year or at.runtime.clock.now().astimezone(calendar.zone).year
    async with at.read() as session:
        names = {row.day: row.name for row in await read_days(session, wanted)}
        imports = await read_imports(session, wanted) if at.principal.is_office else []
    all_days = [date(wanted, 1, 1) + timedelta(days=n) for n in range(366)]
    days = [
        DayOut(day=d, working=calendar.is_working(d), name=names.get(d), provisional=not calendar.knows(d))
        for d in all_days
        if d.year == wanted
    ]
    return CalendarOut(
        year=wanted,
        known=not any(d.provisional for d in days),
        version=calendar.version,
        days=days,
        imports=[
            ImportOut(
                year=i.year,
                source=i.source,
                imported_by=i.imported_by,
                imported_at=i.imported_at,
                changed=len(i.changed),
            )
            for i in imports
        ],
    )


@router.post("/calendar", response_model=NoticeOut)
async def post_calendar(body: NoticeIn, at: Annotated[Door, door(Permission.SET_CLOCKS)]) -> Response:
    """放假通知: load a year's holidays and make-up days. Provisional clocks that run are then worked out anew."""
    said = body.read()

    async def act(desk: Desk) -> BaseModel:
        changes = await load_holidays(desk, said, dry_run=body.dry_run)
        return NoticeOut(
            year=said.year, dry_run=body.dry_run, changed=[DayChangeOut.model_validate(c) for c in changes]
        )

    answer = await at.write(act)
    await at.runtime.cities.refresh()
    return answer
