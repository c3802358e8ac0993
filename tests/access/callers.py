"""Who calls: every role by key and by session, and those whom nobody must know."""

from dataclasses import dataclass

import httpx

from app.access import people
from app.access.keys import hash_of, make_key
from app.api.door import CSRF_HEADER, SESSION_COOKIE
from app.models import ApiKey, Role, User, UserSession, new_id
from tests.access.routes import Route
from tests.city import CityUnderTest
from tests.sweep import watch_answer

ORIGIN = "http://yilong.test"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a client of his own; `role` is None for whoever must be taken for nobody."""

    name: str
    role: Role | None
    client: httpx.AsyncClient
    by_session: bool = False

    async def call(self, route: Route, url: str) -> httpx.Response:
        """Call with a body of the right form that says nothing."""
        if route.method == "GET":
            return await self.client.get(url)
        if route.is_page:
            return await self.client.request(route.method, url, data={})
        return await self.client.request(route.method, url, json={} if route.takes_body else None)


async def by_key(city: CityUnderTest, role: Role, holder: str | None = None) -> Caller:
    """A system with a key; `holder` is a point's or a department's code."""
    known = await city.client(role, holder)
    client = city.anonymous(headers={"Authorization": known.headers["authorization"], "Origin": ORIGIN})
    return Caller(f"{role.value} key", role, client)


async def by_session(city: CityUnderTest, role: Role, holder: str | None = None) -> Caller:
    """A person at a browser of our own pages; `holder` is the point or the department that they act for."""
    now, user_id, csrf = city.clock.now(), new_id(), new_id()
    async with city.runtime.database.write() as session:
        user = User(
            id=user_id, username=user_id, display_name=role.value, password_hash="-", role=role, active=True,
            observation_point_code=holder if role is Role.REPORTER else None,
            department_code=holder if role is Role.DEPARTMENT else None, created_at=now,
        )  # fmt: skip
        session.add(user)
        await session.flush()
        token = people.open_session(session, user, now)
        await session.flush()
        kept = await session.get_one(UserSession, people._hash(token))
        kept.csrf_token = csrf
    client = city.anonymous(headers={CSRF_HEADER: csrf, "Origin": ORIGIN}, cookies={SESSION_COOKIE: token})
    if role is Role.DEPARTMENT:
        client.event_hooks = {"response": [watch_answer]}
    return Caller(f"{role.value} session", role, client, by_session=True)


async def nobodies(city: CityUnderTest) -> list[Caller]:
    """No key, and every kind of key or cookie that is good no more or never was, of roles that may do most."""
    now, spoilt = city.clock.now(), {"expired key": make_key(), "revoked key": make_key()}
    async with city.runtime.database.write() as session:
        for name, key in spoilt.items():
            row = ApiKey(id=new_id(), prefix="-", secret_hash=hash_of(key), role=Role.ADMINISTRATOR, created_at=now)
            row.expires_at = now if name == "expired key" else None
            row.revoked_at = now if name == "revoked key" else None
            session.add(row)
    keys = {"unknown key": make_key(), "malformed key": "yl_no_key", "empty key": ""} | spoilt
    shown = {name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()}
    shown |= {"anonymous": {}, "unknown session": {"Cookie": f"{SESSION_COOKIE}=no-such-session"}}
    return [Caller(name, None, city.anonymous(headers=ways | {"Origin": ORIGIN})) for name, ways in shown.items()]
