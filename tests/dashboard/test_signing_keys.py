"""签名密钥 on the page of an address: seen without secrets, changed with an overlap, revoked at once, key pairs."""

import asyncio
import html
import json
import re
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.dashboard import labels
from app.deliver import keypair
from app.deliver.endpoints import register_endpoint, rotate_secret, rotate_signing_key
from app.deliver.keyring import open_values, place_of
from app.deliver.keys import SHARED_VERSION, keys_in_force
from app.models import Endpoint, Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, shown
from tests.deliver.factories import LOOPBACK, SEALER

PAGE = "/dashboard/endpoints"
BODY = '{"type":"x","data":{}}'
AGREED = {"agreed": "yes"}


async def registered(city: CityUnderTest, browser: OfficeBrowser) -> tuple[str, str]:
    """The page of an address registered on the page of all of them, and the secret it was shown with."""
    await browser.get(PAGE)
    made = await browser.send(PAGE, {"department": "芙蓉区民政局", "url": "http://127.0.0.1:9/in"})
    [secret] = secrets_on(made.text)
    [endpoint] = (await (await city.office()).get("/v1/endpoints")).json()
    return f"{PAGE}/{endpoint['id']}", secret


def secrets_on(text: str) -> list[str]:
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", html.unescape(text))


def public_keys_on(text: str) -> list[str]:
    return re.findall(r"whpk_[A-Za-z0-9+/=]+", html.unescape(text))


async def values_of(city: CityUnderTest) -> tuple[str, ...]:
    """All that signs now, the newest first."""
    async with city.runtime.database.read() as session:
        [row] = await session.scalars(select(Endpoint))
    return open_values(city.runtime.sealer, row.id, row.secret, city.clock.now())


async def is_known(city: CityUnderTest, secret: str, name: str) -> bool:
    """Whether a callback signed with it passes the door; what it says is not sensible, which is asked after that."""
    moment = city.clock.now()
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, moment, BODY),
    }
    async with city.anonymous() as system:
        status = (await system.post("/v1/callbacks/FR-MZ", content=BODY.encode(), headers=headers)).status_code
    assert status in {401, 422}
    return status == 422


