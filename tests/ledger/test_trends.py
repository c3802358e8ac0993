"""A unit's months are what plain counting in Python says, on both databases, at every border."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from statistics import median, quantiles
from zoneinfo import ZoneInfo

import pytest

from app.database import Database
from app.deadlines import Calendar, working_days_between
from app.ledger.trends import Band, Month, MonthState, Trend, Unit, band_of, later, quantile, read_trend
from app.models import (
    Assignment,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    ObservationPoint,
    Report,
    VerificationStatus,
    new_id,
)

SHANGHAI, NEW_YORK, KOLKATA = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
NOW = datetime(2028, 3, 10, 4, 0, tzinfo=UTC)
POINTS = ("FR-01", "FR-02", "KF-01", "KF-02", "YH-01", "YH-02", "YH-03")
DEPARTMENTS = ("CS-MZ", "CS-WJ", "FR-MZ", "HN-MZ")
BURDENS = ("FORMS", "TRACE", "APP", "MEET")
NOT_ITS_OWN = {AssignmentStatus.RETURNED, AssignmentStatus.SUPERSEDED}


@dataclass
class Ledger:
    """Rows as they are put into the database, and as the oracle reads them."""

    cases: list[Case] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    duties: list[Assignment] = field(default_factory=list)

    def open(self, opened: datetime, *, closed: datetime | None = None, **more: object) -> Case:
        number = f"A{len(self.cases):06d}"
        outcome = more.pop("outcome", CaseOutcome.RELIEVED if closed else None)
        case = Case(
            id=new_id(), number=number, summary="-", status=CaseStatus.CLOSED if closed else CaseStatus.IN_PROGRESS,
            outcome=outcome, category="municipal_district", route="assignment", sources=[], districts=[],
            burden_types=more.pop("burdens", ["FORMS"]), fingerprint=number, search_text="-", returns=0, denials=0,
            relapses=0, opened_at=opened, closed_at=closed, last_seq=1, last_hash="-", **more,
        )  # fmt: skip
        self.cases.append(case)
        return case

    def report(self, case: Case, point: str, at: datetime, hours: float | None = None) -> Report:
        report = Report(
            id=new_id(), number=f"R{len(self.reports):06d}", case_id=case.id, observation_point_code=point, text="-",
            hours_per_month=hours, declared_departments=[], decision={}, verification=VerificationStatus.NOT_ASKED,
            received_at=at,
        )  # fmt: skip
        self.reports.append(report)
        return report

    def give(self, case: Case, department: str, status: AssignmentStatus = AssignmentStatus.ACCEPTED) -> Assignment:
        duty = Assignment(
            id=new_id(), case_id=case.id, department_code=department, kind=AssignmentKind.ASSIGNMENT,
            role=AssignmentRole.LEAD, status=status, on_behalf_of=[], obligation="-", due_at=case.opened_at,
            due_provisional=False, dispatched_at=case.opened_at, version=1,
        )  # fmt: skip
        self.duties.append(duty)
        return duty

    async def write(self, database: Database) -> None:
        async with database.write() as session:
            session.add_all(ObservationPoint(code=code, name=code, district="FR", active=True) for code in POINTS)
            session.add_all([*self.cases, *self.reports, *self.duties])


# ── the oracle ──


def month_of(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date().replace(day=1)


def band(values: Sequence[float]) -> Band:
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Band(round(middle, 2), round(low, 2), round(high, 2))


class Oracle:
    """The same figures by going through all rows again and again."""

    def __init__(self, ledger: Ledger, unit: Unit, calendar: Calendar, now: datetime) -> None:
        self.calendar, self.zone, self.unit = calendar, calendar.zone, unit
        held = {
            d.case_id for d in ledger.duties if d.department_code == unit.department and d.status not in NOT_ITS_OWN
        }
        sent = {r.case_id for r in ledger.reports if r.observation_point_code == unit.point}
        whose = held if unit.department else sent if unit.point else {case.id for case in ledger.cases}
        self.cases = [case for case in ledger.cases if case.id in whose]
        self.reports = [r for r in ledger.reports if r.case_id in whose]
        if unit.point:
            self.reports = [r for r in self.reports if r.observation_point_code == unit.point]
        back = {case.relapse_of for case in ledger.cases}
        self.relieved = [c for c in self.cases if c.outcome is CaseOutcome.RELIEVED and c.id not in back]
        self.current = month_of(now, self.zone)
        self.first = min((month_of(r.received_at, self.zone) for r in self.reports), default=None)

    def months(self) -> list[Month]:
        if self.first is None:
            return []
        month, found = max(self.first, later(self.current, -24)), []
        while month <= self.current:
            found.append(self.month(month))
            month = later(month, 1)
        return found

    def before(self, month: date) -> list[date]:
        return [m for n in range(12, 0, -1) if self.first is not None and (m := later(month, -n)) > self.first]

    def received(self, month: date) -> list[Report]:
        return [r for r in self.reports if month_of(r.received_at, self.zone) == month]

    def struck_off(self, month: date) -> list[Case]:
        return [c for c in self.relieved if c.closed_at and month_of(c.closed_at, self.zone) == month]

    def hours(self, month: date) -> dict[tuple[str, str], float]:
        most: dict[tuple[str, str], float] = {}
        for case in self.struck_off(month):
            for report in (r for r in self.reports if r.case_id == case.id and r.hours_per_month is not None):
                key = case.id, report.observation_point_code
                most[key] = max(most.get(key, 0), report.hours_per_month or 0)
        return most

    def took(self, case: Case) -> tuple[int, int]:
        assert case.closed_at is not None
        days = case.closed_at.astimezone(self.zone).date() - case.opened_at.astimezone(self.zone).date()
        return days.days, working_days_between(case.opened_at, case.closed_at, self.calendar)

    def month(self, month: date) -> Month:
        before, hours, done = self.before(month), self.hours(month), self.struck_off(month)
        known = len(before) >= 6
        pooled = [self.took(case)[1] for each in before for case in self.struck_off(each)]
        opened = [c for c in self.cases if month_of(c.opened_at, self.zone) == month and c.merged_into is None]
        ended = {month_of(c.closed_at, self.zone) for c in self.relieved if c.closed_at}
        return Month(
            month=month,
            state=MonthState("current" if month == self.current else "first" if month == self.first else "whole"),
            reports=len(self.received(month)),
            points=len({r.observation_point_code for r in self.received(month)}),
            reports_before=band([len(self.received(each)) for each in before]) if known else None,
            burdens=dict(sorted(Counter(code for case in opened for code in case.burden_types).items())),
            relieved=len(done),
            hours=round(sum(hours.values()), 2),
            hours_stated=len({case for case, _ in hours}),
            hours_points=len({point for _, point in hours}),
            hours_total=round(sum(sum(self.hours(each).values()) for each in ended if each <= month), 2),
            hours_before=band([sum(self.hours(each).values()) for each in before]) if known else None,
            days=median(self.took(case)[0] for case in done) if done else None,
            working_days=median(self.took(case)[1] for case in done) if done else None,
            working_days_before=band(pooled) if known and len(pooled) >= 5 else None,
        )


# ── random ledgers ──


def a_moment(chance: Random, zone: ZoneInfo, months: int) -> datetime:
    """Anywhere in the last months, often at the very border of one."""
    first = later(month_of(NOW, zone), -chance.randrange(months))
    border = datetime.combine(first, time.min, zone).astimezone(UTC)
    kind = chance.randrange(4)
    if kind == 0:
        return min(border + chance.choice([timedelta(0), timedelta(microseconds=-1), timedelta(hours=8)]), NOW)
    return min(border + timedelta(minutes=chance.randrange(30 * 1440)), NOW)


def random_ledger(seed: int, zone: ZoneInfo, months: int) -> Ledger:
    chance, ledger = Random(seed), Ledger()
    for _ in range(chance.choice([12, 120, 260])):
        opened = a_moment(chance, zone, months)
        closed = min(opened + timedelta(hours=chance.randrange(24 * 90)), NOW) if chance.random() < 0.7 else None
        outcome = chance.choice([CaseOutcome.RELIEVED] * 4 + [CaseOutcome.ANSWERED]) if closed else None
        burdens = chance.sample(BURDENS, chance.randrange(4))
        case = ledger.open(opened, closed=closed, outcome=outcome, burdens=burdens)
        if closed and chance.random() < 0.1:
            case.outcome, case.merged_into = CaseOutcome.MERGED, chance.choice(ledger.cases).id
        if chance.random() < 0.1:
            case.relapse_of = chance.choice(ledger.cases).id
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            hours = chance.choice([None, 0.0, 0.1, 2.5, 8.0, 33.33])
            ledger.report(case, chance.choice(POINTS[:-1]), max(opened, a_moment(chance, zone, months)), hours)
        for department in chance.sample(DEPARTMENTS[:-1], chance.randrange(3)):
            ledger.give(case, department, chance.choice(list(AssignmentStatus)))
    return ledger


@pytest.mark.parametrize(
    ("seed", "zone", "months"), [(1, SHANGHAI, 44), (2, NEW_YORK, 30), (3, SHANGHAI, 9), (4, KOLKATA, 20)]
)
async def test_every_unit_is_told_what_plain_counting_says(
    database: Database, seed: int, zone: ZoneInfo, months: int
) -> None:
    ledger = random_ledger(seed, zone, months)
    await ledger.write(database)
    calendar = Calendar({date(2028, 2, 29): False, date(2028, 2, 27): True}, "test", zone)
    units = [Unit(), *(Unit(department=d) for d in DEPARTMENTS), *(Unit(point=p) for p in POINTS)]
    async with database.snapshot() as session:
        for unit in units:
            found = await read_trend(session, unit, calendar, NOW)
            wanted = Oracle(ledger, unit, calendar, NOW).months()
            assert [asdict(month) for month in found.months] == [asdict(month) for month in wanted], unit
            assert len(found.months) <= 25


async def read(database: Database, unit: Unit = Unit(), now: datetime = NOW) -> Trend:  # noqa: B008 - immutable
    async with database.snapshot() as session:
        return await read_trend(session, unit, Calendar({}, "test", SHANGHAI), now)


async def test_a_unit_without_a_past_has_no_months_and_a_new_one_nothing_to_be_held_against(database: Database) -> None:
    ledger = Ledger()
    case = ledger.open(datetime(2027, 12, 31, 15, 59, tzinfo=UTC))
    ledger.report(case, "FR-01", case.opened_at)
    await ledger.write(database)
    assert await read(database, Unit(point="FR-02")) == Trend(Unit(point="FR-02"))
    months = (await read(database)).months
    # 23:59 on New Year's Eve in Changsha; one minute later it is next month's.
    assert [(str(m.month), m.state.value, m.reports) for m in months] == [
        ("2027-12-01", "first", 1), ("2028-01-01", "whole", 0), ("2028-02-01", "whole", 0),
        ("2028-03-01", "current", 0),
    ]  # fmt: skip
    assert all(m.reports_before is None and m.hours_before is None and m.days is None for m in months)


async def test_the_first_month_and_the_running_one_are_in_nobodys_past(database: Database) -> None:
    ledger = Ledger()
    for n in range(8):
        moment = datetime.combine(later(date(2027, 8, 1), n), time(12), SHANGHAI)
        case = ledger.open(moment)
        for _ in range(100 if n in {0, 7} else n):
            ledger.report(case, "FR-01", moment)
    await ledger.write(database)
    months = (await read(database)).months
    assert [m.reports for m in months] == [100, 1, 2, 3, 4, 5, 6, 100]
    assert months[-2].reports_before is None, "five whole months are too few"
    assert months[-1].reports_before == Band(3.5, 2.25, 4.75)


async def test_a_leap_day_is_a_day_of_february(database: Database) -> None:
    ledger = Ledger()
    leap = datetime(2028, 2, 29, 15, 59, 59, 999999, tzinfo=UTC)
    for moment in (leap, leap + timedelta(microseconds=1)):
        ledger.report(ledger.open(moment), "FR-01", moment)
    case = ledger.open(datetime(2028, 2, 28, 4, tzinfo=UTC), closed=datetime(2028, 3, 1, 4, tzinfo=UTC))
    ledger.report(case, "FR-01", case.opened_at)
    await ledger.write(database)
    months = (await read(database)).months
    assert [m.reports for m in months] == [2, 1]
    assert (months[1].days, months[1].working_days) == (2, 2)


async def test_what_came_back_or_was_only_answered_lifted_no_hours(database: Database) -> None:
    ledger = Ledger()
    opened, closed = NOW - timedelta(days=20), NOW - timedelta(days=2)
    lasting, back = ledger.open(opened, closed=closed), ledger.open(opened, closed=closed)
    ledger.open(NOW, relapse_of=back.id)
    answered = ledger.open(opened, closed=closed, outcome=CaseOutcome.ANSWERED)
    for case in (lasting, back, answered):
        ledger.report(case, "FR-01", opened, 8)
    ledger.report(lasting, "FR-01", opened, 12)
    ledger.report(lasting, "FR-02", opened, 5)
    ledger.report(lasting, "KF-01", opened)
    await ledger.write(database)
    month = (await read(database)).months[-1]
    assert (month.relieved, month.hours, month.hours_stated, month.hours_total) == (1, 17, 1, 17)
    of_point = (await read(database, Unit(point="FR-02"))).months[-1]
    assert (of_point.relieved, of_point.hours) == (1, 5)
    # Two points behind a figure are too few to be told; none are nobody.
    assert not month.hours_tell_no_point
    assert (await read(database, Unit(point="KF-01"))).months[-1].hours_tell_no_point


def test_quartiles_are_those_of_a_spreadsheet() -> None:
    for values in ([1, 2, 3, 4], [7], [0, 0, 5], [1, 1, 2, 9, 30]):
        assert band_of(Counter(values)) == band(values)
        assert quantile(Counter(values), 0.5) == median(values)
    assert json.dumps(asdict(band_of(Counter([1, 2])))) == '{"median": 1.5, "low": 1.25, "high": 1.75}'
