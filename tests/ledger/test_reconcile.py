"""Reconciling finds each way in which a ledger can go wrong, by name."""

import pytest
from sqlalchemy import text

from app.ledger.reconcile import reconcile
from tests.api.scenes import FEEDBACK, assigned
from tests.city import CityUnderTest

BREAKAGE = {
    "owner": ("UPDATE cases SET owner = NULL", "without an owner"),
    "clock": ("UPDATE deadlines SET ended_at = started_at", "without a running clock"),
    "nobody looks": ("UPDATE deadlines SET look_at = NULL", "nobody will look at"),
    "duty": ("UPDATE cases SET owner_department = NULL", "none has a duty"),
    "version": ("UPDATE cases SET last_seq = last_seq + 1", "disagree"),
    "wrong owner": ("UPDATE cases SET owner = 'office'", "does not fit"),
}


async def offenders(city: CityUnderTest) -> list[str]:
    async with city.runtime.database.snapshot() as session:
        return [o.fault for o in (await reconcile(session)).offenders]


async def run(city: CityUnderTest, statement: str) -> None:
    async with city.runtime.database.write() as session:
        await session.execute(text(statement))


@pytest.mark.parametrize("kind", BREAKAGE)
async def test_an_open_case_that_went_wrong_is_named(city: CityUnderTest, kind: str) -> None:
    await assigned(city)
    assert await offenders(city) == []
    statement, fault = BREAKAGE[kind]
    await run(city, statement)
    assert any(fault in found for found in await offenders(city))


async def test_a_closed_case_needs_a_reply_and_feedback(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=True)
    async with city.runtime.database.snapshot() as session:
        result = await reconcile(session)
    assert (result.reports, result.opened, result.closed, result.on_ledger) == (1, 1, 1, 0)
    assert result.holds
    await run(city, "DELETE FROM replies")
    await run(city, "DELETE FROM acts")
    found = await offenders(city)
    assert any("without a reply" in f for f in found)
    assert any("without feedback" in f for f in found)
