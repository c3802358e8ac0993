"""A browser without a browser: keeps cookies, says where it comes from, sends the forms that a page shows."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.access.people import create_user
from app.models import Role
from tests.city import CityUnderTest
from tests.sweep import watch_answer

ORIGIN = "http://yilong.test"
PASSWORD = "correct horse battery"
HTMX = {"HX-Request": "true"}
_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')

Fields = Mapping[str, str | Sequence[str]]


@dataclass
class OfficeBrowser:
    """One person's browser; `page` is the answer it looks at."""

    client: httpx.AsyncClient
    page: httpx.Response = field(default_factory=lambda: httpx.Response(204))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        self.page = await self.client.get(path, headers=_named(headers))
        return self.page

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that posts to that address."""
        form = re.search(rf'<form[^>]*method="post" action="{re.escape(action)}".*?</form>', self.page.text, re.DOTALL)
        assert form is not None, f"no form for {action} on the page"
        return {name: html.unescape(value) for name, value in _FIELD.findall(form.group())}

    async def send(self, action: str, fields: Fields | None = None, **headers: str) -> httpx.Response:
        """Fill the form that posts there and send it."""
        return await self.post(action, {**self.hidden(action), **(fields or {})}, **headers)

    async def post(self, action: str, fields: Fields, **headers: str) -> httpx.Response:
        self.page = await self.client.post(action, data=dict(fields), headers={"Origin": ORIGIN} | _named(headers))
        return self.page

    async def follow(self) -> httpx.Response:
        """Go where the answer leads: a redirect, or what htmx is told."""
        return await self.get(self.page.headers["location"])

    async def sign_in(self, username: str, password: str = PASSWORD, path: str = "/dashboard/") -> httpx.Response:
        await self.get(path)
        if self.page.status_code == 303:
            await self.follow()
        return await self.send("/dashboard/sign-in", {"username": username, "password": password})


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def visitor(city: CityUnderTest) -> OfficeBrowser:
    """Somebody who is not signed in."""
    return OfficeBrowser(city.anonymous())


async def employ(city: CityUnderTest, role: Role = Role.CLERK, name: str = "周敏", holder: str | None = None) -> str:
    """An account of that role, of a department or point where one is named; answers its user name."""
    username = (holder or role.value).lower()
    async with city.runtime.database.write() as session:
        await create_user(
            session, username, PASSWORD, role=role, display_name=name, now=city.clock.now(),
            observation_point=holder if role is Role.REPORTER else None,
            department=holder if role is Role.DEPARTMENT else None,
        )  # fmt: skip
    return username


async def at_work(city: CityUnderTest, role: Role = Role.CLERK, holder: str | None = None) -> OfficeBrowser:
    """Somebody of that role, signed in; what a department's people see is searched for who reported."""
    browser = await visitor(city)
    if role is Role.DEPARTMENT:
        browser.client.event_hooks = {"response": [watch_answer]}
    answer = await browser.sign_in(await employ(city, role, holder=holder))
    assert answer.status_code == 303, answer.text
    return browser


async def report(city: CityUnderTest, text: str, point: str = "FR-01") -> dict[str, Any]:
    """What the point was told about its report."""
    answer = await (await city.reporter(point)).post("/v1/reports", json={"text": text})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def shown(page: httpx.Response) -> str:
    """What a reader sees of a page, without markup."""
    body = re.sub(r"<(script|style|datalist)\b.*?</\1>", "", page.text, flags=re.DOTALL)
    body = re.sub(r"</(?:dt|dd|p|li|td|th|div|summary|span)>", " ", body)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", body)))
