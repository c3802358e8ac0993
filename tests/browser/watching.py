"""A browser window that is watched: foreign requests, console errors, script errors and dialogs fail the test."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("CSP: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample);
});
"""


@dataclass
class Watch:
    """What happened in the windows of one test that should not happen."""

    host: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Allow console errors that match: a refusal (409) is one to the browser."""
        self.expected.append(pattern)

    async def attach(self, context: BrowserContext) -> None:
        """Watch every page of a window: what it asks for, which gets nowhere else (see `chromium`), and what it says.

        Requests are heard of, not held: to hold one costs the browser its cache.
        """
        context.on("request", self._note)
        await context.add_init_script(REPORT_VIOLATIONS)
        context.on("page", self._attach_page)

    def _attach_page(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("dialog", self._dismiss)

    def is_foreign(self, url: str) -> bool:
        """Whether an address is not the application's own; data: and about: ask nobody."""
        parts = urlsplit(url)
        return parts.scheme in {"http", "https", "ws", "wss", "ftp"} and parts.netloc != self.host

    def _note(self, request: Request) -> None:
        if self.is_foreign(request.url):
            self.foreign.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"}:
            self.complaints.append(message.text)

    async def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def unexpected(self) -> list[str]:
        """Complaints that no test announced."""
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]


@dataclass
class Windows:
    """Opens windows on one application; all of them share one watch, and `session` where somebody is signed in."""

    browser: Browser
    address: str
    watch: Watch
    session: str = ""
    contexts: list[BrowserContext] = field(default_factory=list)

    async def open(
        self, path: str = "/", *, javascript: bool = True, language: str = "zh", width: int = 1366, height: int = 768
    ) -> Page:
        """A page in a new window (cookies of its own), already at `path`."""
        context = await self.browser.new_context(
            java_script_enabled=javascript, viewport={"width": width, "height": height}, locale="zh-CN"
        )
        self.contexts.append(context)
        await context.add_cookies([{"name": "yilong_language", "value": language, "url": self.address}])
        if self.session:
            await context.add_cookies([{"name": "yilong_session", "value": self.session, "url": self.address}])
        await self.watch.attach(context)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        await page.goto(self.address + path)
        return page

    async def close(self) -> None:
        for context in self.contexts:
            await context.close()


async def save_picture(page: Page, folder: Path, name: str, *, whole: bool = True) -> Path:
    """A picture of the whole page, or of the window, for people to look at; the folder is made when it is missing."""
    path = folder / f"{name}.png"
    await page.screenshot(path=path, full_page=whole)
    return path
