"""Addresses: registering, secrets and their rotation, pausing, sending again, the log."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.clock import FixedClock
from app.database import Database
from app.deliver.claim import claim_due
from app.deliver.endpoints import (
    AlreadyRegistered,
    BadEndpointSecret,
    BadOverlap,
    BeingSent,
    EndpointInactive,
    UnknownDepartment,
    activate,
    deactivate,
    redeliver,
    register_endpoint,
    rotate_secret,
    secrets_of,
)
from app.deliver.guard import AddressRefused, Guard, UrlRefused
from app.deliver.keyring import Secret, open_secrets, seal_secrets
from app.deliver.log import list_attempts, list_deliveries, list_endpoints
from app.deliver.send import Fault, Outcome
from app.deliver.settle import settle
from app.models import DeliveryStatus, Department, Endpoint
from app.problems import AppError, NotFound
from app.sealing import SealBroken, Sealer
from tests.deliver.factories import SEALER, make_department, set_scene

URL = "https://oa.example.cn/hook"


async def register(database: Database, clock: FixedClock, url: str = URL, secret: str | None = None) -> tuple[str, str]:
    async with database.write() as session:
        endpoint, shown = await register_endpoint(session, "CS-MZ", url, SEALER, Guard(), clock.now(), secret)
    return endpoint.id, shown


async def valid_secrets(database: Database, clock: FixedClock, code: str = "CS-MZ") -> list[str]:
    async with database.read() as session:
        return await secrets_of(session, code, SEALER, clock.now())


@pytest.fixture
async def department(database: Database) -> Department:
    async with database.write() as session:
        row = make_department()
        session.add(row)
    return row


@pytest.mark.usefixtures("department")
async def test_a_secret_is_shown_once_and_stored_encrypted(database: Database, clock: FixedClock) -> None:
    endpoint_id, shown = await register(database, clock)
    async with database.read() as session:
        row = await session.get(Endpoint, endpoint_id)
        assert row is not None
        assert (row.url, row.active, row.created_at) == (URL, True, clock.now())
        assert shown.encode() not in row.secret
    assert await valid_secrets(database, clock) == [shown]
    assert await valid_secrets(database, clock, "CS-JY") == []


@pytest.mark.usefixtures("department")
async def test_a_secret_moved_to_another_row_does_not_open(database: Database, clock: FixedClock) -> None:
    first, _ = await register(database, clock)
    second, _ = await register(database, clock, URL + "2")
    async with database.write() as session:
        row = await session.get(Endpoint, first)
        assert row is not None
        await session.execute(update(Endpoint).where(Endpoint.id == second).values(secret=row.secret))
    with pytest.raises(SealBroken):
        await valid_secrets(database, clock)


@pytest.mark.parametrize(
    ("code", "url", "secret", "refusal"),
    [
        ("CS-XX", URL, None, UnknownDepartment),
        ("CS-MZ", "ftp://a.cn/", None, UrlRefused),
        ("CS-MZ", "http://127.1/", None, AddressRefused),
        ("CS-MZ", "http://10.0.0.1/", None, AddressRefused),
        ("CS-MZ", URL, "password", BadEndpointSecret),
    ],
)
@pytest.mark.usefixtures("department")
async def test_what_cannot_work_is_refused_with_what_to_do(
    database: Database, clock: FixedClock, code: str, url: str, secret: str | None, refusal: type[AppError]
) -> None:
    async with database.write() as session:
        with pytest.raises(refusal) as caught:
            await register_endpoint(session, code, url, SEALER, Guard(), clock.now(), secret)
    assert caught.value.status == 422
    assert caught.value.zh != caught.value.title_zh
    assert caught.value.en != caught.value.title_en


@pytest.mark.usefixtures("department")
async def test_the_same_address_is_registered_once(database: Database, clock: FixedClock) -> None:
    endpoint_id, _ = await register(database, clock)
    with pytest.raises(AlreadyRegistered):
        await register(database, clock)
    async with database.write() as session:
        await deactivate(session, endpoint_id, clock.now())
    await register(database, clock)


@pytest.mark.usefixtures("department")
async def test_a_rotated_secret_is_valid_beside_the_new_one_for_a_while(database: Database, clock: FixedClock) -> None:
    endpoint_id, old = await register(database, clock)
    async with database.write() as session:
        new = await rotate_secret(session, endpoint_id, SEALER, clock.now(), timedelta(hours=1))
    assert await valid_secrets(database, clock) == [new, old]
    clock.advance(hours=1)
    assert await valid_secrets(database, clock) == [new]


@pytest.mark.usefixtures("department")
async def test_a_rotation_without_overlap_revokes_at_once(database: Database, clock: FixedClock) -> None:
    endpoint_id, _ = await register(database, clock)
    async with database.write() as session:
        new = await rotate_secret(session, endpoint_id, SEALER, clock.now(), timedelta())
        with pytest.raises(BadOverlap):
            await rotate_secret(session, endpoint_id, SEALER, clock.now(), timedelta(days=31))
    assert await valid_secrets(database, clock) == [new]


@pytest.mark.usefixtures("department")
async def test_a_paused_address_signs_nothing_and_verifies_nothing(database: Database, clock: FixedClock) -> None:
    endpoint_id, shown = await register(database, clock)
    async with database.write() as session:
        await deactivate(session, endpoint_id, clock.now())
    assert await valid_secrets(database, clock) == []
    async with database.write() as session:
        await activate(session, endpoint_id, clock.now())
    assert await valid_secrets(database, clock) == [shown]


async def test_unknown_ids_are_not_found(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        with pytest.raises(NotFound):
            await deactivate(session, "0" * 32, clock.now())
        with pytest.raises(NotFound):
            await redeliver(session, 1, clock.now())


async def test_what_is_in_hand_or_paused_is_not_sent_again(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"])
    async with database.write() as session:
        [taken] = (await claim_due(session, clock.now(), limit=1, cap=1)).taken
    async with database.write() as session:
        with pytest.raises(BeingSent):
            await redeliver(session, taken.delivery_id, clock.now())
        await deactivate(session, scene.endpoint_ids[0], clock.now())
        with pytest.raises(EndpointInactive):
            await redeliver(session, taken.delivery_id, clock.now())


async def test_the_log_filters_pages_and_tells_each_attempt(database: Database, clock: FixedClock) -> None:
    scene = await set_scene(database, clock.now(), ["http://127.0.0.1/a"], cases=3)
    async with database.write() as session:
        [taken] = (await claim_due(session, clock.now(), limit=1, cap=1)).taken
        gone = Outcome(milliseconds=250, http_status=410, fault=Fault.GONE, answer="bye")
        await settle(session, taken, gone, clock.now(), 0.0)
    async with database.read() as session:
        everything = await list_deliveries(session)
        assert [line.delivery.id for line in everything] == sorted((e.delivery.id for e in everything), reverse=True)
        assert {(e.event_type, e.department_code, e.endpoint_active) for e in everything} == {
            ("assignment.created", "CS-MZ", False)
        }
        page = await list_deliveries(session, limit=2)
        rest = await list_deliveries(session, before=page[-1].delivery.id)
        assert page + rest == everything
        [dead] = await list_deliveries(session, status=DeliveryStatus.DEAD, department_code="CS-MZ")
        assert dead.delivery.id == taken.delivery_id
        assert len(await list_deliveries(session, case_id=scene.cases[0].id)) == 1
        assert await list_deliveries(session, department_code="CS-JY") == []
        assert await list_deliveries(session, endpoint_id="0" * 32) == []
        [attempt] = await list_attempts(session, taken.delivery_id)
        assert (attempt.number, attempt.http_status, attempt.answer) == (1, 410, "bye")
        assert attempt.error == "gone (410)"
        assert attempt.started_at == clock.now() - timedelta(milliseconds=250)
        assert [e.id for e in await list_endpoints(session, "CS-MZ")] == scene.endpoint_ids
        assert len(await list_endpoints(session)) == 1


def test_a_sealed_keyring_that_is_no_keyring_is_broken(clock: FixedClock) -> None:
    sealed = SEALER.seal(b"[1]", "endpoint:x")
    with pytest.raises(SealBroken):
        open_secrets(SEALER, "x", sealed, clock.now())
    with pytest.raises(SealBroken):
        open_secrets(Sealer(b"other"), "x", seal_secrets(SEALER, "x", [Secret("s")]), clock.now())
