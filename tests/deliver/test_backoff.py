"""The retry schedule as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from app.deliver.backoff import GIVE_UP_AFTER, next_attempt_at, read_retry_after, wait_after

START = datetime(2026, 10, 1, 0, 0, tzinfo=UTC)
MINUTE, HOUR = 60, 3600


@pytest.mark.parametrize(
    ("failures", "seconds"),
    list(
        enumerate(
            [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 12 * HOUR],
            start=1,
        )
    ),
)
def test_the_schedule(failures: int, seconds: int) -> None:
    assert wait_after(failures) == timedelta(seconds=seconds)


def test_attempts_go_on_past_a_golden_week_and_end_after_14_days() -> None:
    now, failures = START, 1
    while (due := next_attempt_at(failures=failures, created_at=START, now=now, chance=0)) is not None:
        now, failures = due, failures + 1
    assert timedelta(days=13, hours=12) < now - START <= GIVE_UP_AFTER
    assert failures == 36


@pytest.mark.parametrize(("chance", "seconds"), [(0, 5), (0.5, 5.5), (1, 6)])
def test_jitter_only_adds_and_at_most_a_fifth(chance: float, seconds: float) -> None:
    due = next_attempt_at(failures=1, created_at=START, now=START, chance=chance)
    assert due == START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "waited"), [(1, 5), (100, 100), (24 * HOUR, 24 * HOUR), (25 * HOUR, 24 * HOUR), (10**9, 24 * HOUR)]
)
def test_retry_after_is_honoured_up_to_a_day_and_never_shortens_the_wait(asked: int, waited: int) -> None:
    due = next_attempt_at(failures=1, created_at=START, now=START, chance=0, retry_after=timedelta(seconds=asked))
    assert due == START + timedelta(seconds=waited)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 01 Oct 2026 00:02:00 GMT", 120),
        ("Thu, 01 Oct 2026 08:02:00 +0800", 120),
        ("Wed, 30 Sep 2026 00:00:00 GMT", 0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("9" * 400, None),
        ("Thu, 99 Oct 99999 00:02:00 GMT", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert read_retry_after(header, START) == expected


def test_senseless_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="first failure"):
        wait_after(0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        next_attempt_at(failures=1, created_at=START, now=START, chance=2)
