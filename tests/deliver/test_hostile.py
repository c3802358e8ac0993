"""Every hostile way to answer that the chaos kit knows, one exchange each: bounded in time and bytes, judged right."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.deliver import send
from app.deliver.claim import LEASE
from app.deliver.send import Fault, Message, Outcome, Sender
from tests.chaos.departments import HOSTILE, BadTls
from tests.deliver.factories import LOOPBACK
from tests.receiver import TEST_SECRET, DepartmentReceiver

pytestmark = pytest.mark.alone

TOTAL = 1.5
# What comes of each, and whether it may take the whole of the bound.
EXPECTED: dict[str, tuple[int | None, Fault | None, bool]] = {
    "hang": (None, Fault.TIMEOUT, True),
    "drip": (None, Fault.TIMEOUT, True),
    "dripbody": (200, None, True),
    "flood": (200, None, False),
    "bomb": (200, None, False),
    "reset": (None, Fault.BROKEN, False),
    "moved": (302, Fault.REDIRECT, False),
    "gone": (410, Fault.GONE, False),
    "busy": (429, Fault.STATUS, False),
    "refuses": (422, Fault.STATUS, False),
}


async def attempt(url: str) -> tuple[Outcome, float]:
    sender = Sender(LOOPBACK, total_seconds=TOTAL)
    began = time.monotonic()
    try:
        outcome = await sender.post(Message("e1", url, (TEST_SECRET,), b"{}"), datetime.now(UTC))
    finally:
        await sender.aclose()
    return outcome, time.monotonic() - began


@pytest.mark.parametrize("behaviour", HOSTILE)
async def test_a_hostile_exchange_is_bounded_as_a_whole(behaviour: str) -> None:
    status, fault, slow = EXPECTED[behaviour]
    with DepartmentReceiver() as receiver:
        receiver.default = HOSTILE[behaviour]
        outcome, seconds = await attempt(receiver.url)
        requests = len(receiver.requests)
    assert (outcome.http_status, outcome.fault) == (status, fault)
    assert seconds < TOTAL + 0.5
    assert slow is (outcome.milliseconds >= TOTAL * 1000)
    assert len(outcome.answer or "") <= send.KEPT_ANSWER_BYTES
    assert requests == 1
    assert outcome.retry_after == (timedelta(seconds=3) if behaviour == "busy" else None)


async def test_a_certificate_that_nobody_vouches_for_gets_no_request() -> None:
    async with BadTls() as tls:
        outcome, seconds = await attempt(tls.url)
        assert tls.requests == 0
    assert (outcome.http_status, outcome.fault) == (None, Fault.TLS)
    assert seconds < TOTAL


def test_the_bounds_are_those_promised_and_a_lease_outlasts_an_attempt() -> None:
    assert (send.CONNECT_SECONDS, send.TOTAL_SECONDS, send.MOST_ANSWER_BYTES) == (3, 15, 16 * 1024)
    assert timedelta(seconds=2 * send.TOTAL_SECONDS) < LEASE
