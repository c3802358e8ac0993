"""Standard Webhooks signatures: made for what goes out (`v1` and, see `keypair`, `v1a`), checked on what comes in.

What comes in is signed with a shared secret (`v1`, HMAC-SHA256). Pure: secrets, time and bytes come in as arguments.
Written here rather than taken from a package because the published one raises the wrong exception on malformed
headers. Source: the Standard Webhooks specification, 1.0.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import datetime

from app.deliver.keypair import is_signing_key, sign_with
from app.problems import AppError

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
MAX_ID_LENGTH = 255
MAX_SIGNATURES = 16
MAX_HEADER_LENGTH = 4096

_ID = re.compile(rf"[!-~]{{1,{MAX_ID_LENGTH}}}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
# Checked against where a department has no secret, so that its answer takes as long as any other.
_NOBODY = PREFIX + base64.b64encode(bytes(SECRET_BYTES)).decode()


class BadSignature(AppError):
    """One answer for everything that can be wrong with a signature, so that it teaches an attacker nothing."""

    status, code = 401, "bad_signature"
    title_zh, title_en = "签名无效", "Signature not valid"

    def __init__(self) -> None:
        super().__init__(
            "签名无效或时间不符。请核对签名密钥、webhook-id、webhook-timestamp(与标准时间相差不超过 5 分钟)"
            "和 webhook-signature，并对原始请求体签名。",
            "The signature or its time is not valid. Check the secret, webhook-id, webhook-timestamp (within 5 minutes "
            "of the true time) and webhook-signature, and sign the raw body.",
        )


class BadSecret(ValueError):
    """A secret that is not `whsec_` followed by the base64 of 24 to 64 bytes."""


def new_secret() -> str:
    """A fresh secret: `whsec_` and the base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The raw key of a secret; raises BadSecret."""
    if not secret.startswith(PREFIX):
        raise BadSecret("a secret begins with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret("a secret is base64 after whsec_") from error
    if not 24 <= len(key) <= 64:
        raise BadSecret("a secret has 24 to 64 bytes")
    return key


def to_content(webhook_id: str, timestamp: int | str, body: bytes) -> bytes:
    """The bytes that are signed."""
    return f"{webhook_id}.{timestamp}.".encode() + body


def _digest(secret: str, content: bytes) -> bytes:
    return hmac.digest(key_of(secret), content, hashlib.sha256)


def sign(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each secret or signing key, separated by spaces.

    Args:
        secrets: `whsec_…` makes a `v1` signature, `whsk_…` a `v1a` one; newest first.
        timestamp: Unix seconds, the same as in `webhook-timestamp`.
        body: the very bytes that are sent.
    """
    content = to_content(webhook_id, timestamp, body)
    return " ".join(_signature(secret, content) for secret in secrets)


def _signature(secret: str, content: bytes) -> str:
    if is_signing_key(secret):
        return sign_with(secret, content)
    return "v1," + base64.b64encode(_digest(secret, content)).decode()


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Check a signed message; the answer is its `webhook-id`.

    Args:
        secrets: those that are valid at the moment; none is the same as a wrong one.
        headers: any spelling of the names.
        now: aware; the message's time may differ by 300 s.

    Raises:
        BadSignature: for every fault, and nothing else.
    """
    found = {str(name).lower(): str(value) for name, value in headers.items()}
    webhook_id = found.get("webhook-id", "")
    timestamp = found.get("webhook-timestamp", "")
    offered = _read_signatures(found.get("webhook-signature", ""))
    if not _ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature
    in_time = abs(now.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS
    content, matches = to_content(webhook_id, timestamp, body), False
    for secret in secrets or [_NOBODY]:
        expected = _digest(secret, content)
        for signature in offered:
            # No early way out: the time taken does not tell which secret or signature came close.
            matches |= hmac.compare_digest(expected, signature)
    if not (in_time and matches and secrets):
        raise BadSignature
    return webhook_id


def _read_signatures(header: str) -> list[bytes]:
    """The `v1` signatures of a header; what cannot be read is left out."""
    if len(header) > MAX_HEADER_LENGTH or not header.isascii():
        return []
    signatures = []
    for part in header.split(" ")[:MAX_SIGNATURES]:
        version, _, encoded = part.partition(",")
        if version != "v1":
            continue
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        # A signature has one spelling: the last letter's unused bits are no place for anything else.
        if base64.b64encode(signature).decode() == encoded:
            signatures.append(signature)
    return signatures
