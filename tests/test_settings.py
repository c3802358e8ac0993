"""Settings that belong together, and secrets that stay so."""

import sys
from datetime import time

import pytest
from pydantic import ValidationError

from app.flow.channels import mail_server_of
from app.settings import Settings
from tests.city import SECRET


def test_an_opinion_without_the_name_of_its_model_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="YILONG_SECOND_OPINION_MODEL"):
        Settings(_env_file=None, second_opinion_url="http://model.intranet/v1")


def test_an_empty_address_means_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YILONG_SECOND_OPINION_URL", "")
    assert not Settings(_env_file=None).second_opinion_url


def test_the_models_key_is_not_shown() -> None:
    made = Settings(
        _env_file=None,
        second_opinion_url="http://model.intranet/v1",
        second_opinion_model="qwen",
        second_opinion_key="sk-canary",
    )
    assert "sk-canary" not in repr(made) + str(made.model_dump())


@pytest.mark.parametrize("seconds", [0, -1, 61])
def test_a_question_is_bounded(seconds: float) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, second_opinion_timeout_seconds=seconds)


@pytest.mark.parametrize(
    ("opens", "closes"), [("18:00", "09:00"), ("09:00", "09:00"), ("09:00+08:00", "18:00"), ("09:00", "18:00Z")]
)
def test_office_hours_that_cannot_be_are_refused_at_the_start(opens: str, closes: str) -> None:
    with pytest.raises(ValidationError, match="YILONG_OFFICE_OPENS"):
        Settings.model_validate({"office_opens": opens, "office_closes": closes})


def test_office_hours_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YILONG_OFFICE_OPENS", "08:30")
    assert Settings(_env_file=None).office_opens == time(8, 30)


MAIL = {"smtp_host": "mail.test", "smtp_from": "yilong@city.gov.cn"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtp_from": None}, "YILONG_SMTP_FROM"),
        ({"smtp_from": "no mailbox"}, "YILONG_SMTP_FROM"),
        ({"smtp_from": "a@b.cn>\r\nRCPT TO:<c@d.cn"}, "YILONG_SMTP_FROM"),
        ({"smtp_security": "none", "smtp_user": "yilong"}, "YILONG_SMTP_SECURITY"),
        ({"smtp_security": "none", "smtp_password": "secret"}, "YILONG_SMTP_SECURITY"),
    ],
)
def test_a_mail_server_that_cannot_be_used_or_would_get_a_password_in_clear_is_refused(
    changes: dict[str, str | None], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(_env_file=None, **{**MAIL, **changes})  # type: ignore[arg-type]


def test_a_mail_server_has_the_port_of_its_security_unless_another_is_set() -> None:
    for security, port in (("tls", 465), ("starttls", 587), ("none", 25)):
        server = mail_server_of(Settings(_env_file=None, smtp_security=security, **MAIL))  # type: ignore[arg-type]
        assert server is not None
        assert server.port == port
    named = Settings(_env_file=None, smtp_port=2525, smtp_user="yilong", smtp_password="canary", **MAIL)  # type: ignore[arg-type]
    server = mail_server_of(named)
    assert server is not None
    assert (server.port, server.password) == (2525, "canary")
    assert "canary" not in repr(named) + repr(server)
    assert mail_server_of(Settings(_env_file=None)) is None


BUCKET = {"evidence_s3_url": "https://store.intranet/evidence", "evidence_s3_key": "AK", "evidence_s3_secret": "canary"}
STRONG = "kT7vQ2mZ9xW4pL8sR1nBqY6c"


@pytest.mark.parametrize(
    "url",
    ["https://store.intranet:9000/evidence", "http://10.1.2.3/evidence/yilong", "https://evidence.store.intranet"],
)
def test_a_bucket_is_named_by_its_address_and_its_secret_is_not_shown(url: str) -> None:
    made = Settings(_env_file=None, **{**BUCKET, "evidence_s3_url": url})  # type: ignore[arg-type]
    assert made.evidence_s3_secret is not None
    assert "canary" not in repr(made) + str(made.model_dump())
    assert not Settings(_env_file=None, evidence_s3_url="").evidence_s3_url


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evidence_s3_url": "store.intranet/evidence"}, "YILONG_EVIDENCE_S3_URL"),
        ({"evidence_s3_url": "ftp://store.intranet/evidence"}, "YILONG_EVIDENCE_S3_URL"),
        ({"evidence_s3_url": "https://user:word@store.intranet/evidence"}, "YILONG_EVIDENCE_S3_URL"),
        ({"evidence_s3_url": "https://store.intranet/evidence?x=1"}, "YILONG_EVIDENCE_S3_URL"),
        ({"evidence_s3_key": None}, "YILONG_EVIDENCE_S3_KEY"),
        ({"evidence_s3_secret": None}, "YILONG_EVIDENCE_S3_SECRET"),
        ({"evidence_s3_secret": ""}, "YILONG_EVIDENCE_S3_SECRET"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_refused_at_the_start(changes: dict[str, str | None], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(_env_file=None, **{**BUCKET, **changes})  # type: ignore[arg-type]


def test_a_bucket_without_its_library_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.settings.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"--require-hashes -r requirements-extras\.txt"):
        Settings(_env_file=None, **BUCKET)  # type: ignore[arg-type]
    assert Settings(_env_file=None).evidence_s3_url is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evidence_s3_secret": "minioadmin"}, "YILONG_EVIDENCE_S3_SECRET"),
        ({"evidence_s3_secret": "changeme-changeme-now"}, "YILONG_EVIDENCE_S3_SECRET"),
        ({"evidence_s3_url": "http://store.intranet/evidence"}, "YILONG_EVIDENCE_S3_PLAIN_HTTP"),
        ({"evidence_s3_url": "http://store.intranet/evidence", "evidence_s3_plain_http": True}, None),
        ({}, None),
    ],
)
def test_production_wants_a_strong_secret_and_no_plain_line_unless_that_is_said(
    changes: dict[str, str | bool], said: str | None
) -> None:
    base = {"environment": "production", "secret_key": STRONG * 2, **BUCKET, "evidence_s3_secret": STRONG}
    if said is None:
        assert Settings(_env_file=None, **{**base, **changes}).evidence_s3_url  # type: ignore[arg-type]
        return
    with pytest.raises(ValidationError, match=said):
        Settings(_env_file=None, **{**base, **changes})  # type: ignore[arg-type]


