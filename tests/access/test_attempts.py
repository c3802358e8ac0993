"""Failed sign-ins: a guesser waits, longer each time; nobody else does, and nothing tells whom it was about."""

import asyncio
import threading
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from app.access import attempts, people
from app.access.attempts import Attempt, SignIns, TooManyAttempts, clear
from app.clock import FixedClock
from app.database import Database
from app.flow.tidying import Tidier
from app.models import SignInCount
from tests.city import CityUnderTest
from tests.dashboard.conftest import quick
from tests.dashboard.office import PASSWORD, OfficeBrowser, employ
from tests.deliver.factories import SEALER

__all__ = ["quick"]
PATH = "/dashboard/sign-in"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.20"


@pytest.fixture
def sign_ins(database: Database, clock: FixedClock) -> SignIns:
    return SignIns(database, clock, SEALER, Counter())


async def wait_told(sign_ins: SignIns, username: str, address: str, browser: str | None = None) -> int:
    """How long a wrong attempt is told to wait; 0 for one that was let through."""
    try:
        await sign_ins.admit(username, address, browser)
    except TooManyAttempts as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


async def succeed(sign_ins: SignIns, username: str, address: str) -> Attempt:
    attempt = await sign_ins.admit(username, address)
    async with sign_ins.database.write() as session:
        await clear(session, attempt)
    return attempt


