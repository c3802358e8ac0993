"""趋势: one unit against its own past, as charts whose tables hold the same figures. Never two units on one page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response

from app.dashboard.answering import make_pages, page, words_for
from app.dashboard.dates import show_month
from app.dashboard.labels import Labels
from app.dashboard.language import ENGLISH, N_, language_of
from app.dashboard.session import Office, TrendReader
from app.directory.city import City
from app.directory.pack import Tier
from app.ledger.trend_book import find_trend
from app.ledger.trends import Band, Month, MonthState, Trend, Unit
from app.problems import NotFound
from app.workbook import CSV_TYPE, csv_lines

router = make_pages()
PATH: Final = "/dashboard/trends"
NOTHING: Final = "—"
KEPT_BACK: Final = "*"
MONTH_STATE: Final[Labels] = {
    MonthState.FIRST: N_("首月，不计入以往"),
    MonthState.CURRENT: N_("本月未完"),
}
TIERS: Final[Labels] = {Tier.PROVINCE: N_("省直"), Tier.MUNICIPAL: N_("市直"), Tier.DISTRICT: N_("区县")}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `part` is what a chart draws it as, none where it is only written."""

    label: str
    part: str = ""


BEFORE: Final = (
    Column(N_("以往中位数"), "median"),
    Column(N_("以往下四分位"), "low"),
    Column(N_("以往上四分位"), "high"),
)
HOURS_MORE: Final = (Column(N_("累计")), Column(N_("已减负事项")), Column(N_("其中申报工时的")))
TIME_MORE: Final = (Column(N_("自然日中位数")), Column(N_("已减负事项")))


@dataclass(frozen=True, slots=True)
class Row:
    """One month: its name, how charts write it, its state where it is not a whole one, its figures as texts."""

    month: str
    label: str
    state: str
    running: bool
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart with its table; `kind` is bars, line or stack."""

    key: str
    title: str
    hint: str
    kind: str
    columns: Sequence[Column]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit that can be chosen; `value` stands in the address."""

    value: str
    code: str
    name: str


def figure(value: float | None) -> str:
    """A figure as it stands in a table: whole where it is, else with as many of two decimals as it needs."""
    return NOTHING if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _all(*values: float) -> list[str]:
    return [figure(value) for value in values]


def _band(band: Band | None) -> list[str]:
    return [figure(value) for value in ((band.median, band.low, band.high) if band else (None, None, None))]


# ── which unit ──


def read_unit(wish: str, city: City) -> Unit:
    """The unit that an address names, as a `Choice` wrote it; the city where it names none. Raises NotFound."""
    kind, _, code = wish.partition(":")
    if not wish:
        return Unit()
    if kind == "department" and code in city.departments:
        return Unit(department=code)
    if kind == "point" and code in city.points:
        return Unit(point=code)
    raise NotFound


def value_of(unit: Unit) -> str:
    """How an address names a unit."""
    if unit.department is not None:
        return f"department:{unit.department}"
    return f"point:{unit.point}" if unit.point is not None else ""


def choices(city: City) -> list[tuple[str, str, list[Choice]]]:
    """The units by group, each in the order of codes: the group's message, its own name where it has one, its units."""
    points = [Choice(f"point:{code}", code, city.points[code].name) for code in sorted(city.points)]
    groups: list[tuple[str, str, list[Choice]]] = [(N_("观测点"), "", points)]
    for tier in (Tier.PROVINCE, Tier.MUNICIPAL):
        groups.append((TIERS[tier], "", _departments(city, tier, None)))
    for district in sorted(city.pack.districts, key=lambda d: d.code):
        groups.append((N_("部门"), district.name, _departments(city, Tier.DISTRICT, district.code)))
    return groups


def _departments(city: City, tier: Tier, district: str | None) -> list[Choice]:
    found = (city.departments[code] for code in sorted(city.departments))
    return [Choice(f"department:{d.code}", d.code, d.name) for d in found if (d.tier, d.district) == (tier, district)]


def name_of(unit: Unit, city: City) -> str:
    """The directory's name of a unit; empty for the city."""
    if unit.department is not None:
        return city.names[unit.department]
    return city.points[unit.point].name if unit.point in city.points else unit.point or ""


# ── the page ──


@router.get("/trends")
async def show_trends(at: TrendReader, unit: str = "") -> Response:
    """The city's trend, or that of the unit chosen from the list."""
    wanted = read_unit(unit, at.city)
    facts = await trend_facts(at, wanted) | {"groups": choices(at.city), "chosen": value_of(wanted)}
    return await page(at, "trends.html", "trends", facts)


