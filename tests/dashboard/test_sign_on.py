"""Single sign-on against a real provider on a real socket: who gets in and as what, and every way it can be lied to."""

import ast
import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import Key
from sqlalchemy import select, update

from app.access.provider import Provider
from app.access.sign_on import ProviderUntrusted, Vouched, admit, read_claims
from app.clock import FixedClock
from app.main import open_provider
from app.models import AdminAct, Role, User, UserIdentity, UserSession
from app.settings import Settings
from tests.city import CityUnderTest, new_city, open_city
from tests.dashboard.office import ORIGIN, PASSWORD, OfficeBrowser, employ, shown, visitor
from tests.oidc_provider import (
    CLIENT,
    CLIENT_SECRET,
    JSON,
    OidcProvider,
    ec_key,
    rsa_key,
    sign_with,
    signed_with_the_public_key,
    unsigned,
)
from tests.receiver import Answer

ROOT = Path(__file__).resolve().parents[2]
LEAVE, RETURN = "/dashboard/sign-in/provider", "/dashboard/sign-in/provider/return"
ROLES = {"yilong-admin": "administrator", "yilong-leader": "leader", "yilong-clerk": "clerk"}
CLERK = {"sub": "0001", "name": "周敏", "roles": ["staff", "yilong-clerk"]}
LIBRARY = re.compile(r"\b(authlib|joserfc|httpx|app\.access\.provider)\b")
# Reading the system's certificates for each client takes longer than all the rest.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PATIENT, IMPATIENT = 10.0, 0.3
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def provider(clock: FixedClock) -> Iterator[OidcProvider]:
    with OidcProvider(clock, zhou=dict(CLERK)) as opened:
        yield opened


def set_up(provider: OidcProvider, **changes: Any) -> dict[str, Any]:
    """The settings of a deployment with that provider."""
    return {
        "public_url": ORIGIN,
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_roles": ROLES,
        **changes,
    }


@pytest.fixture
async def office(
    city_url: str, tmp_path: Path, clock: FixedClock, provider: OidcProvider
) -> AsyncIterator[CityUnderTest]:
    async with open_city(city_url, tmp_path, clock, **set_up(provider)) as opened:
        yield opened


@pytest.fixture
async def town(tmp_path: Path, clock: FixedClock, provider: OidcProvider) -> AsyncIterator[CityUnderTest]:
    """The same on one database, for what is decided before any query."""
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock, **set_up(provider)) as opened:
            yield opened


def ask_anew(city: CityUnderTest, seconds: float = PATIENT) -> None:
    """Forget what the provider said before."""
    city.application.state.provider = Provider(city.runtime.settings, total_seconds=seconds)


