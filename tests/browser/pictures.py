"""Takes the README's pictures: a simulated city is served and photographed. `make pictures` writes docs/images."""

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import Page, async_playwright

from app.access.keys import create_key
from app.access.people import create_user
from app.clock import FixedClock
from app.demo.simulate import DEFAULT_START, Simulation, simulate
from app.demo.stage import play_settings
from app.flow.nightly import Reconciler
from app.main import create_app
from app.models import Role
from app.runtime import Runtime, make_runtime
from tests.browser.chromium import launch
from tests.browser.real_city import PASSWORD, TO_TRIAGE, session_cookie
from tests.browser.serving import serve_app
from tests.browser.watching import Watch, Windows, save_picture

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
LARGEST: Final = 300 * 1024
# A Wednesday, with a whole quarter of past behind it.
DAYS: Final = 111
TO_ORDER: Final = "/dashboard/ledger?status=dispatched&category=municipal_district"
LEADER, POINT = "pictures", "pictures-point"


async def _open_triage(page: Page) -> None:
    """With a candidate chosen by keyboard."""
    await page.keyboard.press("1")


async def _open_case(page: Page) -> None:
    """One whose answer waits for review."""
    await page.locator("tbody td.number a").first.click()
    await page.wait_for_url(re.compile("/dashboard/cases/"))


async def _issue_order(page: Page) -> None:
    """An assignment order, from a case that a department has just been given."""
    await _open_case(page)
    await page.get_by_role("link", name="拟稿 交办单").first.click()
    await page.get_by_role("button", name="印发").click()
    await page.wait_for_url(re.compile("/dashboard/documents/"))


async def _open_session(page: Page) -> None:
    await page.locator("tbody td.number a").first.click()
    await page.wait_for_url(re.compile("/dashboard/consultations/"))


async def _stay(_: Page) -> None:
    """As the page opens."""


# Name of the picture, where it begins, what is done there.
OFFICE: Final[dict[str, tuple[str, Callable[[Page], Coroutine[None, None, None]]]]] = {
    "home": ("/dashboard/", _stay),
    "triage": ("/dashboard/triage", _open_triage),
    "ledger": ("/dashboard/ledger?tab=open", _stay),
    "case": ("/dashboard/ledger?status=in_review", _open_case),
    "consultation": ("/dashboard/consultations?status=scheduled", _open_session),
    "trends": ("/dashboard/trends", _stay),
}


async def prepare(runtime: Runtime) -> str:
    """Somebody of the office and of a point to sign in as, a key to report with; and last night's proof."""
    now = runtime.clock.now()
    async with runtime.database.write() as session:
        await create_user(session, LEADER, PASSWORD, role=Role.LEADER, display_name="何主任", now=now)
        await create_user(
            session, POINT, PASSWORD, role=Role.REPORTER, display_name="钱书记", now=now, observation_point="FR-01"
        )
        key = await create_key(session, Role.REPORTER, now=now, observation_point="FR-01")
    nightly = Reconciler(runtime.database, runtime.clock, ZoneInfo(runtime.settings.timezone), runtime.sealer)
    assert await nightly.take()
    await nightly.drain(120)
    await runtime.database.dispose()
    return key


async def report(address: str, key: str) -> None:
    """What came in this morning and waits for the office."""
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as point:
        for text in TO_TRIAGE:
            (await point.post("/v1/reports", json={"text": text, "hours_per_month": 6})).raise_for_status()


async def take(address: str) -> list[Path]:
    """The pictures, in Chinese: the office at the size of a common desktop, a point's page on a phone."""
    watch = Watch(host=address.partition("//")[2])
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        windows = Windows(browser, address, watch, session_cookie(address, LEADER))
        taken = []
        for name, (path, act) in OFFICE.items():
            page = await windows.open(path)
            await act(page)
            await page.wait_for_load_state("networkidle")
            taken.append(await save_picture(page, FOLDER, name, whole=False))
        page = await windows.open(TO_ORDER, height=1300)
        await _issue_order(page)
        await page.locator(".sheet").first.screenshot(path=FOLDER / "order.png")
        taken.append(FOLDER / "order.png")
        windows.session = session_cookie(address, POINT)
        phone = await windows.open("/dashboard/reporting", width=390, height=780)
        taken.append(await save_picture(phone, FOLDER, "report", whole=False))
        await windows.close()
        await browser.close()
    assert not watch.foreign, watch.foreign
    assert not watch.unexpected(), watch.unexpected()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, help="of simulated past")
    days: int = parser.parse_args().days
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(simulate(Simulation(days=days, seed=7, keep=folder), print))
        settings = play_settings(folder)
        start = datetime(DEFAULT_START.year, DEFAULT_START.month, DEFAULT_START.day, tzinfo=ZoneInfo(settings.timezone))
        clock = FixedClock(start + timedelta(days=days, hours=8, minutes=30))
        key = asyncio.run(prepare(make_runtime(settings, clock)))
        with serve_app(create_app(make_runtime(settings, clock))) as address:
            asyncio.run(report(address, key))
            taken = asyncio.run(take(address))
    too_large = [path.name for path in taken if path.stat().st_size > LARGEST]
    if too_large:
        sys.exit(f"larger than {LARGEST // 1024} kB: {', '.join(too_large)}")


if __name__ == "__main__":
    main()