async def trend_facts(at: Office, unit: Unit) -> dict[str, Any]:
    """What the page of any one unit needs to show its trend."""
    trend = await find_trend(at.runtime.database, unit, at.city.calendar, at.now)
    return {
        "trend": trend,
        "panels": panels_of(trend, at.city, words_for(at).say, language_of(at.request)) if trend.months else [],
        "unit_name": name_of(unit, at.city),
        "unit_code": unit.department or unit.point or "",
        "unit_value": value_of(unit),
        "may_export": unit.point is None,
    }


def panels_of(trend: Trend, city: City, say: Callable[..., str], language: str) -> list[Panel]:
    """The four charts of a unit."""

    def panel(
        key: str, kind: str, title: str, hint: str, columns: Sequence[Column], cells: Callable[[Month], list[str]]
    ) -> Panel:
        translated = [Column(say(column.label), column.part) for column in columns]
        rows = [_row(month, cells(month), say, language) for month in trend.months]
        return Panel(key, say(title), say(hint), kind, translated, rows)

    names = burden_names(city, language)
    shown = [code for code in names if any(code in month.burdens for month in trend.months)]
    return [
        panel(
            "reports", "bars", N_("线索件数"), N_("按收到线索的月份。"), [Column(N_("件数"), "value"), *BEFORE],
            lambda m: [figure(m.reports), *_band(m.reports_before)],
        ),
        panel(
            "burdens", "stack", N_("负担类型"), N_("按立项月份；一件事项有几种类型的，各计一件。"),
            [Column(names[code], "value") for code in shown],
            lambda m: [figure(m.burdens.get(code, 0)) for code in shown],
        ),
        panel(
            "hours", "bars", N_("减负工时（小时／月）"),
            N_("当月销号且确已减负的事项，按观测点申报的每月耗时合计；之后又回潮另立的不计。"),
            [Column(N_("减负工时"), "value"), *BEFORE, *HOURS_MORE],
            lambda m: [figure(m.hours), *_band(m.hours_before), *_all(m.hours_total, m.relieved, m.hours_stated)],
        ),
        panel(
            "time", "line", N_("减负用时（工作日）"),
            N_("从立项到销号，按销号月份；以往是此前十二个月所有已减负的事项。"),
            [Column(N_("工作日中位数"), "value"), *BEFORE, *TIME_MORE],
            lambda m: [figure(m.working_days), *_band(m.working_days_before), figure(m.days), figure(m.relieved)],
        ),
    ]  # fmt: skip


def _row(month: Month, cells: list[str], say: Callable[..., str], language: str) -> Row:
    state = say(MONTH_STATE[month.state]) if month.state in MONTH_STATE else ""
    running = month.state is MonthState.CURRENT
    return Row(show_month(month.month, language), f"{month.month:%Y-%m}", state, running, cells)


def burden_names(city: City, language: str) -> Mapping[str, str]:
    """The burden types in the pack's order, in the reader's language."""
    english = language == ENGLISH
    return {b.code: b.name_en.replace("_", " ") if english else b.name for b in city.pack.burden_types}


# ── 导出 ──


@router.get("/trends/export")
async def export_trend(at: TrendReader, unit: str = "") -> Response:
    """A department's or the city's months as a file; what fewer than five points make up is kept back."""
    wanted = read_unit(unit, at.city)
    if wanted.point is not None:
        raise NotFound
    trend = await find_trend(at.runtime.database, wanted, at.city.calendar, at.now)
    text = "".join(csv_lines(table_of(trend, at.city, words_for(at).say, language_of(at.request))))
    headers = {"Content-Disposition": 'attachment; filename="trend.csv"', "Cache-Control": "private, no-store"}
    return Response(text.encode(), media_type=CSV_TYPE, headers=headers)


def table_of(trend: Trend, city: City, say: Callable[..., str], language: str) -> list[list[str]]:
    """The file's lines. Without totals and bands: with them what is kept back could be worked out."""
    names = burden_names(city, language)
    headings = [
        N_("月份"),
        N_("备注"),
        N_("线索件数"),
        N_("减负工时"),
        N_("已减负事项"),
        N_("工作日中位数"),
        N_("自然日中位数"),
    ]
    lines = [[*(say(heading) for heading in headings), *names.values()]]
    for m in trend.months:
        lines.append(
            [
                f"{m.month:%Y-%m}",
                say(MONTH_STATE[m.state]) if m.state in MONTH_STATE else "",
                figure(m.reports) if m.tells_no_point else KEPT_BACK,
                figure(m.hours) if m.hours_tell_no_point else KEPT_BACK,
                figure(m.relieved),
                figure(m.working_days),
                figure(m.days),
                *(figure(m.burdens.get(code, 0)) for code in names),
            ]
        )
    return lines
