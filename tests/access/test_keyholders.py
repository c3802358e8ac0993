"""Keys are managed: changed without a gap, ended at once in every process, never readable again, their use noted."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select
from typer.testing import Result

from app.access import keyholders, keys
from app.access.admin_log import page_acts
from app.access.key_use import KeyUse
from app.access.keyholders import KeyFilter
from app.access.people import create_user, open_session
from app.access.principal import Principal
from app.api.door import SESSION_COOKIE
from app.clock import FixedClock
from app.database import Database
from app.models import AdminActKind, ApiKey, IdempotentAnswer, Role, columns_of
from tests.access.test_access import find, with_holders
from tests.city import CityUnderTest, new_city, open_city
from tests.journeys.test_backup_drill import command

BOSS = "office:boss"
DAY = timedelta(days=1)


async def issue(database: Database, clock: FixedClock, days: int | None = None, role: Role = Role.REPORTER) -> str:
    async with database.write() as session:
        key, _ = await keyholders.issue_key(
            session, role, "P1" if role is Role.REPORTER else None, None, by=BOSS, now=clock.now(), days=days
        )
    return key


async def id_of(database: Database, key: str) -> str:
    async with database.read() as session:
        return await keyholders.find_key_id(session, key.split("_")[1])


async def rotate(database: Database, clock: FixedClock, key: str, overlap: timedelta = DAY) -> str:
    key_id = await id_of(database, key)
    async with database.write() as session:
        row = await keyholders.lock_key(session, key_id, clock.now())
        return (await keyholders.rotate_key(session, row, by=BOSS, now=clock.now(), overlap=overlap)).key


async def revoke(database: Database, clock: FixedClock, key: str, mark: str | None = None) -> None:
    key_id = await id_of(database, key)
    async with database.write() as session:
        row = await keyholders.lock_key(session, key_id, clock.now(), mark)
        keyholders.revoke_key(session, row, by=BOSS, now=clock.now())


async def test_a_new_key_stands_beside_the_old_one_until_its_end(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    old = await issue(database, clock, days=30)
    clock.advance(days=10)
    new = await rotate(database, clock, old)
    for key in (old, new):
        found = await find(database, key, clock)
        assert found is not None
        assert found.observation_point == "P1"
    with pytest.raises(keys.TooManyKeys):
        await rotate(database, clock, new)
    clock.advance(days=1)
    assert await find(database, old, clock) is None
    clock.advance(days=28)
    assert await find(database, new, clock) is not None
    clock.advance(days=1)
    assert await find(database, new, clock) is None


async def test_an_end_that_comes_sooner_stays_and_no_overlap_ends_the_old_one(
    database: Database, clock: FixedClock
) -> None:
    await with_holders(database)
    old = await issue(database, clock, days=1)
    new = await rotate(database, clock, old, overlap=7 * DAY)
    clock.advance(days=1)
    assert await find(database, old, clock) is None
    endless = await issue(database, clock)
    await revoke(database, clock, endless)
    endless = await issue(database, clock)
    last = await rotate(database, clock, endless, overlap=timedelta())
    assert await find(database, endless, clock) is None
    assert await find(database, last, clock) is not None
    assert await find(database, new, clock) is None
    with pytest.raises(keyholders.BadKeyOverlap):
        await rotate(database, clock, last, overlap=91 * DAY)


async def test_a_revoked_key_is_nobodys_and_stays_so(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    key, other = await issue(database, clock), await issue(database, clock)
    async with database.read() as session:
        row = await session.get_one(ApiKey, await keyholders.find_key_id(session, key.split("_")[1]))
        mark = keyholders.mark_of([row])
    await revoke(database, clock, key, mark)
    assert await find(database, key, clock) is None
    assert await find(database, other, clock) is not None
    with pytest.raises(keyholders.KeyEnded):
        await revoke(database, clock, key)
    await rotate(database, clock, other)
    with pytest.raises(keyholders.KeysChanged):
        await revoke(database, clock, other, mark)
    async with database.read() as session:
        acts, _ = await page_acts(session, offset=0, limit=9)
        found = await keyholders.list_keys(session, KeyFilter(valid_at=clock.now()), limit=9)
        assert len(found) == await keyholders.count_keys(session, KeyFilter(valid_at=clock.now())) == 2
    assert [entry.act.kind for entry in acts] == [
        AdminActKind.KEY_CREATED, AdminActKind.KEY_ROTATED, AdminActKind.KEY_REVOKED,
        AdminActKind.KEY_CREATED, AdminActKind.KEY_CREATED,
    ]  # fmt: skip
    said = json.dumps([columns_of(entry.act) for entry in acts], default=str)
    assert key.split("_", 2)[2] not in said
    assert key.split("_")[1] in said


async def test_a_prefix_that_two_keys_have_names_neither(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    await issue(database, clock)
    async with database.write() as session:
        row = (await session.scalars(select(ApiKey))).one()
        prefix, first = row.prefix, row.id
        session.add(ApiKey(id="f" * 32, prefix=prefix, secret_hash="-", role=Role.CLERK, created_at=clock.now()))
    async with database.read() as session:
        with pytest.raises(keyholders.AmbiguousPrefix):
            await keyholders.find_key_id(session, f"yl_{prefix}")
        with pytest.raises(keyholders.UnknownKey):
            await keyholders.find_key_id(session, "nothing")
        assert await keyholders.find_key_id(session, first) == first


@pytest.mark.parametrize("role", [Role.REPORTER, Role.CLERK])
async def test_a_holder_has_two_live_keys_though_many_are_made_at_once(
    database: Database, clock: FixedClock, role: Role
) -> None:
    await with_holders(database)
    await issue(database, clock, role=role)
    made = await asyncio.gather(*(issue(database, clock, role=role) for _ in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == [*["TooManyKeys"] * 4, "str"]


async def test_the_day_of_the_last_use_is_noted_once_and_never_goes_back(database: Database, clock: FixedClock) -> None:
    await with_holders(database)
    key_id = await id_of(database, await issue(database, clock))
    use, late = (KeyUse(database, ZoneInfo("Asia/Shanghai")) for _ in range(2))

    async def noted() -> date | None:
        async with database.read() as session:
            return (await session.get_one(ApiKey, key_id)).last_used_on

    late.note(key_id, clock.now() - DAY)
    assert await noted() is None
    # 23:30 in Changsha is still that day, 00:30 the next.
    for hours, day in ((14, 2), (1, 3)):
        clock.advance(hours=hours)
        use.note(key_id, clock.now())
        await use.write()
        assert await noted() == date(2026, 3, day)
    await late.write()
    assert await noted() == date(2026, 3, 3)


# ── through the doors ──


@pytest.fixture
async def twin(city: CityUnderTest, tmp_path: Path) -> AsyncIterator[CityUnderTest]:
    """Another process's application over the same database."""
    async with open_city(city.url, tmp_path, city.clock) as opened:
        yield opened


