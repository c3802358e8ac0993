"""放假通知, read from its own words: which days of a year are off and which are made up. Pure; it stores nothing.

Source of the wording: the State Council office's yearly notices (国务院办公厅关于部分节假日安排的通知), 2023 to 2026.
"""

import re
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from app.problems import InvalidInput

FESTIVALS = ("元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆")
# Month and day of what is off by law whatever the year.
FIXED = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
FIRST_YEAR, LAST_YEAR = 2000, 2100
WEEKDAYS = "一二三四五六日"
LONGEST_NOTICE = 20_000
LONGEST_HOLIDAY = 15

_TITLE = re.compile(r"关于(\d{4})年(?:部分)?节假日安排的通知|现将(\d{4})年元旦")
_SECTION = re.compile(
    r"(?:^|[\n。])\s*(?:[一二三四五六七八九十]+、)?\s*((?:[一-龥]{1,4}(?:节|旦))(?:[、和][一-龥]{1,4}节)*):"
)
_CLOSING = re.compile(r"\n?(?:节假日期间|国务院办公厅)")
_DAY = r"(?:(?P<{0}y>\d{{4}})年)?(?:(?P<{0}m>\d{{1,2}})月)?(?P<{0}d>\d{{1,2}})日(?:\((?P<{0}n>[^)]*)\))?"
_SPAN = re.compile(_DAY.format("a") + r"(?:\s*(?:至|到|—+|-|~)\s*" + _DAY.format("b") + ")?")
_COUNT = re.compile(r"共(\d{1,2})天|放假(\d{1,2})天")
_WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日天])")


class BadNotice(InvalidInput):
    code = "bad_notice"
    title_zh, title_en = "放假安排读不通", "The holiday notice cannot be used"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(
            f"{zh}没有改动任何日期。", f"{en} No day was changed.", errors=[{"field": "text", "zh": zh, "en": en}]
        )


@dataclass(slots=True)
class Notice:
    """What a year's notice says: its festivals as it names them, days that are off, days that are worked instead."""

    year: int
    festivals: list[str] = field(default_factory=list)
    off: dict[date, str] = field(default_factory=dict)
    worked: dict[date, str] = field(default_factory=dict)


def read_notice(text: str, year: int | None = None) -> Notice:
    """Read the notice's text. Raises BadNotice: no year, a festival missing, a day that contradicts the calendar.

    Args:
        year: needed where the text does not name it; must agree where it does.
    """
    if len(text) > LONGEST_NOTICE:
        raise BadNotice("内容过长，请只粘贴通知正文。", "The text is too long; paste the notice alone.")
    plain = re.sub(r"[ \t\u3000]+", "", unicodedata.normalize("NFKC", text).replace("\r\n", "\n"))
    notice = Notice(_year_of(plain, year))
    for festivals, words in _sections(plain):
        _read_section(notice, festivals, words)
    _refuse_incomplete(notice)
    return notice


def _year_of(text: str, given: int | None) -> int:
    years = {int(first or second) for first, second in _TITLE.findall(text.replace("\n", ""))}
    years |= {given} if given else set()
    if len(years) != 1 or not FIRST_YEAR <= min(years) <= LAST_YEAR:
        raise BadNotice(
            "看不出是哪一年的安排：请附上通知标题，或另外写明年份且与标题一致。",
            "The year is not clear: include the notice's title, or give the year that agrees with it.",
        )
    return years.pop()


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Each festival's heading and what stands under it; the closing words and the date of issue belong to none."""
    found = list(_SECTION.finditer(text))
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        yield match[1], _CLOSING.split(text[match.end() : end])[0].replace("\n", "")


def _read_section(notice: Notice, festivals: str, words: str) -> None:
    notice.festivals.append(festivals)
    off = 0
    for sentence in re.split("[。;]", words):
        spans = list(_SPAN.finditer(sentence))
        if not spans or sentence.startswith("鼓励"):
            continue
        if ("上班" in sentence) == ("放假" in sentence):
            raise BadNotice(f"“{festivals}”一段看不懂：{sentence}。", f"A sentence is not understood: {sentence}.")
        worked, month = "上班" in sentence, None
        for span in spans:
            days = _days_of(notice.year, span, month)
            month = days[-1].month
            for day in days:
                _add(notice, day, festivals, worked=worked)
            off += 0 if worked else len(days)
    said = next((int(a or b) for a, b in _COUNT.findall(words)), None)
    if not off or (said is not None and said != off):
        raise BadNotice(
            f"“{festivals}”写明放假 {said if said is not None else 0} 天，列出的日期却是 {off} 天。",
            f"{festivals}: {said if said is not None else 0} days are announced, but {off} are listed.",
        )


def _days_of(year: int, span: re.Match[str], month: int | None) -> list[date]:
    first = _day_of(span, "a", year, month)
    if span["bd"] is None:
        return [first]
    last = _day_of(span, "b", first.year, first.month)
    if abs(last.year - year) > 1 or not 0 < (last - first).days <= LONGEST_HOLIDAY:
        raise BadNotice(f"起止日期不通：{span[0]}。", f"The dates do not follow each other: {span[0]}.")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _day_of(span: re.Match[str], end: str, year: int, month: int | None) -> date:
    """One end of a span: `a` or `b`; year and month are those before where it does not name its own."""
    try:
        found = date(int(span[end + "y"] or year), int(span[end + "m"] or month or 0), int(span[end + "d"]))
    except ValueError:
        raise BadNotice(f"没有这一天：{span[0]}。", f"There is no such day: {span[0]}.") from None
    if abs(found.year - year) > 1:
        raise BadNotice(f"日期不属于这一年：{span[0]}。", f"The day is of another year: {span[0]}.")
    weekday = _WEEKDAY.search(span[end + "n"] or "")
    if weekday and WEEKDAYS.index(weekday[1].replace("天", "日")) != found.weekday():
        right = WEEKDAYS[found.weekday()]
        raise BadNotice(f"{found} 是周{right}，通知写的是{weekday[0]}。", f"{found} is another weekday: {span[0]}.")
    return found


def _add(notice: Notice, day: date, name: str, *, worked: bool) -> None:
    if day in notice.off or day in notice.worked:
        raise BadNotice(f"{day} 前后矛盾，出现了两次。", f"{day} is named twice.")
    if worked and day.weekday() < 5:
        raise BadNotice(f"{day} 本来就上班。", f"{day} is a working day anyway.")
    (notice.worked if worked else notice.off)[day] = name


def _refuse_incomplete(notice: Notice) -> None:
    named = "、".join(notice.festivals)
    missing = "、".join(name for name in FESTIVALS if name not in named)
    if missing:
        raise BadNotice(f"安排不完整，缺少：{missing}。", f"The notice is not complete; missing: {missing}.")
    refuse_missing_holidays(notice.year, notice.off)


def refuse_missing_holidays(year: int, off: Container[date]) -> None:
    """Raise BadNotice where a day that is off by law is not among those off."""
    for month, number in FIXED:
        day = date(year, month, number)
        if day not in off:
            raise BadNotice(f"{day} 是法定节日，安排中却没有放假。", f"{day} is a holiday by law but is not off.")