SIGN_ON = {
    "oidc_issuer": "https://sso.city.gov.cn/realms/office",
    "oidc_client_id": "yilong",
    "oidc_roles": {"yilong-clerk": "clerk"},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_issuer": "http://sso.city.gov.cn/realms/office"}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "https://sso.city.gov.cn/?realm=office"}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "https://admin@sso.city.gov.cn/"}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "https://["}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "sso.city.gov.cn"}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "http://127.0.0.1.evil.example/"}, "YILONG_OIDC_ISSUER"),
        ({"oidc_issuer": "http://127.0.0.1:8080/", "environment": "production", "secret_key": SECRET}, "OIDC_ISSUER"),
        ({"oidc_client_id": None}, "YILONG_OIDC_CLIENT_ID"),
        ({"oidc_roles": {}}, "YILONG_OIDC_ROLES"),
        ({"oidc_roles": {"yilong-department": "department"}}, "names whom it acts for"),
        ({"oidc_roles": {"yilong-guest": "guest"}}, "clerk"),
        ({"oidc_issuer": "", "password_sign_in": False}, "YILONG_PASSWORD_SIGN_IN"),
    ],
)
def test_a_provider_that_cannot_be_used_or_would_be_asked_in_clear_is_refused(
    changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(_env_file=None, **{**SIGN_ON, **changes})  # type: ignore[arg-type]


def test_a_provider_is_read_from_the_environment_and_its_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YILONG_OIDC_ISSUER", "http://localhost:8080/realms/office")
    monkeypatch.setenv("YILONG_OIDC_CLIENT_ID", "yilong")
    monkeypatch.setenv("YILONG_OIDC_CLIENT_SECRET", "sso-canary")
    monkeypatch.setenv("YILONG_OIDC_ROLES", '{"b": "clerk", "a": "leader"}')
    made = Settings(_env_file=None)
    assert list(made.oidc_roles) == ["b", "a"]
    assert "sso-canary" not in repr(made) + str(made.model_dump())


@pytest.mark.parametrize("missing", ["authlib", "httpx"])
def test_a_provider_without_the_extra_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ValidationError, match="附加组件 oidc"):
        Settings(_env_file=None, **SIGN_ON)  # type: ignore[arg-type]
