"""Standard Webhooks signatures (v1) with the standard library only: verify what comes in, sign what goes out."""

import base64
import hmac
import time

TOLERANCE_SECONDS = 300


def sign(secret, webhook_id, timestamp, body):
    """The value of `webhook-signature`: `secret` as it was shown (`whsec_…`), `body` the raw bytes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def verify(secrets, headers, body, now=None):
    """Whether one of the secrets signed this body within five minutes; names of headers in lower case."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    offered = [part.encode() for part in headers.get("webhook-signature", "").split(" ")]
    expected = [sign(secret, webhook_id, timestamp, body).encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in expected for other in offered)
