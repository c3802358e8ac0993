"""Where the browser is, and how it is started. Without one the tests fail and say what to do; they never skip."""

import os
import shutil

from playwright.async_api import Browser, Playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Nothing leaves this machine: no other name leads anywhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]


class NoBrowserError(RuntimeError):
    """There is no Chromium on this machine."""

    def __init__(self) -> None:
        super().__init__("no Chromium found: run tools/install_browser.sh, or name one in YILONG_TEST_BROWSER")


def browser_path(playwright: Playwright) -> str:
    """The Chromium to drive: the one named by the environment, the system's, else Playwright's own."""
    named = os.environ.get("YILONG_TEST_BROWSER")
    if named:
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    own = playwright.chromium.executable_path
    if not os.access(own, os.X_OK):
        raise NoBrowserError
    return own


async def launch(playwright: Playwright) -> Browser:
    """A headless Chromium with the flags of the guide."""
    environment: dict[str, str | float | bool] = {**os.environ, "LANGUAGE": "zh_CN"}
    return await playwright.chromium.launch(executable_path=browser_path(playwright), args=FLAGS, env=environment)
