"""People and keys in a real browser: made, changed, revoked; what is shown once is accessible in both languages."""

import re

from playwright.async_api import expect

from tests.browser.judging import assert_accessible, assert_english, assert_fits
from tests.browser.watching import Windows

KEY = re.compile(r"^yl_[0-9a-f]{8}_\S{49}$")
PASSWORD = re.compile(r"^\S{16}$")
NEW_PASSWORD = "a better one, longer"
# Passwords are hashed for real here.
PATIENCE = 20_000


async def test_a_person_is_made_signs_in_and_has_to_change_the_password(office: Windows, street: Windows) -> None:
    page = await office.open("/dashboard/people")
    await page.locator("#new-username").fill("hu")
    await page.locator("#new-name").fill("胡晓")
    await page.locator("#new-role").select_option("leader")
    await page.locator("#employ button[type=submit]").click()
    secret = page.locator(".secret-value")
    await expect(secret).to_have_text(PASSWORD, timeout=PATIENCE)
    password = await secret.inner_text()
    await assert_accessible(page)
    await assert_fits(page)
    theirs = await street.open("/dashboard/sign-in")
    await theirs.locator("#username").fill("hu")
    await theirs.locator("#password").fill(password)
    await theirs.locator("main button[type=submit]").click()
    await expect(theirs.locator(".alert-warning")).to_contain_text("请先更换密码", timeout=PATIENCE)
    await expect(theirs.locator("#menu")).to_have_count(0)
    await assert_accessible(theirs)
    await theirs.locator("#present").fill(password)
    for field in ("#new", "#again"):
        await theirs.locator(field).fill(NEW_PASSWORD)
    await theirs.locator("#password button[type=submit]").click()
    await expect(theirs.locator("#flash")).to_contain_text("密码已修改", timeout=PATIENCE)
    await expect(theirs.locator("#menu")).to_be_visible()
    await page.get_by_role("link", name="胡晓").click()
    await page.locator("#deactivation button[type=submit]").click()
    await expect(page.locator("#flash")).to_contain_text("已停用")
    await theirs.goto(f"{street.address}/dashboard/ledger")
    await expect(theirs.locator("#username")).to_be_visible()


async def test_a_key_is_made_rotated_and_revoked_without_javascript(office: Windows) -> None:
    page = await office.open("/dashboard/keys", javascript=False)
    await page.locator("#key-role").select_option("department")
    await page.locator("#key-holder").fill("FR-JY")
    await page.locator("#make button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    made = await page.locator(".secret-value").inner_text()
    await page.get_by_role("link", name=made.split("_")[1]).click()
    await page.locator("#rotation button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    await expect(page.locator(".secret-value")).not_to_have_text(made)
    await page.locator("details:has(#revocation) > summary").click()
    await page.locator("#revocation [name=agreed]").check()
    await page.locator("#revocation button[type=submit]").click()
    await expect(page.locator("#flash")).to_contain_text("已停用")
    await expect(page.locator("#rotation")).to_have_count(0)
    await expect(page.locator(".secret-value")).to_have_count(0)


async def test_a_new_key_is_accessible_with_javascript_and_in_english(office: Windows) -> None:
    page = await office.open("/dashboard/keys", language="en")
    await page.locator("#key-role").select_option("auditor")
    await page.locator("#make button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    await assert_english(page)
    await assert_accessible(page)
    made = await page.locator(".secret-value").inner_text()
    await page.get_by_role("link", name=made.split("_")[1]).click()
    await page.locator("#rotation button[type=submit]").click()
    await expect(page.locator(".secret-value")).to_have_text(KEY)
    await expect(page.locator(".secret-value")).not_to_have_text(made)
    await assert_english(page)
    await assert_accessible(page)
    await assert_fits(page)
