"""When to try again after a failed attempt. Pure: time and chance come in as arguments."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 2 * 3_600, 4 * 3_600, 8 * 3_600)
)
LAST_WAIT = timedelta(hours=12)
# Longer than a Golden Week closure, which is 8 days.
GIVE_UP_AFTER = timedelta(days=14)
MOST_JITTER = 0.2
MOST_RETRY_AFTER = timedelta(hours=24)

_SECONDS = re.compile(r"[0-9]{1,9}")


def wait_after(failures: int) -> timedelta:
    """The wait after that many failed attempts (1 or more), without jitter."""
    if failures < 1:
        raise ValueError("there is nothing to wait for before the first failure")
    return FIRST_WAITS[failures - 1] if failures <= len(FIRST_WAITS) else LAST_WAIT


def next_attempt_at(
    *, failures: int, created_at: datetime, now: datetime, chance: float, retry_after: timedelta | None = None
) -> datetime | None:
    """When to try next; None where the delivery is 14 days old by then and is given up.

    Args:
        failures: attempts that failed so far, the last one included.
        chance: 0 up to 1; stretches the wait by 0 to 20 %, so that many rows do not come back at one moment.
        retry_after: what the receiver asked for; never tried earlier than that, up to 24 hours.
    """
    if not 0 <= chance <= 1:
        raise ValueError("chance lies between 0 and 1")
    wait = wait_after(failures) * (1 + MOST_JITTER * chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, MOST_RETRY_AFTER))
    due = now + wait
    return due if due <= created_at + GIVE_UP_AFTER else None


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A `Retry-After` header as a wait, never negative; None where it says nothing. Source: RFC 9110, 10.2.3."""
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
        # RFC 9110 dates are GMT; one that names no zone is read as such.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return max(moment - now, timedelta())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
