"""People and keys in a real browser, with JavaScript and without: made, changed, revoked; each page accessible."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.judging import assert_accessible, assert_english, assert_fits
from tests.browser.watching import Windows

KEY = re.compile(r"^yl_[0-9a-f]{8}_\S{49}$")
PASSWORD = re.compile(r"^\S{16}$")
NEW_PASSWORD = "a better one, longer"


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_a_person_is_made_signs_in_and_has_to_change_the_password(
    office: Windows, street: Windows, javascript: bool
) -> None:
    page = await office.open("/dashboard/people", javascript=javascript)
    name, shown = ("hu", "胡晓") if javascript else ("lu", "陆明")
    await page.locator("#new-username").fill(name)
    await page.locator("#new-name").fill(shown)
    await page.locator("#new-role").select_option("leader")
    await page.locator("#employ button[type=submit]").click()
    secret = page.locator(".secret-value")
    await expect(secret).to_have_text(PASSWORD)
    password = await secret.inner_text()
    if javascript:
        await assert_accessible(page)
        await assert_fits(page)
    theirs = await street.open("/dashboard/sign-in", javascript=javascript)
    await theirs.locator("#username").fill(name)
    await theirs.locator("#password").fill(password)
    await theirs.locator("main button[type=submit]").click()
    await expect(theirs.locator(".alert-warning")).to_contain_text("请先更换密码")
    await expect(theirs.locator("#menu")).to_have_count(0)
    if javascript:
        await assert_accessible(theirs)
    await theirs.locator("#present").fill(password)
    for field in ("#new", "#again"):
        await theirs.locator(field).fill(NEW_PASSWORD)
    await theirs.locator("#password button[type=submit]").click()
    await expect(theirs.locator("#flash")).to_contain_text("密码已修改")
    await expect(theirs.locator("#menu")).to_be_visible()
    await page.get_by_role("link", name=shown).click()
    await page.locator("#role-choice").select_option("auditor")
    await page.locator("#role button[type=submit]").click()
    await expect(page.locator("#flash")).to_contain_text("已更改角色")
    await page.locator("#deactivation button[type=submit]").click()
    await expect(page.locator("#flash")).to_contain_text("已停用")
    await theirs.goto(f"{street.address}/dashboard/ledger")
    await expect(theirs.locator("#username")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_a_key_is_made_rotated_and_revoked(office: Windows, javascript: bool) -> None:
    page = await office.open("/dashboard/keys", javascript=javascript)
    await page.locator("#key-role").select_option("department")
    await page.locator("#key-holder").fill("FR-JY" if javascript else "FR-NY")
    await page.locator("#make button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    made = await page.locator(".secret-value").inner_text()
    if javascript:
        await assert_accessible(page)
        await assert_fits(page)
    await page.get_by_role("link", name=made.split("_")[1]).click()
    await page.locator("#rotation button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    await expect(page.locator(".secret-value")).not_to_have_text(made)
    if javascript:
        await assert_accessible(page)
    await page.locator("details:has(#revocation) > summary").click()
    await page.locator("#revocation [name=agreed]").check()
    await page.locator("#revocation button[type=submit]").click()
    await expect(page.locator("#flash")).to_contain_text("已停用")
    await expect(page.locator("#rotation")).to_have_count(0)
    await expect(page.locator(".secret-value")).to_have_count(0)


async def test_what_is_shown_once_is_said_in_english_too(office: Windows) -> None:
    page = await office.open("/dashboard/keys", language="en")
    await page.locator("#key-role").select_option("auditor")
    await page.locator("#make button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    await assert_english(page)
    await assert_accessible(page)
