"""One department's end of the line: opens what comes in, signs what goes out. What it answers is not decided here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.deliver.signing import sign, verify
from app.demo.wire import Answer, Wire


@dataclass(frozen=True, slots=True)
class Reception:
    """What a system answers: a status, or None where it cannot be reached.

    Attributes:
        late: the answer comes after the caller hung up.
        delay: seconds until it comes.
    """

    status: int | None
    late: bool = False
    body: bytes = b""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A department's system as far as signatures go; the newest secret comes first."""

    code: str
    secrets: tuple[str, ...]

    def open(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """The id of a webhook that is genuine; raises BadSignature."""
        return verify(self.secrets, headers, body, now)

    async def call_back(
        self, wire: Wire, now: datetime, webhook_id: str, action: str, data: Mapping[str, Any]
    ) -> Answer:
        """Send one signed event. The same id and data again get the same answer."""
        body = json.dumps({"type": action, "data": data}, ensure_ascii=False).encode()
        timestamp = int(now.timestamp())
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self.secrets[:1], webhook_id, timestamp, body),
        }
        return await wire.send("POST", f"/v1/callbacks/{self.code}", headers, body)
