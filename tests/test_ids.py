"""Ids: version 7 of RFC 9562, in the order in which a process made them, whatever its clock does."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from app.models import new_id


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_an_id_is_a_version_7_with_the_present_time() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_id())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    # A process that makes many within a millisecond runs ahead of the clock by as little.
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1000


def test_a_clock_that_goes_back_changes_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert first < new_id() < new_id()


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [new_id() for _ in range(2_000)], range(8)))
    assert len({each for some in made for each in some}) == 16_000
    assert all(some == sorted(some) for some in made)
