"""Queueing: in the transaction of the change, in one statement, for every active address of the department."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event as sql_event

from app.clock import FixedClock
from app.database import Database
from app.deliver.endpoints import deactivate, register_endpoint
from app.deliver.fan_out import queue_deliveries
from app.models import DeliveryStatus
from tests.deliver.factories import LOOPBACK, SEALER, load_deliveries, make_case, make_department, make_event


@contextmanager
def count_statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    sql_event.listen(database.writer.sync_engine, "before_cursor_execute", note)
    yield seen
    sql_event.remove(database.writer.sync_engine, "before_cursor_execute", note)


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
        await deactivate(session, addresses["CS-MZ"].pop())
    return addresses


async def test_each_addressed_event_goes_to_each_active_address_in_one_statement(
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
        session.add_all([case, *events])
        with count_statements(database) as seen:
            await queue_deliveries(session, events, clock.now())
            assert [s.split()[0] for s in seen if s != "BEGIN IMMEDIATE"] == ["INSERT"]
    rows = await load_deliveries(database)
    expected = {(events[1].id, a) for a in addresses["CS-MZ"]} | {(events[2].id, a) for a in addresses["CS-JY"]}
    assert {(row.event_id, row.endpoint_id) for row in rows} == expected
    for row in rows:
        assert (row.status, row.due_at, row.created_at) == (DeliveryStatus.PENDING, clock.now(), clock.now())
        assert (row.case_id, row.attempts, row.crashes, row.lease_token) == (case.id, 0, 0, None)
        assert row.seq == {events[1].id: 2, events[2].id: 3}[row.event_id]


async def test_events_that_are_addressed_to_nobody_cost_no_statement(database: Database, clock: FixedClock) -> None:
    case = make_case(clock.now())
    async with database.write() as session:
        with count_statements(database) as seen:
            await queue_deliveries(session, [make_event(case, clock.now(), None)], clock.now())
            await queue_deliveries(session, [], clock.now())
        assert seen == []


async def test_a_change_that_is_rolled_back_leaves_nothing_queued(database: Database, clock: FixedClock) -> None:
    await prepare(database, clock)

    async def change_and_fail() -> None:
        async with database.write() as session:
            case = make_case(clock.now())
            event = make_event(case, clock.now())
            session.add_all([case, event])
            await queue_deliveries(session, [event], clock.now())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await change_and_fail()
    assert await load_deliveries(database) == []
