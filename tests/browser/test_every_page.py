"""What holds on every page of the real service: accessible in both languages, nothing foreign, fits the window."""

import pytest
from playwright.async_api import expect

from tests.browser.judging import assert_accessible, assert_chinese_glyphs, assert_english, assert_fits
from tests.browser.real_city import MINZHENG, SHEQU, Town, session_cookie
from tests.browser.watching import Windows

PAGES = {
    "home": "/dashboard/",
    "triage": "/dashboard/triage",
    "triage-empty": "/dashboard/triage?text=nothing-has-this",
    "batch": "/dashboard/triage/batch?case={waiting}&case={unclear}",
    "merging": "/dashboard/triage/merging?case={waiting}&case={unclear}",
    "urging": "/dashboard/ledger/urging?case={answered}&case={waiting}",
    "ledger": "/dashboard/ledger?page=2&sort=number&columns=text,status,outcome,departments,sources,due,closed,points",
    "ledger-empty": "/dashboard/ledger?text=nothing-has-this",
    "case-to-review": "/dashboard/cases/{answered}",
    "case-closed": "/dashboard/cases/{closed}",
    "acceptance": "/dashboard/ledger?status=dispatched&sort=due",
    "supervision": "/dashboard/supervision",
    "consultations": "/dashboard/consultations",
    "consultation": "/dashboard/consultations/{consultation}",
    "precedents": "/dashboard/precedents",
    "precedent": "/dashboard/precedents/{precedent}",
    "precedent-tried": "/dashboard/precedents/{precedent}/standing",
    "documents": "/dashboard/documents",
    "documents-empty": "/dashboard/documents?text=nothing-has-this",
    "document": "/dashboard/documents/{document}",
    "document-draft": "/dashboard/cases/{drafted}/documents?key={draft}",
    "trends": "/dashboard/trends",
    "departments": "/dashboard/departments?tier=district",
    "department": "/dashboard/departments/FR-MZ",
    "points": "/dashboard/points",
    "point": "/dashboard/points/FR-01",
    "clocks": "/dashboard/clocks?year=2027",
    "knowledge": "/dashboard/knowledge?table=rules",
    "knowledge-sentence": "/dashboard/knowledge/sentence",
    "knowledge-change": "/dashboard/knowledge/change",
    "deliveries": "/dashboard/deliveries",
    "delivery": "/dashboard/deliveries/{delivery}",
    "endpoints": "/dashboard/endpoints",
    "endpoint": "/dashboard/endpoints/{endpoint}",
    "endpoint-channel": "/dashboard/endpoints/{group}",
    "people": "/dashboard/people",
    "person": "/dashboard/people/{person}",
    "keys": "/dashboard/keys",
    "key": "/dashboard/keys/{key}",
    "admin-log": "/dashboard/admin-log",
    "account": "/dashboard/account",
    "imports": "/dashboard/imports",
    "import": "/dashboard/imports/{imported}",
    "missing": "/dashboard/missing",
}
# What a department's people and a point's see, by user name.
OWN_PAGES = {
    MINZHENG: (
        "/dashboard/duties",
        "/dashboard/duties/all",
        "/dashboard/duties/all?text=nothing-has-this",
        "/dashboard/duties/{duty}",
        "/dashboard/invitations",
        "/dashboard/invitations/{invitation}",
        "/dashboard/invitations/{settled}",
        "/dashboard/account",
    ),
    SHEQU: ("/dashboard/reporting", "/dashboard/reporting/sent", "/dashboard/reporting/{reported}"),
}
SIZES = {"zoomed-to-200": (683, 384), "phone": (360, 740)}


def path_of(name: str, town: Town) -> str:
    return PAGES[name].format(**vars(town))


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_accessible_and_fits_in_both_languages(office: Windows, town: Town, name: str) -> None:
    if name == "missing":
        office.watch.expect("404")
    page = await office.open(path_of(name, town))
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    await assert_accessible(page)
    await assert_fits(page)
    async with page.expect_event("load"):
        await page.locator(".language-switch [hreflang=en]").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await assert_accessible(page)
    await assert_english(page)
    for width, height in SIZES.values():
        await page.set_viewport_size({"width": width, "height": height})
        await assert_fits(page)


@pytest.mark.parametrize("username", OWN_PAGES)
async def test_pages_of_departments_and_points_are_accessible_and_fit_in_both_languages(
    street: Windows, town: Town, username: str
) -> None:
    street.session = session_cookie(town.address, username)
    page = await street.open("/dashboard/")
    for path in OWN_PAGES[username]:
        for language in ("zh", "en"):
            mark = "&" if "?" in path else "?"
            await page.set_viewport_size({"width": 1366, "height": 768})
            await page.goto(f"{street.address}{path.format(**vars(town))}{mark}lang={language}")
            await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
            await assert_fits(page)
            for width, height in SIZES.values() if language == "en" else ():
                await page.set_viewport_size({"width": width, "height": height})
                await assert_fits(page)
            await assert_accessible(page)
        await assert_english(page)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_sign_in_page_is_accessible_and_fits(street: Windows, language: str) -> None:
    page = await street.open("/dashboard/sign-in", language=language)
    await assert_accessible(page)
    for width, height in SIZES.values():
        await page.set_viewport_size({"width": width, "height": height})
        await assert_fits(page)
    if language == "en":
        await assert_english(page)
    else:
        await assert_chinese_glyphs(page)


async def test_phone_sized_pages_and_opened_forms_are_accessible(office: Windows, town: Town) -> None:
    for name in ("triage", "ledger", "case-to-review", "endpoints", "person", "key"):
        page = await office.open(path_of(name, town), width=360, height=740)
        await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
        await assert_accessible(page)
        await assert_fits(page)


async def test_the_help_on_shortcuts_is_accessible(office: Windows) -> None:
    for language in ("zh", "en"):
        page = await office.open("/dashboard/ledger", language=language)
        await page.locator("[data-shortcut-help-open]").click()
        await expect(page.locator("#shortcut-help")).to_be_visible()
        await assert_accessible(page)


async def test_the_language_switch_keeps_the_address_and_is_remembered(office: Windows) -> None:
    page = await office.open("/dashboard/ledger?page=2")
    await page.get_by_role("link", name="English").click()
    await expect(page).to_have_url(f"{office.address}/dashboard/ledger?page=2&lang=en")
    await page.goto(f"{office.address}/dashboard/triage")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Triage")


async def test_the_skip_link_leads_to_the_content(office: Windows) -> None:
    page = await office.open("/dashboard/ledger")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip-link")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()


async def test_on_paper_only_the_content_is_left(office: Windows, town: Town) -> None:
    page = await office.open(f"/dashboard/cases/{town.answered}")
    await page.emulate_media(media="print")
    for part in (".masthead", ".menu", ".colophon", ".actions"):
        await expect(page.locator(part)).to_be_hidden()
    await expect(page.locator(".evidence-text")).to_be_visible()
