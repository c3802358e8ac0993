"""The harness itself: it finds the browser or fails, and it does notice what it is there to notice."""

import pytest
from playwright.async_api import async_playwright

from tests.browser import chromium
from tests.browser.judging import assert_english, violations_of
from tests.browser.watching import Watch, Windows


async def test_without_a_browser_the_tests_fail_and_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YILONG_TEST_BROWSER", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    async with async_playwright() as playwright:
        with pytest.raises(chromium.NoBrowserError, match=r"tools/install_browser\.sh"):
            chromium.browser_path(playwright)


async def test_a_foreign_request_a_dialog_and_a_blocked_script_are_noticed(street: Windows) -> None:
    page = await street.open("/dashboard/sign-in")
    await page.evaluate(
        "() => { const image = new Image(); image.src = 'data:,x'; document.body.append(image);"
        " const script = document.createElement('script'); script.textContent = 'alert(1)';"
        " document.body.append(script);"
        " console.error('heard'); }"
    )
    await page.evaluate("() => { setTimeout(() => alert('seen'), 0); }")
    await page.evaluate("() => { location.href = 'http://foreign.invalid/'; }")
    await page.wait_for_timeout(500)
    heard = "\n".join(street.watch.complaints)
    assert "heard" in heard
    assert "dialog: seen" in heard
    assert "CSP: script-src" in heard
    assert street.watch.foreign == ["http://foreign.invalid/"]
    street.watch.foreign.clear()
    street.watch.complaints.clear()


@pytest.mark.parametrize(
    ("url", "foreign"),
    [
        ("http://127.0.0.1:81/x", False),
        ("http://127.0.0.1:82/x", True),
        ("https://127.0.0.1:81/x", False),
        ("ws://elsewhere.invalid/", True),
        ("data:image/svg+xml,x", False),
        ("about:blank", False),
    ],
)
def test_only_the_application_is_not_foreign(url: str, foreign: bool) -> None:
    assert Watch(host="127.0.0.1:81").is_foreign(url) is foreign


async def test_stray_chinese_and_a_missing_label_are_noticed(street: Windows) -> None:
    page = await street.open("/dashboard/sign-in", language="en")
    await assert_english(page)
    assert await violations_of(page) == []
    await page.evaluate("() => document.body.append(document.createElement('input'), '漏译')")
    assert [found["rule"] for found in await violations_of(page)] == ["label"]
    with pytest.raises(AssertionError, match="漏译"):
        await assert_english(page)
