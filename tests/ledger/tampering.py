"""How somebody with all rights over the database, but without the secret key, covers tracks; undone afterwards."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit
from app.flow.seals import seal_all
from app.ledger.seals import read_seals
from app.models import AuditKey, AuditSeal, Case, Event, SealedHead
from app.notary import Notary, SealedAt, WrittenSeal, digest_of, hash_of_seal, new_secret
from tests.api.scenes import FEEDBACK, assigned
from tests.city import CityUnderTest

SECOND = "市教育局要求学校每天报晨检表,同一份表还要填进三个系统。"
THIRD = "区卫健局要求每月报控烟台账。"


@dataclass(frozen=True)
class Ledger:
    """A ledger of three cases under three seals; the first case grew between the first two of them.

    `number`, `case` name the first case, `first` and `last` its events at the first and the second seal.
    """

    city: CityUnderTest
    case: str
    number: str
    first: int
    last: int


async def make_ledger(city: CityUnderTest) -> Ledger:
    database, sealer = city.runtime.database, city.runtime.sealer
    scene = await assigned(city)
    await seal_all(database, sealer, city.clock.now())
    first = await head_of(city, scene.case)
    await scene.act("acceptance")
    await scene.act("feedback", **FEEDBACK)
    await (await city.reporter("FR-02")).post("/v1/reports", json={"text": SECOND})
    await seal_all(database, sealer, city.clock.now())
    await (await city.reporter("FR-02")).post("/v1/reports", json={"text": THIRD})
    await seal_all(database, sealer, city.clock.now())
    last = await head_of(city, scene.case)
    assert first.last_seq >= 2
    assert last.last_seq >= first.last_seq + 2
    return Ledger(city, last.id, scene.case, first.last_seq, last.last_seq)


async def head_of(city: CityUnderTest, number: str) -> Case:
    async with city.runtime.database.read() as session:
        return (await session.scalars(select(Case).where(Case.number == number))).one()


@asynccontextmanager
async def hands_on(city: CityUnderTest) -> AsyncIterator[AsyncSession]:
    """A transaction in which no trigger guards anything, rolled back at the end."""
    database = city.runtime.database
    async with AsyncSession(database.writer, expire_on_commit=False) as session:
        if database.is_sqlite:
            names = await session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for name in names.all():
                await session.execute(text(f"DROP TRIGGER {name}"))
        else:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
        yield session
        await session.rollback()


Tamper = Callable[[AsyncSession, Ledger], Awaitable[None]]


def sql(*statements: str) -> Tamper:
    """Statements about the ledger's first case."""

    async def tamper(session: AsyncSession, ledger: Ledger) -> None:
        values = {"case": ledger.case, "last": ledger.last, "first": ledger.first}
        for statement in statements:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), named)

    return tamper


async def cut_the_tail(session: AsyncSession, ledger: Ledger) -> None:
    """Nothing of what was done since the first seal is left, and the case's head agrees."""
    await sql("DELETE FROM events WHERE case_id = :case AND seq > :first")(session, ledger)
    await move_head(session, ledger)


async def rechain(session: AsyncSession, ledger: Ledger) -> None:
    """Another actor in the newest event of the first seal, and every hash from there on made anew."""
    previous = None
    for event in await session.scalars(select(Event).where(Event.case_id == ledger.case).order_by(Event.seq)):
        session.expunge(event)
        if event.seq >= ledger.first:
            event.actor = "office:nobody" if event.seq == ledger.first else event.actor
            event.previous_hash = previous or audit.GENESIS
            event.hash = audit.hash_of(event)
            changed = {"actor": event.actor, "previous_hash": event.previous_hash, "hash": event.hash}
            await session.execute(update(Event).where(Event.id == event.id).values(changed))
        previous = event.hash
    await move_head(session, ledger)


async def move_head(session: AsyncSession, ledger: Ledger) -> None:
    """Make the case's row agree with what is left of its chain."""
    newest = select(Event.seq, Event.hash).where(Event.case_id == ledger.case).order_by(Event.seq.desc()).limit(1)
    seq, digest = (await session.execute(newest)).one()
    await session.execute(update(Case.__table__).where(Case.id == ledger.case).values(last_seq=seq, last_hash=digest))  # type: ignore[arg-type]


async def insert_in_the_middle(session: AsyncSession, ledger: Ledger) -> None:
    for seq in range(ledger.last, ledger.first, -1):
        await session.execute(
            text("UPDATE events SET seq = :to WHERE case_id = :case AND seq = :seq"),
            {"case": ledger.case, "seq": seq, "to": seq + 1},
        )
    before = select(Event).where(Event.case_id == ledger.case, Event.seq == ledger.first)
    event = (await session.scalars(before)).one()
    values = {c.key: getattr(event, c.key) for c in Event.__table__.columns if c.key not in {"position", "written_in"}}
    forged = Event(**values | {"id": "f" * 32, "seq": ledger.first + 1, "previous_hash": event.hash})
    forged.hash = audit.hash_of(forged)
    session.add(forged)
    await session.flush()
    await session.execute(
        update(Case.__table__).where(Case.id == ledger.case).values(last_seq=ledger.last + 1)  # type: ignore[arg-type]
    )


