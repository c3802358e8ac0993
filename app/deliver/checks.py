"""验证: an address answers a signed challenge before it gets real events, and a test whenever the office wants one.

Queues, leases and settles them, in transactions of the caller's; it sends nothing. An address that answers 2xx with
the challenge is confirmed. Asked again often at first, while somebody is setting the system up, then now and then for a
day, then only when a person asks.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import SCHEMA_VERSION, to_canonical_json, to_rfc3339
from app.deliver.claim import LEASE
from app.deliver.endpoints import AlreadyConfirmed, EndpointInactive, lock_webhook, register_endpoint
from app.deliver.guard import Guard
from app.deliver.send import Outcome
from app.models import CheckKind, CheckStatus, Endpoint, EndpointCheck, new_id
from app.sealing import Sealer

ASKED_FOR: Final = timedelta(hours=24)
OFTEN_FOR: Final = timedelta(minutes=15)
FIRST_WAIT, OFTEN, SELDOM = timedelta(seconds=2), timedelta(seconds=10), timedelta(minutes=10)
TOKEN_BYTES: Final = 32
NO_ECHO: Final = "answered without the challenge"
TYPES: Final = {CheckKind.CHALLENGE: "endpoint.challenge", CheckKind.TEST: "endpoint.test"}


@dataclass(frozen=True, slots=True)
class ClaimedCheck:
    """A check in hand; `attempts` counts those before this one."""

    id: str
    kind: CheckKind
    token: str
    body: str
    endpoint_id: str
    url: str
    sealed_secret: bytes
    attempts: int
    created_at: datetime
    lease_token: str


async def connect_endpoint(
    session: AsyncSession, department_code: str, url: str, sealer: Sealer, guard: Guard, now: datetime
) -> tuple[Endpoint, str]:
    """Register an address that somebody handed in, and ask it at once to answer for itself; see `register_endpoint`.

    Events are queued for it from now on and wait until it has answered.
    """
    endpoint, secret = await register_endpoint(session, department_code, url, sealer, guard, now)
    endpoint.confirmed_at = None
    session.add(make_check(endpoint, CheckKind.CHALLENGE, now))
    return endpoint, secret


async def ask_challenge(session: AsyncSession, endpoint_id: str, now: datetime) -> EndpointCheck:
    """Have an address asked, at once, to answer for itself; a challenge that is under way is asked with again.

    Raises NotFound, NotAWebhook, EndpointInactive, or AlreadyConfirmed.
    """
    endpoint = await lock_webhook(session, endpoint_id)
    if endpoint.confirmed_at is not None:
        raise AlreadyConfirmed
    pending = await session.scalar(
        select(EndpointCheck)
        .where(
            EndpointCheck.endpoint_id == endpoint_id,
            EndpointCheck.kind == CheckKind.CHALLENGE,
            EndpointCheck.status == CheckStatus.PENDING,
        )
        .with_for_update()
    )
    if pending is None:
        return _queue(session, endpoint, CheckKind.CHALLENGE, now)
    if endpoint.active and pending.lease_token is None:
        pending.due_at = now
    return pending


async def send_test(session: AsyncSession, endpoint_id: str, now: datetime) -> EndpointCheck:
    """Have a test sent, once. Raises NotFound, NotAWebhook or EndpointInactive."""
    return _queue(session, await lock_webhook(session, endpoint_id), CheckKind.TEST, now)


def _queue(session: AsyncSession, endpoint: Endpoint, kind: CheckKind, now: datetime) -> EndpointCheck:
    if not endpoint.active:
        raise EndpointInactive
    check = make_check(endpoint, kind, now)
    session.add(check)
    return check


def make_check(endpoint: Endpoint, kind: CheckKind, now: datetime) -> EndpointCheck:
    """A check that is due now; its body has the form of an event's, and tells of no case."""
    check_id, token = new_id(), secrets.token_urlsafe(TOKEN_BYTES)
    data = {"department": endpoint.department_code} | ({"challenge": token} if kind is CheckKind.CHALLENGE else {})
    body = {
        "type": TYPES[kind],
        "timestamp": to_rfc3339(now),
        "id": check_id,
        "seq": 0,
        "schema_version": SCHEMA_VERSION,
        "data": data,
    }
    return EndpointCheck(
        id=check_id,
        endpoint_id=endpoint.id,
        kind=kind,
        token=token,
        body=to_canonical_json(body),
        status=CheckStatus.PENDING,
        due_at=now,
        attempts=0,
        created_at=now,
    )


