"""The whole way to a provider and back in a real browser: another site, its page, and the answer that ends it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.clock import FixedClock
from app.main import create_app
from app.runtime import make_runtime
from tests.browser.real_city import MORNING
from tests.browser.serving import serve_app
from tests.browser.watching import Watch, Windows
from tests.city import new_city, settings_for
from tests.oidc_provider import CLIENT, CLIENT_SECRET, OidcProvider

ACCOUNTS = {
    "zhou": {"sub": "0001", "name": "周敏", "roles": ["yilong-clerk"]},
    "guest": {"sub": "0002", "name": "访客", "roles": []},
}


@dataclass
class WatchWithProvider(Watch):
    """Lets the browser go to the provider, and nowhere else."""

    provider: str = ""

    def is_foreign(self, url: str) -> bool:
        return super().is_foreign(url) and urlsplit(url).netloc != self.provider


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider(FixedClock(MORNING), **ACCOUNTS) as opened:
        # To the browser another site than 127.0.0.1, as a provider is: the cookies must stand that.
        opened.host = "localhost"
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def street(browser: Browser, provider: OidcProvider, tmp_path: Path) -> AsyncIterator[Windows]:
    """Windows on a service with that provider; at the end nothing else was asked and nobody complained."""
    with new_city("sqlite", tmp_path) as url:
        settings = settings_for(
            url, tmp_path, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=CLIENT_SECRET,
            oidc_roles={"yilong-clerk": "clerk"},
        )  # fmt: skip
        with serve_app(create_app(make_runtime(settings, FixedClock(MORNING)))) as address:
            settings.public_url = address
            provider.redirect_uri = f"{address}/dashboard/sign-in/provider/return"
            watch = WatchWithProvider(host=urlsplit(address).netloc, provider=f"localhost:{provider.port}")
            windows = Windows(browser, address, watch)
            yield windows
            await windows.close()
            assert watch.foreign == []
            assert watch.unexpected() == []


async def sign_in_there(page: Page, account: str) -> None:
    await page.get_by_role("link", name="单点登录").click()
    await expect(page.get_by_role("heading", name="统一身份认证")).to_be_visible()
    await page.get_by_label("账号").fill(account)
    await page.get_by_role("button", name="登录").click()


async def test_the_way_to_the_provider_and_back(street: Windows) -> None:
    street.watch.expect("403")
    plain = await street.open("/dashboard/", javascript=False)
    await sign_in_there(plain, "zhou")
    await expect(plain.locator(".signed-in")).to_contain_text("周敏 统筹部门经办人")
    page = await street.open("/dashboard/ledger?tab=open")
    await sign_in_there(page, "guest")
    await expect(page.get_by_role("heading", level=1)).to_have_text("您没有使用本系统的权限")
    await page.get_by_role("link", name="回到首页").click()
    await page.goto(f"{street.address}/dashboard/ledger?tab=open")
    await sign_in_there(page, "zhou")
    await expect(page).to_have_url(f"{street.address}/dashboard/ledger?tab=open")
