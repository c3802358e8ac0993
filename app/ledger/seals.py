"""The seals over the audit chains, read and verified. Writes nothing."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import BrokenLink
from app.models import AuditKey, AuditSeal, Case, SealedHead
from app.notary import BrokenSeal, Notary, SealChecker, SealedAt, Verified, check_heads
from app.problems import AppError
from app.sealing import SealBroken, Sealer

SEALS_AT_ONCE: Final = 20
MOST_NAMED: Final = 1000


class AuditKeyLost(AppError):
    """There are seals, but the key pair that signed them is not there, or is not one pair."""

    status, code = 503, "audit_key_lost"
    title_zh, title_en = "审计签名密钥缺失", "The audit key is gone"

    def __init__(self) -> None:
        super().__init__(
            "审计签名密钥已不在数据库中或被改动，无法封存。请从备份恢复 audit_keys 表，并运行 yilong verify-audit。",
            "The audit key is not in the database or was changed, so nothing can be sealed. Restore the table "
            "audit_keys from a backup and run `yilong verify-audit`.",
        )


def place_of_key(key_id: str) -> str:
    """Where the secret half belongs, for the sealer."""
    return f"audit-key:{key_id}"


async def last_seal(session: AsyncSession) -> AuditSeal | None:
    """The newest seal."""
    found: AuditSeal | None = await session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    return found


async def known_keys(session: AsyncSession, sealer: Sealer) -> set[str]:
    """The public keys whose secret half the deployment's secret key opens: nobody without it can add one."""
    known = set()
    for key in await session.scalars(select(AuditKey)):
        try:
            notary = Notary(sealer.open(key.secret, place_of_key(key.id)))
        except (SealBroken, ValueError):
            continue
        if notary.public_key == key.public_key:
            known.add(notary.public_key)
    return known


async def verify_seals(session: AsyncSession, known: Collection[str], noted: tuple[int, str] | None = None) -> Verified:
    """Check every seal: its place, its hash, its signature, and that its heads are there as it found them.

    Args:
        known: the public keys that may sign.
        noted: number and hash of a seal that somebody wrote down.
    """
    checker, result, after = SealChecker(known, noted), Verified(), 0
    while seals := await read_seals(session, after):
        for seal, heads in seals:
            after = seal.number
            fault = checker.check(seal, heads)
            result.seals, result.last = result.seals + 1, seal
            result.keys.add(seal.public_key)
            if fault is not None:
                result.broken_seals.append(BrokenSeal(seal.number, fault))
    result.broken_seals += [BrokenSeal(number, _GONE) for number in await _find_orphans(session)]
    if (missing := checker.check_end()) is not None:
        result.broken_seals.append(missing)
    return result


_GONE: Final = "封存被删除，其链头还在 the seal was removed, its heads are still there"


async def read_seals(session: AsyncSession, after: int) -> list[tuple[AuditSeal, list[SealedAt]]]:
    """The next seals in order, each with its heads; empty at the end."""
    found = select(AuditSeal).where(AuditSeal.number > after).order_by(AuditSeal.number).limit(SEALS_AT_ONCE)
    seals = (await session.scalars(found)).all()
    heads: dict[int, list[SealedAt]] = {seal.number: [] for seal in seals}
    if seals:
        for head in await _read_heads(session, SealedHead.seal.between(seals[0].number, seals[-1].number)):
            heads.setdefault(head.seal, []).append(head)
    return [(seal, heads[seal.number]) for seal in seals]


async def heads_of_cases(session: AsyncSession, first: str, last: str) -> dict[str, list[SealedAt]]:
    """The sealed heads of the cases with ids in that range, by case."""
    heads: dict[str, list[SealedAt]] = {}
    for head in await _read_heads(session, SealedHead.case_id.between(first, last)):
        heads.setdefault(head.case_id, []).append(head)
    return heads


async def _read_heads(session: AsyncSession, where: object) -> Sequence[SealedAt]:
    columns = (SealedHead.case_id, SealedHead.number, SealedHead.seq, SealedHead.hash, SealedHead.seal)
    rows = await session.execute(select(*columns).where(where))  # type: ignore[arg-type]
    return [SealedAt(*row) for row in rows]


async def find_vanished(session: AsyncSession) -> list[BrokenLink]:
    """Cases that a seal commits to and that are not there any more, the first thousand."""
    newest = (
        select(SealedHead.case_id, func.max(SealedHead.seq).label("seq"))
        .where(~select(Case.id).where(Case.id == SealedHead.case_id).exists())
        .group_by(SealedHead.case_id)
        .order_by(SealedHead.case_id)
        .limit(MOST_NAMED)
        .subquery()
    )
    columns = (SealedHead.case_id, SealedHead.number, SealedHead.seq, SealedHead.hash, SealedHead.seal)
    same = (SealedHead.case_id == newest.c.case_id) & (SealedHead.seq == newest.c.seq)
    rows = await session.execute(select(*columns).join(newest, same).order_by(SealedHead.case_id))
    faults = (check_heads([SealedAt(*row)], {}) for row in rows)
    return [fault for fault in faults if fault is not None]


async def _find_orphans(session: AsyncSession) -> Sequence[int]:
    found = select(SealedHead.seal).where(~select(AuditSeal.number).where(AuditSeal.number == SealedHead.seal).exists())
    return (await session.scalars(found.distinct().order_by(SealedHead.seal).limit(MOST_NAMED))).all()
