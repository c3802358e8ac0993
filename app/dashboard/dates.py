"""Dates as the office reads them, in China Standard Time. Formatting only: working days are counted elsewhere."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

from markupsafe import Markup

CHINA: Final = timezone(timedelta(hours=8), "CST")
NOTHING: Final = Markup('<span class="text-body-secondary">—</span>')
ENGLISH_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def in_china(moment: datetime) -> datetime:
    """The same moment on a Chinese clock; a naive datetime is refused."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be shown")
    return moment.astimezone(CHINA)


def _local_day(value: date) -> date:
    return in_china(value).date() if isinstance(value, datetime) else value


def chinese_day(value: date) -> str:
    """2026年11月23日, of a date or of an aware datetime."""
    day = _local_day(value)
    return f"{day.year}年{day.month}月{day.day}日"


def english_day(value: date) -> str:
    """23 Nov 2026, of a date or of an aware datetime."""
    day = _local_day(value)
    return f"{day.day} {ENGLISH_MONTHS[day.month - 1]} {day.year}"


def say_day(value: date, language: str) -> str:
    """The day in that language, of a date or of an aware datetime."""
    return english_day(value) if language == "en" else chinese_day(value)


def show_day(value: date | None, language: str) -> Markup:
    """A `<time>` element with the day in the reader's language; a dash for nothing."""
    if value is None:
        return NOTHING
    shown = f'<time datetime="{_local_day(value).isoformat()}">{say_day(value, language)}</time>'
    return Markup(shown)  # noqa: S704 - digits and names of months


def show_moment(value: datetime | None, language: str) -> Markup:
    """A `<time>` element with day and minute in the reader's language; a dash for nothing."""
    if value is None:
        return NOTHING
    local = in_china(value)
    stamp = local.isoformat(timespec="seconds")
    shown = f'<time datetime="{stamp}">{say_day(local, language)} {local:%H:%M}</time>'
    return Markup(shown)  # noqa: S704 - digits and names of months


def show_month(value: date, language: str) -> str:
    """2026年11月, or Nov 2026."""
    return f"{ENGLISH_MONTHS[value.month - 1]} {value.year}" if language == "en" else f"{value.year}年{value.month}月"


def show_official_day(value: date | None) -> Markup:
    """The day as an official document gives it: Chinese whatever the reader's language."""
    if value is None:
        return NOTHING
    stamp, said = _local_day(value).isoformat(), chinese_day(value)
    return Markup('<time datetime="{}" lang="zh-CN">{}</time>').format(stamp, said)
