"""An address's signing secrets as they are stored: sealed, newest first, with when they began, an old one with its end.

The shared secret (`whsec_…`) and the private halves of key pairs (`whsk_…`) of an address lie in one list.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.deliver.keypair import is_signing_key
from app.sealing import SealBroken, Sealer


@dataclass(frozen=True, slots=True)
class Secret:
    """A `whsec_…` secret or a `whsk_…` signing key; valid until `until`, or without end.

    `since` is None for those from before it was kept.
    """

    value: str
    until: datetime | None = None
    since: datetime | None = None

    @property
    def is_shared(self) -> bool:
        """A shared secret signs and verifies, both ways; a signing key signs only, and only what goes out."""
        return not is_signing_key(self.value)

    def is_valid(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def place_of(endpoint_id: str) -> str:
    """Where the secrets of an address belong, for the sealer."""
    return f"endpoint:{endpoint_id}"


def seal_secrets(sealer: Sealer, endpoint_id: str, secrets: Sequence[Secret]) -> bytes:
    """Encrypt the secrets of one address, bound to it."""
    entries = [{"value": s.value, "until": _write(s.until), "since": _write(s.since)} for s in secrets]
    return sealer.seal(json.dumps(entries).encode(), place_of(endpoint_id))


def open_secrets(sealer: Sealer, endpoint_id: str, sealed: bytes, now: datetime) -> list[Secret]:
    """The secrets valid now, newest first; raises SealBroken."""
    plain = sealer.open(sealed, place_of(endpoint_id))
    try:
        entries = json.loads(plain)
        secrets = [Secret(e["value"], _read(e["until"]), _read(e.get("since"))) for e in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise SealBroken from error
    return [secret for secret in secrets if secret.is_valid(now)]


def open_values(sealer: Sealer, endpoint_id: str, sealed: bytes, now: datetime) -> tuple[str, ...]:
    """What signs for an address now, newest first; raises SealBroken."""
    return tuple(secret.value for secret in open_secrets(sealer, endpoint_id, sealed, now))


def _write(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
