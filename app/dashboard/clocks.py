"""时限与日历: the terms that the office sets, the working calendar of a year, and the State Council's notice, which is
seen as days and moved clocks before it is loaded. How a day or a term is counted is decided elsewhere.
"""

from calendar import Calendar as Weeks
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.forms import BadFields, whole_number
from app.dashboard.labels import DEADLINE_KIND, URGENCY
from app.dashboard.language import N_, language_of
from app.dashboard.rendering import Flash
from app.dashboard.session import CaseReader, ClockSetter, NoticeSender, Office
from app.dashboard.trends import burden_names
from app.deadlines import DEFAULT_TERMS, Calendar
from app.directory.announcing import DayChange, read_announcement
from app.directory.calendar import read_days, read_imports, read_years
from app.directory.notice import FIRST_YEAR, LAST_YEAR
from app.directory.term_book import TermWish, read_history
from app.flow.clocks import NoticePreview, load_holidays, preview_holidays, set_term
from app.ledger.clocks import count_stale, read_moved
from app.ledger.pages import names_of_users
from app.models import CalendarImport, DeadlineKind, TermChange, Urgency
from app.terms import LONGEST_TERM

router = make_pages()
PATH: Final = "/dashboard/clocks"
REASON_LENGTH: Final = 2000
LARGEST_NOTICE: Final = 64 * 1024
HISTORY: Final = 50
MOVED: Final = 100
ENCODINGS: Final = ("utf-8-sig", "gb18030")
KINDS: Final = {kind: label for kind, label in DEADLINE_KIND.items() if kind in DEFAULT_TERMS}
TERM_FIELDS: Final = ("kind", "burden_type", "urgency", "working_days", "reason")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar; `mark` where it is not what its weekday says: off, or worked at a weekend."""

    day: date
    working: bool
    mark: str


@dataclass(frozen=True, slots=True)
class Year:
    """A year and how far it is announced."""

    year: int
    known: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice as it was sent, with what it would do; `version` is the calendar that it was held against."""

    text: str
    year: int
    version: str
    preview: NoticePreview
    days: Sequence[DayChange]


@router.get("/clocks")
async def show_clocks(at: CaseReader, year: Annotated[str, Query()] = "") -> Response:
    """Terms, and the calendar of a year: this one unless another is asked for."""
    return await _clocks_page(at, _year_of(at, year))


def _year_of(at: Office, wish: str) -> int:
    this = at.now.astimezone(at.city.calendar.zone).year
    try:
        return whole_number(wish, FIRST_YEAR, LAST_YEAR) or this
    except ValueError:
        return this


