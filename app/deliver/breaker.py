"""断路: an address that does not answer gets a rest, so that nobody's worker waits on it. Pure: time comes in.

Five failures in a row open it. Nothing is sent for 30 s; then one call probes, then two, then four; a probe that fails
opens it again for twice as long, up to 30 minutes. Nothing is given up by this: rows wait, and the office sees why.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

OPENS_AFTER: Final = 5
FIRST_REST: Final = timedelta(seconds=30)
LONGEST_REST: Final = timedelta(minutes=30)
# Calls that may be under way at once, step by step, after a rest.
PROBES: Final = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Where an address stands: closed without `rests_until`, open before that moment, being probed after it.

    Attributes:
        failures: in a row.
        proven: probes answered since the rest ended.
    """

    failures: int = 0
    rests_until: datetime | None = None
    proven: int = 0


def room(breaker: Breaker, cap: int) -> int:
    """How many calls may be under way at once to an address that does not rest, `cap` at most."""
    if breaker.rests_until is None:
        return cap
    step_ends = 0
    for allowed in PROBES:
        step_ends += allowed
        if breaker.proven < step_ends:
            return min(allowed, cap)
    return cap


def rest_after(failures: int) -> timedelta:
    """How long an address rests after that many failures in a row, five or more."""
    # The doubling is bounded before it is computed: an address may fail for years.
    doublings = max(0, min(failures - OPENS_AFTER, 10))
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)


def after_call(breaker: Breaker, *, answered: bool, now: datetime) -> Breaker:
    """Where an address stands after one more call has ended; `answered`: its system is alive, whatever it said."""
    if breaker.rests_until is not None and now < breaker.rests_until:
        return breaker  # The call was made before the rest; what it tells is known.
    if not answered:
        failures = breaker.failures + 1
        if failures < OPENS_AFTER:
            return replace(breaker, failures=failures)
        return Breaker(failures, now + rest_after(failures))
    if breaker.rests_until is None or not breaker.failures or breaker.proven + 1 >= sum(PROBES):
        return Breaker()
    return replace(breaker, proven=breaker.proven + 1)


def after_limit(breaker: Breaker, *, rest: timedelta, now: datetime) -> Breaker:
    """Where an address stands that said it had too many messages: it is well, and is left alone for `rest`.

    A longer rest goes on. The first answer after it closes the breaker, for nothing had failed.
    """
    until = now + min(rest, LONGEST_REST)
    if breaker.rests_until is not None and breaker.rests_until >= until:
        return breaker
    return Breaker(rests_until=until)
