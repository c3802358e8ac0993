"""Seals and audit chains as a file that anybody can verify who has the public key: no database, no secret.

One JSON line for each seal with the heads it commits to, then one for each case, then a signed line that ends the file.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import to_canonical_json, to_rfc3339, verify_chain
from app.ledger.reconcile import read_chains
from app.ledger.seals import read_seals
from app.models import Event
from app.notary import BrokenSeal, Notary, SealChecker, SealedAt, Verified, WrittenSeal, check_heads, is_signed

COVERED = ("id", "seq", "type", "actor", "department_code", "facts", "body_commitment", "previous_hash", "hash")
SEAL_MEMBERS: Final = tuple(member.name for member in fields(WrittenSeal))
_CUT_OFF: Final = "文件不完整：缺少签名的末行 the file is cut off: its signed last line is missing"
_CHANGED: Final = "文件内容与签名的末行不符：有行被改动、增删或换序 the file is not what its signed last line says"
_AFTER: Final = "末行之后还有内容 there are lines after the last one"


class NotAChainFile(ValueError):
    """A line of the file is not what `export-audit` writes."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"第 {line} 行不是 yilong export-audit 导出的内容。Line {line} was not written by export-audit."
        )


async def write_chains(session: AsyncSession, notary: Notary) -> AsyncIterator[str]:
    """The lines of the file: seals, chains without the bodies, and the signed end."""
    digest, counts = hashlib.sha256(), {"seals": 0, "cases": 0}
    async for kind, line in _write_body(session):
        counts[kind] += 1
        digest.update(f"{line}\n".encode())
        yield line
    end = to_canonical_json(counts | {"lines": digest.hexdigest()})
    yield to_canonical_json({"end": end, "public_key": notary.public_key, "signature": notary.sign("audit-file", end)})


async def _write_body(session: AsyncSession) -> AsyncIterator[tuple[str, str]]:
    after = 0
    while seals := await read_seals(session, after):
        for seal, heads in seals:
            after = seal.number
            said = {name: getattr(seal, name) for name in SEAL_MEMBERS} | {"made_at": to_rfc3339(seal.made_at)}
            listed = sorted([head.case_id, head.number, head.seq, head.hash] for head in heads)
            yield "seals", to_canonical_json({"seal": said, "heads": listed})
    async for rows, _ in read_chains(session):
        for case_id, chain in groupby(rows, key=lambda row: row.head_id):
            yield "cases", _write_chain(case_id, list(chain))


def _write_chain(case_id: str, rows: Sequence[Any]) -> str:
    links = [
        {name: getattr(row, name) for name in COVERED} | {"happened_at": to_rfc3339(row.happened_at)}
        for row in rows
        if row.seq is not None
    ]
    head = rows[0]
    return to_canonical_json(
        {
            "case": case_id,
            "number": head.head_number,
            "last_seq": head.head_seq,
            "last_hash": head.head_hash,
            "events": links,
        }
    )


def verify_lines(
    lines: Iterable[str], known: Collection[str] | None = None, noted: tuple[int, str] | None = None
) -> Verified:
    """Verify an exported file. Raises NotAChainFile.

    Args:
        known: public keys that may have signed it; None: any one key, which the caller has to compare.
        noted: number and hash of a seal that somebody wrote down.
    """
    reader = _Reader(known, noted)
    for number, line in enumerate(lines, 1):
        try:
            reader.take(line)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise NotAChainFile(number) from error
    return reader.finish()


class _Reader:
    """Holds the sealed heads until their chains have come."""

    def __init__(self, known: Collection[str] | None, noted: tuple[int, str] | None) -> None:
        self._known, self._checker = known, SealChecker(known, noted)
        self._result, self._digest = Verified(), hashlib.sha256()
        self._heads: dict[str, list[SealedAt]] = {}
        self._cases, self._ended = 0, False

    def take(self, line: str) -> None:
        read = json.loads(line)
        if self._ended:
            self._blame(_AFTER)
        elif "end" in read:
            self._take_end(read)
            return
        elif "seal" in read:
            self._take_seal(read)
        else:
            self._take_chain(read)
        self._digest.update(f"{line.rstrip(chr(10))}\n".encode())

    def _take_seal(self, read: dict[str, Any]) -> None:
        said = read["seal"]
        seal = WrittenSeal(**said | {"made_at": datetime.fromisoformat(said["made_at"])})
        heads = [SealedAt(case_id, number, seq, head, seal.number) for case_id, number, seq, head in read["heads"]]
        fault = self._checker.check(seal, heads)
        if fault is not None:
            self._result.broken_seals.append(BrokenSeal(seal.number, fault))
        for head in heads:
            self._heads.setdefault(head.case_id, []).append(head)
        self._result.seals, self._result.last = self._result.seals + 1, seal
        self._result.keys.add(seal.public_key)

    def _take_chain(self, read: dict[str, Any]) -> None:
        case_id, number = read["case"], read["number"]
        links = [_read_link(case_id, link) for link in read["events"]]
        found = verify_chain(case_id, links, read["last_seq"], read["last_hash"])
        hashes = {link.seq: link.hash for link in links}
        fault = check_heads(self._heads.pop(case_id, ()), hashes, found)
        if fault is not None:
            self._result.links.append(replace(fault, number=number))
        self._result.events, self._cases = self._result.events + len(links), self._cases + 1

    def _take_end(self, read: dict[str, Any]) -> None:
        end, key, said = read["end"], read["public_key"], json.loads(read["end"])
        self._ended = True
        self._result.keys.add(key)
        if not is_signed(key, read["signature"], "audit-file", end):
            self._blame("末行签名不符 the signature of the last line is wrong")
        elif self._known is not None and key not in self._known:
            self._blame(f"末行由另一把密钥签名 the last line is signed with another key ({key})")
        elif self._known is None and len(self._result.keys) > 1:
            self._blame(f"末行与封存的签名密钥不同 the last line is signed with another key than the seals ({key})")
        elif said != {"seals": self._result.seals, "cases": self._cases, "lines": self._digest.hexdigest()}:
            self._blame(_CHANGED)

    def _blame(self, fault: str) -> None:
        self._result.broken_seals.append(BrokenSeal(None, fault))

    def finish(self) -> Verified:
        vanished = (check_heads(heads, {}) for heads in self._heads.values())
        self._result.links += [fault for fault in vanished if fault is not None]
        if not self._ended:
            self._blame(_CUT_OFF)
        if (missing := self._checker.check_end()) is not None:
            self._result.broken_seals.append(missing)
        return self._result


def _read_link(case_id: str, link: dict[str, Any]) -> Event:
    values = {name: link[name] for name in COVERED}
    return Event(case_id=case_id, happened_at=datetime.fromisoformat(link["happened_at"]), **values)
