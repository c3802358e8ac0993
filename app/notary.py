"""公证: the daily seal that commits to the head of every audit chain, and how it is checked. No database, no network.

A seal lists the heads that moved since the seal before it and names that seal by its hash, so that all seals together
commit to every chain. It is signed with ed25519: whoever has the public key can check it and needs no secret.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.audit import GENESIS, BrokenLink, to_canonical_json, to_rfc3339

PREFIX: Final = "ed25519:"
KEY_BYTES: Final = 32


class Seal(Protocol):
    """What of a seal is covered by its hash, and what proves it."""

    number: int
    made_at: datetime
    previous_hash: str
    cases: int
    heads: int
    digest: str
    public_key: str
    hash: str
    signature: str


@dataclass(slots=True)
class WrittenSeal:
    """A seal as plain values: one that is being made, or one that was read from a file."""

    number: int
    made_at: datetime
    previous_hash: str
    cases: int
    heads: int
    digest: str
    public_key: str
    hash: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class SealedAt:
    """A head that a seal commits to, and that seal's number."""

    case_id: str
    number: str
    seq: int
    hash: str
    seal: int


@dataclass(frozen=True, slots=True)
class BrokenSeal:
    """A seal that does not hold, by its number, or what is wrong with all of them (None)."""

    number: int | None
    fault: str

    @property
    def place(self) -> str:
        return "封存 seals" if self.number is None else f"封存 seal {self.number}"


@dataclass(slots=True)
class Verified:
    """What verifying chains and seals found: how many there are, and the first fault of each that does not hold."""

    events: int = 0
    seals: int = 0
    links: list[BrokenLink] = field(default_factory=list)
    broken_seals: list[BrokenSeal] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    last: Seal | None = None

    @property
    def holds(self) -> bool:
        return not self.links and not self.broken_seals