async def test_after_five_failures_each_further_one_doubles_the_wait(sign_ins: SignIns, clock: FixedClock) -> None:
    assert [await wait_told(sign_ins, "li", HOME) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(7):
        waits.append(await wait_told(sign_ins, "li", HOME))
        clock.advance(seconds=waits[-1] - 1)
        assert await wait_told(sign_ins, "li", HOME) == 1
        clock.advance(seconds=1)
        assert await wait_told(sign_ins, "li", HOME) == 0
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    clock.advance(minutes=30)
    assert [await wait_told(sign_ins, "li", HOME) for _ in range(6)] == [0] * 5 + [30]


async def test_fifty_at_once_in_three_processes_are_five(database_url: str, clock: FixedClock) -> None:
    async with AsyncExitStack() as stack:
        places = []
        for _ in range(3):
            database = Database(database_url)
            stack.push_async_callback(database.dispose)
            places.append(SignIns(database, clock, SEALER, Counter()))
        waits = await asyncio.gather(*(wait_told(places[n % 3], "li", HOME) for n in range(50)))
        assert sorted(waits) == [0] * 5 + [30] * 45
        assert [await wait_told(place, "li", ELSEWHERE) for place in places] == [0] * 3
        assert sum(place.refused.total() for place in places) == 45


async def test_the_right_password_makes_up_for_the_wrong_ones(sign_ins: SignIns) -> None:
    for _ in range(4):
        assert [await wait_told(sign_ins, "li", HOME) for _ in range(4)] == [0] * 4
        await succeed(sign_ins, "li", HOME)
    async with sign_ins.database.read() as session:
        assert sorted(await session.scalars(select(SignInCount.failures))) == [16, 16]


async def test_an_account_tried_from_everywhere_still_opens_to_who_knows_its_password(
    sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places beyond so many failures have one try each: that is enough for the owner, and little for a guesser."""
    monkeypatch.setattr(attempts, "SIEGE", 10)
    for place in range(2):
        assert [await wait_told(sign_ins, "li", f"203.0.113.{place}") for _ in range(5)] == [0] * 5
    assert [await wait_told(sign_ins, "li", "203.0.113.77") for _ in range(2)] == [0, 30]
    await succeed(sign_ins, "li", HOME)
    await succeed(sign_ins, "li", HOME)
    assert [await wait_told(sign_ins, "li", ELSEWHERE, "a known browser") for _ in range(2)] == [0, 30]
    assert [await wait_told(sign_ins, "wang", ELSEWHERE) for _ in range(2)] == [0, 0]


async def test_an_address_that_tries_many_accounts_waits_and_a_known_browser_there_does_not(
    sign_ins: SignIns, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_FROM_ADDRESS", 10)
    assert [await wait_told(sign_ins, f"name{n}", HOME) for n in range(10)] == [0] * 10
    wait = await wait_told(sign_ins, "another", HOME)
    assert wait == 90
    assert await wait_told(sign_ins, "li", ELSEWHERE) == 0
    assert await wait_told(sign_ins, "li", HOME, "a known browser") == 0
    clock.advance(seconds=wait)
    assert [await wait_told(sign_ins, "another", HOME) for _ in range(2)] == [0, 90]
    clock.advance(minutes=15)
    assert [await wait_told(sign_ins, f"name{n}", HOME) for n in range(10)] == [0] * 10


async def test_counts_tell_nobody_and_are_cleared_away(sign_ins: SignIns, clock: FixedClock) -> None:
    for name in ("li", "my-password-by-mistake"):
        await wait_told(sign_ins, name, HOME)
    async with sign_ins.database.read() as session:
        names = " ".join(await session.scalars(select(SignInCount.name)))
    assert [told for told in (" li", "my-password", HOME) if told in names] == []
    clock.advance(minutes=61)
    await wait_told(sign_ins, "li", HOME)
    await Tidier(sign_ins.database, clock, timedelta(days=1)).tidy()
    async with sign_ins.database.read() as session:
        assert len(list(await session.scalars(select(SignInCount.name)))) == 3


# ── on the page ──


def browser_at(city: CityUnderTest, address: str) -> OfficeBrowser:
    transport = httpx.ASGITransport(city.application, raise_app_exceptions=False, client=(address, 4711))
    return OfficeBrowser(httpx.AsyncClient(transport=transport, base_url="http://yilong.test"))


async def guess(browser: OfficeBrowser, username: str) -> tuple[int, str | None]:
    """Send a wrong password on the page that stands there."""
    if PATH not in browser.page.text:
        await browser.get(PATH)
    answer = await browser.send(PATH, {"username": username, "password": "wrong"})
    return answer.status_code, answer.headers.get("Retry-After")


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many passwords were being looked at, each time one was."""
    seen: list[int] = []
    running, lock, really = 0, threading.Lock(), people.password_fits

    def fits(password_hash: str | None, password: str) -> bool:
        nonlocal running
        with lock:
            running += 1
            seen.append(running)
        try:
            return really(password_hash, password)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(attempts, "password_fits", fits)
    return seen


async def test_a_flood_of_guesses_from_one_address_leaves_the_owner_in(
    city: CityUnderTest, clock: FixedClock, looked_at: list[int]
) -> None:
    username = await employ(city)
    guesser, owner = browser_at(city, HOME), browser_at(city, ELSEWHERE)
    assert [await guess(guesser, username) for _ in range(5)] == [(401, None)] * 5
    refused = await guesser.send(PATH, {"username": username, "password": PASSWORD})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert refused.headers["content-type"].startswith("text/html")
    assert "尝试次数过多。请在 30 秒后再试；忘记密码的，请联系本单位系统管理员。" in refused.text
    assert f'value="{username}"' in refused.text
    assert "yilong_session" not in guesser.client.cookies
    assert (await guesser.sign_in(username, path="/dashboard/sign-in?lang=en")).status_code == 429
    assert "Try again in 30 s" in guesser.page.text
    assert len(looked_at) == 5
    assert (await owner.sign_in(username)).status_code == 303
    clock.advance(seconds=30)
    assert (await guesser.sign_in(username)).status_code == 303


async def test_names_that_do_not_exist_are_refused_alike(city: CityUnderTest) -> None:
    username = await employ(city)
    guesser = browser_at(city, HOME)
    answers = [[await guess(guesser, name) for _ in range(6)] for name in (username, "nobody")]
    assert answers[0] == answers[1] == [(401, None)] * 5 + [(429, "30")]


async def test_a_browser_that_was_signed_in_before_does_not_wait_for_its_neighbours(
    city: CityUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_FROM_ADDRESS", 5)
    username = await employ(city)
    known, new = browser_at(city, HOME), browser_at(city, HOME)
    assert (await known.sign_in(username)).status_code == 303
    await known.get("/dashboard/")
    await known.send("/dashboard/sign-out")
    for number in range(5):
        await city.runtime.sign_ins.admit(f"name{number}", HOME)
    assert (await new.sign_in(username)).status_code == 429
    assert (await known.sign_in("nobody", "wrong")).status_code == 429
    assert (await known.sign_in(username)).status_code == 303


async def test_few_passwords_are_looked_at_at_once(city: CityUnderTest, looked_at: list[int]) -> None:
    username = await employ(city)
    browsers = [browser_at(city, f"203.0.113.{n}") for n in range(5)]
    answers = await asyncio.gather(*(browser.sign_in(username) for browser in browsers))
    assert [answer.status_code for answer in answers] == [303] * 5
    assert len(looked_at) == 5
    assert max(looked_at) <= attempts.PASSWORDS_AT_ONCE


async def test_who_sits_at_an_open_page_guesses_its_password_no_faster(city: CityUnderTest, clock: FixedClock) -> None:
    page, new = browser_at(city, HOME), "a better one, longer"
    await page.sign_in(await employ(city))

    async def change(present: str, typed: str = new) -> int:
        await page.get("/dashboard/account")
        await page.send("/dashboard/account/password", {"present": present, "new": typed, "again": typed})
        return page.page.status_code

    assert [await change(PASSWORD, "short") for _ in range(3)] == [422] * 3
    assert [await change("wrong") for _ in range(6)] == [422] * 5 + [429]
    assert page.page.headers["Retry-After"] == "30"
    assert "请在 30 秒后再试" in page.page.text
    clock.advance(seconds=30)
    assert await change(PASSWORD) == 303
