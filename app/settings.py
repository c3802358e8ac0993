"""Settings from the environment (prefix `YILONG_`). Documented in the README's table; a test compares the two."""

import re
import secrets
from datetime import time
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MINIMUM_SECRET_LENGTH = 32
MINIMUM_DATABASE_PASSWORD_LENGTH = 8
MINIMUM_STORE_SECRET_LENGTH = 16
LONGEST_PATTERN = 16
PLACEHOLDERS = ("changeme", "change-me", "change_me", "password", "example", "secret-key", "secret_key", "yilong")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PASSWORDS = frozenset(
    {"postgres", "postgresql", "database", "administrator", "12345678", "123456789", "qwertyui"}
)


def is_guessable(secret: str) -> bool:
    """Whether a secret is no random one: few characters, a pattern said again, a run like `abc…`, a placeholder."""
    text = secret.lower()
    steps = [abs(ord(after) - ord(before)) for before, after in pairwise(text)]
    return (
        len(set(text)) < 10
        or any(text[length:] == text[:-length] for length in range(1, min(LONGEST_PATTERN, len(text) - 1) + 1))
        or sum(step <= 1 for step in steps) > len(steps) / 2
        or any(word in text for word in PLACEHOLDERS)
    )


def has_default_password(database_url: str) -> bool:
    """Whether a database's address holds a password that anybody would try first; none at all is another way in."""
    try:
        parts = urlsplit(database_url)
    except ValueError:
        return False
    if parts.password is None or parts.scheme.startswith("sqlite"):
        return False
    password = unquote(parts.password).lower()
    own = {(parts.username or "").lower(), parts.path.strip("/").lower()}
    return (
        len(password) < MINIMUM_DATABASE_PASSWORD_LENGTH
        or len(set(password)) < 4
        or password in DEFAULT_PASSWORDS | own
        or any(password.startswith(word) and len(password) < len(word) + 5 for word in PLACEHOLDERS)
    )