def bearer(city: CityUnderTest, key: str) -> httpx.AsyncClient:
    return city.anonymous(headers={"Authorization": f"Bearer {key}"})


async def test_keys_change_without_a_gap_and_a_revoked_one_is_refused_everywhere(
    city: CityUnderTest, twin: CityUnderTest
) -> None:
    office = await city.office()
    body = {"role": "reporter", "observation_point": "FR-01", "days": 90, "label": "村务系统"}
    old = (await office.post("/v1/keys", json=body)).json()
    new = (await office.post("/v1/keys", json=body)).json()
    assert (await office.post("/v1/keys", json=body)).json()["code"] == "too_many_keys"
    for made in (old, new):
        assert made["key"].startswith(f"yl_{made['prefix']}_")
        for one in (city, twin):
            assert (await bearer(one, made["key"]).get("/v1/departments")).status_code == 200
    ended = await office.post(f"/v1/keys/{old['id']}/revoke")
    assert ended.status_code == 200
    assert ended.json()["revoked_at"] is not None
    for one in (city, twin):
        assert (await bearer(one, old["key"]).get("/v1/departments")).status_code == 401
        assert (await bearer(one, new["key"]).get("/v1/departments")).status_code == 200
    assert (await office.post(f"/v1/keys/{old['id']}/revoke")).json()["code"] == "key_ended"
    await city.runtime.key_use.write()
    listed = (await office.get("/v1/keys?observation_point=FR-01&live=true")).json()
    assert [(k["id"], k["last_used_on"], k["expires_at"][:10]) for k in listed] == [
        (new["id"], "2026-03-02", "2026-05-31")
    ]
    assert {k["id"] for k in (await office.get("/v1/keys?role=reporter")).json()} == {old["id"], new["id"]}
    older = (await office.get(f"/v1/keys?before={new['id']}&limit=1")).json()
    assert [k["id"] for k in older] == [old["id"]]
    assert not any("key" in k or "secret_hash" in k for k in listed)


