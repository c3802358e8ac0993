"""Reconciling finds each way in which a ledger can go wrong, by name."""

import pytest
from sqlalchemy import text

from app.ledger.reconcile import reconcile
from tests.api.scenes import FEEDBACK, UNCLEAR, assigned
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


MERGED = {
    "state": ("UPDATE cases SET outcome = 'answered' WHERE merged_into IS NOT NULL", "state or outcome says otherwise"),
    "pointer lost": ("UPDATE cases SET merged_into = NULL", "state or outcome says otherwise"),
    "chain": ("UPDATE cases SET merged_into = id WHERE merged_into IS NOT NULL", "merged itself"),
    "report left": (
        "UPDATE reports SET case_id = came_from WHERE came_from IS NOT NULL",
        "merged case that still has a report",
    ),
    "origin lost": ("UPDATE reports SET came_from = NULL", "cannot be found"),
    "not told": ("DELETE FROM replies", "told nothing"),
}


@pytest.mark.parametrize("kind", MERGED)
async def test_a_merge_that_went_wrong_is_named(city: CityUnderTest, kind: str) -> None:
    scene = await assigned(city)
    other = (await (await city.reporter("FR-02")).post("/v1/reports", json={"text": UNCLEAR})).json()["case"]
    body = {"cases": [other], "reason": "同一件事。"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/merge", json=body)).status_code == 200
    assert await offenders(city) == []
    statement, fault = MERGED[kind]
    await run(city, statement)
    assert any(fault in found for found in await offenders(city))
