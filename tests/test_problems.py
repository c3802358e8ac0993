"""Every error of ours is a complete problem in both languages, and logs and answers never repeat what was sent."""

import base64
import importlib
import io
import json
import logging
import pkgutil
import secrets
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog

import app
from app.log import ALLOWED_KEYS, configure_logging, get_logger
from app.problems import AppError
from app.settings import Settings, is_guessable
from tests.city import CityUnderTest

SECRETIVE = "王大爷的电话13800138000"


def all_errors() -> Iterator[type[AppError]]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name != "app.cli.__main__":
            importlib.import_module(module.name)
    pending = [AppError]
    while pending:
        kind = pending.pop()
        yield kind
        pending += kind.__subclasses__()


def test_every_error_says_what_is_wrong_in_both_languages() -> None:
    kinds = list(all_errors())
    assert len(kinds) > 20
    for kind in kinds:
        problem = _bare(kind).to_problem()
        assert problem["type"] == f"urn:yilong:problem:{kind.code}"
        assert 400 <= problem["status"] < 600
        assert kind.title_zh != kind.title_en
        assert any("\u4e00" <= c <= "\u9fff" for c in kind.title_zh), kind
        assert kind.title_en.isascii(), kind


def _bare(kind: type[AppError]) -> AppError:
    error = kind.__new__(kind)
    AppError.__init__(error)
    return error


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1/cases/YL-2026-000001/nothing"])
async def test_an_unknown_address_is_a_problem(city: CityUnderTest, path: str) -> None:
    async with city.anonymous() as nobody:
        answer = await nobody.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_defect_is_a_problem_that_tells_nothing(city: CityUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError(SECRETIVE)

    monkeypatch.setattr("app.flow.receive.classify", fail)
    answer = await (await city.reporter()).post("/v1/reports", json={"text": SECRETIVE})
    assert answer.status_code == 500
    assert answer.json()["code"] == "defect"
    assert SECRETIVE not in answer.text


def test_a_log_line_keeps_only_listed_keys_and_never_an_exceptions_message() -> None:
    stream = io.StringIO()
    configure_logging()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=stream))
    try:
        try:
            raise ValueError(SECRETIVE)
        except ValueError as error:
            get_logger().error("failed", exc_info=error, text=SECRETIVE, body=SECRETIVE, case="YL-2026-000001")
    finally:
        configure_logging(logging.WARNING)
    line = json.loads(stream.getvalue())
    assert set(line) <= ALLOWED_KEYS
    assert line["exc_type"] == "ValueError"
    assert line["case"] == "YL-2026-000001"
    assert SECRETIVE not in stream.getvalue()


STRONG = "Zt4u1Qm9-Wc7x_0pLk3vHs8yRb2nGd6fJa5e"


def in_production(**changes: object) -> Settings:
    return Settings.model_validate({"environment": "production", "secret_key": STRONG} | changes)


@pytest.mark.parametrize(
    "key",
    [
        None,
        "short",
        "a" * 40,
        "0123456789" * 4,
        "0123456789abcdef" * 3,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "please-ChangeMe-3f9Kq2Lw8Zx1Vb7Nm4Tp6R",
        "YOUR-SECRET-KEY-3f9Kq2Lw8Zx1Vb7Nm4Tp6",
    ],
)
def test_production_refuses_a_weak_secret(key: str | None) -> None:
    with pytest.raises(ValueError, match="YILONG_SECRET_KEY"):
        Settings(_env_file=None, environment="production", secret_key=key)


def test_what_a_generator_of_secrets_makes_is_not_taken_for_weak() -> None:
    for _ in range(200):
        assert not is_guessable(secrets.token_urlsafe(48))
        assert not is_guessable(secrets.token_hex(32))
        assert not is_guessable(base64.b64encode(secrets.token_bytes(32)).decode())


@pytest.mark.parametrize(
    ("password", "weak"),
    [
        ("yilong", True),
        ("postgres", True),
        ("Postgres", True),
        ("changeme123", True),
        ("password1", True),
        ("city-2026", True),
        ("short7!", True),
        ("aaaaaaaaaaaa", True),
        ("k7%2FQv9-xT2m", False),
        ("long sentence of a person", False),
    ],
)
def test_production_refuses_a_default_password_of_the_database(password: str, weak: bool) -> None:
    url = f"postgresql://city-2026:{quote(password, safe='%')}@database/yilong"
    if weak:
        with pytest.raises(ValueError, match="YILONG_DATABASE_URL"):
            in_production(database_url=url)
    else:
        in_production(database_url=url)
    Settings(_env_file=None, database_url=url)


def test_production_takes_a_database_that_asks_for_no_password_in_its_address() -> None:
    for url in ("postgresql:///yilong?host=/run/postgresql", "postgresql://yilong@database/yilong", "sqlite:///y.db"):
        in_production(database_url=url)


def test_production_refuses_a_cookie_in_clear_where_the_pages_have_https() -> None:
    with pytest.raises(ValueError, match="YILONG_SESSION_COOKIE_SECURE"):
        in_production(public_url="https://yilong.intranet")
    in_production(public_url="https://yilong.intranet", session_cookie_secure=True)
    in_production(public_url="http://yilong.intranet")


def test_production_refuses_webhooks_to_loopback() -> None:
    with pytest.raises(ValueError, match="LOOPBACK"):
        Settings(
            _env_file=None,
            environment="production",
            secret_key=STRONG,
            delivery_allow_loopback=True,
        )
