"""Accounts are managed: made, changed, closed; passwords and sessions; each act stands in a log that never changes."""

import asyncio
import json

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from app.access import people, staff
from app.access.admin_log import OPERATOR, page_acts
from app.access.people import SignedIn, find_signed_in, find_user, open_session, password_fits
from app.clock import FixedClock
from app.database import Database
from app.models import AdminAct, AdminActKind, Role, User, columns_of
from app.problems import NotFound
from tests.access.test_access import with_holders
from tests.dashboard.conftest import CHEAP

PASSWORD = "correct horse battery"
BOSS = "office:boss"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_hasher", CHEAP)


async def hire(database: Database, clock: FixedClock, name: str = "li", role: Role = Role.CLERK) -> str:
    """The id of a new account."""
    async with database.write() as session:
        made = await people.create_user(session, name, PASSWORD, role=role, display_name=name, now=clock.now())
        return made.id


async def sign_in(database: Database, clock: FixedClock, name: str = "li") -> str:
    async with database.write() as session:
        user = await find_user(session, name)
        assert user is not None
        return open_session(session, user, clock.now())


async def set_role(database: Database, clock: FixedClock, user_id: str, role: Role) -> None:
    async with database.write() as session:
        await staff.set_role(session, await staff.lock_user(session, user_id), role, by=BOSS, now=clock.now())


async def who(database: Database, token: str, clock: FixedClock) -> SignedIn | None:
    async with database.read() as session:
        return await find_signed_in(session, token, clock.now())


async def log(database: Database) -> list[AdminAct]:
    async with database.read() as session:
        rows, total = await page_acts(session, offset=0, limit=50)
    assert total == len(rows)
    return [row.act for row in rows]


