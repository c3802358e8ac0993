"""签名密钥 as the office sees them: what signs for an address now, without a secret; and whether that is still so."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver import keypair
from app.deliver.endpoints import lock_webhook
from app.deliver.keyring import open_secrets
from app.models import Endpoint
from app.problems import Conflict
from app.sealing import Sealer

SHARED_VERSION: Final = "v1"
MARK_LENGTH: Final = 16


class KeysChanged(Conflict):
    code = "signing_keys_changed"
    title_zh, title_en = "签名密钥已有变动", "The signing keys have changed"

    def __init__(self) -> None:
        super().__init__(
            "打开页面之后，签名密钥已经更换过。请刷新页面，核对现在的密钥和有效期，再决定是否更换。",
            "The signing keys have changed since the page was opened. Reload it, look at those in force, then decide.",
        )


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """One that signs now: the version of its signatures, when it began (None: not kept) and ends (None: without end).

    `public_key` is a pair's `whpk_…`; None for a shared secret, of which nothing is shown.
    """

    version: str
    since: datetime | None
    until: datetime | None
    public_key: str | None = None


def keys_in_force(endpoint: Endpoint, sealer: Sealer, now: datetime) -> list[KeyInForce]:
    """What signs for a webhook now: shared secrets, then pairs, each newest first. Raises SealBroken."""
    known = open_secrets(sealer, endpoint.id, endpoint.secret, now)
    shared = [KeyInForce(SHARED_VERSION, s.since, s.until) for s in known if s.is_shared]
    pairs = [
        KeyInForce(keypair.VERSION, s.since, s.until, keypair.public_key_of(s.value)) for s in known if not s.is_shared
    ]
    return [*shared, *pairs]


def mark_of(endpoint: Endpoint) -> str:
    """A mark of the keys as they lie sealed: another one after each change. It tells nothing of them."""
    return hashlib.sha256(endpoint.secret).hexdigest()[:MARK_LENGTH]


async def lock_unchanged(session: AsyncSession, endpoint_id: str, mark: str) -> None:
    """Lock an address whose keys are still those of the mark. Raises NotFound, NotAWebhook or KeysChanged."""
    if mark_of(await lock_webhook(session, endpoint_id)) != mark:
        raise KeysChanged
