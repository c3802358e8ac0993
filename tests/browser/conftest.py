"""Fixtures of the browser tests: one Chromium for the run, a watched window for each test.

Without a Chromium they fail and say what to do; they never skip.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.real_city import Town, serve_town
from tests.browser.sample_app import build_sample_app
from tests.browser.serving import serve_app
from tests.browser.watching import Watch, Windows

HERE = Path(__file__).parent

# A busy machine answers a page's request in seconds; what never comes fails all the same.
expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser lives as long as the run, so its tests share the loop it was started in."""
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await launch(playwright)
        yield started
        await started.close()


@pytest.fixture(scope="session")
def sample_app() -> FastAPI:
    """The sample pages: the real templates with made-up facts and no database."""
    return build_sample_app()


@pytest.fixture(scope="session")
def sample_address(sample_app: FastAPI) -> Iterator[str]:
    with serve_app(sample_app) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, sample_address: str) -> AsyncIterator[Windows]:
    """Windows on the sample pages; at the end nothing foreign was asked and nobody complained."""
    async for opened in watched_windows(browser, sample_address):
        yield opened


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The real application with a day's work in it."""
    with serve_town(tmp_path_factory.mktemp("town")) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def office(browser: Browser, town: Town) -> AsyncIterator[Windows]:
    """Windows on the real pages, signed in as an administrator."""
    async for opened in watched_windows(browser, town.address, town.cookie):
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def street(browser: Browser, town: Town) -> AsyncIterator[Windows]:
    """Windows on the real pages of somebody who is not signed in."""
    async for opened in watched_windows(browser, town.address):
        yield opened


async def watched_windows(browser: Browser, address: str, session: str = "") -> AsyncIterator[Windows]:
    """Windows on any served application, with the checks every browser test ends with."""
    watch = Watch(host=address.partition("//")[2])
    opened = Windows(browser, address, watch, session)
    yield opened
    await opened.close()
    assert watch.foreign == []
    assert watch.unexpected() == []
