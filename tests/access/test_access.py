"""Keys, passwords, sessions, permissions: hashed, checked, expiring, and nobody does what is not theirs."""

import asyncio
from datetime import datetime, timedelta

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import func, select

from app.access import keys, people
from app.access.principal import PERMISSIONS, Permission, Principal
from app.clock import FixedClock
from app.database import Database
from app.flow.tidying import Tidier
from app.models import ApiKey, Department, ObservationPoint, Report, Role, User, UserSession
from app.problems import NotAllowed
from tests.city import CityUnderTest


async def with_holders(database: Database) -> None:
    async with database.write() as session:
        session.add(ObservationPoint(code="P1", name="甲村", district="FR", active=True))
        session.add(
            Department(
                code="D1", name="甲局", short_names=[], tier="municipal", line="民政", vertical=False, active=True
            )
        )


async def find(database: Database, key: str, clock: FixedClock) -> Principal | None:
    async with database.glance() as connection:
        return await keys.find_principal(connection, key, clock.now())


async def test_a_key_finds_its_holder_until_it_expires(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    async with database.write() as session:
        key = await keys.create_key(
            session, Role.REPORTER, now=clock.now(), observation_point="P1", expires_at=clock.now() + timedelta(days=1)
        )
    found = await find(database, key, clock)
    assert found is not None
    assert (found.role, found.observation_point, found.department) == (Role.REPORTER, "P1", None)
    clock.advance(days=1)
    assert await find(database, key, clock) is None


async def test_a_database_dump_holds_no_usable_key_or_password(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    async with database.write() as session:
        key = await keys.create_key(session, Role.DEPARTMENT, now=clock.now(), department="D1")
        user = await people.create_user(
            session, "li", "correct horse", role=Role.CLERK, display_name="李", now=clock.now()
        )
        await session.flush()
        token = people.open_session(session, user, clock.now())
    dump = []
    async with database.read() as session:
        for table in (ApiKey.__table__, User.__table__, UserSession.__table__):
            dump += [str(tuple(row)) for row in await session.execute(select(table))]
    for secret in (key, key.split("_", 2)[2], "correct horse", token):
        assert not [line for line in dump if secret in line]


@pytest.mark.parametrize(
    ("password", "weak"),
    [
        ("short", True),
        ("1234567890", True),
        ("password123!", True),
        ("Admin@2026-01", True),
        ("ababababab", True),
        ("wangfang2026", True),
        ("correct horse", False),
        ("wangfang likes tea", False),
    ],
)
async def test_a_password_that_anybody_tries_first_is_refused(
    database: Database, clock: FixedClock, password: str, weak: bool
) -> None:
    made = {"role": Role.ADMINISTRATOR, "display_name": "王芳", "now": clock.now()}
    async with database.write() as session:
        if weak:
            with pytest.raises(people.WeakPassword):
                await people.create_user(session, "WangFang", password, **made)  # type: ignore[arg-type]
        else:
            await people.create_user(session, "WangFang", password, **made)  # type: ignore[arg-type]


async def test_a_holder_has_at_most_two_live_keys(database: Database, clock: FixedClock) -> None:
    await with_holders(database)

    async def create() -> str:
        async with database.write() as session:
            return await keys.create_key(session, Role.DEPARTMENT, now=clock.now(), department="D1")

    await create()
    await create()
    with pytest.raises(keys.TooManyKeys):
        await create()


@pytest.mark.parametrize(
    ("role", "point", "department"),
    [
        (Role.REPORTER, None, None),
        (Role.REPORTER, "NO", None),
        (Role.REPORTER, "P1", "D1"),
        (Role.DEPARTMENT, None, "NO"),
        (Role.DEPARTMENT, "P1", None),
        (Role.ADMINISTRATOR, "P1", None),
    ],
)
async def test_a_key_needs_the_holder_of_its_role(
    database: Database, clock: FixedClock, role: Role, point: str | None, department: str | None
) -> None:
    await with_holders(database)
    with pytest.raises(keys.UnknownHolder):
        async with database.write() as session:
            await keys.create_key(session, role, now=clock.now(), observation_point=point, department=department)


def test_a_mistyped_key_is_told_by_its_checksum() -> None:
    key = keys.make_key()
    assert keys.is_well_formed(key)
    assert not keys.is_well_formed(key[:-1] + ("A" if key[-1] != "A" else "B"))
    swapped = key[:15] + key[16] + key[15] + key[17:]
    assert swapped == key or not keys.is_well_formed(swapped)


def test_where_there_is_no_hash_as_much_is_counted_before_the_answer_is_no() -> None:
    # The same costs and lengths, and well formed: what the library cannot read it refuses at once.
    assert extract_parameters(people._DECOY) == extract_parameters(people.hash_password("any"))
    with pytest.raises(VerifyMismatchError):
        people._hasher.verify(people._DECOY, "any")


def test_a_password_fits_only_its_own_hash_and_never_none() -> None:
    hashed = people._hasher.hash("correct horse")
    assert people.password_fits(hashed, "correct horse")
    assert not people.password_fits(hashed, "wrong horse")
    assert not people.password_fits(None, "correct horse")
    assert not people.password_fits("not a hash", "correct horse")


async def signed_in(database: Database, clock: FixedClock) -> str:
    async with database.write() as session:
        user = await people.create_user(
            session, "li", "correct horse", role=Role.CLERK, display_name="李", now=clock.now()
        )
        await session.flush()
        return people.open_session(session, user, clock.now())


async def is_alive(database: Database, token: str, clock: FixedClock) -> bool:
    async with database.read() as session:
        return await people.find_signed_in(session, token, clock.now()) is not None


async def test_a_session_ends_when_idle_and_in_any_case_after_twelve_hours(
    database: Database, clock: FixedClock
) -> None:
    token = await signed_in(database, clock)
    began = clock.now()
    while await is_alive(database, token, clock):
        async with database.write() as session:
            found = await people.find_signed_in(session, token, clock.now())
            assert found is not None
            await people.touch(session, found.token_hash, clock.now())
        clock.advance(minutes=25)
    assert timedelta(hours=12) <= clock.now() - began < timedelta(hours=12, minutes=25)


async def test_an_idle_session_ends_after_half_an_hour(database: Database, clock: FixedClock) -> None:
    token = await signed_in(database, clock)
    clock.advance(minutes=29)
    assert await is_alive(database, token, clock)
    clock.advance(minutes=1)
    assert not await is_alive(database, token, clock)


async def test_an_inactive_user_and_a_closed_session_are_nobody(database: Database, clock: FixedClock) -> None:
    token = await signed_in(database, clock)
    async with database.write() as session:
        user = (await session.scalars(select(User))).one()
        user.active = False
    assert not await is_alive(database, token, clock)


def test_only_reporters_send_and_only_the_office_rules() -> None:
    assert [r for r in Role if Permission.SEND_REPORTS in PERMISSIONS[r]] == [Role.REPORTER]
    assert {r for r in Role if Permission.RULE in PERMISSIONS[r]} == {Role.CLERK, Role.LEADER, Role.ADMINISTRATOR}
    assert {r for r in Role if Permission.INSTRUCT in PERMISSIONS[r]} == {Role.LEADER, Role.ADMINISTRATOR}
    assert [r for r in Role if Permission.MANAGE_ENDPOINTS in PERMISSIONS[r]] == [Role.ADMINISTRATOR]
    with pytest.raises(NotAllowed):
        Principal(Role.AUDITOR, "user:x").require(Permission.RULE)


def test_an_actor_never_names_a_reporter() -> None:
    assert Principal(Role.REPORTER, "key:1", observation_point="FR-01").actor == "observation_point"


async def test_fifty_equal_posts_at_once_store_one_report(city: CityUnderTest) -> None:
    reporter = await city.reporter("FR-01")
    body, headers = {"text": "区民政局要求每周报一次台账。"}, {"Idempotency-Key": "same"}
    answers = await asyncio.gather(*(reporter.post("/v1/reports", json=body, headers=headers) for _ in range(50)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Report)) == 1


async def test_one_holders_idempotency_key_is_not_anothers(city: CityUnderTest) -> None:
    headers = {"Idempotency-Key": "same"}
    one, two = await city.reporter("FR-01"), await city.reporter("FR-02")
    first = await one.post("/v1/reports", json={"text": "区民政局要甲表。"}, headers=headers)
    second = await two.post("/v1/reports", json={"text": "区民政局要乙表。"}, headers=headers)
    assert first.json()["report"] != second.json()["report"]


async def test_a_retried_act_gets_its_first_answer_though_the_move_is_no_longer_legal(city: CityUnderTest) -> None:
    from tests.api.scenes import assigned

    scene = await assigned(city)
    url, headers = f"/v1/assignments/{scene.assignment}/acceptance", {"Idempotency-Key": "k1"}
    first = await scene.department.post(url, json={}, headers=headers)
    again = await scene.department.post(url, json={}, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content


async def test_a_point_that_the_pack_names_no_more_still_reads_but_may_not_send(city: CityUnderTest) -> None:
    async with city.runtime.database.write() as session:
        session.add(ObservationPoint(code="P1", name="甲村", district="FR", active=False))
    reporter, body = await city.reporter("P1"), {"text": "区民政局要求每周报一次台账。"}
    refused = await reporter.post("/v1/reports", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "observation_point_inactive")
    (entry,) = (await reporter.post("/v1/reports/batch", json={"reports": [body]})).json()["results"]
    assert entry["problem"]["code"] == "observation_point_inactive"
    assert (await reporter.post("/v1/classifications", json=body)).status_code == 200
    assert (await reporter.get("/v1/reports/BG-2026-000001")).status_code == 404


async def test_ended_sessions_go_after_a_month_but_for_the_last_of_each_account(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as session:
        for name in ("li", "zhang"):
            await people.create_user(
                session, name, "correct horse", role=Role.CLERK, display_name=name, now=clock.now()
            )
    signed_in: list[tuple[str, datetime]] = []
    for days in (0, 5, 20, 20):
        clock.advance(days=days)
        async with database.write() as session:
            for name in ("li", "zhang") if not signed_in else ("li",):
                user = await people.find_user(session, name)
                assert user is not None
                people.open_session(session, user, clock.now())
                signed_in.append((name, clock.now()))
    for _ in range(2):
        await Tidier(database, clock, timedelta(days=1)).tidy()
        async with database.read() as session:
            rows = await session.execute(
                select(User.username, UserSession.created_at).join(User, User.id == UserSession.user_id)
            )
            # Of li those of the 25th and 45th day are left, of zhang the only one.
            assert sorted(tuple(row) for row in rows) == sorted([*signed_in[3:], signed_in[1]])
