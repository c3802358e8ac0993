"""`yilong reconcile`, `verify-audit`, `export-audit`, `seal-audit`: proving the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import FALSE, fail, run

if TYPE_CHECKING:
    from app.ledger.reconcile import Reconciliation
    from app.models import AuditSeal
    from app.notary import Verified
    from app.runtime import Runtime

MOST_NAMED, HASH_DIGITS = 200, 64


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(reconcile)
    application.command("verify-audit")(verify_audit)
    application.command("export-audit")(export_audit)
    application.command("seal-audit")(seal_audit)


def reconcile() -> None:
    """Prove 件件有回应: exit 0 and counts, or exit 1 and each offender."""

    async def work(runtime: "Runtime") -> "Reconciliation":
        from app.ledger.reconcile import reconcile as check

        async with runtime.database.snapshot() as session:
            return await check(session)

    result = run(work)
    typer.echo(f"线索 {result.reports} · 挂账 {result.opened} − 销号 {result.closed} = 在账 {result.on_ledger}")
    for offender in result.offenders:
        typer.echo(f"{offender.number}: {offender.fault}")
    if not result.holds:
        raise typer.Exit(FALSE)
    typer.echo("对账无误：件件有着落，件件有回应。")


def verify_audit(
    file: Annotated[
        Path | None, typer.Argument(help="A file written by `export-audit`; default: the database.")
    ] = None,
    public_key: Annotated[
        str | None, typer.Option(help="The only key that may have signed the seals, `ed25519:…` as it was published.")
    ] = None,
    seal: Annotated[str | None, typer.Option(help="A seal that was noted down, NUMBER:HASH: it must be there.")] = None,
) -> None:
    """Verify the event chains and their seals: exit 0, or exit 1 and the first broken link of each.

    A file needs neither database nor secret; compare the public key that is printed, or name the one you know.
    """
    noted, keys = _read_noted(seal), _read_key(public_key)
    found = _verify_file(file, keys, noted) if file else run(lambda runtime: _verify_database(runtime, keys, noted))
    faults = [(link.place, link.fault) for link in found.links]
    faults += [(broken.place, broken.fault) for broken in found.broken_seals]
    for place, fault in faults[:MOST_NAMED]:
        typer.echo(f"{place}: {fault}")
    if len(faults) > MOST_NAMED:
        typer.echo(f"共 {len(faults)} 处 faults in all")
    if faults:
        raise typer.Exit(FALSE)
    typer.echo(f"审计链完好：{found.events} 个事件，{found.seals} 次封存。")
    for line in _describe_last(found):
        typer.echo(line)


def _describe_last(found: "Verified") -> list[str]:
    if found.last is None:
        return ["尚未封存：删去案件或链尾无从发现。Not sealed yet: run `yilong seal-audit`."]
    last = f"最近封存 last seal: {found.last.number}:{found.last.hash} ({found.last.made_at.isoformat()})"
    return [last, *(f"公钥 public key: {key}" for key in sorted(found.keys))]


def _read_noted(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(digest) == HASH_DIGITS):
        fail("--seal 应写作 序号:哈希，如 seal-audit 所示。Write --seal as NUMBER:HASH, as seal-audit prints it.")
    return int(number), digest.lower()


def _read_key(text: str | None) -> set[str] | None:
    from app.notary import is_public_key

    if text is not None and not is_public_key(text):
        fail("--public-key 应为 ed25519: 加 32 字节的 base64。Write --public-key as ed25519: and base64 of 32 bytes.")
    return None if text is None else {text}


def _verify_file(file: Path, keys: set[str] | None, noted: tuple[int, str] | None) -> "Verified":
    from app.ledger.chain_file import NotAChainFile, verify_lines

    try:
        with file.open(encoding="utf-8") as lines:
            return verify_lines(lines, keys, noted)
    except (OSError, UnicodeDecodeError, NotAChainFile) as error:
        fail(str(error))


async def _verify_database(runtime: "Runtime", keys: set[str] | None, noted: tuple[int, str] | None) -> "Verified":
    from app.ledger import reconcile as ledger
    from app.ledger.seals import known_keys

    async with runtime.database.snapshot() as session:
        known = await known_keys(session, runtime.sealer) if keys is None else keys
        return await ledger.verify_audit(session, known, noted)


def seal_audit() -> None:
    """Seal all event chains now, as the worker does every night, and print what to note down outside this system."""

    async def work(runtime: "Runtime") -> "AuditSeal":
        from app.flow.seals import seal_all

        return await seal_all(runtime.database, runtime.sealer, runtime.clock.now())

    seal = run(work, with_city=False)
    typer.echo(f"已封存 sealed: {seal.number}:{seal.hash} ({seal.cases} 案 cases)")
    typer.echo(f"公钥 public key: {seal.public_key}")
    typer.echo("请在系统外记下这两行，供 verify-audit --seal 核对。Note both down outside this system.", err=True)


def export_audit(
    file: Annotated[Path, typer.Argument(help="Where to write; one JSON line for each seal and each case.")],
) -> None:
    """Seal the event chains and write seals and chains to a file that `verify-audit` can check elsewhere."""

    async def work(runtime: "Runtime") -> int:
        from app.flow.seals import open_notary, seal_all
        from app.ledger.chain_file import write_chains

        now, count = runtime.clock.now(), 0
        await seal_all(runtime.database, runtime.sealer, now)
        notary = await open_notary(runtime.database, runtime.sealer, now)
        with file.open("w", encoding="utf-8") as target:
            async with runtime.database.snapshot() as session:
                async for line in write_chains(session, notary):
                    target.write(line + "\n")
                    count += line.startswith('{"case"')
        return count

    typer.echo(f"已导出 {run(work)} 条审计链：{file}")
