"""Sending and receiving: endpoints, deliveries, attempts, callbacks that came in."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Boolean, Date, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, BigSerial, UtcDateTime, enum_column, id_column, new_id, reference
from app.vocabulary import Channel, CheckKind, CheckStatus, DeliveryStatus


class Endpoint(Base):
    """An address that a department is told at: its system's for webhooks, or a channel that reaches its people.

    `secret` is stored encrypted: a webhook's signing secrets, or all that a channel needs (`deliver/channels.py`), of
    which `url` shows only what may be seen. With `office_hours`, nothing is sent outside them. Every event of its
    department after `active_since` is queued for it; None where that moment is not known.
    `failures`, `rests_until` and `proven` are its breaker, see `deliver/breaker.py`.
    Nothing is sent before `confirmed_at`, when a system answered its challenge; people are not asked.
    `failing_since` is the first failure since anything was delivered.
    """

    __tablename__ = "endpoints"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    department_code: Mapped[str] = mapped_column(reference("departments.code"))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel), default=Channel.WEBHOOK)
    office_hours: Mapped[bool] = mapped_column(Boolean, default=False)
    url: Mapped[str] = mapped_column(String(1000))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    active_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    rests_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proven: Mapped[int] = mapped_column(Integer, default=0)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_endpoints_department_code", "department_code"),)


class EndpointCheck(Base):
    """验证: a challenge or a test on its way to an address. It belongs to no case and is no event of the feed.

    `token` is what a challenge wants to hear back. `due_at` is the next moment to try; a lease marks one in hand.
    """

    __tablename__ = "endpoint_checks"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    endpoint_id: Mapped[str] = mapped_column(reference("endpoints.id"))
    kind: Mapped[CheckKind] = mapped_column(enum_column(CheckKind))
    token: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[CheckStatus] = mapped_column(enum_column(CheckStatus))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    milliseconds: Mapped[int | None] = mapped_column(Integer)
    http_status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(200))
    answer: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_endpoint_checks_endpoint_id", "endpoint_id"),
        Index(
            "ix_endpoint_checks_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )


class EndpointAlert(Base):
    """告警: the office was told that an address fails since `since`, for so many hours, or (0) that it said it is gone.

    One row for each step, so that it is told once; it ends with the failing, or when a person takes it up.
    """

    __tablename__ = "endpoint_alerts"

    endpoint_id: Mapped[str] = mapped_column(reference("endpoints.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    hours: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "ix_endpoint_alerts_open",
            "endpoint_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


# What stands in the place of an event's type where a delivery is a daily digest.
DIGEST_TYPE: Final = "digest"


class Delivery(Base):
    """投递: one event on its way to one endpoint. `due_at` is the next moment to try; a lease marks one in hand.

    What goes to people travels in a message that may tell of several: `message_id` is the same for all of these, on
    every attempt; None for a webhook, and before the first attempt.
    A daily digest is a message of its own: it has a `digest_day` in place of an event and a case, its `seq` is 0, and
    from `expires_at` on it is not sent any more.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    event_id: Mapped[str | None] = mapped_column(reference("events.id"))
    endpoint_id: Mapped[str] = mapped_column(reference("endpoints.id"))
    case_id: Mapped[str | None] = mapped_column(reference("cases.id"))
    seq: Mapped[int] = mapped_column(Integer)
    status: Mapped[DeliveryStatus] = mapped_column(enum_column(DeliveryStatus))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    crashes: Mapped[int] = mapped_column(Integer, default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    message_id: Mapped[str | None] = mapped_column(String(32))
    digest_day: Mapped[date | None] = mapped_column(Date)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        Index("ix_deliveries_endpoint", "endpoint_id", "id"),
        Index(
            "ix_deliveries_failed",
            "id",
            sqlite_where=text("status IN ('dead', 'quarantined')"),
            postgresql_where=text("status IN ('dead', 'quarantined')"),
        ),
        Index(
            "ix_deliveries_digest",
            "digest_day",
            "endpoint_id",
            unique=True,
            sqlite_where=text("digest_day IS NOT NULL"),
            postgresql_where=text("digest_day IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_message",
            "endpoint_id",
            "message_id",
            sqlite_where=text("message_id IS NOT NULL"),
            postgresql_where=text("message_id IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_due",
            "endpoint_id",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_order",
            "endpoint_id",
            "case_id",
            "seq",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )


class Attempt(Base):
    """One try at a delivery: append-only, with the start of what the other side answered."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    delivery_id: Mapped[int] = mapped_column(reference("deliveries.id"))
    number: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    milliseconds: Mapped[int] = mapped_column(Integer)
    http_status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(200))
    answer: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_attempts_delivery_id", "delivery_id"), Index("ix_attempts_started_at", "started_at"))


class Callback(Base):
    """A signed event that came in from a department system: stored once, then applied; its answer is remembered."""

    __tablename__ = "callbacks"

    department_code: Mapped[str] = mapped_column(reference("departments.code"), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_digest: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(60))
    status: Mapped[int] = mapped_column(Integer)
    answer: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