def is_issuer(url: str, *, loopback: bool) -> bool:
    """Whether it can be a provider's address: https, or with `loopback` plain http on this very machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    here = loopback and parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    secure = parts.scheme == "https" and bool(parts.hostname)
    return (secure or here) and not (parts.query or parts.fragment or "@" in parts.netloc)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Every setting of a deployment. Unknown `YILONG_` names are ignored so that two versions can run side by side."""

    model_config = SettingsConfigDict(env_prefix="YILONG_", env_file=".env", extra="ignore")

    environment: Environment = Field(
        Environment.DEVELOPMENT,
        description="`production` refuses to start with a weak or default secret, see docs/operations.md",
    )
    database_url: str | None = Field(
        None, description="`sqlite:///…` or `postgresql://…`; without it `yilong.db` under the data folder"
    )
    data_dir: Path = Field(Path("data"), description="folder of the embedded database and of the generated secret")
    evidence_dir: Path | None = Field(
        None, description="folder of the evidence departments upload; `evidence` under the data folder where absent"
    )
    evidence_s3_url: str | None = Field(
        None,
        description="bucket of an S3-compatible store that takes the folder's place: `https://store.intranet/bucket`, "
        "or `https://bucket.store.example`; needs the extra `s3`",
    )
    evidence_s3_region: str = Field("us-east-1", description="its region, as requests to it are signed")
    evidence_s3_key: str | None = Field(None, description="access key for it; required with the URL")
    evidence_s3_secret: SecretStr | None = Field(None, description="secret of that key; required with the URL")
    evidence_s3_plain_http: bool = Field(
        False, description="lets production use a bucket at an `http` address: only on a network of its own"
    )
    evidence_largest_mb: int = Field(10, ge=1, le=100, description="megabytes one evidence file may have")
    host: str = Field("127.0.0.1", description="address the server listens on")
    port: int = Field(8000, ge=1, le=65535, description="port the server listens on")
    secret_key: SecretStr | None = Field(
        None, description="at least 32 characters; encrypts stored secrets. Made under the data folder where absent"
    )
    former_secret_keys: list[SecretStr] = Field(
        default_factory=list,
        description="JSON list of secret keys used before, while `yilong rotate-key-encryption` seals anew what they "
        "sealed; empty afterwards",
    )
    public_url: str | None = Field(
        None, description="address of the dashboard as departments see it; `http://host:port` where absent"
    )
    timezone: str = Field("Asia/Shanghai", description="time zone of working days and of official dates")
    office_opens: time = Field(
        time(9, 0), description="start of office hours, local time; nothing is sent before, and the daily digest then"
    )
    office_closes: time = Field(
        time(18, 0), description="end of office hours, at which terms end; the same on every replica"
    )
    decide_from_confidence: float = Field(
        0.6, ge=0, le=1, description="below this confidence a report goes to triage with its evidence"
    )
    relapse_rule: Literal["reopen", "link", "off"] = Field(
        "reopen",
        description="a report that brings up again what was struck off: `reopen` that case, open a new one with a "
        "`link` to it, or `off`",
    )
    relapse_window_days: int = Field(
        180, ge=1, le=3650, description="days after a case was struck off in which the rule applies"
    )
    contact_retention_days: int = Field(
        180, ge=1, le=3650, description="days after a case was struck off in which its reporters' contacts are kept"
    )
    suggest_from_likeness: float = Field(
        0.55, ge=0, le=1, description="from this likeness two cases are shown to the office as perhaps the same burden"
    )
    join_from_likeness: float = Field(
        0.9, ge=0, le=2, description="from this likeness a report joins an open case by itself; `1` or more: never"
    )
    pool_size: int = Field(10, ge=1, le=200, description="PostgreSQL connections a process keeps")
    worker_poll_seconds: float = Field(0.5, gt=0, le=60, description="pause of an idle worker between two looks")
    delivery_concurrency: int = Field(16, ge=1, le=256, description="webhook calls a worker has under way at once")
    delivery_endpoint_cap: int = Field(4, ge=1, le=64, description="webhook calls under way to one endpoint at once")
    delivery_allowed_networks: list[str] = Field(
        default_factory=list,
        description='JSON list of private networks webhooks may go to, such as `["10.0.0.0/8"]`',
    )
    delivery_allow_loopback: bool = Field(
        False, description="lets webhooks go to this machine, for trying out and tests; refused in production"
    )
    smtp_host: str | None = Field(
        None, description="mail server for departments that are told by e-mail; without it there is none"
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="its port; 465 with `tls`, 587 with `starttls`, 25 with `none` where absent"
    )
    smtp_security: Literal["tls", "starttls", "none"] = Field(
        "starttls", description="how the line to it is secured; `none` sends no password"
    )
    smtp_user: str | None = Field(None, description="name to log in with, where it asks for one")
    smtp_password: SecretStr | None = Field(None, description="its password")
    smtp_from: str | None = Field(None, description="mailbox the mail comes from; required with the host")
    second_opinion_url: str | None = Field(
        None,
        description="OpenAI-compatible endpoint inside the deployment, such as `http://model.intranet:8000/v1`; "
        "it is asked for suggestions on what goes to triage. Empty: off",
    )
    second_opinion_model: str | None = Field(
        None, max_length=120, description="name of the model to ask there; required with the URL"
    )
    second_opinion_key: SecretStr | None = Field(None, description="its key, sent as a Bearer token; where it has one")
    second_opinion_timeout_seconds: float = Field(
        10.0, gt=0, le=60, description="bound of a whole question, from the name look-up to the last byte"
    )
    oidc_issuer: str | None = Field(
        None,
        max_length=300,
        description="OpenID Connect provider for single sign-on, such as `https://sso.city.gov.cn/realms/office`; "
        "needs the extra `oidc`. Empty: off",
    )
    oidc_client_id: str | None = Field(None, description="what this service is called there; required with the issuer")
    oidc_client_secret: SecretStr | None = Field(None, description="its secret there; a public client has none")
    oidc_role_claim: str = Field(
        "roles", min_length=1, description="claim of the ID token with the roles; `a.b` means `b` within `a`"
    )
    oidc_roles: dict[str, Literal["clerk", "leader", "auditor", "administrator"]] = Field(
        default_factory=dict,
        description='JSON object from values of that claim to roles here, such as `{"yilong-clerk": "clerk"}`; the '
        "first that somebody has counts; required with the issuer",
    )
    oidc_label: str | None = Field(None, max_length=40, description="what its button says; `单点登录` where absent")
    password_sign_in: bool = Field(
        True, description="whether people may sign in with a password too; `false` needs the issuer"
    )
    rate_per_key_per_minute: int = Field(
        600,
        ge=0,
        le=100_000_000,
        description="requests one API key may make a minute, over all replicas; as many at once after a pause. `0`: "
        "no limit",
    )
    rate_failed_keys_per_minute: int = Field(
        60,
        ge=0,
        le=100_000_000,
        description="wrong keys and callback signatures one address may send a minute before it is told to wait; "
        "good ones go on. `0`: no limit",
    )
    session_cookie_secure: bool = Field(
        False, description="sends the session cookie over HTTPS only; set it wherever the dashboard has HTTPS"
    )
    trusted_proxy: bool = Field(
        False,
        description="takes the client address from the last entry of the proxy's X-Forwarded-For; without it all who "
        "come through a proxy share one address",
    )

    @model_validator(mode="after")
    def refuse_weak_production(self) -> "Settings":
        """Stop a production start that would be unsafe."""
        if self.environment is not Environment.PRODUCTION:
            return self
        key = self.secret_key.get_secret_value() if self.secret_key else ""
        if len(key) < MINIMUM_SECRET_LENGTH or is_guessable(key):
            raise ValueError(
                "YILONG_SECRET_KEY 在生产环境必须设置，且不少于 32 个随机字符，不能是示例、重复或连续的字符。"
                "Set YILONG_SECRET_KEY to at least 32 random characters: no example, no pattern. "
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        if has_default_password(self.database_url or ""):
            raise ValueError(
                "YILONG_DATABASE_URL 中的数据库密码是默认的或过短，请换成不少于 8 位的随机密码。"
                "The password in YILONG_DATABASE_URL is a default or short one: give that user a random password."
            )
        if (self.public_url or "").lower().startswith("https:") and not self.session_cookie_secure:
            raise ValueError(
                "YILONG_PUBLIC_URL 是 https 地址，须把 YILONG_SESSION_COOKIE_SECURE 设为 true,"
                "否则登录凭证会明文传送。YILONG_PUBLIC_URL is https: set YILONG_SESSION_COOKIE_SECURE=true, "
                "or session cookies would travel in clear."
            )
        if self.delivery_allow_loopback:
            raise ValueError("YILONG_DELIVERY_ALLOW_LOOPBACK 不得用于生产环境。Unset it in production.")
        return self

    @model_validator(mode="after")
    def refuse_unusable_store(self) -> "Settings":
        """A bucket is named by its whole address, asked with a key, and never in clear or with an easy secret."""
        if not self.evidence_s3_url:
            return self
        names_bucket = re.fullmatch(
            r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._/-]*)?", self.evidence_s3_url
        )
        if not names_bucket:
            raise ValueError(
                "YILONG_EVIDENCE_S3_URL 须为 https://主机/桶 或 https://桶.主机，不带用户名、问号和井号。"
                "YILONG_EVIDENCE_S3_URL is https://host/bucket or https://bucket.host, without user or query."
            )
        if find_spec("obstore") is None:
            raise ValueError(
                "设置了 YILONG_EVIDENCE_S3_URL，但没有安装扩展 s3，见 docs/operations.md。"
                "YILONG_EVIDENCE_S3_URL is set, but the extra `s3` is not installed: "
                "pip install --require-hashes -r requirements-extras.txt"
            )
        secret = self.evidence_s3_secret.get_secret_value() if self.evidence_s3_secret else ""
        if not self.evidence_s3_key or not secret:
            raise ValueError(
                "设置了 YILONG_EVIDENCE_S3_URL，还须设置 YILONG_EVIDENCE_S3_KEY 和 YILONG_EVIDENCE_S3_SECRET。"
                "Set YILONG_EVIDENCE_S3_KEY and YILONG_EVIDENCE_S3_SECRET together with the URL."
            )
        return self._refuse_weak_store(secret)

    def _refuse_weak_store(self, secret: str) -> "Settings":
        if self.environment is not Environment.PRODUCTION:
            return self
        if len(secret) < MINIMUM_STORE_SECRET_LENGTH or is_guessable(secret):
            raise ValueError(
                "YILONG_EVIDENCE_S3_SECRET 过短或容易猜到，请在对象存储中换成不少于 16 位的随机密钥。"
                "YILONG_EVIDENCE_S3_SECRET is short or easy to guess: give that key 16 random characters or more."
            )
        if (self.evidence_s3_url or "").startswith("http:") and not self.evidence_s3_plain_http:
            raise ValueError(
                "YILONG_EVIDENCE_S3_URL 是 http 地址，材料会明文传送。请改用 https；确属专用内网的，"
                "把 YILONG_EVIDENCE_S3_PLAIN_HTTP 设为 true。YILONG_EVIDENCE_S3_URL is http: files would travel in "
                "clear. Use https, or set YILONG_EVIDENCE_S3_PLAIN_HTTP=true on a network of the store's own."
            )
        return self

    @model_validator(mode="after")
    def refuse_impossible_hours(self) -> "Settings":
        """Office hours lie within one day, on the city's own clock."""
        if self.office_opens.tzinfo or self.office_closes.tzinfo or not self.office_opens < self.office_closes:
            raise ValueError(
                "YILONG_OFFICE_OPENS 须早于 YILONG_OFFICE_CLOSES，都是当地时间，不带时区。"
                "YILONG_OFFICE_OPENS must be earlier than YILONG_OFFICE_CLOSES; both are local times without an offset."
            )
        return self

    @model_validator(mode="after")
    def refuse_nameless_model(self) -> "Settings":
        """An opinion is recorded with the name of the model that gave it."""
        if self.second_opinion_url and not self.second_opinion_model:
            raise ValueError(
                "设置了 YILONG_SECOND_OPINION_URL，还须设置 YILONG_SECOND_OPINION_MODEL。"
                "Set YILONG_SECOND_OPINION_MODEL together with the URL."
            )
        return self

    @model_validator(mode="after")
    def refuse_unusable_mail(self) -> "Settings":
        """Mail needs a sender, and a password is never sent in clear."""
        if not self.smtp_host:
            return self
        if not re.fullmatch(r"[!-;=?-~]+@[A-Za-z0-9.-]+", self.smtp_from or ""):
            raise ValueError(
                "设置了 YILONG_SMTP_HOST，还须把 YILONG_SMTP_FROM 设为发件邮箱。"
                "Set YILONG_SMTP_FROM to a mailbox together with the host."
            )
        if self.smtp_security == "none" and (self.smtp_user or self.smtp_password):
            raise ValueError(
                "YILONG_SMTP_SECURITY 为 none 时不得设置登录名和密码，密码不能明文发送。"
                "With YILONG_SMTP_SECURITY=none there must be no user and no password: it would go in clear."
            )
        return self

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def refuse_roles_that_belong_to_somebody(cls, roles: Any) -> Any:
        """No provider says for which department or point somebody acts."""
        if isinstance(roles, dict) and {"department", "reporter"} & {str(role) for role in roles.values()}:
            raise ValueError(
                "YILONG_OIDC_ROLES 只能对应 clerk、leader、auditor、administrator:"
                "部门和观测点的账号须指明所属单位，请由管理员建立。"
                "YILONG_OIDC_ROLES maps to clerk, leader, auditor and administrator only: "
                "an account of a department or point names whom it acts for, and is made by an administrator."
            )
        return roles

    @model_validator(mode="after")
    def refuse_unusable_sign_on(self) -> "Settings":
        """Single sign-on is set up whole and over https, or not at all."""
        if not self.oidc_issuer:
            if not self.password_sign_in:
                raise ValueError(
                    "YILONG_PASSWORD_SIGN_IN 为 false 时，须先设置 YILONG_OIDC_ISSUER，否则无人能够登录。"
                    "With YILONG_PASSWORD_SIGN_IN=false set YILONG_OIDC_ISSUER, or nobody can sign in."
                )
            return self
        if not is_issuer(self.oidc_issuer, loopback=self.environment is not Environment.PRODUCTION):
            raise ValueError(
                "YILONG_OIDC_ISSUER 须为 https 地址，不带查询参数；只有开发环境可以用本机的 http 地址。"
                "YILONG_OIDC_ISSUER must be an https address without a query; http is for this machine in development."
            )
        if not self.oidc_client_id or not self.oidc_roles:
            raise ValueError(
                "设置了 YILONG_OIDC_ISSUER，还须设置 YILONG_OIDC_CLIENT_ID 和 YILONG_OIDC_ROLES。"
                "Set YILONG_OIDC_CLIENT_ID and YILONG_OIDC_ROLES together with the issuer."
            )
        if not (find_spec("authlib") and find_spec("httpx")):
            raise ValueError(
                "单点登录需要安装附加组件 oidc。Single sign-on needs the extra `oidc`: "
                "see docs/operations.md, 单点登录 Single sign-on."
            )
        return self

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'yilong.db'}"

    @property
    def resolved_evidence_dir(self) -> Path:
        return self.evidence_dir or self.data_dir / "evidence"

    @property
    def resolved_public_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def require_secret_key(self) -> bytes:
        """The secret key; in development it is made once and kept under the data folder, readable by its owner only."""
        if self.secret_key:
            return self.secret_key.get_secret_value().encode()
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48), encoding="ascii")
        return path.read_text(encoding="ascii").strip().encode()

    @property
    def former_keys(self) -> list[bytes]:
        """The secret keys that came before the present one."""
        return [key.get_secret_value().encode() for key in self.former_secret_keys if key.get_secret_value()]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
