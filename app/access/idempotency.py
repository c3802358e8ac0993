"""Idempotency-Key: what a write answered is kept in the transaction of its effect and given again on a retry."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, insert_if_absent
from app.models import IdempotentAnswer
from app.problems import InvalidInput
from app.sealing import Sealer

KEPT = timedelta(hours=72)
LONGEST_KEY = 255
SEALED = "sealed:"


class KeyReused(InvalidInput):
    code = "idempotency_key_reused"
    title_zh, title_en = "Idempotency-Key 已用于其他内容", "The Idempotency-Key was used for something else"

    def __init__(self) -> None:
        super().__init__(
            "这个 Idempotency-Key 已用于另一次内容不同的请求。请为新的请求换一个新的键。",
            "This Idempotency-Key belongs to an earlier request with other content. Use a new key for a new request.",
        )


class AnsweredBefore(Exception):
    """The key was answered already: roll back and give the stored answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


def digest_of(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same request."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def seal_answer(sealer: Sealer, holder: str, key: str, body: str) -> str:
    """An answer that shows a secret, as it may be stored."""
    return SEALED + base64.b64encode(sealer.seal(body.encode(), _place(holder, key))).decode()


def open_answer(sealer: Sealer, holder: str, key: str, body: str) -> str:
    """A stored answer as it was given; raises SealBroken."""
    if not body.startswith(SEALED):
        return body
    return sealer.open(base64.b64decode(body.removeprefix(SEALED)), _place(holder, key)).decode()


def _place(holder: str, key: str) -> str:
    return f"answer:{holder}:{key}"


async def remember(
    database: Database, session: AsyncSession, holder: str, key: str, digest: str, answer: Answer, now: datetime
) -> None:
    """Store an answer in the running transaction; raises AnsweredBefore where the key has one.

    Two equal requests at once: the second waits here for the first to commit, then rolls its own work back.
    """
    statement = insert_if_absent(database, IdempotentAnswer).values(
        holder=holder, key=key, request_digest=digest, status=answer.status, body=answer.body, created_at=now
    )
    stored = (await session.execute(statement.returning(IdempotentAnswer.key))).first()
    if stored is None:
        raise AnsweredBefore


_FORGET = delete(IdempotentAnswer).where(
    IdempotentAnswer.holder == bindparam("of_holder"), IdempotentAnswer.key == bindparam("of_key")
)


async def find_answer(session: AsyncSession, holder: str, key: str, digest: str) -> Answer | None:
    """The stored answer to this very request; raises KeyReused where the key belongs to another."""
    row = (
        await session.execute(
            select(IdempotentAnswer.request_digest, IdempotentAnswer.status, IdempotentAnswer.body).where(
                IdempotentAnswer.holder == holder, IdempotentAnswer.key == key
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_digest != digest:
        raise KeyReused
    return Answer(row.status, row.body)


async def forget_old(session: AsyncSession, now: datetime, *, most: int) -> int:
    """Drop answers older than 72 hours, `most` at a time; how many there were."""
    old = (
        select(IdempotentAnswer.holder, IdempotentAnswer.key)
        .where(IdempotentAnswer.created_at < now - KEPT)
        .order_by(IdempotentAnswer.created_at)
        .limit(most)
    )
    rows = [{"of_holder": holder, "of_key": key} for holder, key in await session.execute(old)]
    if rows:
        await (await session.connection()).execute(_FORGET, rows)
    return len(rows)