async def test_a_retry_gets_the_same_key_and_the_database_holds_none_that_works(city: CityUnderTest) -> None:
    office = await city.office()
    body, headers = {"role": "department", "department": "FR-MZ"}, {"Idempotency-Key": "k1"}
    answers = [await office.post("/v1/keys", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    key = answers[0].json()["key"]
    assert (await bearer(city, key).get("/v1/events")).status_code == 200
    async with city.runtime.database.read() as session:
        kept = [row.body for row in await session.scalars(select(IdempotentAnswer))]
        assert len(list(await session.scalars(select(ApiKey.id).where(ApiKey.role == Role.DEPARTMENT)))) == 1
    assert len(kept) == 1
    assert kept[0].startswith("sealed:")
    assert key.split("_", 2)[2] not in kept[0]


async def test_a_key_for_nobody_is_refused(city: CityUnderTest) -> None:
    office = await city.office()
    for body, code in (
        ({"role": "reporter"}, "unknown_holder"),
        ({"role": "reporter", "observation_point": "NO"}, "unknown_holder"),
        ({"role": "department", "department": "FR-MZ", "observation_point": "FR-01"}, "unknown_holder"),
        ({"role": "clerk", "department": "FR-MZ"}, "unknown_holder"),
        ({"role": "clerk", "days": 0}, "invalid_input"),
    ):
        answer = await office.post("/v1/keys", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_session_that_was_ended_or_closed_elsewhere_is_nobody_here(
    city: CityUnderTest, twin: CityUnderTest
) -> None:
    from app.access import staff

    database, now = city.runtime.database, city.clock.now()
    async with database.write() as session:
        user = await create_user(session, "li", "correct horse", role=Role.CLERK, display_name="李", now=now)
        await session.flush()
        token, mine = open_session(session, user, now), open_session(session, user, now)
        await session.flush()
        user_id = user.id
    client = twin.anonymous(cookies={SESSION_COOKIE: token})
    assert (await client.get("/v1/departments")).status_code == 200
    async with database.write() as session:
        locked = await staff.lock_user(session, user_id)
        await staff.end_sessions(session, locked, by=BOSS, now=now, but=_hash(mine))
    assert (await client.get("/v1/departments")).status_code == 401
    other = twin.anonymous(cookies={SESSION_COOKIE: mine})
    assert (await other.get("/v1/departments")).status_code == 200
    async with database.write() as session:
        await staff.deactivate(session, await staff.lock_user(session, user_id), by=BOSS, now=now)
    assert (await other.get("/v1/departments")).status_code == 401


def _hash(token: str) -> str:
    from app.access import people

    return people._hash(token)


async def test_a_password_of_somebody_elses_lets_nobody_at_the_interface(city: CityUnderTest) -> None:
    async with city.runtime.database.write() as session:
        user = await create_user(
            session, "li", "correct horse", role=Role.CLERK, display_name="李", now=city.clock.now(), must_change=True
        )
        await session.flush()
        token = open_session(session, user, city.clock.now())
    answer = await city.anonymous(cookies={SESSION_COOKIE: token}).get("/v1/departments")
    assert answer.status_code == 403
    assert "初始密码" in answer.json()["detail"]


def test_an_administrator_by_key_is_named_by_the_key() -> None:
    assert Principal(Role.ADMINISTRATOR, "key:1").actor == "office:key:1"


# ── commands ──


async def run(city: CityUnderTest, *arguments: str) -> Result:
    return await asyncio.to_thread(command, city.url, city.folder, *arguments)


async def said(city: CityUnderTest, *arguments: str) -> list[str]:
    """What a command that does its work prints."""
    result = await run(city, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


async def test_an_operator_manages_keys_and_people_by_command(tmp_path: Path, clock: FixedClock) -> None:
    """On one database: what the commands call is tried on both above."""
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as city:
            await manage_keys(city)
            await manage_people(city)


async def manage_keys(city: CityUnderTest) -> None:
    [old] = await said(city, "create-key", "--role", "reporter", "--observation-point", "FR-01", "--days", "30")
    prefix = old.split("_")[1]
    [new] = await said(city, "rotate-key", prefix, "--overlap-days", "2")
    lines = [line.split("\t") for line in await said(city, "list-keys", "--observation-point", "FR-01")]
    assert [line[:3] for line in lines] == [[key.split("_")[1], "reporter", "FR-01"] for key in (new, old)]
    assert await said(city, "revoke-key", f"yl_{prefix}") == [f"已停用：{prefix}"]
    assert (await run(city, "revoke-key", lines[1][6])).exit_code == 2
    assert (await run(city, "revoke-key", "no-such-key")).exit_code == 2
    assert len(await said(city, "list-keys", "--role", "reporter")) == 1
    assert "revoked" in (await said(city, "list-keys", "--role", "reporter", "--all"))[1]
    assert (await bearer(city, old).get("/v1/departments")).status_code == 401


async def manage_people(city: CityUnderTest) -> None:
    for name, role in (("boss", "administrator"), ("li", "clerk")):
        await said(city, "create-user", name, "--role", role, "--password", "correct horse")
    await said(
        city, "create-user", "ma", "--role", "department", "--department", "FR-MZ", "--password", "correct horse"
    )
    result = await run(city, "set-role", "ma", "reporter", "--observation-point", "no-such-point")
    assert (result.exit_code, "账号须指明" in result.stderr) == (2, True)
    await said(city, "set-role", "ma", "reporter", "--observation-point", "FR-01")
    await said(city, "set-role", "li", "auditor")
    [password] = await said(city, "reset-password", "li")
    assert len(password) == 16
    assert await said(city, "end-sessions", "li") == ["已结束登录：0"]
    await said(city, "deactivate-user", "li")
    assert await said(city, "list-users") == [
        "boss\tadministrator\tactive\t-\t0\tboss\t-",
        "ma\treporter\tactive\t-\t0\tma\tFR-01",
        "li\tauditor\tinactive\t-\t0\tli\t-",
    ]
    await said(city, "activate-user", "li")
    for refused in (("set-role", "boss", "clerk"), ("deactivate-user", "boss"), ("end-sessions", "nobody")):
        result = await run(city, *refused)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 2