async def vouch(address: str, account: str = "zhou") -> str:
    """Sign in on the provider's page, as a browser would; where it sends the browser back to."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as web:
        assert "统一身份认证" in (await web.get(address)).text
        answer = await web.post(address, data={"account": account})
    assert answer.status_code == 303, address
    return answer.headers["location"]


async def leave(browser: OfficeBrowser, wanted: str = "/dashboard/") -> str:
    """Take the link to the provider; its address there."""
    answer = await browser.get(f"{LEAVE}?next={wanted}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def sign_on(browser: OfficeBrowser, wanted: str = "/dashboard/", account: str = "zhou") -> httpx.Response:
    """The whole way to the provider and back."""
    return await browser.get(await vouch(await leave(browser, wanted), account))


async def people(city: CityUnderTest) -> list[tuple[str, Role, str]]:
    async with city.runtime.database.read() as session:
        rows = await session.execute(
            select(User.display_name, User.role, UserIdentity.subject).join(UserIdentity).order_by(User.created_at)
        )
        return [(name, role, subject) for name, role, subject in rows]


async def noted(city: CityUnderTest) -> list[tuple[str, str | None, str | None]]:
    """What the log of acts says that the provider did: the act, the role before, the role now."""
    async with city.runtime.database.read() as session:
        acts = await session.scalars(
            select(AdminAct).where(AdminAct.actor == "provider").order_by(AdminAct.happened_at, AdminAct.id)
        )
        return [(act.kind.value, act.facts.get("before"), act.facts.get("role")) for act in acts]


async def open_sessions(city: CityUnderTest) -> int:
    async with city.runtime.database.read() as session:
        return len(list(await session.scalars(select(UserSession).where(UserSession.revoked_at.is_(None)))))


# ── who gets in ──


async def test_the_first_sign_in_makes_the_person_and_the_next_takes_the_name_and_role_of_that_day(
    office: CityUnderTest, provider: OidcProvider
) -> None:
    browser = await visitor(office)
    await browser.get("/dashboard/sign-in?next=/dashboard/ledger?tab=open")
    link = re.search(rf'href="({LEAVE}\?next=[^"]+)"[^>]*>单点登录</a>', browser.page.text)
    assert link is not None
    answer = await browser.get(await vouch((await browser.get(link.group(1))).headers["location"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/ledger?tab=open")
    assert (await browser.follow()).status_code == 200
    assert "周敏 统筹部门经办人" in shown(browser.page)
    assert await people(office) == [("周敏", Role.CLERK, "0001")]
    provider.people["zhou"] |= {"name": "周敏敏", "roles": ["yilong-clerk", "yilong-leader"]}
    later = await visitor(office)
    await sign_on(later)
    assert await people(office) == [("周敏敏", Role.LEADER, "0001")]
    assert "周敏敏 统筹部门负责人" in shown(await browser.get("/dashboard/"))
    assert await noted(office) == [("user_created", None, "clerk"), ("role_set", "clerk", "leader")]
    auditor = await visitor(office)
    await auditor.sign_in(await employ(office, Role.AUDITOR))
    log = shown(await auditor.get("/dashboard/admin-log"))
    assert "单点登录 更改角色" in log
    assert "单点登录 新建账号" in log
    provider.people["other"] = CLERK | {"sub": "0002"}
    await sign_on(await visitor(office), account="other")
    assert [subject for _, _, subject in await people(office)] == ["0001", "0002"]


async def test_whoever_has_no_role_or_was_closed_out_stays_out(office: CityUnderTest, provider: OidcProvider) -> None:
    browser = await visitor(office)
    provider.people["zhou"]["roles"] = ["staff"]
    refused = await sign_on(browser)
    assert refused.status_code == 403
    assert "没有分配使用本系统的角色" in shown(refused)
    assert await people(office) == []
    provider.people["zhou"]["roles"] = ["yilong-clerk"]
    assert (await sign_on(browser)).status_code == 303
    provider.people["zhou"]["roles"] = None
    assert (await sign_on(await visitor(office))).status_code == 403
    assert (await browser.get("/dashboard/")).status_code == 303
    assert await open_sessions(office) == 0
    assert [act for act, _, _ in await noted(office)] == ["user_created", "sessions_ended"]
    provider.people["zhou"]["roles"] = ["yilong-clerk"]
    async with office.runtime.database.write() as session:
        await session.execute(update(User).values(active=False))
    closed = await sign_on(browser)
    assert closed.status_code == 403
    assert "账号已停用" in shown(closed)
    assert await open_sessions(office) == 0


async def test_whom_the_provider_vouches_for_is_the_offices_whatever_the_account_was_made_here(
    office: CityUnderTest, provider: OidcProvider
) -> None:
    assert (await sign_on(await visitor(office))).status_code == 303
    async with office.runtime.database.write() as session:
        await session.execute(update(User).values(role=Role.DEPARTMENT, department_code="FR-MZ"))
    browser = await visitor(office)
    assert (await sign_on(browser)).status_code == 303
    assert "周敏 统筹部门经办人" in shown(await browser.get("/dashboard/"))
    assert await people(office) == [("周敏", Role.CLERK, "0001")]
    assert (await noted(office))[1:] == [("role_set", "department", "clerk")]


async def test_two_first_sign_ins_at_once_make_one_person(office: CityUnderTest, clock: FixedClock) -> None:
    database = office.runtime.database

    async def come(name: str) -> str:
        async with database.write() as session:
            user = await admit(database, session, Vouched("https://sso.test", "0001", name, Role.CLERK), clock.now())
            assert user is not None
            await asyncio.sleep(0.02)
            return user.id

    assert len(set(await asyncio.gather(*(come(f"周敏{n}") for n in range(6))))) == 1
    assert len(await people(office)) == 1
    assert len(await noted(office)) == 1


async def test_a_session_is_like_any_other_and_new_with_each_sign_in(town: CityUnderTest, clock: FixedClock) -> None:
    browser = await visitor(town)
    await browser.sign_in(await employ(town))
    before = browser.client.cookies["yilong_session"]
    journey = await leave(await visitor(town))
    assert (await browser.get(LEAVE)).headers["location"] == "/dashboard/"
    browser.client.cookies.delete("yilong_session")
    back = await vouch(await leave(browser))
    assert "SameSite=lax" in browser.page.headers["set-cookie"]
    assert "HttpOnly" in browser.page.headers["set-cookie"]
    assert journey not in browser.page.headers["set-cookie"]
    browser.client.cookies.set("yilong_session", before, domain="yilong.test", path="/")
    answer = await browser.get(back)
    assert re.search(r"yilong_session=\S+; HttpOnly; Path=/; SameSite=lax", answer.headers["set-cookie"])
    assert "yilong_sign_on" not in browser.client.cookies
    assert await open_sessions(town) == 1
    clock.advance(minutes=31)
    assert (await browser.get("/dashboard/")).status_code == 303


async def test_whom_a_provider_vouches_for_has_no_password_and_a_name_there_is_none_here(
    town: CityUnderTest, provider: OidcProvider
) -> None:
    await employ(town, Role.ADMINISTRATOR)
    provider.people["zhou"]["preferred_username"] = "administrator"
    assert (await sign_on(await visitor(town))).status_code == 303
    async with town.runtime.database.read() as session:
        users = {user.role: user for user in await session.scalars(select(User))}
    assert set(users) == {Role.ADMINISTRATOR, Role.CLERK}
    for password in ("", PASSWORD):
        assert (await (await visitor(town)).sign_in(users[Role.CLERK].username, password)).status_code == 401
    assert (await (await visitor(town)).sign_in("administrator")).status_code == 303


@pytest.mark.parametrize(
    ("claims", "claim", "role"),
    [
        ({"roles": ["yilong-clerk", "yilong-admin"]}, "roles", Role.ADMINISTRATOR),
        ({"roles": "yilong-leader"}, "roles", Role.LEADER),
        ({"roles": ["YILONG-ADMIN", "yilong-admin ", {"yilong-admin": 1}, None, 7]}, "roles", None),
        ({"roles": {"yilong-admin": True}}, "roles", None),
        ({}, "roles", None),
        ({"realm_access": {"roles": ["yilong-clerk"]}}, "realm_access.roles", Role.CLERK),
        ({"realm_access": ["yilong-clerk"]}, "realm_access.roles", None),
        ({"https://city.gov.cn/roles": ["yilong-clerk"]}, "https://city.gov.cn/roles", Role.CLERK),
    ],
)
def test_the_first_role_of_the_mapping_that_somebody_has_counts(
    claims: dict[str, Any], claim: str, role: Role | None
) -> None:
    assert read_claims({"iss": "i", "sub": "s", **claims}, claim, ROLES).role == role


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": " 周敏 ", "preferred_username": "zhou"}, "周敏"),
        ({"name": "\u202e\ud800\x00", "preferred_username": "zhou"}, "zhou"),
        ({"name": 7}, "0001"),
        ({"name": "周" * 200}, "周" * 80),
    ],
)
def test_a_name_is_cut_and_clean(claims: dict[str, Any], name: str) -> None:
    assert read_claims({"iss": "i", "sub": "0001", **claims}, "roles", ROLES).name == name


@pytest.mark.parametrize("subject", ["", "a" * 256, "a\x00", "周", 7, ["a"]])
def test_a_subject_that_the_standard_does_not_know_is_nobody(subject: object) -> None:
    with pytest.raises(ProviderUntrusted):
        read_claims({"iss": "i", "sub": subject}, "roles", ROLES)


# ── the provider lies, fails or is slow ──

Change = Callable[[OidcProvider], object]


def lying(**claims: Any) -> Change:
    return lambda provider: provider.lies.update(claims)


def saying(**members: Any) -> Change:
    return lambda provider: provider.says.update(members)


def answering(path: str, *answer: Any, **how: Any) -> Change:
    return lambda provider: provider.instead.update({path: Answer(*answer, **how)})


def signing(sign: Callable[[OidcProvider, dict[str, Any]], str]) -> Change:
    return lambda provider: setattr(provider, "sign", sign)


LIES: Mapping[str, tuple[Change, int, str]] = {
    "another nonce": (lying(nonce="another"), 502, "claim nonce"),
    "no nonce": (lying(nonce=None), 502, "claim nonce"),
    "another audience": (lying(aud="another"), 502, "claim aud"),
    "several audiences, for nobody": (lying(aud=[CLIENT, "another"]), 502, "claim azp"),
    "for another party": (lying(azp="another"), 502, "claim azp"),
    "another issuer": (lying(iss="https://evil.example"), 502, "claim iss"),
    "expired": (lying(exp=1772415000 - 60), 502, "claim exp"),
    "never expires": (lying(exp=None), 502, "claim exp"),
    "from the future": (lying(iat=1772415000 + 120), 502, "claim iat"),
    "of another access token": (lying(at_hash="AAAA"), 502, "claim at_hash"),
    "nobody": (lying(sub=None), 502, "claim sub"),
    "a subject with a NUL": (lying(sub="a\x00"), 502, "sub"),
    "not signed": (signing(unsigned), 502, "unsupported_algorithm"),
    "the public key as a secret": (signing(signed_with_the_public_key), 502, "unsupported_algorithm"),
    "another's key": (signing(sign_with(rsa_key("one", "a forger"), "RS256")), 502, "bad_signature"),
    "a key that is not published": (signing(sign_with(ec_key("hidden"), "ES256")), 502, "invalid_key_id"),
    "no token at all": (signing(lambda *_: "nonsense"), 502, "decode_error"),
    "discovery of another": (saying(issuer="https://evil.example"), 502, "issuer"),
    "a token endpoint in clear": (saying(token_endpoint="http://10.0.0.1/token"), 502, "endpoint"),
    "an endpoint that is a script": (saying(authorization_endpoint="javascript:alert(1)"), 502, "endpoint"),
    "no keys": (answering("/keys", body=b'{"keys":[]}', headers=JSON), 502, "missing_key"),
    "no JSON": (answering(DISCOVERY, body=b"<html>"), 502, "JSONDecodeError"),
    "JSON of another kind": (answering(DISCOVERY, body=b"[1]"), 502, "TypeError"),
    "very deep JSON": (answering("/keys", body=b"[" * 200_000), 502, "RecursionError"),
    "a flood": (answering("/keys", instead="flood"), 502, "too long"),
    "a bomb": (answering("/token", instead="bomb"), 502, "packed"),
    "elsewhere": (answering("/token", 302, b"", {"Location": "http://127.0.0.1:9/"}), 503, "status 302"),
    "nothing there": (answering(DISCOVERY, 404), 503, "status 404"),
    "broken": (answering("/token", 500), 503, "status 500"),
    "silent": (answering("/token", instead="hang"), 503, "TimeoutError"),
    "dripping": (answering("/keys", instead="drip-body"), 503, "TimeoutError"),
    "hanging up": (answering("/token", instead="reset"), 503, "ReadError"),
    "refusing": (lambda p: setattr(p, "refuses", "access_denied"), 403, "access_denied"),
    "refusing in its own words": (lambda p: setattr(p, "refuses", "canary-word"), 403, "other"),
    "not knowing us": (lambda p: setattr(p, "methods", ("client_secret_post",)), 403, "invalid_client"),
    "refusing with no word": (answering("/token", 400, b'{"error":[{}]}', JSON), 403, "other"),
    "an answer of no token": (answering("/token", body=b"{}", headers=JSON), 502, "KeyError"),
}  # fmt: skip


async def test_a_provider_that_lies_fails_or_is_slow_gives_a_calm_page_and_a_word_in_the_log(
    town: CityUnderTest, provider: OidcProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    found, secret = {}, {CLIENT_SECRET, "canary"}
    for lie, (change, _, reason) in LIES.items():
        provider.be_honest()
        provider.methods = ("client_secret_basic",)
        change(provider)
        ask_anew(town, IMPATIENT if reason == "TimeoutError" else PATIENT)
        if lie == "not knowing us":
            provider.says["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
        browser = await visitor(town)
        answer = await browser.get(LEAVE)
        if answer.status_code == 303:
            query = httpx.URL(answer.headers["location"]).params
            secret |= {query["state"], query["nonce"], query["code_challenge"]}
            answer = await browser.get(await vouch(answer.headers["location"]))
        assert answer.headers["content-type"].startswith("text/html"), lie
        assert "回到首页" in answer.text, lie
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert len(lines) == 1, (lie, lines)
        assert set(lines[0]) == {"event", "level", "timestamp", "code", "reason"}
        assert not [word for word in secret | set(provider.issued) if word in str(lines[0]) + answer.text], lie
        found[lie] = (answer.status_code, lines[0]["reason"])
    assert found == {lie: (status, reason) for lie, (_, status, reason) in LIES.items()}
    assert await people(town) == []
    assert await open_sessions(town) == 0
    provider.be_honest()
    ask_anew(town)
    assert (await sign_on(await visitor(town))).status_code == 303


async def test_a_provider_that_is_down_is_told_so_and_passwords_go_on(
    town: CityUnderTest, provider: OidcProvider
) -> None:
    provider.close()
    ask_anew(town)
    browser = await visitor(town)
    answer = await browser.get(LEAVE)
    assert answer.status_code == 503
    assert "统一身份认证没有正常应答" in shown(answer)
    assert (await browser.sign_in(await employ(town))).status_code == 303


async def test_new_keys_are_asked_for_once_when_a_token_names_one(town: CityUnderTest, provider: OidcProvider) -> None:
    one, two = rsa_key("one"), ec_key("two")
    published: list[tuple[list[Key], int]] = [([one], 1), ([one], 1), ([two, one], 2)]
    for keys, asked in published:
        provider.keys = keys
        assert (await sign_on(await visitor(town))).status_code == 303
        assert (provider.asked_for("/keys"), provider.asked_for(DISCOVERY)) == (asked, 1)
    provider.sign = sign_with(ec_key("hidden"), "ES256")
    assert (await sign_on(await visitor(town))).status_code == 502
    assert provider.asked_for("/keys") == 3


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_a_secret_is_shown_as_the_provider_wants_it_and_a_public_client_has_none(
    tmp_path: Path, clock: FixedClock, provider: OidcProvider, method: str
) -> None:
    provider.methods = (method,)
    settings = set_up(provider, oidc_client_secret=None if method == "none" else CLIENT_SECRET)
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock, **settings) as town:
            assert (await sign_on(await visitor(town))).status_code == 303


# ── somebody else's browser ──


async def test_an_answer_is_good_only_in_the_browser_that_left_and_for_ten_minutes(
    town: CityUnderTest, clock: FixedClock, provider: OidcProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, theirs = await visitor(town), await visitor(town)
    back = httpx.URL(await vouch(await leave(mine)))
    other = httpx.URL(await vouch(await leave(theirs)))
    with_their_code = back.copy_merge_params({"code": other.params["code"]})
    strangers: list[tuple[OfficeBrowser, httpx.URL, int, str]] = [
        (await visitor(town), back, 400, "cookie"),
        (theirs, back, 400, "state"),
        (mine, with_their_code, 403, "invalid_grant"),
    ]
    for browser, url, status, reason in strangers:
        answer = await browser.get(str(url))
        assert (answer.status_code, "yilong_session" in browser.client.cookies) == (status, False)
        assert f'"reason": "{reason}"' in capsys.readouterr().err
    for change, status, reason in (
        ({"state": "密"}, 400, "state"),
        ({"iss": "https://evil.example"}, 502, "iss"),
        ({"code": ""}, 403, "other"),
    ):
        url = httpx.URL(await vouch(await leave(mine))).copy_merge_params(change)
        assert (await mine.get(str(url))).status_code == status
        assert f'"reason": "{reason}"' in capsys.readouterr().err
    late = await vouch(await leave(mine))
    clock.advance(minutes=10)
    assert (await mine.get(late)).status_code == 400
    changed = await vouch(await leave(mine))
    cookie = mine.client.cookies["yilong_sign_on"]
    mine.client.cookies.clear()
    mine.client.cookies.set("yilong_sign_on", cookie[:-8] + "AAAAAAA=", domain="yilong.test", path=LEAVE)
    assert (await mine.get(changed)).status_code == 400
    assert provider.issued == []
    assert await open_sessions(town) == 0


async def test_an_answer_works_once(town: CityUnderTest) -> None:
    browser = await visitor(town)
    back = await vouch(await leave(browser))
    cookie = browser.client.cookies["yilong_sign_on"]
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 400
    browser.client.cookies.set("yilong_sign_on", cookie, domain="yilong.test", path=LEAVE)
    assert (await browser.get(back)).status_code == 403


@pytest.mark.parametrize(
    "wish", ["https://evil.example/", "//evil.example", "/dashboard//evil.example", "/v1/cases", "/dashboard/sign-out"]
)
async def test_nobody_is_sent_elsewhere_afterwards(town: CityUnderTest, wish: str) -> None:
    browser = await visitor(town)
    assert (await sign_on(browser, wish)).headers["location"] == "/dashboard/"
    assert (await browser.get(f"{LEAVE}?next={wish}")).headers["location"] == "/dashboard/"


async def test_a_place_too_long_for_a_cookie_is_the_home_page(town: CityUnderTest) -> None:
    answer = await sign_on(await visitor(town), "/dashboard/ledger?text=" + "a" * 5000)
    assert answer.headers["location"] == "/dashboard/"


# ── where it is not set up ──


async def test_without_a_provider_there_is_no_button_and_no_way(city: CityUnderTest) -> None:
    browser = await visitor(city)
    assert "/sign-in/provider" not in (await browser.get("/dashboard/sign-in")).text
    for path in (LEAVE, RETURN):
        assert (await browser.get(path)).status_code == 404


def test_without_a_provider_its_library_is_not_loaded_nor_needed() -> None:
    """Only one module needs it, and that one is imported where it is called for: within a function."""
    assert open_provider(Settings(_env_file=None)) is None
    needing = set()
    for path in (ROOT / "app").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in imports_of(ast.parse(source)) if LIBRARY.search(source) else ():
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(map(LIBRARY.match, named)):
                needing.add(path.relative_to(ROOT).as_posix())
    assert needing == {"app/access/provider.py"}


def imports_of(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """What is imported together with a module, not by its functions and not for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.ClassDef | ast.Try) or (
            isinstance(child, ast.If) and ast.unparse(child.test) != "TYPE_CHECKING"
        ):
            yield from imports_of(child)


async def test_passwords_can_be_switched_off_and_the_button_says_what_the_office_wants(
    tmp_path: Path, clock: FixedClock, provider: OidcProvider
) -> None:
    settings = set_up(provider, password_sign_in=False, oidc_label="长沙政务统一认证")
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock, **settings) as town:
            browser = await visitor(town)
            page = await browser.get("/dashboard/sign-in")
            assert "长沙政务统一认证" in page.text
            assert 'name="password"' not in page.text
            fields = {"username": await employ(town), "password": PASSWORD}
            assert (await browser.post("/dashboard/sign-in", fields)).status_code == 404
            assert (await sign_on(browser)).status_code == 303
