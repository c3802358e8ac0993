"""Every error of ours is a complete problem in both languages, and logs and answers never repeat what was sent."""

import importlib
import io
import json
import logging
import pkgutil
from collections.abc import Iterator

import pytest
import structlog

import app
from app.log import ALLOWED_KEYS, configure_logging, get_logger
from app.problems import AppError
from app.settings import Settings
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


@pytest.mark.parametrize("key", [None, "short", "a" * 40])
def test_production_refuses_a_weak_secret(key: str | None) -> None:
    with pytest.raises(ValueError, match="YILONG_SECRET_KEY"):
        Settings(_env_file=None, environment="production", secret_key=key)


def test_production_refuses_webhooks_to_loopback() -> None:
    with pytest.raises(ValueError, match="LOOPBACK"):
        Settings(
            _env_file=None,
            environment="production",
            secret_key="0123456789abcdefghijklmnopqrstuvwxyz",
            delivery_allow_loopback=True,
        )
