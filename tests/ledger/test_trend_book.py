"""What is kept of a great unit's trend: for ten minutes, counted once for all who ask, and never of a small one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.database import Database
from app.deadlines import Calendar
from app.ledger import trend_book
from app.ledger.trend_book import KEPT, find_trend
from app.ledger.trends import Trend, Unit, read_trend
from tests.ledger.test_trends import SHANGHAI, Ledger

NOW = datetime(2028, 3, 15, 4, tzinfo=UTC)
CALENDAR = Calendar({}, "test", SHANGHAI)


class Growing(Ledger):
    """A ledger with one case and the reports that come in for it."""

    async def report_from(self, point: str, database: Database) -> None:
        new = not self.cases
        case = self.open(NOW - timedelta(days=3)) if new else self.cases[0]
        report = self.report(case, point, NOW - timedelta(days=2))
        if new:
            await self.write(database)
            return
        async with database.write() as session:
            session.add(report)


def reports_in(trend: Trend) -> int:
    return sum(month.reports for month in trend.months)


@pytest.fixture
def great(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trend_book, "GREAT", 1)


@pytest.mark.usefixtures("great")
async def test_a_great_units_trend_is_kept_for_ten_minutes_and_says_of_when_it_is(database: Database) -> None:
    ledger = Growing()
    await ledger.report_from("FR-01", database)
    assert reports_in(await find_trend(database, Unit(), CALENDAR, NOW)) == 1
    await ledger.report_from("FR-02", database)
    kept = await find_trend(database, Unit(), CALENDAR, NOW + KEPT - timedelta(seconds=1))
    assert (reports_in(kept), kept.counted_at) == (1, NOW)
    assert reports_in(await find_trend(database, Unit(point="FR-02"), CALENDAR, NOW)) == 1
    later = await find_trend(database, Unit(), CALENDAR, NOW + KEPT)
    assert (reports_in(later), later.counted_at) == (2, NOW + KEPT)


@pytest.mark.usefixtures("great")
async def test_another_calendar_or_a_clock_put_back_counts_anew(database: Database) -> None:
    ledger = Growing()
    await ledger.report_from("FR-01", database)
    await find_trend(database, Unit(), CALENDAR, NOW)
    await ledger.report_from("FR-02", database)
    assert reports_in(await find_trend(database, Unit(), Calendar({}, "new", SHANGHAI), NOW)) == 2
    await ledger.report_from("KF-01", database)
    assert reports_in(await find_trend(database, Unit(), CALENDAR, NOW - timedelta(minutes=1))) == 3


@pytest.mark.usefixtures("great")
async def test_many_who_ask_at_once_have_it_counted_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Growing()
    await ledger.report_from("FR-01", database)
    counted = []

    async def count(*given: object) -> Trend:
        counted.append(given[1])
        return await read_trend(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trend_book, "read_trend", count)
    asked = (find_trend(database, unit, CALENDAR, NOW) for unit in (Unit(), Unit(), Unit(point="FR-01"), Unit()))
    found = await asyncio.gather(*asked)
    assert [reports_in(trend) for trend in found] == [1, 1, 1, 1]
    assert sorted(map(str, counted)) == sorted(map(str, (Unit(), Unit(point="FR-01"))))


async def test_a_small_units_trend_is_counted_for_each_reader(database: Database) -> None:
    ledger = Growing()
    await ledger.report_from("FR-01", database)
    assert reports_in(await find_trend(database, Unit(), CALENDAR, NOW)) == 1
    await ledger.report_from("FR-02", database)
    assert reports_in(await find_trend(database, Unit(), CALENDAR, NOW)) == 2
