"""The pages of precedents: who reads, who withdraws, who makes a ruling; the list's filters; English."""

import pytest

from app.clock import FixedClock
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, shown
from tests.journeys.test_precedents import DISPUTE, LIKE_IT, NOBODY, OTHER_SYSTEM, REASON, acted, check, sent, settled

LIST = "/dashboard/precedents"


async def numbers(browser: OfficeBrowser, query: str) -> list[str]:
    """The numbers that the list shows, in its order."""
    page = await browser.get(f"{LIST}?{query}")
    assert page.status_code == 200
    return [part.partition('"')[0] for part in page.text.split(f'<a href="{LIST}/')[1:]]


async def test_the_list_is_filtered_by_state_and_text(city: CityUnderTest) -> None:
    _, _, first = await settled(city)
    _, _, second = await settled(city, OTHER_SYSTEM)
    browser = await at_work(city, Role.AUDITOR)
    assert await numbers(browser, "") == [second, first]
    assert await numbers(browser, "text=智慧养老") == [second]
    assert await numbers(browser, f"text={first.lower()}") == [first]
    assert await numbers(browser, "text=%25") == []
    await acted(city, f"{first}/rule", REASON, 201)
    assert await numbers(browser, "state=standing") == [first]
    await acted(city, f"{first}/withdrawal", REASON)
    assert await numbers(browser, "state=standing") == []
    assert await numbers(browser, "state=withdrawn") == [first]
    assert await numbers(browser, "state=in_force") == [second]
    assert await numbers(browser, "state=nonsense&page=9&text=%00") == []
    assert await numbers(browser, "state=in_force&size=20&page=2") == []


async def test_a_precedent_names_who_cites_it_and_they_lead_back(city: CityUnderTest) -> None:
    case, session, number = await settled(city)
    citing = (await sent(city, LIKE_IT, "FR-02"))["case"]
    browser = await at_work(city, Role.AUDITOR)
    page = await browser.get(f"{LIST}/{number}")
    said = shown(page)
    for words in ("统一口径,只留一个入口 7 个工作日", "三家一致同意。", "防返贫监测系统", "共 1 条"):
        assert words in said, words
    for link in (f"/dashboard/cases/{case}", f"/dashboard/consultations/{session}", f"/dashboard/cases/{citing}"):
        assert f'href="{link}"' in page.text
    assert "13912345678" not in page.text
    for path in (f"/dashboard/cases/{citing}", f"/dashboard/cases/{case}"):
        assert f'href="{LIST}/{number}"' in (await browser.get(path)).text


async def test_each_role_is_shown_what_it_may_do_and_no_more(city: CityUnderTest) -> None:
    _, _, number = await settled(city)
    url = f"{LIST}/{number}"
    for role, withdraws, rules in (
        (Role.AUDITOR, False, False), (Role.CLERK, True, False), (Role.LEADER, True, True),
    ):  # fmt: skip
        browser = await at_work(city, role)
        page = await browser.get(url)
        assert (f'action="{url}/withdrawal"' in page.text, f'href="{url}/standing"' in page.text) == (withdraws, rules)
        token = browser.hidden("/dashboard/sign-out")
        if not rules:
            assert (await browser.get(f"{url}/standing")).status_code == 403
            for path in ("standing", "standing/end"):
                fields = {**token, "reason": "想试试", "seen": "yes"}
                assert (await browser.post(f"{url}/{path}", fields)).status_code == 403
        if not withdraws:
            assert (await browser.post(f"{url}/withdrawal", {**token, "reason": "想试试"})).status_code == 403
    await check(city)


async def test_a_ruling_is_made_after_the_trial_only_and_dispatches_at_once(
    city: CityUnderTest, clock: FixedClock
) -> None:
    early = await sent(city, NOBODY, "FR-02")
    _, _, number = await settled(city, DISPUTE)
    browser = await at_work(city, Role.LEADER)
    url = f"{LIST}/{number}"
    trial = shown(await browser.get(f"{url}/standing?months=3&lang=en"))
    for words in ("Reports looked at 1", "Would have been dispatched at once 1", early["report"]):
        assert words in trial, words
    unseen = await browser.send(f"{url}/standing", {"reason": "Settled twice.", "until": "2026-02-30"})
    assert unseen.status_code == 422
    assert "Read the result of the back-test first" in shown(unseen)
    assert "The last day is not a date" in shown(unseen)
    assert "Settled twice." in unseen.text
    assert '<option value="3" selected>' in unseen.text
    until = clock.now().date().isoformat()
    fields = {"reason": "Settled twice.", "seen": "yes", "until": until}
    assert (await browser.send(f"{url}/standing", fields)).headers["location"] == url
    said = shown(await browser.follow())
    assert "is a standing ruling now" in said
    assert "Made by 周敏" in said
    assert (await sent(city, LIKE_IT, "FR-03"))["ruled_by"] == f"precedent {number}"
    assert "1 case was dispatched by it." in shown(await browser.get(url))
    assert "a standing ruling already" in shown(await browser.get(f"{url}/standing"))
    clock.advance(days=1)
    await browser.sign_in("leader")
    assert "Standing ruling expired" in shown(await browser.get(url))
    ended = await browser.send(f"{url}/standing/end", {"reason": "Duties were moved."})
    assert ended.status_code == 303
    assert "Duties were moved." in shown(await browser.follow())
    await browser.send(f"{url}/withdrawal", {"reason": "Superseded."})
    assert "Withdrawn by 周敏" in shown(await browser.follow())
    assert f'action="{url}' not in browser.page.text
    await check(city)


@pytest.mark.parametrize("path", ["XL-2026-999999", "XL-1", "%00", "XL-2026-999999/standing"])
async def test_an_address_of_no_precedent_is_told_as_a_page(city: CityUnderTest, path: str) -> None:
    browser = await at_work(city, Role.LEADER)
    answer = await browser.get(f"{LIST}/{path}")
    assert answer.status_code == 404
    assert "没有这一项" in shown(answer)