async def _clocks_page(
    at: Office, year: int, *, sent: Sent | None = None, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    """`sent` is the notice that is looked at before it is loaded; where a form was refused, it stays as typed."""
    async with at.read() as session:
        days = {row.day: row.name for row in await read_days(session, year)}
        years = await read_years(session)
        imports = await read_imports(session, year)
        history = await read_history(session)
        moved, moved_count = await read_moved(session, imports[0].imported_at, MOVED) if imports else ([], 0)
        waiting = await count_stale(session, at.city.calendar.version) if imports else 0
        people = await names_of_users(session, _people_in(history, imports))
    words = words_for(at, people)
    calendar = at.city.calendar
    facts: dict[str, Any] = {
        "words": words,
        "kinds": KINDS,
        "urgencies": URGENCY,
        "defaults": DEFAULT_TERMS,
        "in_force": [c for c in history if c.ended_at is None and c.working_days is not None],
        "history": history[:HISTORY],
        "burdens": burden_names(at.city, language_of(at.request)),
        "years": _years(years, year, at),
        "year": year,
        "known": all(calendar.knows(day) for day in _days_of(year)),
        "months": _months(year, calendar),
        "names": _named(year, days, calendar),
        "imports": imports,
        "moved": moved,
        "moved_count": moved_count,
        "waiting": waiting,
        "sent": sent,
        "typed": {name: at.form.get(name) for name in (*TERM_FIELDS, "text", "year")},
        "may_set": at.may(Permission.SET_CLOCKS),
        "who": lambda holder: words.actor("office:" + holder.removeprefix("user:")),
        "longest": LONGEST_TERM,
    }
    return await page(at, "clocks.html", "reference", facts | {"tab": "clocks"}, messages=messages, status=status)


def _people_in(history: Sequence[TermChange], imports: Sequence[CalendarImport]) -> set[str]:
    holders = [*(change.set_by for change in history[:HISTORY]), *(i.imported_by for i in imports)]
    holders += [change.set_by for change in history if change.ended_at is None]
    return {holder.removeprefix("user:") for holder in holders}


# ── the calendar ──


def _days_of(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)


def _years(known: Mapping[int, int], shown: int, at: Office) -> list[Year]:
    """Those of which something is known, up to the next one, and the one that is shown."""
    this = at.now.astimezone(at.city.calendar.zone).year
    wanted = sorted({*known, this, this + 1, shown})
    return [Year(year, known.get(year, 0) == sum(1 for _ in _days_of(year))) for year in wanted]


def _months(year: int, calendar: Calendar) -> list[tuple[date, list[list[Day | None]]]]:
    """Each month by weeks from Monday; None stands for a day of another month."""
    weeks = Weeks().monthdatescalendar
    return [
        (
            date(year, month, 1),
            [[_day(day, calendar) if day.month == month else None for day in week] for week in weeks(year, month)],
        )
        for month in range(1, 13)
    ]


def _day(day: date, calendar: Calendar) -> Day:
    working = calendar.is_working(day)
    usual = day.weekday() < 5
    return Day(day, working, "" if working is usual else N_("班") if working else N_("休"))


def _named(year: int, names: Mapping[date, str | None], calendar: Calendar) -> list[tuple[date, bool, str]]:
    """The days that are not what their weekday says, with the festival where it is known."""
    odd = (day for day in _days_of(year) if calendar.is_working(day) is not (day.weekday() < 5))
    return [(day, calendar.is_working(day), names.get(day) or "") for day in odd]


# ── terms ──


@router.post("/clocks/terms")
async def set_terms(at: ClockSetter) -> Response:
    """Set a term from now on, or withdraw the rule; clocks that run keep theirs."""

    async def act() -> Response:
        wish = _read_wish(at)
        async with at.desk(Permission.SET_CLOCKS) as desk:
            await set_term(desk, wish)
        await at.runtime.cities.refresh()
        return go(at.request, PATH, Flash(words_for(at).say(N_("时限已更改，此后开始计时的照此办理。")), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _clocks_page(at, _year_of(at, ""), messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_wish(at: Office) -> TermWish:
    """What is wished, from the form. Raises BadFields; what does not fit a rule is refused by the verb."""
    faults: list[str] = []
    kind, urgency, burden = at.form.get("kind"), at.form.get("urgency"), at.form.get("burden_type")
    if kind not in KINDS:
        faults.append(N_("请选择时限种类。"))
    try:
        days = at.form.number("working_days", 1, LONGEST_TERM)
    except ValueError:
        days = None
        faults.append(N_("工作日数请填写 1 至 250 的整数；撤销这条规定的，请留空。"))
    reason = at.form.get("reason")
    if not 2 <= len(reason) <= REASON_LENGTH:
        faults.append(N_("请填写理由，2 至 2000 字。"))
    if faults:
        raise BadFields(faults)
    return TermWish(DeadlineKind(kind), days, reason, burden or None, Urgency(urgency) if urgency in URGENCY else None)


# ── the yearly notice ──


@router.post("/clocks/notice")
async def preview_notice(at: NoticeSender) -> Response:
    """What a notice would change and move: nothing is loaded yet."""

    async def act() -> Response:
        text, year = await _read_text(at), _read_year(at)
        said = read_announcement(text, year)
        await at.runtime.cities.refresh()
        version = at.city.calendar.version
        preview = await preview_holidays(at.runtime.database, at.city, said)
        odd = [c for c in preview.changes if c.was is not None or c.working is not (c.day.weekday() < 5)]
        return await _clocks_page(at, said.year, sent=Sent(text, said.year, version, preview, odd))

    async def show_again(message: Flash, status: int) -> Response:
        return await _clocks_page(at, _year_of(at, at.form.get("year")), messages=(message,), status=status)

    try:
        return await attempt(at, act, show_again)
    finally:
        await at.form.close()


async def _read_text(at: Office) -> str:
    """The notice from the file where one was sent, else as it was pasted. Raises BadFields."""
    file = at.form.file
    if file is None or not file.filename:
        if not at.form.get("text"):
            raise BadFields([N_("请粘贴通知正文，或选择文件。")])
        return at.form.get("text")
    content = await file.read(LARGEST_NOTICE + 1)
    for encoding in ENCODINGS if len(content) <= LARGEST_NOTICE else ():
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFields([N_("文件读不出：请用 64 kB 以内的文本文件（UTF-8 或 GBK），或直接粘贴通知正文。")])


def _read_year(at: Office) -> int | None:
    try:
        return at.form.number("year", FIRST_YEAR, LAST_YEAR)
    except ValueError:
        raise BadFields([N_("年份请填写四位数字，或留空。")]) from None


@router.post("/clocks/notice/commit")
async def commit_notice(at: ClockSetter) -> Response:
    """Load the notice as it was shown; the worker then works the provisional clocks out anew."""

    async def act() -> Response:
        said = read_announcement(at.form.get("text"), _read_year(at))
        async with at.desk(Permission.SET_CLOCKS) as desk:
            changes = await load_holidays(desk, said, seen=at.form.get("version"))
        await at.runtime.cities.refresh()
        done = N_("已载入 %(count)s 天。依据推算的时限随即重算，结果列在“重算情况”。")
        return go(at.request, f"{PATH}?year={said.year}", Flash(words_for(at).say(done, count=len(changes)), "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _clocks_page(at, _year_of(at, at.form.get("year")), messages=(message,), status=status)

    return await attempt(at, act, show_again)