async def swap_events(session: AsyncSession, ledger: Ledger) -> None:
    for seq, to in ((1, 0), (2, 1), (0, 2)):
        await session.execute(
            text("UPDATE events SET seq = :to WHERE case_id = :case AND seq = :seq"),
            {"case": ledger.case, "seq": seq, "to": to},
        )


async def reseal(session: AsyncSession, ledger: Ledger) -> None:
    """Chains and seals made to agree again throughout, signed with a key pair of the tamperer's own."""
    await rechain(session, ledger)
    notary, previous, after = Notary(new_secret()), audit.GENESIS, 0
    while seals := await read_seals(session, after):
        for seal, heads in seals:
            session.expunge(seal)
            after = seal.number
            anew = [await _present(session, head) for head in heads]
            written = WrittenSeal(
                seal.number, seal.made_at, previous, seal.cases, seal.heads, digest_of(anew), notary.public_key
            )
            written.hash = previous = hash_of_seal(written)
            written.signature = notary.sign("audit-seal", written.hash)
            await session.execute(update(AuditSeal).where(AuditSeal.number == seal.number).values(asdict(written)))
    await session.execute(update(AuditKey).values(public_key=notary.public_key))


async def _present(session: AsyncSession, head: SealedAt) -> SealedAt:
    event = select(Event.hash).where(Event.case_id == head.case_id, Event.seq == head.seq)
    digest = (await session.scalars(event)).one()
    of_head = (SealedHead.case_id == head.case_id) & (SealedHead.seq == head.seq)
    await session.execute(update(SealedHead).where(of_head).values(hash=digest))
    return SealedAt(head.case_id, head.number, head.seq, digest, head.seal)


# What is done, and what the first fault that is named says: where, and what.
TAMPERING: dict[str, tuple[Tamper, str, str]] = {
    "flip": (sql("UPDATE events SET facts = '{}' WHERE case_id = :case AND seq = 2"), "#2", "content was changed"),
    "delete": (sql("DELETE FROM events WHERE case_id = :case AND seq = 2"), "#2", "missing"),
    "truncate": (sql("DELETE FROM events WHERE case_id = :case AND seq = :last"), "#{last}", "case's head"),
    "truncate with the head": (cut_the_tail, "#{cut}", "the tail was cut off since seal 2"),
    "delete a case": (
        sql("DELETE FROM events WHERE case_id = :case", "DELETE FROM cases WHERE id = :case"),
        "#1",
        "the whole case was removed since seal 2",
    ),
    "reorder": (swap_events, "#1", "does not follow"),
    "insert": (insert_in_the_middle, "#{after}", "does not follow"),
    "re-chain": (rechain, "#1", "events 1–{first} were rewritten since seal 1"),
    "re-seal": (reseal, "seal 1", "signed with another key"),
    "another signature": (sql("UPDATE audit_seals SET signature = hash"), "seal 1", "the signature is wrong"),
    "change a seal": (sql("UPDATE audit_seals SET cases = cases + 1 WHERE number = 2"), "seal 2", "was changed"),
    "drop a seal": (
        sql("DELETE FROM audit_seals WHERE number = 2", "DELETE FROM sealed_heads WHERE seal = 2"),
        "seal 3",
        "seal 2 is missing",
    ),
    "drop the last seal": (sql("DELETE FROM audit_seals WHERE number = 3"), "seal 3", "its heads are still there"),
    "reorder seals": (
        sql(
            "UPDATE audit_seals SET number = 0 WHERE number = 1",
            "UPDATE audit_seals SET number = 1 WHERE number = 2",
            "UPDATE audit_seals SET number = 2 WHERE number = 0",
        ),
        "seal 1",
        "does not follow the seal before it",
    ),
    "insert a seal": (
        sql(
            "INSERT INTO audit_seals SELECT 4, made_at, previous_hash, cases, heads, digest, public_key, hash,"
            " signature FROM audit_seals WHERE number = 3"
        ),
        "seal 4",
        "does not follow the seal before it",
    ),
    "drop a case with its sealed heads": (
        sql(
            "DELETE FROM events WHERE case_id = :case",
            "DELETE FROM cases WHERE id = :case",
            "DELETE FROM sealed_heads WHERE case_id = :case",
        ),
        "seal 1",
        "the heads it commits to were changed or removed",
    ),
    "another key in its place": (
        sql("UPDATE audit_keys SET public_key = 'ed25519:AAAA'"),
        "seal 1",
        "signed with another key",
    ),
}
