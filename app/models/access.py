"""Who may do what: API keys, people, their sessions, remembered idempotent answers; what was done to them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import AdminActKind, Role


class ApiKey(Base):
    """接口密钥: a system's; only its hash is kept. A reporter's belongs to a point, a department's to a department.

    `last_used_on` is the city's day, noted now and then (`access.key_use`).
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    prefix: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[Role] = mapped_column(enum_column(Role))
    observation_point_code: Mapped[str | None] = mapped_column(reference("observation_points.code"))
    department_code: Mapped[str | None] = mapped_column(reference("departments.code"))
    label: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_on: Mapped[date | None] = mapped_column(Date)

    __table_args__ = (Index("ix_api_keys_holder", "role", "observation_point_code", "department_code"),)


class User(Base):
    """A person, signing in with a password or, of the office only, at a provider (单点登录).

    A department's or a point's belongs to it, and acts for it as its key does; the office's belongs to neither.
    Whom a provider vouches for has no password: an empty hash, which nothing fits.
    `must_change_password`: somebody else knows it; nothing but changing it is allowed.
    `ledger_columns` are those chosen for the ledger last, None for the usual.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(enum_column(Role))
    observation_point_code: Mapped[str | None] = mapped_column(reference("observation_points.code"))
    department_code: Mapped[str | None] = mapped_column(reference("departments.code"))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    ledger_columns: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint(
            "(role = 'department') = (department_code IS NOT NULL) "
            "AND (role = 'reporter') = (observation_point_code IS NOT NULL)",
            name="holder_fits_role",
        ),
    )


class UserIdentity(Base):
    """Whom a provider of single sign-on (单点登录) means by a subject; nobody is known there by anything else."""

    __tablename__ = "user_identities"

    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(reference("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SavedView(Base):
    """常用视图: one person's name for what the ledger's address says: filters, order, columns. Nobody else sees it."""

    __tablename__ = "saved_views"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(reference("users.id"))
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(2000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("user_id", "name"),)


class UserSession(Base):
    """A signed-in browser; the cookie's token is kept as a hash only."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(reference("users.id"))
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotentAnswer(Base):
    """What a write with an `Idempotency-Key` answered, kept 72 hours in the transaction of its effect."""

    __tablename__ = "idempotent_answers"

    holder: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_idempotent_answers_created_at", "created_at"),)


class AdminAct(Base):
    """操作日志: one act on an account or a key, written with it and never changed (a trigger keeps it). No secrets.

    `actor` is as events name it, `user:…` of who acts on the own account, `operator` for a command, or `provider`
    where a sign-in at the provider did it; `subject` is `user:…` or `key:…`; `facts` is flat text.
    """

    __tablename__ = "admin_acts"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80))
    kind: Mapped[AdminActKind] = mapped_column(enum_column(AdminActKind))
    subject: Mapped[str] = mapped_column(String(80))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (Index("ix_admin_acts_happened_at", "happened_at"), Index("ix_admin_acts_subject", "subject"))
