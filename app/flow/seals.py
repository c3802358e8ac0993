"""封存: makes the signed seals over the heads of all audit chains; every night, and when asked. Verifies nothing.

Reading holds no transaction; each seal is one short one. What many cases moved since the last one fills several seals.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import GENESIS
from app.database import ConcurrentChange, Database, insert_if_absent
from app.ledger.seals import AuditKeyLost, last_seal, place_of_key
from app.log import get_logger
from app.models import AuditKey, AuditSeal, Case, Event, SealedHead
from app.notary import Notary, SealedAt, WrittenSeal, digest_of, hash_of_seal, new_secret
from app.sealing import Sealer

KEY_ID: Final = "audit"
CASES_AT_ONCE: Final = 2000
HEADS_A_SEAL: Final = 2000
MOST_TRIES: Final = 5
# After every id.
_END: Final = "z"
_BOUND = select(Case.id).where(Case.id > bindparam("after")).order_by(Case.id).offset(bindparam("skipped")).limit(1)
_THIS_SEAL = select(SealedHead.seq).where(SealedHead.case_id == Case.id, SealedHead.seq == Case.last_seq)
_ANY_SEAL = select(SealedHead.seq).where(SealedHead.case_id == Case.id)
# Only what a chain really ends with is sealed: a head that its own events contradict is for the verification to name.
# The bounds are said of each table: without them PostgreSQL read a million events for each page.
_MOVED = (
    select(Case.id, Case.number, Case.last_seq, Case.last_hash, _ANY_SEAL.exists().label("known"))
    .join(Event, (Event.case_id == Case.id) & (Event.seq == Case.last_seq) & (Event.hash == Case.last_hash))
    .where(
        *(column > bindparam("after") for column in (Case.id, Event.case_id)),
        *(column <= bindparam("upto") for column in (Case.id, Event.case_id)),
        ~_THIS_SEAL.where(SealedHead.case_id > bindparam("after"), SealedHead.case_id <= bindparam("upto")).exists(),
    )
    .order_by(Case.id)
)


async def seal_all(database: Database, sealer: Sealer, now: datetime) -> AuditSeal:
    """Seal the head of every chain that moved since the last seal; at least one seal is made. Answers the last one.

    Several may do so at once: whoever comes second looks again. Raises AuditKeyLost, SealBroken or ConcurrentChange.
    """
    notary = await open_notary(database, sealer, now)
    made, after, tries = None, "", 0
    while True:
        async with database.read() as session:
            # The seal first: heads that another one seals meanwhile are not counted twice, for its number is taken.
            before = await last_seal(session)
            rows, reached = await _read_moved(session, after)
        if made is not None and before is not None and not rows:
            return before
        made = await _make(database, notary, before, rows, now)
        if made is not None:
            get_logger().info("audit_sealed", seal=made.number, hash=made.hash, cases=made.cases, heads=made.heads)
            if reached == _END:
                return made
            after, tries = reached, 0
        elif (tries := tries + 1) == MOST_TRIES:
            raise ConcurrentChange


async def _read_moved(session: AsyncSession, after: str) -> tuple[list[Any], str]:
    """Rows of cases whose head no seal knows, enough for a seal, and the case up to which they are complete."""
    rows: list[Any] = []
    while len(rows) < HEADS_A_SEAL and after != _END:
        bound = await session.scalar(_BOUND, {"after": after, "skipped": CASES_AT_ONCE - 1})
        upto = bound or _END
        rows += (await session.execute(_MOVED, {"after": after, "upto": upto})).all()
        after = upto
    return rows, after


async def open_notary(database: Database, sealer: Sealer, now: datetime) -> Notary:
    """The key pair that signs, made with the first seal. Raises AuditKeyLost or SealBroken."""
    async with database.read() as session:
        key = await session.get(AuditKey, KEY_ID)
        sealed_before = await last_seal(session)
    if key is None:
        if sealed_before is not None:
            raise AuditKeyLost
        secret = new_secret()
        row = {"id": KEY_ID, "public_key": Notary(secret).public_key, "made_at": now}
        row["secret"] = sealer.seal(secret, place_of_key(KEY_ID))
        async with database.write() as session:
            await session.execute(insert_if_absent(database, AuditKey).values(row))
            key = (await session.scalars(select(AuditKey).where(AuditKey.id == KEY_ID))).one()
    notary = Notary(sealer.open(key.secret, place_of_key(key.id)))
    if notary.public_key != key.public_key:
        raise AuditKeyLost
    return notary


async def _make(
    database: Database,
    notary: Notary,
    before: AuditSeal | None,
    rows: Sequence[Any],
    now: datetime,
) -> AuditSeal | None:
    """Write the next seal with its heads; None where somebody else has just written it."""
    number, fresh = (before.number + 1 if before else 1), sum(not row.known for row in rows)
    heads = [SealedAt(row.id, row.number, row.last_seq, row.last_hash, number) for row in rows]
    seal = WrittenSeal(
        number=number,
        made_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        previous_hash=before.hash if before else GENESIS,
        cases=(before.cases if before else 0) + fresh,
        heads=len(heads),
        digest=digest_of(heads),
        public_key=notary.public_key,
    )
    seal.hash = hash_of_seal(seal)
    seal.signature = notary.sign("audit-seal", seal.hash)
    async with database.write() as session:
        statement = insert_if_absent(database, AuditSeal).values(asdict(seal)).returning(AuditSeal.number)
        if (await session.execute(statement)).first() is None:
            return None
        if heads:
            await session.execute(insert(SealedHead), [asdict(head) for head in heads])
        return await session.get(AuditSeal, seal.number)