async def test_a_new_secret_is_shown_once_and_the_old_one_overlaps(
    city: CityUnderTest, clock: FixedClock, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, old = await registered(city, browser)
    page = await browser.get(url)
    assert secrets_on(page.text) == []
    assert "共享密钥（v1，HMAC-SHA256） 2026年3月2日 09:30 更换为止 密钥不再显示" in shown(page)
    clock.advance(minutes=5)
    answer = await browser.send(f"{url}/secret", {"overlap_hours": "2"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "location" not in answer.headers
    assert "yilong_flash" not in answer.headers.get("set-cookie", "")
    [new] = secrets_on(answer.text)
    assert new != old
    assert "原密钥 有效至 2026年3月2日 11:35" in shown(answer)
    assert await is_known(city, old, "a")
    assert await is_known(city, new, "b")
    for again in (await browser.get(url), await browser.get(PAGE)):
        assert secrets_on(again.text) == []
    assert "2026年3月2日 09:35 更换为止" in shown(page := await browser.get(url))
    assert "2026年3月2日 09:30 2026年3月2日 11:35" in shown(page)
    clock.advance(hours=2)
    assert not await is_known(city, old, "c")
    assert await is_known(city, new, "d")
    said = "".join(capfd.readouterr())
    assert new not in said
    assert old not in said


async def test_revoking_ends_the_old_secret_at_once_and_has_to_be_confirmed(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, old = await registered(city, browser)
    await browser.get(url)
    refused = await browser.send(f"{url}/secret/revocation")
    assert (refused.status_code, secrets_on(refused.text)) == (422, [])
    assert "请先看清后果，再勾选确认。" in shown(refused)
    assert re.search(r'<details class="other-act" open>\s*<summary>立即作废原密钥<', refused.text)
    assert await is_known(city, old, "a")
    answer = await browser.send(f"{url}/secret/revocation", AGREED)
    [new] = secrets_on(answer.text)
    assert "原密钥 已作废" in shown(answer)
    assert not await is_known(city, old, "b")
    assert await is_known(city, new, "c")
    assert await values_of(city) == (new,)


@pytest.mark.parametrize("hours", ["", "0", "721", "1.5", "-1", "einen Tag"])
async def test_an_overlap_that_cannot_be_is_refused_and_stays_as_typed(city: CityUnderTest, hours: str) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, old = await registered(city, browser)
    await browser.get(url)
    answer = await browser.send(f"{url}/secret", {"overlap_hours": hours})
    assert answer.status_code == 422
    assert "1 至 720 的整小时数" in shown(answer)
    assert f'value="{hours}" required inputmode' in answer.text
    assert await values_of(city) == (old,)


async def test_a_form_that_is_sent_twice_changes_the_keys_once(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, old = await registered(city, browser)
    await browser.get(url)
    fields = browser.hidden(f"{url}/secret") | {"overlap_hours": "24"}
    client = browser.client
    sent = [client.post(f"{url}/secret", data=fields, headers={"Origin": "http://yilong.test"}) for _ in range(3)]
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    [new] = [secret for answer in answers for secret in secrets_on(answer.text)]
    assert await values_of(city) == (new, old)
    late = await browser.post(f"{url}/secret/revocation", fields | AGREED)
    assert late.status_code == 409
    assert "签名密钥已经更换过" in shown(late)
    assert await values_of(city) == (new, old)
    again = await browser.post(f"{url}/secret", fields, **HTMX)
    assert again.status_code == 409
    assert "<html" not in again.text


async def test_a_key_pair_is_used_changed_revoked_and_dropped_beside_the_secret(
    city: CityUnderTest, clock: FixedClock
) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, secret = await registered(city, browser)
    page = await browser.get(url)
    assert "启用密钥对" in shown(page)
    for form in ("revocation", "removal"):
        assert f'action="{url}/signing-key/{form}"' not in page.text
    await browser.send(f"{url}/signing-key")
    page = await browser.follow()
    assert "已启用新的密钥对" in shown(page)
    [first] = public_keys_on(page.text)
    await browser.send(f"{url}/signing-key", {"overlap_hours": "3"})
    page = await browser.follow()
    second, still = public_keys_on(page.text)
    assert still == first
    assert f"密钥对（v1a，ed25519） 2026年3月2日 09:30 2026年3月2日 12:30 {first}" in shown(page)
    published = (await (await city.department("FR-MZ")).get("/v1/signing-keys")).json()
    assert [key["key"] for key in published[0]["keys"]] == [second, first]
    assert (await browser.send(f"{url}/signing-key/revocation")).status_code == 422
    await browser.send(f"{url}/signing-key/revocation", AGREED)
    [third] = public_keys_on((await browser.follow()).text)
    assert third not in {first, second}
    assert (await browser.send(f"{url}/signing-key/removal")).status_code == 422
    await browser.send(f"{url}/signing-key/removal", AGREED)
    page = await browser.follow()
    assert "只用共享密钥签名" in shown(page)
    assert public_keys_on(page.text) == []
    assert await values_of(city) == (secret,)
    assert "whsk_" not in page.text


async def test_the_panel_says_it_in_english(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, _ = await registered(city, browser)
    await browser.get(url)
    await browser.send(f"{url}/signing-key")
    page = shown(await browser.get(f"{url}?lang=en"))
    for said in ("Shared secret (v1, HMAC-SHA256)", "Key pair (v1a, ed25519)", "Until it is changed", "Public key"):
        assert said in page


async def test_only_an_administrator_sees_and_changes_keys(city: CityUnderTest) -> None:
    url, secret = await registered(city, await at_work(city, Role.ADMINISTRATOR))
    clerk = await at_work(city)
    page = await clerk.get(url)
    assert "签名密钥" not in shown(page)
    token = clerk.hidden("/dashboard/sign-out")
    for form in ("secret", "secret/revocation", "signing-key", "signing-key/revocation", "signing-key/removal"):
        assert (await clerk.post(f"{url}/{form}", token | AGREED)).status_code == 403
        missing = f"{PAGE}/0123456789abcdef/{form}"
        assert (await clerk.post(missing, token | AGREED)).status_code == 403
    assert await values_of(city) == (secret,)


async def test_an_unknown_address_has_no_keys(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    await browser.get(PAGE)
    token = browser.hidden("/dashboard/sign-out")
    for form in ("secret", "secret/revocation", "signing-key", "signing-key/revocation", "signing-key/removal"):
        assert (await browser.post(f"{PAGE}/0123456789abcdef/{form}", token | AGREED)).status_code == 404


async def test_keys_that_cannot_be_opened_are_told_on_the_page(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    url, _ = await registered(city, browser)
    async with city.runtime.database.write() as session:
        await session.execute(update(Endpoint).values(secret=b"\x01lost"))
    page = await browser.get(url)
    assert page.status_code == 200
    assert "存储的密文无法解开" in shown(page)
    assert f'action="{url}/secret"' not in page.text


# ── what the page is told ──


async def test_keys_stored_before_their_beginning_was_kept_are_read(city: CityUnderTest, clock: FixedClock) -> None:
    database = city.runtime.database
    old: list[dict[str, Any]] = [{"value": "whsec_" + "A" * 32, "until": None}]
    async with database.write() as session:
        made, _ = await register_endpoint(session, "FR-MZ", "http://127.0.0.1:9/in", SEALER, LOOPBACK, clock.now())
        made.secret = SEALER.seal(json.dumps(old).encode(), place_of(made.id))
        await rotate_signing_key(session, made.id, SEALER, clock.now())
        await rotate_secret(session, made.id, SEALER, clock.now())
        newest, oldest, pair = keys_in_force(made, SEALER, clock.now())
    assert (newest.version, newest.since, newest.until) == (SHARED_VERSION, clock.now(), None)
    assert (oldest.version, oldest.since) == (SHARED_VERSION, None)
    assert oldest.until is not None
    assert (pair.version, pair.since, pair.until) == (keypair.VERSION, clock.now(), None)
    assert (pair.public_key or "").startswith("whpk_")


def test_every_version_of_signatures_has_its_word() -> None:
    assert labels.KEY_VERSION.keys() == {SHARED_VERSION, keypair.VERSION}
