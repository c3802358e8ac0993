"""P27: signed seals over all chains. Whoever changes, cuts or removes anything that was sealed is named."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner, Result

from app.audit import to_canonical_json
from app.cli import application
from app.clock import FixedClock
from app.flow import seals
from app.flow.resealing import reseal_all
from app.flow.seals import open_notary, seal_all
from app.ledger.chain_file import write_chains
from app.ledger.reconcile import verify_audit
from app.ledger.seals import AuditKeyLost, known_keys
from app.models import AuditKey, AuditSeal, SealedHead
from app.notary import Notary, Verified, is_public_key, is_signed, new_secret
from app.sealing import SealBroken, Sealer
from app.settings import get_settings
from tests.api.scenes import assigned
from tests.city import SECRET, CityUnderTest
from tests.ledger.tampering import TAMPERING, Ledger, hands_on, make_ledger


async def verified(city: CityUnderTest, **options: Any) -> Verified:
    async with city.runtime.database.snapshot() as session:
        return await verify_audit(session, await known_keys(session, city.runtime.sealer), **options)


async def command(city: CityUnderTest, *arguments: str) -> Result:
    """The command as an operator of that city runs it."""
    environment = {"YILONG_DATABASE_URL": city.url, "YILONG_SECRET_KEY": SECRET, "YILONG_DATA_DIR": str(city.folder)}
    get_settings.cache_clear()
    try:
        return await asyncio.to_thread(CliRunner(env=environment).invoke, application, list(arguments))
    finally:
        get_settings.cache_clear()


# ── the database ──


async def test_each_kind_of_tampering_is_named_at_its_first_broken_link(city: CityUnderTest) -> None:
    ledger = await make_ledger(city)
    whole = await verified(city)
    assert whole.holds
    assert (whole.seals, whole.last and whole.last.cases) == (3, 3)
    for kind, (tamper, place, fault) in TAMPERING.items():
        async with hands_on(city) as session:
            await tamper(session, ledger)
            found = await verify_audit(session, await known_keys(session, city.runtime.sealer))
        faults = [(link.place, link.fault) for link in found.links]
        faults += [(seal.place, seal.fault) for seal in found.broken_seals]
        assert faults, kind
        values = {"last": ledger.last, "first": ledger.first, "cut": ledger.first + 1, "after": ledger.first + 2}
        assert faults[0][0].endswith(place.format(**values)), (kind, faults)
        assert fault.format(**values) in faults[0][1], (kind, faults)
        if place.startswith("#"):
            assert faults[0][0].startswith(ledger.number), (kind, faults)
    assert (await verified(city)).holds


async def test_without_the_secret_key_nobody_adds_a_key_that_is_believed(city: CityUnderTest) -> None:
    await make_ledger(city)
    forger, secret = Sealer(b"the forger's own secret key, long enough"), new_secret()
    async with hands_on(city) as session:
        values = {"public_key": Notary(secret).public_key, "secret": forger.seal(secret, "audit-key:audit")}
        await session.execute(update(AuditKey).values(values))
        assert await known_keys(session, city.runtime.sealer) == set()


async def test_a_seal_that_was_noted_down_has_to_be_there(city: CityUnderTest) -> None:
    await make_ledger(city)
    last = (await verified(city)).last
    assert last is not None
    assert (await verified(city, noted=(3, last.hash))).holds
    [other] = (await verified(city, noted=(3, "0" * 64))).broken_seals
    assert "differs" in other.fault
    async with hands_on(city) as session:
        known = await known_keys(session, city.runtime.sealer)
        await session.execute(delete(SealedHead).where(SealedHead.seal == 3))
        await session.execute(delete(AuditSeal).where(AuditSeal.number == 3))
        [gone] = (await verify_audit(session, known, (3, last.hash))).broken_seals
    assert (gone.number, "is gone" in gone.fault) == (3, True)


async def test_the_database_refuses_to_change_or_delete_a_seal_its_heads_and_its_key(city: CityUnderTest) -> None:
    await make_ledger(city)
    for statement in (
        update(AuditSeal).values(cases=0),
        delete(AuditSeal),
        update(SealedHead).values(seq=1),
        delete(SealedHead),
        update(AuditKey).values(public_key="x"),
        delete(AuditKey),
        *(() if city.runtime.database.is_sqlite else (text("TRUNCATE audit_seals"), text("TRUNCATE sealed_heads"))),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with city.runtime.database.write() as session:
                await session.execute(statement)


# ── making seals ──


async def test_a_seal_costs_what_moved_since_the_last_one(city: CityUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_ledger(city)
    database, sealer = city.runtime.database, city.runtime.sealer
    async with database.read() as session:
        sizes = list(await session.scalars(select(AuditSeal.heads).order_by(AuditSeal.number)))
    assert sizes == [1, 2, 1]
    quiet = await seal_all(database, sealer, city.clock.now())
    assert (quiet.number, quiet.heads, quiet.cases) == (4, 0, 3)
    for point in ("FR-01", "FR-02", "FR-03"):
        text_of_point = f"街道要求{point}每天报一次丙表,另外还要截图。"
        await (await city.reporter(point)).post("/v1/reports", json={"text": text_of_point})
    monkeypatch.setattr(seals, "CASES_AT_ONCE", 1)
    monkeypatch.setattr(seals, "HEADS_A_SEAL", 2)
    last = await seal_all(database, sealer, city.clock.now())
    async with database.read() as session:
        heads = await session.scalar(select(func.count()).select_from(SealedHead))
    assert last.number >= 5
    assert heads == sum(sizes) + (last.cases - 3)
    assert (await verified(city)).holds


async def test_of_several_who_seal_at_once_each_finds_its_place(city: CityUnderTest) -> None:
    await assigned(city)
    made = await asyncio.gather(
        *(seal_all(city.runtime.database, city.runtime.sealer, city.clock.now()) for _ in range(4))
    )
    assert {seal.public_key for seal in made} == {made[0].public_key}
    found = await verified(city)
    assert (found.holds, found.seals) == (True, len({seal.number for seal in made}))


async def test_what_contradicts_its_own_events_is_not_sealed(city: CityUnderTest) -> None:
    scene = await assigned(city)
    async with city.runtime.database.write() as session:
        await session.execute(text("UPDATE cases SET last_hash = 'changed'"))
    seal = await seal_all(city.runtime.database, city.runtime.sealer, city.clock.now())
    assert (seal.heads, seal.cases) == (0, 0)
    [link] = (await verified(city)).links
    assert link.number == scene.case


async def test_the_key_outlives_a_change_of_the_secret_key_and_is_missed_when_it_is_gone(city: CityUnderTest) -> None:
    await make_ledger(city)
    database, now = city.runtime.database, city.clock.now()
    changed = Sealer(b"the secret key that comes after it, long", [SECRET.encode()])
    assert (await reseal_all(database, changed)).broken == []
    alone = Sealer(b"the secret key that comes after it, long")
    await seal_all(database, alone, now)
    async with database.read() as session:
        assert (await verify_audit(session, await known_keys(session, alone))).holds
    with pytest.raises(SealBroken):
        await seal_all(database, city.runtime.sealer, now)
    async with database.writer.begin() as connection:
        if database.is_sqlite:
            await connection.execute(text("DROP TRIGGER audit_keys_never_loses_rows"))
        else:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("DELETE FROM audit_keys"))
    with pytest.raises(AuditKeyLost):
        await seal_all(database, alone, now)


def test_a_signature_is_that_of_its_key_purpose_and_digest() -> None:
    notary = Notary(new_secret())
    signature = notary.sign("audit-seal", "ab")
    assert is_public_key(notary.public_key)
    assert is_signed(notary.public_key, signature, "audit-seal", "ab")
    assert not is_signed(notary.public_key, signature, "audit-file", "ab")
    assert not is_signed(notary.public_key, signature, "audit-seal", "ac")
    assert not is_signed(Notary(new_secret()).public_key, signature, "audit-seal", "ab")
    for key, said in ((notary.public_key, "no base64!"), ("ed25519:AAAA", signature), ("", ""), ("é", signature)):
        assert not is_signed(key, said, "audit-seal", "ab")
    assert not any(is_public_key(key) for key in ("", "ed25519:", "ed25519:AAAA", "ed25519:é", notary.public_key[8:]))


# ── the exported file ──

Lines = list[dict[str, Any]]


def chain_of(lines: Lines, ledger: Ledger) -> dict[str, Any]:
    return next(line for line in lines if line.get("case") == ledger.case)


def flip(lines: Lines, ledger: Ledger) -> None:
    chain_of(lines, ledger)["events"][1]["actor"] += "x"


def delete_event(lines: Lines, ledger: Ledger) -> None:
    del chain_of(lines, ledger)["events"][1]


def truncate(lines: Lines, ledger: Ledger) -> None:
    chain = chain_of(lines, ledger)
    del chain["events"][ledger.first :]
    chain["last_seq"], chain["last_hash"] = ledger.first, chain["events"][-1]["hash"]


def reorder(lines: Lines, ledger: Ledger) -> None:
    events = chain_of(lines, ledger)["events"]
    events[0], events[1] = events[1], events[0]


def resign_end(lines: Lines, ledger: Ledger) -> None:
    """Another key for the end, as it would be after leaving out the last chain."""
    notary = Notary(new_secret())
    lines[-1]["public_key"], lines[-1]["signature"] = notary.public_key, notary.sign("audit-file", lines[-1]["end"])


def drop(where: Callable[[dict[str, Any]], bool]) -> Callable[[Lines, Ledger], None]:
    def tamper(lines: Lines, _: Ledger) -> None:
        lines[:] = [line for line in lines if not where(line)]

    return tamper


FILE_TAMPERING: dict[str, tuple[Callable[[Lines, Ledger], None], str]] = {
    "flip": (flip, "#2: 内容被改动 content was changed"),
    "delete": (delete_event, "#2: 缺失或顺序不对 missing"),
    "truncate": (truncate, "the tail was cut off since seal 2"),
    "delete a case": (lambda lines, ledger: lines.remove(chain_of(lines, ledger)), "the whole case was removed"),
    "reorder": (reorder, "#1: 缺失或顺序不对 missing or out of order"),
    "insert": (
        lambda lines, ledger: chain_of(lines, ledger)["events"].insert(1, chain_of(lines, ledger)["events"][0]),
        "#2: 缺失或顺序不对 missing or out of order",
    ),
    "drop a seal": (drop(lambda line: line.get("seal", {}).get("number") == 2), "seal 2 is missing before it"),
    "drop the last seal": (drop(lambda line: line.get("seal", {}).get("number") == 4), "not what its signed last line"),
    "drop all seals": (drop(lambda line: "seal" in line), "not what its signed last line"),
    "drop the end": (drop(lambda line: "end" in line), "its signed last line is missing"),
    "another key": (resign_end, "signed with another key than the seals"),
    "after the end": (lambda lines, _: lines.append(lines[0]), "lines after the last one"),
    "another head": (lambda lines, _: lines[0]["heads"][0].__setitem__(2, 1), "the heads it commits to were changed"),
}


async def test_an_exported_file_is_verified_with_the_public_key_alone(city: CityUnderTest, tmp_path: Path) -> None:
    ledger = await make_ledger(city)
    written, forged = tmp_path / "audit.jsonl", tmp_path / "forged.jsonl"
    exported = await command(city, "export-audit", str(written))
    assert exported.exit_code == 0, exported.output
    held = CliRunner().invoke(application, ["verify-audit", str(written)])
    assert held.exit_code == 0, held.output
    key = next(line.split()[-1] for line in held.output.splitlines() if "public key" in line)
    noted = next(line.split()[3] for line in held.output.splitlines() if "last seal" in line)
    pinned = ["verify-audit", str(written), "--public-key", key, "--seal", noted]
    assert CliRunner().invoke(application, pinned).exit_code == 0
    pinned[3] = Notary(new_secret()).public_key
    assert CliRunner().invoke(application, pinned).exit_code == 1
    for kind, (tamper, fault) in FILE_TAMPERING.items():
        lines = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
        tamper(lines, ledger)
        forged.write_text("".join(f"{to_canonical_json(line)}\n" for line in lines), encoding="utf-8")
        found = CliRunner().invoke(application, ["verify-audit", str(forged)])
        assert found.exit_code == 1, kind
        assert fault in found.output, (kind, found.output)


async def test_a_file_that_was_sealed_anew_throughout_betrays_itself_by_its_key(city: CityUnderTest) -> None:
    ledger = await make_ledger(city)
    async with city.runtime.database.read() as session:
        genuine = await known_keys(session, city.runtime.sealer)
    async with hands_on(city) as session:
        await TAMPERING["re-seal"][0](session, ledger)
        forger = (await session.scalars(select(AuditSeal.public_key))).first()
        lines = [line async for line in write_chains(session, Notary(new_secret()))]
    assert forger not in genuine
    from app.ledger.chain_file import verify_lines

    faults = verify_lines(lines, genuine).broken_seals
    assert "signed with another key" in faults[0].fault


# ── the commands ──


async def test_the_commands_seal_verify_and_say_what_to_note_down(city: CityUnderTest) -> None:
    await assigned(city)
    unsealed = await command(city, "verify-audit")
    assert (unsealed.exit_code, "Not sealed yet" in unsealed.output) == (0, True)
    sealed = await command(city, "seal-audit")
    assert sealed.exit_code == 0, sealed.output
    noted = sealed.stdout.split()[2]
    held = await command(city, "verify-audit", "--seal", noted)
    assert held.exit_code == 0, held.output
    assert noted in held.output
    other = await command(city, "verify-audit", "--seal", f"1:{'0' * 64}")
    assert (other.exit_code, "封存 seal 1" in other.output) == (1, True)
    for wrong in (["--seal", "1"], ["--seal", "x:y"], ["--public-key", "x"]):
        assert (await command(city, "verify-audit", *wrong)).exit_code == 2
    async with city.runtime.database.write() as session:
        await session.execute(text("UPDATE cases SET last_hash = 'changed'"))
    broken = await command(city, "verify-audit")
    assert (broken.exit_code, "YL-" in broken.output) == (1, True)


async def test_the_key_that_signs_is_made_once(city: CityUnderTest, clock: FixedClock) -> None:
    database, sealer = city.runtime.database, city.runtime.sealer
    made = await asyncio.gather(*(open_notary(database, sealer, clock.now()) for _ in range(4)))
    assert len({notary.public_key for notary in made}) == 1