class Notary:
    """Signs with one key pair; `secret` is its 32 bytes. Raises ValueError for another length."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public_key(self) -> str:
        return PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, purpose: str, digest: str) -> str:
        """The signature over `yilong/<purpose>/1:<digest>`, 64 bytes in base64."""
        return base64.b64encode(self._key.sign(_signed_text(purpose, digest))).decode()


def new_secret() -> bytes:
    """The secret half of a fresh key pair."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def is_signed(public_key: str, signature: str, purpose: str, digest: str) -> bool:
    """Whether the signature is that of the public key; False for a malformed one of either."""
    try:
        raw = base64.b64decode(public_key.removeprefix(PREFIX), validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(base64.b64decode(signature, validate=True), _signed_text(purpose, digest))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return public_key.startswith(PREFIX)


def is_public_key(text: str) -> bool:
    """Whether it is `ed25519:` and 32 bytes in base64."""
    try:
        return text.startswith(PREFIX) and len(base64.b64decode(text[len(PREFIX) :], validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _signed_text(purpose: str, digest: str) -> bytes:
    return f"yilong/{purpose}/1:{digest}".encode()


def digest_of(heads: Iterable[SealedAt]) -> str:
    """SHA-256 over the heads in order of case and seq, one canonical JSON line each, as 64 hex digits."""
    digest = hashlib.sha256()
    for head in sorted(heads, key=lambda head: (head.case_id, head.seq)):
        digest.update(f"{to_canonical_json([head.case_id, head.number, head.seq, head.hash])}\n".encode())
    return digest.hexdigest()


def hash_of_seal(seal: Seal) -> str:
    """SHA-256 over all that a seal says and over the hash of the one before it, as 64 hex digits."""
    covered = [
        seal.previous_hash,
        seal.number,
        to_rfc3339(seal.made_at),
        seal.cases,
        seal.heads,
        seal.digest,
        seal.public_key,
    ]
    return hashlib.sha256(to_canonical_json(covered).encode()).hexdigest()


class SealChecker:
    """Checks seals in order, each against the one before it.

    Args:
        known: public keys that may sign; None: any, but one for all.
        noted: a number and a hash that somebody wrote down earlier: that seal must be among them.
    """

    def __init__(self, known: Collection[str] | None, noted: tuple[int, str] | None = None) -> None:
        self._known, self._noted = known, noted
        self._previous, self._expected, self._cases = GENESIS, 1, 0
        self._key: str | None = None
        self._seen: dict[int, str] = {}

    def check(self, seal: Seal, heads: Collection[SealedAt]) -> str | None:
        """The first thing that is wrong with the next seal, None where it holds; the one after it may hold again."""
        fault = self._find_fault(seal, heads)
        self._previous, self._expected, self._cases = seal.hash, seal.number + 1, seal.cases
        self._key = self._key or seal.public_key
        if self._noted and seal.number == self._noted[0]:
            self._seen[seal.number] = seal.hash
        return fault

    def _find_fault(self, seal: Seal, heads: Collection[SealedAt]) -> str | None:
        if seal.number != self._expected:
            return f"前面缺一次封存或顺序不对 seal {self._expected} is missing before it, or out of order"
        if seal.previous_hash != self._previous:
            return "与前一次封存不衔接 does not follow the seal before it"
        if hash_of_seal(seal) != seal.hash:
            return "封存内容被改动 the seal's content was changed"
        if not is_signed(seal.public_key, seal.signature, "audit-seal", seal.hash):
            return "签名不符 the signature is wrong"
        if seal.public_key not in ({self._key or seal.public_key} if self._known is None else self._known):
            return f"由另一把密钥签名 signed with another key ({seal.public_key})"
        if len(heads) != seal.heads or digest_of(heads) != seal.digest:
            return "所封存的链头被改动或删除 the heads it commits to were changed or removed"
        if not self._cases <= seal.cases <= self._cases + seal.heads:
            return "案件总数不对 its number of cases is wrong"
        return None

    def check_end(self) -> BrokenSeal | None:
        """Whether the seal that was noted down is there as it was."""
        if self._noted is None or self._seen.get(self._noted[0]) == self._noted[1]:
            return None
        found = "已不存在 is gone" if self._noted[0] not in self._seen else "与记下的不同 differs from what was noted"
        return BrokenSeal(self._noted[0], f"{found}: {self._noted[1]}")


def check_heads(
    heads: Iterable[SealedAt], hashes: Mapping[int, str], found: BrokenLink | None = None
) -> BrokenLink | None:
    """The first fault of one chain: what its own links showed, or where it is not what a seal commits to.

    Args:
        heads: the chain's sealed heads.
        hashes: the hash of each of its events, by seq.
        found: its broken link, where it has one; seals can only tell of an earlier one.
    """
    held = 0
    for head in sorted(heads, key=lambda head: head.seq):
        if found is not None and head.seq >= found.seq:
            break
        if hashes.get(head.seq) != head.hash:
            return _describe_head(head, hashes, held)
        held = head.seq
    return found


def _describe_head(head: SealedAt, hashes: Mapping[int, str], held: int) -> BrokenLink:
    last = max(hashes, default=0)
    if not hashes:
        fault = f"整个案件在封存 {head.seal} 之后被删除 the whole case was removed since seal {head.seal}"
        return BrokenLink(head.case_id, 1, f"{fault} ({head.seq})", head.number)
    if head.seq > last:
        fault = f"链尾在封存 {head.seal} 之后被截去 the tail was cut off since seal {head.seal}"
        return BrokenLink(head.case_id, last + 1, f"{fault} ({last} < {head.seq})", head.number)
    fault = f"第 {held + 1}–{head.seq} 个事件在封存 {head.seal} 之后被改写"
    return BrokenLink(
        head.case_id,
        held + 1,
        f"{fault} events {held + 1}–{head.seq} were rewritten since seal {head.seal}",
        head.number,
    )
