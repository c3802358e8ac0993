"""Getting in and staying out: sessions, wrong credentials, forged and foreign requests, redirects to elsewhere."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.dashboard.session import local_path
from app.models import Role, UserSession
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, ORIGIN, PASSWORD, at_work, employ, visitor

ACTS = (
    "/dashboard/sign-out",
    "/dashboard/cases/YL-2026-000001/ruling",
    "/dashboard/cases/YL-2026-000001/closing",
    "/dashboard/cases/YL-2026-000001/reopening",
    "/dashboard/cases/YL-2026-000001/review",
    "/dashboard/cases/YL-2026-000001/consultation",
    "/dashboard/consultations/HS-2026-000001/conclusion",
    "/dashboard/consultations/HS-2026-000001/schedule",
    "/dashboard/consultations/HS-2026-000001/batch",
    "/dashboard/consultations/HS-2026-000001/withdrawal",
    "/dashboard/consultations/HS-2026-000001/cancellation",
    "/dashboard/consultations/HS-2026-000001/invitations",
    "/dashboard/consultations/HS-2026-000001/invitations/withdrawal",
    "/dashboard/consultations/HS-2026-000001/extension",
    "/dashboard/precedents/XL-2026-000001/withdrawal",
    "/dashboard/precedents/XL-2026-000001/standing",
    "/dashboard/precedents/XL-2026-000001/standing/end",
    "/dashboard/deliveries/1/redelivery",
    "/dashboard/endpoints",
)
PAGES = ("/dashboard/", "/dashboard/triage", "/dashboard/ledger", "/dashboard/cases/YL-2026-000001", "/dashboard/x/y")

FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://yilong.test.evil.example"},
    {"Origin": "http://yilong.test:81"},
    {"Origin": "http://["},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    {},
)
FORM = "application/x-www-form-urlencoded"
UNREADABLE = (
    ("application/json", b"{}"),
    ("multipart/form-data; boundary=x", b"--x--"),
    (FORM, b"csrf_token=" + b"a" * 600_000),
    (FORM, b"a=%00"),
    (FORM, b"a=%ff%fe"),
    (FORM, b"\xff"),
    (FORM, b"&".join([b"a=1"] * 3000)),
)


async def sessions(city: CityUnderTest) -> list[UserSession]:
    async with city.runtime.database.read() as session:
        return list(await session.scalars(select(UserSession).order_by(UserSession.created_at)))


async def test_signing_in_leads_back_to_the_page_that_was_asked_for(city: CityUnderTest) -> None:
    browser = await visitor(city)
    answer = await browser.sign_in(await employ(city), path="/dashboard/ledger?tab=open&text=%E6%B0%91")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/dashboard/ledger?tab=open&text=%E6%B0%91"
    cookie = answer.headers["set-cookie"]
    assert "yilong_session=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert (await browser.follow()).status_code == 200


async def test_nobody_sees_a_page_without_signing_in(city: CityUnderTest) -> None:
    browser = await visitor(city)
    for path in PAGES:
        answer = await browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dashboard/sign-in?next=%2Fdashboard")
        part = await browser.get(path, **HTMX)
        assert part.status_code == 401
        assert part.headers["hx-redirect"].startswith("/dashboard/sign-in?next=")


async def test_every_wrong_attempt_is_answered_alike(city: CityUnderTest) -> None:
    browser = await visitor(city)
    username = await employ(city)
    answers = [
        await browser.sign_in(*wrong) for wrong in ((username, "wrong"), ("nobody", PASSWORD), ("", ""), ("a\\b", "'"))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all("用户名或密码不正确" in answer.text for answer in answers)
    assert await sessions(city) == []
    assert 'value="clerk"' in answers[0].text


async def test_a_sign_in_form_from_another_browser_is_refused(city: CityUnderTest) -> None:
    username = await employ(city)
    mine, theirs = await visitor(city), await visitor(city)
    await mine.get("/dashboard/sign-in")
    await theirs.get("/dashboard/sign-in")
    fields = {"username": username, "password": PASSWORD}
    forged = await mine.post("/dashboard/sign-in", theirs.hidden("/dashboard/sign-in") | fields)
    bare = await mine.post("/dashboard/sign-in", fields)
    assert forged.status_code == bare.status_code == 403
    assert await sessions(city) == []


async def test_each_sign_in_opens_a_session_of_its_own_and_ends_the_one_before(city: CityUnderTest) -> None:
    browser = await at_work(city)
    before = browser.client.cookies["yilong_session"]
    await browser.get("/dashboard/sign-in?next=//evil.example/")
    assert browser.page.headers["location"] == "/dashboard/"
    browser.client.cookies.delete("yilong_session")
    await browser.get("/dashboard/sign-in")
    fields = browser.hidden("/dashboard/sign-in")
    browser.client.cookies.set("yilong_session", before, domain="yilong.test", path="/")
    await browser.post("/dashboard/sign-in", fields | {"username": "clerk", "password": PASSWORD})
    assert browser.client.cookies.get("yilong_session", path="/") != before
    assert [bool(row.revoked_at) for row in await sessions(city)].count(True) == 1


async def test_signing_out_ends_the_session_on_the_server(city: CityUnderTest) -> None:
    browser = await at_work(city)
    token = browser.client.cookies["yilong_session"]
    await browser.get("/dashboard/")
    assert (await browser.send("/dashboard/sign-out")).headers["location"] == "/dashboard/sign-in"
    assert "yilong_session" not in browser.client.cookies
    browser.client.cookies.set("yilong_session", token)
    assert (await browser.get("/dashboard/")).status_code == 303


async def test_an_act_without_the_token_of_the_session_is_refused(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    for act in ACTS:
        for fields in ({}, {"csrf_token": "guessed"}, {"csrf_token": "密"}):
            answer = await browser.post(act, fields)
            assert answer.status_code == 403, act
            assert answer.headers["content-type"].startswith("text/html")
    assert (await browser.get("/dashboard/")).status_code == 200


async def test_an_act_that_does_not_come_from_our_own_page_is_refused(city: CityUnderTest) -> None:
    browser, stranger = await at_work(city), await visitor(city)
    await browser.get("/dashboard/")
    fields = browser.hidden("/dashboard/sign-out")
    for headers in FOREIGN:
        answer = await browser.client.post("/dashboard/sign-out", data=fields, headers=headers)
        assert answer.status_code == 403, headers
        refused = await stranger.client.post("/dashboard/sign-in", data={"username": "clerk"}, headers=headers)
        assert refused.status_code == 403, headers
    assert (await browser.get("/dashboard/")).status_code == 200


async def test_the_token_may_come_as_a_header_too(city: CityUnderTest) -> None:
    browser = await at_work(city)
    await browser.get("/dashboard/")
    token = browser.hidden("/dashboard/sign-out")["csrf_token"]
    assert (await browser.post("/dashboard/sign-out", {}, X_CSRF_Token=token)).status_code == 303


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ("/dashboard/ledger?tab=open", "/dashboard/ledger?tab=open"),
        ("", "/dashboard/"),
        ("https://evil.example/dashboard/", "/dashboard/"),
        ("//evil.example/dashboard/", "/dashboard/"),
        ("/\\evil.example", "/dashboard/"),
        ("/dashboard/\\evil.example", "/dashboard/"),
        ("/dashboard//evil.example", "/dashboard/"),
        ("javascript:alert(1)", "/dashboard/"),
        ("/dashboard/x\r\nSet-Cookie: a=b", "/dashboard/"),
        ("\t//evil.example", "/dashboard/"),
        ("/v1/cases", "/dashboard/"),
        ("/dashboard/sign-out", "/dashboard/"),
        ("http://[", "/dashboard/"),
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(wish: str, path: str) -> None:
    assert local_path(wish) == path


async def test_work_keeps_a_session_alive_and_an_open_page_does_not(city: CityUnderTest, clock: FixedClock) -> None:
    browser = await at_work(city)
    for _ in range(3):
        clock.advance(minutes=25)
        assert (await browser.get("/dashboard/ledger")).status_code == 200
    for _ in range(2):
        clock.advance(minutes=20)
        last = await browser.get("/dashboard/badges", **HTMX)
    assert last.status_code == 401


async def test_twelve_hours_end_every_session(city: CityUnderTest, clock: FixedClock) -> None:
    browser = await at_work(city)
    end = clock.now() + timedelta(hours=12)
    while clock.now() + timedelta(minutes=29) < end:
        clock.advance(minutes=29)
        assert (await browser.get("/dashboard/")).status_code == 200
    clock.set(end)
    assert (await browser.get("/dashboard/")).status_code == 303


async def test_a_form_that_cannot_be_read_is_refused(city: CityUnderTest) -> None:
    browser = await at_work(city)
    for kind, body in UNREADABLE:
        for path in ("/dashboard/sign-out", "/dashboard/sign-in"):
            headers = {"Content-Type": kind, "Origin": ORIGIN}
            answer = await browser.client.post(path, content=body, headers=headers)
            assert answer.status_code == 422, (kind, body[:20])
            assert "表单内容无法读取" in answer.text