def next_check() -> ScalarSelect[datetime | None]:
    """The earliest moment at which a check may be sent; null where none waits."""
    return (
        select(func.min(EndpointCheck.due_at))
        .join(Endpoint, Endpoint.id == EndpointCheck.endpoint_id)
        .where(Endpoint.active, EndpointCheck.due_at.is_not(None))
        .scalar_subquery()
    )


async def has_due_check(session: AsyncSession, now: datetime) -> bool:
    """Whether a claim could find anything: a look that takes no lock."""
    return await session.scalar(_due(now).limit(1)) is not None


def _due(now: datetime) -> Any:
    return (
        select(EndpointCheck.id)
        .join(Endpoint, Endpoint.id == EndpointCheck.endpoint_id)
        .where(EndpointCheck.due_at <= now, Endpoint.active)
        .order_by(EndpointCheck.due_at, EndpointCheck.id)
    )


async def claim_checks(session: AsyncSession, now: datetime, limit: int) -> list[ClaimedCheck]:
    """Lease due checks; one whose worker died is found again when its lease has run out."""
    ids = list(await session.scalars(_due(now).limit(limit).with_for_update(of=EndpointCheck, skip_locked=True)))
    if not ids:
        return []
    token = secrets.token_hex(16)
    lease = update(EndpointCheck).where(EndpointCheck.id.in_(ids)).values(lease_token=token, due_at=now + LEASE)
    await session.execute(lease.execution_options(synchronize_session=False))
    rows = await session.execute(
        select(EndpointCheck, Endpoint.url, Endpoint.secret)
        .join(Endpoint, Endpoint.id == EndpointCheck.endpoint_id)
        .where(EndpointCheck.id.in_(ids))
        .order_by(EndpointCheck.created_at, EndpointCheck.id)
    )
    return [
        ClaimedCheck(c.id, c.kind, c.token, c.body, c.endpoint_id, url, secret, c.attempts, c.created_at, token)
        for c, url, secret in rows
    ]


async def settle_check(session: AsyncSession, claimed: ClaimedCheck, outcome: Outcome, now: datetime) -> bool:
    """Write what came of a check; an address that answered its challenge is confirmed with it.

    False where another worker has the row by now; then nothing is written.
    """
    endpoint = await lock_webhook(session, claimed.endpoint_id)
    check = await session.get(EndpointCheck, claimed.id, with_for_update=True)
    if check is None or check.lease_token != claimed.lease_token:
        return False
    fault = fault_of_check(claimed, outcome)
    check.attempts, check.lease_token = claimed.attempts + 1, None
    check.milliseconds, check.http_status = outcome.milliseconds, outcome.http_status
    check.error, check.answer = fault, outcome.answer
    check.due_at = _next_try(claimed, outcome, now) if fault else None
    if check.due_at is None:
        check.finished_at = now
        check.status = CheckStatus.FAILED if fault else CheckStatus.ANSWERED
    if fault is None and claimed.kind is CheckKind.CHALLENGE and endpoint.confirmed_at is None:
        endpoint.confirmed_at = now
    return True


def fault_of_check(claimed: ClaimedCheck, outcome: Outcome) -> str | None:
    """Why a check did not succeed, in a word; None where it did."""
    if outcome.fault is not None:
        return outcome.fault
    return None if claimed.kind is CheckKind.TEST or echoes(outcome.answer, claimed.token) else NO_ECHO


def echoes(answer: str | None, token: str) -> bool:
    """Whether an answer is the challenge: `{"challenge": "…"}`, other members aside, or the bare text.

    Who merely sends back what it got does not pass: there the challenge lies deeper.
    """
    text = (answer or "").strip()
    if text == token:
        return True
    try:
        said = json.loads(text)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("challenge") == token


def _next_try(claimed: ClaimedCheck, outcome: Outcome, now: datetime) -> datetime | None:
    if claimed.kind is CheckKind.TEST or (outcome.final and not outcome.delivered):
        return None
    wait = OFTEN if now - claimed.created_at < OFTEN_FOR else SELDOM
    due = now + (wait if claimed.attempts else FIRST_WAIT)
    return due if due <= claimed.created_at + ASKED_FOR else None


async def list_checks(session: AsyncSession, endpoint_id: str, limit: int = 20) -> Sequence[EndpointCheck]:
    """What an address was asked, newest first."""
    found = select(EndpointCheck).where(EndpointCheck.endpoint_id == endpoint_id)
    newest = found.order_by(EndpointCheck.created_at.desc(), EndpointCheck.id.desc()).limit(limit)
    return (await session.scalars(newest)).all()
