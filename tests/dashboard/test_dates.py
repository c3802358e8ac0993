"""Dates on the pages: Chinese days on a Chinese clock, English only for the interface."""

from datetime import UTC, date, datetime

import pytest

from app.dashboard.dates import chinese_day, in_china, show_day, show_moment, show_official_day

LATE = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)


def test_a_day_follows_the_chinese_clock() -> None:
    assert chinese_day(LATE) == "2026年11月23日"
    assert chinese_day(date(2026, 1, 2)) == "2026年1月2日"


def test_a_day_is_a_time_element_in_the_readers_language() -> None:
    assert show_day(LATE, "zh") == '<time datetime="2026-11-23">2026年11月23日</time>'
    assert show_day(LATE, "en") == '<time datetime="2026-11-23">23 Nov 2026</time>'


def test_a_moment_has_minutes_and_its_offset() -> None:
    assert show_moment(LATE, "zh") == '<time datetime="2026-11-23T00:05:00+08:00">2026年11月23日 00:05</time>'


def test_an_official_day_is_chinese_in_every_language() -> None:
    assert show_official_day(LATE) == '<time datetime="2026-11-23" lang="zh-CN">2026年11月23日</time>'


def test_nothing_is_a_dash() -> None:
    assert "—" in show_day(None, "zh")
    assert show_day(None, "zh") == show_moment(None, "en") == show_official_day(None)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        in_china(LATE.replace(tzinfo=None))
