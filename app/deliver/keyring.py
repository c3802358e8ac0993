"""An address's signing secrets as they are stored: sealed, newest first, an old one with the moment it ends."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.sealing import SealBroken, Sealer


@dataclass(frozen=True, slots=True)
class Secret:
    """A `whsec_…` secret; valid until `until`, or without end."""

    value: str
    until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def place_of(endpoint_id: str) -> str:
    """The place to which what an address keeps is bound."""
    return f"endpoint:{endpoint_id}"


def seal_secrets(sealer: Sealer, endpoint_id: str, secrets: Sequence[Secret]) -> bytes:
    """Encrypt the secrets of one address, bound to it."""
    entries = [{"value": s.value, "until": s.until.isoformat() if s.until else None} for s in secrets]
    return sealer.seal(json.dumps(entries).encode(), place_of(endpoint_id))


def open_secrets(sealer: Sealer, endpoint_id: str, sealed: bytes, now: datetime) -> list[Secret]:
    """The secrets valid now, newest first; raises SealBroken."""
    plain = sealer.open(sealed, place_of(endpoint_id))
    try:
        entries = json.loads(plain)
        secrets = [Secret(e["value"], datetime.fromisoformat(e["until"]) if e["until"] else None) for e in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise SealBroken from error
    return [secret for secret in secrets if secret.is_valid(now)]
