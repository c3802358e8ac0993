"""What a look at a late clock comes to, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from app.models import Deadline, DeadlineKind, Party
from app.supervise.overdue import await_promise, note_overdue, raise_level
from app.supervise.watch import Look, act_on, is_quarantined, look_no_more

NOW = datetime(2026, 3, 30, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
K = DeadlineKind


def late(kind: DeadlineKind, level: int, promised: timedelta | None, *, told: bool = True) -> Deadline:
    return Deadline(
        kind=kind,
        party=Party.DEPARTMENT,
        due_at=NOW - timedelta(days=7),
        overdue_at=NOW - timedelta(days=6) if told else None,
        level=level,
        promised_until=NOW + promised if promised is not None else None,
    )


@pytest.mark.parametrize(
    ("clock", "act"),
    [
        (late(K.FEEDBACK, 0, None, told=False), note_overdue),
        (late(K.FEEDBACK, 0, None), raise_level),
        (late(K.FEEDBACK, 2, None), raise_level),
        (late(K.FEEDBACK, 3, None), look_no_more),
        (late(K.FEEDBACK, 0, HOUR), await_promise),
        (late(K.FORWARDING, 2, HOUR), await_promise),
        (late(K.FEEDBACK, 3, HOUR), await_promise),
        (late(K.FEEDBACK, 0, timedelta()), await_promise),  # the last moment of the promised day
        (late(K.FEEDBACK, 1, -HOUR), raise_level),
        (late(K.FEEDBACK, 3, -HOUR), raise_level),  # which notes that the promise is broken, and raises nothing
        (late(K.ACCEPTANCE, 0, None), look_no_more),
    ],
)
def test_a_late_clock_is_told_raised_or_waits_for_what_was_promised(clock: Deadline, act: Look) -> None:
    assert act_on(clock, NOW) is act


@pytest.mark.parametrize(
    ("failures", "ended", "held"), [(None, None, False), (4, None, False), (5, None, True), (5, NOW, False)]
)
def test_only_a_running_clock_is_quarantined(failures: int | None, ended: datetime | None, held: bool) -> None:
    assert is_quarantined(Deadline(failures=failures, ended_at=ended)) is held
