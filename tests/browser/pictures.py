"""Takes the README's pictures of the real service: `python -m tests.browser.pictures` writes docs/images."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser.chromium import launch
from tests.browser.real_city import Town, serve_town
from tests.browser.watching import Watch, Windows, save_picture

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 300 * 1024


async def take(town: Town) -> list[Path]:
    """The pictures, in Chinese, at the size of a common desktop."""
    watch = Watch(host=town.address.partition("//")[2])
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        windows = Windows(browser, town.address, watch, town.cookie)
        triage = await windows.open("/dashboard/triage?text=渠道")
        await triage.goto(triage.url.partition("?")[0])
        await triage.keyboard.press("1")
        case = await windows.open(f"/dashboard/cases/{town.answered}")
        pictures = [await save_picture(triage, FOLDER, "triage"), await save_picture(case, FOLDER, "case")]
        await windows.close()
        await browser.close()
    assert not watch.foreign, watch.foreign
    assert not watch.unexpected(), watch.unexpected()
    return pictures


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve_town(Path(folder)) as town:
        for path in asyncio.run(take(town)):
            assert path.stat().st_size <= LARGEST, path


if __name__ == "__main__":
    main()
