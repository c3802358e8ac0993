"""Signed events from department systems: stored once, answered the same ever after. Verifying is done before."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Callback
from app.problems import Conflict


class IdReused(Conflict):
    code = "webhook_id_reused"
    title_zh, title_en = "webhook-id 已用于其他内容", "The webhook-id was used for something else"

    def __init__(self) -> None:
        super().__init__(
            "这个 webhook-id 已用于另一条内容不同的事件。请为新事件使用新的 id。",
            "This webhook-id belongs to an earlier event with another body. Use a new id for a new event.",
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a callback was answered: status and JSON body."""

    status: int
    body: str


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def find_outcome(session: AsyncSession, department: str, webhook_id: str, digest: str) -> Outcome | None:
    """What the same event was answered before; raises IdReused where the id came with another body."""
    known = await session.scalar(
        select(Callback).where(Callback.department_code == department, Callback.webhook_id == webhook_id)
    )
    if known is None:
        return None
    if known.body_digest != digest:
        raise IdReused
    return Outcome(known.status, known.answer)


def store_outcome(
    session: AsyncSession,
    *,
    department: str,
    webhook_id: str,
    digest: str,
    event_type: str,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Keep the event and its answer, in the transaction of its effect."""
    session.add(
        Callback(
            department_code=department,
            webhook_id=webhook_id,
            body_digest=digest,
            type=event_type,
            status=outcome.status,
            answer=outcome.body,
            received_at=now,
        )
    )
