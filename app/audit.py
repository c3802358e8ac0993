"""The audit chain: how events are hashed, appended and verified. It knows nothing of what the events mean.

Each case has one chain. The head (`last_seq`, `last_hash`) lives in the case's row, which the transaction holds
locked, so a chain cannot fork. Source of the scheme: RFC 9162's idea of a head that commits to all before it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from app.models import Case, Event, day_id

GENESIS = "0" * 64
SCHEMA_VERSION = 1


def to_canonical_json(value: Any) -> str:
    """JSON that is the same text for the same value: sorted keys, no spaces, no escapes that are not needed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def to_rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Link(Protocol):
    """What of an event the hash covers."""

    id: str
    case_id: str
    seq: int
    type: str
    actor: str
    department_code: str | None
    facts: str
    body_commitment: str | None
    happened_at: datetime
    previous_hash: str
    hash: str


def hash_of(link: Link) -> str:
    """SHA-256 over all that the event says and over the hash before it, as 64 hex digits."""
    covered = [
        link.previous_hash,
        link.id,
        link.case_id,
        link.seq,
        link.type,
        link.actor,
        link.department_code,
        link.facts,
        link.body_commitment,
        to_rfc3339(link.happened_at),
    ]
    return hashlib.sha256(to_canonical_json(covered).encode()).hexdigest()


def commit_to(salt: str, body: str) -> str:
    """The commitment under which a body may later be erased without breaking the chain."""
    return hashlib.sha256(f"{salt}.{body}".encode()).hexdigest()


def append(
    case: Case,
    event_type: str,
    *,
    actor: str,
    now: datetime,
    facts: dict[str, Any],
    department_code: str | None = None,
    message: dict[str, Any] | None = None,
    told_at: datetime | None = None,
) -> Event:
    """Make the next event of a case and move the chain's head. The caller adds it to its session.

    Args:
        facts: what the audit keeps for ever; no personal data, no free text of a reporter.
        department_code: whom the event is addressed to, together with
        message: the `data` of the webhook's body.
        told_at: the moment that the body names, where the event's own would say too much.
    """
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    event = Event(
        id=day_id(),
        case_id=case.id,
        seq=case.last_seq + 1,
        type=event_type,
        actor=actor,
        department_code=department_code,
        facts=to_canonical_json(facts),
        happened_at=now,
        previous_hash=case.last_hash or GENESIS,
    )
    if message is not None:
        event.body = to_canonical_json(
            {
                "type": event_type,
                "timestamp": to_rfc3339(told_at or now),
                "id": event.id,
                "seq": event.seq,
                "schema_version": SCHEMA_VERSION,
                "data": message,
            }
        )
        event.body_salt = secrets.token_hex(16)
        event.body_commitment = commit_to(event.body_salt, event.body)
    event.hash = hash_of(event)
    case.last_seq, case.last_hash = event.seq, event.hash
    return event


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where a chain does not hold; `number` is the case's, where it is known."""

    case_id: str
    seq: int
    fault: str
    number: str = ""

    @property
    def place(self) -> str:
        return f"{self.number or self.case_id} #{self.seq}"


def verify_chain(case_id: str, links: Iterable[Event], last_seq: int, last_hash: str) -> BrokenLink | None:
    """Check one case's events, in order of `seq`, against each other and against the case's head."""
    previous, expected = GENESIS, 1
    for link in links:
        if link.seq != expected:
            return BrokenLink(case_id, expected, "缺失或顺序不对 missing or out of order")
        if link.previous_hash != previous:
            return BrokenLink(case_id, link.seq, "与前一事件不衔接 does not follow the event before it")
        if hash_of(link) != link.hash:
            return BrokenLink(case_id, link.seq, "内容被改动 content was changed")
        if link.body is not None and commit_to(link.body_salt or "", link.body) != link.body_commitment:
            return BrokenLink(case_id, link.seq, "正文被改动 body was changed")
        previous, expected = link.hash, expected + 1
    if expected - 1 > last_seq:
        return BrokenLink(case_id, last_seq + 1, "链头之后还有事件 an event after the case's head")
    if expected - 1 != last_seq or (last_seq and previous != last_hash):
        return BrokenLink(case_id, expected, "链尾与案件的链头不符 chain does not end in the case's head")
    return None