async def test_a_new_account_gets_a_password_that_must_be_changed(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        made, password = await staff.employ(
            session, "wang", role=Role.LEADER, display_name="王芳", by=BOSS, now=clock.now()
        )
    token = await sign_in(database, clock, "wang")
    found = await who(database, token, clock)
    assert found is not None
    assert found.must_change
    password_hash = await staff.check_change(made, password, PASSWORD)
    async with database.write() as session:
        user = await staff.lock_user(session, made.id, staff.mark_of(made))
        await staff.change_password(
            session, user, password_hash, by=f"office:{made.id}", now=clock.now(), but=found.token_hash
        )
    found = await who(database, token, clock)
    assert found is not None
    assert not found.must_change
    assert [(act.kind, act.actor) for act in await log(database)] == [
        (AdminActKind.PASSWORD_CHANGED, f"office:{made.id}"),
        (AdminActKind.USER_CREATED, BOSS),
    ]
    dump = json.dumps([columns_of(act) for act in await log(database)], default=str)
    assert password not in dump
    assert PASSWORD not in dump


@pytest.mark.parametrize(
    ("role", "holder"),
    [
        (Role.DEPARTMENT, {}),
        (Role.REPORTER, {}),
        (Role.DEPARTMENT, {"department": "D9"}),
        (Role.REPORTER, {"observation_point": "P9"}),
        (Role.DEPARTMENT, {"observation_point": "P1"}),
        (Role.DEPARTMENT, {"department": "D1", "observation_point": "P1"}),
        (Role.CLERK, {"department": "D1"}),
    ],
)
async def test_an_account_names_the_department_or_point_that_its_role_asks_for(
    database: Database, clock: FixedClock, role: Role, holder: dict[str, str]
) -> None:
    await with_holders(database)
    user_id = await hire(database, clock)
    async with database.write() as session:
        more = {"role": role, "display_name": "王", "now": clock.now()}
        with pytest.raises(people.HolderMissing):
            await people.create_user(session, "wang", PASSWORD, **more, **holder)  # type: ignore[arg-type]
        user = await staff.lock_user(session, user_id)
        with pytest.raises(people.HolderMissing):
            await staff.set_role(session, user, role, by=BOSS, now=clock.now(), **holder)
    columns = {"department": "department_code", "observation_point": "observation_point_code"}
    changed = {columns[name]: code for name, code in holder.items()} | {"role": role}
    with pytest.raises(DBAPIError):
        async with database.write() as session:
            await session.execute(update(User).values(changed))


async def test_an_account_acts_for_its_holder_and_is_signed_out_when_that_changes(
    database: Database, clock: FixedClock
) -> None:
    await with_holders(database)
    async with database.write() as session:
        made = await people.create_user(
            session, "wang", PASSWORD, role=Role.DEPARTMENT, department="D1", display_name="王", now=clock.now()
        )
        mark, user_id = staff.mark_of(made), made.id
    token = await sign_in(database, clock, "wang")
    found = await who(database, token, clock)
    assert found is not None
    assert (found.principal.department, found.principal.actor) == ("D1", "department:D1")
    async with database.write() as session:
        user = await staff.lock_user(session, user_id)
        with pytest.raises(staff.AlreadySo):
            await staff.set_role(session, user, Role.DEPARTMENT, department="D1", by=BOSS, now=clock.now())
        await staff.set_role(session, user, Role.REPORTER, observation_point="P1", by=BOSS, now=clock.now())
        assert staff.mark_of(user) != mark
    assert await who(database, token, clock) is None
    found = await who(database, await sign_in(database, clock, "wang"), clock)
    assert found is not None
    assert (found.principal.observation_point, found.principal.department) == ("P1", None)
    assert found.principal.actor == "observation_point"
    facts = [act.facts for act in await log(database)]
    assert facts == [
        {"username": "wang", "before": "department", "role": "reporter", "observation_point": "P1", "count": 1},
        {"username": "wang", "role": "department", "department": "D1"},
    ]


@pytest.mark.parametrize(
    ("username", "name"), [("", "李"), ("l i", "李"), ("l" * 65, "李"), ("li\n", "李"), ("li", " ")]
)
def test_a_name_that_cannot_be_typed_or_shown_is_refused(username: str, name: str) -> None:
    with pytest.raises(people.BadName):
        people.check_names(username, name)


async def test_a_role_holds_at_the_next_request_of_the_same_session(database: Database, clock: FixedClock) -> None:
    user_id = await hire(database, clock)
    token = await sign_in(database, clock)
    await set_role(database, clock, user_id, Role.AUDITOR)
    found = await who(database, token, clock)
    assert found is not None
    assert found.principal.role is Role.AUDITOR
    newest = (await log(database))[0]
    assert newest.facts == {"username": "li", "before": "clerk", "role": "auditor"}
    with pytest.raises(staff.AlreadySo):
        await set_role(database, clock, user_id, Role.AUDITOR)


async def test_a_closed_account_is_nobody_and_its_sessions_stay_ended(database: Database, clock: FixedClock) -> None:
    user_id = await hire(database, clock)
    token = await sign_in(database, clock)
    async with database.write() as session:
        await staff.deactivate(session, await staff.lock_user(session, user_id), by=BOSS, now=clock.now())
    assert await who(database, token, clock) is None
    async with database.write() as session:
        assert await find_user(session, "li") is None
        await staff.activate(session, await staff.lock_user(session, user_id), by=BOSS, now=clock.now())
    assert await who(database, token, clock) is None
    assert await who(database, await sign_in(database, clock), clock) is not None
    assert (await log(database))[1].facts == {"username": "li", "count": 1}


async def test_sessions_are_ended_all_or_all_but_one(database: Database, clock: FixedClock) -> None:
    user_id, other = await hire(database, clock), await hire(database, clock, "zhou")
    tokens = [await sign_in(database, clock) for _ in range(3)]
    theirs = await sign_in(database, clock, "zhou")
    kept = await who(database, tokens[0], clock)
    assert kept is not None
    async with database.write() as session:
        user = await staff.lock_user(session, user_id)
        assert await staff.end_sessions(session, user, by=BOSS, now=clock.now(), but=kept.token_hash) == 2
    assert [await who(database, token, clock) is not None for token in tokens] == [True, False, False]
    async with database.read() as session:
        assert {p.user.id: p.live_sessions for p in await staff.list_people(session, clock.now())} == {
            user_id: 1,
            other: 1,
        }
        assert len(await staff.list_sessions(session, user_id, clock.now())) == 1
    async with database.write() as session:
        user = await staff.lock_user(session, user_id)
        assert await staff.end_sessions(session, user, by=BOSS, now=clock.now()) == 1
        assert await staff.end_sessions(session, user, by=BOSS, now=clock.now()) == 0
    assert await who(database, theirs, clock) is not None
    assert [act.facts["count"] for act in await log(database) if act.kind is AdminActKind.SESSIONS_ENDED] == [1, 2]


async def test_a_password_set_anew_ends_sessions_and_the_old_one(database: Database, clock: FixedClock) -> None:
    user_id = await hire(database, clock)
    token = await sign_in(database, clock)
    password, password_hash = await staff.make_password()
    async with database.write() as session:
        user = await staff.lock_user(session, user_id)
        await staff.reset_password(session, user, password_hash, by=BOSS, now=clock.now())
    assert await who(database, token, clock) is None
    async with database.read() as session:
        user = (await staff.get_person(session, user_id, clock.now())).user
    assert password_fits(user.password_hash, password)
    assert not password_fits(user.password_hash, PASSWORD)
    assert user.must_change_password


async def test_ones_own_password_is_changed_with_the_present_one_only(database: Database, clock: FixedClock) -> None:
    user_id = await hire(database, clock)
    async with database.read() as session:
        user = (await staff.get_person(session, user_id, clock.now())).user
    for present, new, refusal in (
        ("wrong", "a better one, longer", staff.WrongPassword),
        (PASSWORD, "short", people.WeakPassword),
        (PASSWORD, PASSWORD, staff.SamePassword),
    ):
        with pytest.raises(refusal):
            await staff.check_change(user, present, new)


async def test_a_stale_form_changes_nothing(database: Database, clock: FixedClock) -> None:
    user_id = await hire(database, clock)
    async with database.read() as session:
        mark = staff.mark_of((await staff.get_person(session, user_id, clock.now())).user)
    async with database.write() as session:
        user = await staff.lock_user(session, user_id, mark)
        await staff.set_role(session, user, Role.LEADER, by=BOSS, now=clock.now())
    with pytest.raises(staff.PersonChanged):
        async with database.write() as session:
            await staff.lock_user(session, user_id, mark)
    with pytest.raises(NotFound):
        async with database.write() as session:
            await staff.lock_user(session, "0" * 32)


async def test_the_last_administrator_stays(database: Database, clock: FixedClock) -> None:
    only = await hire(database, clock, "admin", Role.ADMINISTRATOR)
    closed = await hire(database, clock, "gone", Role.ADMINISTRATOR)
    async with database.write() as session:
        await session.execute(update(User).where(User.id == closed).values(active=False))
    with pytest.raises(staff.LastAdministrator):
        await set_role(database, clock, only, Role.CLERK)
    with pytest.raises(staff.LastAdministrator):
        async with database.write() as session:
            await staff.deactivate(session, await staff.lock_user(session, only), by=BOSS, now=clock.now())


async def test_two_administrators_cannot_put_each_other_out_at_once(database: Database, clock: FixedClock) -> None:
    pair = [await hire(database, clock, name, Role.ADMINISTRATOR) for name in ("one", "two")]

    async def put_out(user_id: str) -> None:
        async with database.write() as session:
            user = await staff.lock_user(session, user_id)
            await asyncio.sleep(0.05)
            await staff.deactivate(session, user, by=BOSS, now=clock.now())

    outcomes = await asyncio.gather(*(put_out(user_id) for user_id in pair), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdministrator", "NoneType"]
    async with database.read() as session:
        assert len(list(await session.scalars(select(User.id).where(User.active)))) == 1


async def test_the_log_never_changes(database: Database, clock: FixedClock) -> None:
    await hire(database, clock)
    for statement in (
        update(AdminAct).values(actor="nobody"),
        delete(AdminAct),
        *(() if database.is_sqlite else (text("TRUNCATE admin_acts"),)),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.write() as session:
                await session.execute(statement)
    assert [act.actor for act in await log(database)] == [OPERATOR]
