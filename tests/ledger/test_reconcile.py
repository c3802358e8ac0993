"""Reconciling finds each way in which a ledger can go wrong, by name."""

import pytest
from sqlalchemy import text

from app.clock import FixedClock
from app.ledger.reconcile import reconcile
from tests.api.scenes import ASSIGNED, FEEDBACK, UNCLEAR, Scene, assigned
from tests.city import CityUnderTest

BREAKAGE = {
    "owner": ("UPDATE cases SET owner = NULL", "without an owner"),
    "clock": ("UPDATE deadlines SET ended_at = started_at", "without a running clock"),
    "nobody looks": ("UPDATE deadlines SET look_at = NULL", "nobody will look at"),
    "duty": ("UPDATE cases SET owner_department = NULL", "none has a duty"),
    "version": ("UPDATE cases SET last_seq = last_seq + 1", "disagree"),
    "wrong owner": ("UPDATE cases SET owner = 'office'", "does not fit"),
    "owner without duty": ("UPDATE cases SET owner_department = 'FR-JY'", "owning department has no duty"),
    "two leads": (
        "INSERT INTO assignments (id, case_id, department_code, kind, role, status, on_behalf_of, obligation, due_at,"
        " dispatched_at, version) SELECT 'second', case_id, 'FR-JY', kind, role, status, on_behalf_of, obligation,"
        " due_at, dispatched_at, version FROM assignments",
        "more than one lead",
    ),
    "clock of another state": ("UPDATE deadlines SET kind = 'review'", "fits the state"),
    "merged into nothing": ("UPDATE cases SET merged_into = id", "merged itself"),
    "relapse of nothing": ("UPDATE cases SET relapse_of = 'gone'", "relapse of no case"),
}


async def offenders(city: CityUnderTest) -> list[str]:
    async with city.runtime.database.snapshot() as session:
        return [o.fault for o in (await reconcile(session)).offenders]


async def run(city: CityUnderTest, statement: str) -> None:
    async with city.runtime.database.write() as session:
        await session.execute(text(statement))


# What is wrong when a case that was struck off as relieved was tampered with.
BROKEN_END = {
    "not planned": ("DELETE FROM look_backs", "without looks back"),
    "planned for an earlier end only": ("UPDATE look_backs SET due_at = (SELECT opened_at FROM cases)", "looks back"),
    "nobody looks": ("UPDATE look_backs SET look_at = NULL", "look back that nobody will look at"),
    "open again": ("UPDATE cases SET status = 'triage'", "unfinished look back"),
    "clock": ("UPDATE deadlines SET ended_at = NULL", "closed case with a running clock"),
    "outcome": ("UPDATE cases SET outcome = NULL", "without an outcome"),
    "duplicate without a reply": (
        "UPDATE replies SET kind = 'interim'",
        "closed without a reply",
    ),
}


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


async def relieved(city: CityUnderTest) -> Scene:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    await scene.review()
    await scene.verify(relieved=True)
    return scene


@pytest.mark.parametrize("kind", BROKEN_END)
async def test_a_case_struck_off_that_went_wrong_is_named(city: CityUnderTest, kind: str) -> None:
    await relieved(city)
    assert await offenders(city) == []
    statement, fault = BROKEN_END[kind]
    await run(city, statement)
    assert any(fault in found for found in await offenders(city))


async def test_an_event_that_was_not_queued_for_an_address_active_then_is_named(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office = await city.office()
    early = await assigned(city)
    body = {"department": "FR-MZ", "url": "http://127.0.0.1:9/in"}
    assert (await office.post("/v1/endpoints", json=body)).status_code == 201
    clock.advance(minutes=2)
    await early.act("acceptance")
    another = "区民政局要求高龄津贴年审逐户上门拍照,照片打印出来装订成册,系统里还要再传一遍。"
    late = (await (await city.reporter("FR-02")).post("/v1/reports", json={"text": another})).json()
    assert not late["joined"]
    assert await offenders(city) == []
    await run(city, "DELETE FROM deliveries")
    async with city.runtime.database.snapshot() as session:
        [offender] = (await reconcile(session)).offenders
    assert (offender.number, "was not queued" in offender.fault) == (late["case"], True)


async def test_named_offenders_are_capped_and_all_are_counted(city: CityUnderTest) -> None:
    for number in range(5):
        answer = await (await city.reporter()).post("/v1/reports", json={"text": f"{ASSIGNED}第{number}张表。"})
        assert answer.status_code == 201
    await run(city, "UPDATE cases SET last_seq = last_seq + 1")
    async with city.runtime.database.snapshot() as session:
        found = await reconcile(session, most=3)
        whole = await reconcile(session)
    assert (len(found.offenders), found.count) == (3, 5)
    assert (len(whole.offenders), whole.count) == (5, 5)


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
