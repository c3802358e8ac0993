"""An address gets nothing real before it has answered its challenge; both databases, a real socket."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.clock import FixedClock
from app.database import Database
from app.deliver.checker import Checker
from app.deliver.checks import (
    NO_ECHO,
    ask_challenge,
    claim_checks,
    connect_endpoint,
    echoes,
    list_checks,
    send_test,
    settle_check,
)
from app.deliver.claim import claim_due, has_due
from app.deliver.endpoints import AlreadyConfirmed, EndpointInactive, deactivate
from app.deliver.send import Outcome, Sender
from app.models import CheckStatus, Endpoint, EndpointCheck
from app.problems import NotFound
from tests.deliver.factories import LOOPBACK, SEALER, add_event, load_deliveries, make_case, set_scene
from tests.receiver import Answer, DepartmentReceiver


@pytest.fixture
def receiver(clock: FixedClock) -> Iterator[DepartmentReceiver]:
    with DepartmentReceiver(clock=clock) as running:
        yield running


@pytest.fixture
async def checker(database: Database, clock: FixedClock) -> AsyncIterator[Checker]:
    sender = Sender(LOOPBACK, connect_seconds=1, total_seconds=3)
    yield Checker(database, clock, SEALER, sender)
    await sender.aclose()


async def connect(database: Database, clock: FixedClock, receiver: DepartmentReceiver) -> str:
    """Register the receiver for the department of an empty scene, as a door does."""
    await set_scene(database, clock.now(), [], cases=0)
    async with database.write() as session:
        endpoint, receiver.secret = await connect_endpoint(
            session, "CS-MZ", receiver.url, SEALER, LOOPBACK, clock.now()
        )
    return endpoint.id


async def check(checker: Checker) -> bool:
    found = await checker.take()
    await checker.drain(10)
    return found


async def newest(database: Database, endpoint_id: str) -> EndpointCheck:
    async with database.read() as session:
        return (await list_checks(session, endpoint_id))[0]


async def is_confirmed(database: Database, endpoint_id: str) -> bool:
    async with database.read() as session:
        endpoint = await session.get(Endpoint, endpoint_id)
    return endpoint is not None and endpoint.confirmed_at is not None


async def test_events_wait_for_the_challenge_and_then_go_out_in_order(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, checker: Checker
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    case = make_case(clock.now())
    async with database.write() as session:
        session.add(case)
    for _ in range(2):
        await add_event(database, case, clock.now())
    async with database.write() as session:
        assert not await has_due(session, clock.now())
        assert (await claim_due(session, clock.now(), limit=9, cap=9)).taken == []
    assert await check(checker)
    assert not await check(checker)
    [challenge] = receiver.challenges
    assert challenge.verified
    assert challenge.event["type"] == "endpoint.challenge"
    assert set(challenge.event) == {"type", "timestamp", "id", "seq", "schema_version", "data"}
    assert challenge.webhook_id == challenge.event["id"]
    found = await newest(database, endpoint_id)
    assert (found.status, found.http_status, found.error, found.attempts) == (CheckStatus.ANSWERED, 200, None, 1)
    assert await is_confirmed(database, endpoint_id)
    async with database.write() as session:
        [first] = (await claim_due(session, clock.now(), limit=9, cap=9)).taken
    rows = await load_deliveries(database)
    assert (first.delivery_id, len(rows)) == (rows[0].id, 2)


@pytest.mark.parametrize(
    "answer",
    [Answer(), Answer(204, b""), Answer(500), Answer(302, headers={"Location": "/elsewhere"}), Answer(instead="reset")],
    ids=["no echo", "empty", "error", "redirect", "reset"],
)
async def test_whoever_does_not_answer_it_is_asked_for_a_day_and_then_on_request(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, checker: Checker, answer: Answer
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    receiver.echo, receiver.default = False, answer
    began = clock.now()
    asked, waits = 0, []
    while (found := await newest(database, endpoint_id)).due_at is not None:
        clock.set(found.due_at)
        assert await check(checker)
        asked += 1
        assert len(receiver.requests) == asked
        waits.append((found.due_at - began).total_seconds())
        if asked in (3, 4):  # a quarter of an hour, and nearly a day, go by in the same way
            async with database.write() as session:
                later = began + timedelta(minutes=16 if asked == 3 else 23 * 60 + 55)
                await session.execute(update(EndpointCheck).values(due_at=later))
    assert waits == [0, 2, 12, 16 * 60, 23 * 3600 + 55 * 60]
    assert len({request.body for request in receiver.requests}) == 1
    assert found.status is CheckStatus.FAILED
    assert (found.error == NO_ECHO) is (answer.status < 300 and not answer.instead)
    assert not await is_confirmed(database, endpoint_id)
    receiver.echo = True
    async with database.write() as session:
        again = await ask_challenge(session, endpoint_id, clock.now())
    assert again.id != found.id
    assert await check(checker)
    assert await is_confirmed(database, endpoint_id)
    async with database.write() as session:
        with pytest.raises(AlreadyConfirmed):
            await ask_challenge(session, endpoint_id, clock.now())


async def test_asking_again_while_it_waits_brings_the_same_challenge_forward(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, checker: Checker
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    receiver.echo, receiver.default = False, Answer(503)
    await check(checker)
    before = await newest(database, endpoint_id)
    async with database.write() as session:
        again = await ask_challenge(session, endpoint_id, clock.now())
    assert (again.id, again.due_at) == (before.id, clock.now())


async def test_a_test_is_sent_once_whatever_is_answered_and_changes_nothing(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, checker: Checker
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    await check(checker)
    receiver.default = Answer(418, b"x" * 5000)
    async with database.write() as session:
        await send_test(session, endpoint_id, clock.now())
    assert await check(checker)
    clock.advance(days=2)
    assert not await check(checker)
    found = await newest(database, endpoint_id)
    assert (found.status, found.http_status, len(found.answer or "")) == (CheckStatus.FAILED, 418, 1024)
    [request] = receiver.requests
    assert (request.event["type"], request.event["data"]) == ("endpoint.test", {"department": "CS-MZ"})
    assert request.verified
    assert await load_deliveries(database) == []


async def test_a_worker_that_died_with_a_check_loses_it_to_another(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    async with database.write() as session:
        [dead] = await claim_checks(session, clock.now(), 4)
        assert await claim_checks(session, clock.now(), 4) == []
    clock.advance(seconds=46)
    async with database.write() as session:
        [alive] = await claim_checks(session, clock.now(), 4)
    answered = Outcome(http_status=200, answer=json.dumps({"challenge": alive.token}))
    async with database.write() as session:
        assert not await settle_check(session, dead, answered, clock.now())
    assert not await is_confirmed(database, endpoint_id)
    async with database.write() as session:
        assert await settle_check(session, alive, answered, clock.now())
    assert await is_confirmed(database, endpoint_id)


async def test_an_address_that_is_paused_or_unknown_is_asked_nothing(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, checker: Checker
) -> None:
    endpoint_id = await connect(database, clock, receiver)
    async with database.write() as session:
        await deactivate(session, endpoint_id, clock.now())
        with pytest.raises(EndpointInactive):
            await send_test(session, endpoint_id, clock.now())
        with pytest.raises(NotFound):
            await ask_challenge(session, "0" * 32, clock.now())
    assert not await check(checker)
    assert receiver.challenges == []


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        ("tok", True),
        (" tok\n", True),
        ('{"challenge": "tok"}', True),
        ('{"challenge":"tok","ok":true}', True),
        (None, False),
        ("", False),
        ("toktok", False),
        ('"tok"', False),
        ('["tok"]', False),
        ('{"challenge": ["tok"]}', False),
        ('{"type":"endpoint.challenge","data":{"challenge":"tok"}}', False),
        ('{"challenge": "tok"', False),
    ],
)
def test_an_echo_is_the_challenge_itself_and_no_mirror(answer: str | None, good: bool) -> None:
    assert echoes(answer, "tok") is good
