"""Queueing: in the transaction of the change, for every active address of the department."""

import pytest

from app.batch import Batch
from app.clock import FixedClock
from app.database import Database
from app.deliver.endpoints import deactivate, register_endpoint
from app.deliver.fan_out import enqueue
from app.models import DeliveryStatus
from tests.deliver.factories import LOOPBACK, SEALER, load_deliveries, make_case, make_department, make_event


async def prepare(database: Database, clock: FixedClock) -> dict[str, list[str]]:
    """Two departments, one with three addresses of which one is off, one with a single address; a third with none."""
    addresses: dict[str, list[str]] = {}
    async with database.write() as session:
        session.add_all(make_department(code) for code in ("CS-MZ", "CS-JY", "CS-RS"))
    async with database.write() as session:
        for code, number in (("CS-MZ", 3), ("CS-JY", 1)):
            made = [
                await register_endpoint(session, code, f"http://127.0.0.1/{code}/{n}", SEALER, LOOPBACK, clock.now())
                for n in range(number)
            ]
            addresses[code] = [endpoint.id for endpoint, _ in made]
    async with database.write() as session:
        await deactivate(session, addresses["CS-MZ"].pop(), clock.now())
    return addresses


async def test_each_addressed_event_goes_to_each_active_address__of_its_department(
    database: Database, clock: FixedClock
) -> None:
    addresses = await prepare(database, clock)
    async with database.write() as session:
        case = make_case(clock.now())
        events = [
            make_event(case, clock.now(), None),
            make_event(case, clock.now(), "CS-MZ"),
            make_event(case, clock.now(), "CS-JY"),
            make_event(case, clock.now(), "CS-RS"),
        ]
        batch = Batch()
        batch.add(case, *events)
        enqueue(batch, events, clock.now())
        await batch.write(session)
    rows = await load_deliveries(database)
    expected = {(events[1].id, a) for a in addresses["CS-MZ"]} | {(events[2].id, a) for a in addresses["CS-JY"]}
    assert {(row.event_id, row.endpoint_id) for row in rows} == expected
    for row in rows:
        assert (row.status, row.due_at, row.created_at) == (DeliveryStatus.PENDING, clock.now(), clock.now())
        assert (row.case_id, row.attempts, row.crashes, row.lease_token) == (case.id, 0, 0, None)
        assert row.seq == {events[1].id: 2, events[2].id: 3}[row.event_id or ""]


async def test_events_that_are_addressed_to_nobody_are_not_queued(database: Database, clock: FixedClock) -> None:
    await prepare(database, clock)
    case = make_case(clock.now())
    events = [make_event(case, clock.now(), None)]
    async with database.write() as session:
        batch = Batch()
        batch.add(case, *events)
        enqueue(batch, events, clock.now())
        await batch.write(session)
    assert await load_deliveries(database) == []


async def test_a_change_that_is_rolled_back_leaves_nothing_queued(database: Database, clock: FixedClock) -> None:
    await prepare(database, clock)

    async def change_and_fail() -> None:
        async with database.write() as session:
            case = make_case(clock.now())
            event = make_event(case, clock.now())
            batch = Batch()
            batch.add(case, event)
            enqueue(batch, [event], clock.now())
            await batch.write(session)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await change_and_fail()
    assert await load_deliveries(database) == []
