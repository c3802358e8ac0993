"""Standard Webhooks signatures, version `v1a` (ed25519): the service signs, whoever has the public key can check.

Pure. A signing key is written `whsk_` and the base64 of its 32 secret bytes followed by the 32 public ones, a public
key `whpk_` and the base64 of the latter. Source: the Standard Webhooks specification, 1.0; the order is Svix's.
"""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNING_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
VERSION: Final = "v1a"
HALF_BYTES: Final = 32


class BadKey(ValueError):
    """A key that is not `whsk_` and 64 bytes that belong together, or `whpk_` and 32 bytes, in base64."""


def new_signing_key() -> str:
    """A fresh pair, as `whsk_…`."""
    return _write(Ed25519PrivateKey.generate())


def is_signing_key(text: str) -> bool:
    return text.startswith(SIGNING_PREFIX)


def public_key_of(signing_key: str) -> str:
    """The `whpk_…` that goes with a signing key; raises BadKey."""
    return PUBLIC_PREFIX + base64.b64encode(_public_bytes(_read(signing_key))).decode()


def sign_with(signing_key: str, content: bytes) -> str:
    """One signature as the header has it, `v1a,` and 64 bytes in base64; raises BadKey."""
    return f"{VERSION},{base64.b64encode(_read(signing_key).sign(content)).decode()}"


def is_signed_with(public_key: str, signature: str, content: bytes) -> bool:
    """Whether a `v1a,…` signature is that of the public key over the content; raises BadKey for a malformed key."""
    version, _, encoded = signature.partition(",")
    key = Ed25519PublicKey.from_public_bytes(_decode(public_key, PUBLIC_PREFIX, HALF_BYTES))
    try:
        key.verify(base64.b64decode(encoded, validate=True), content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return version == VERSION


def _read(signing_key: str) -> Ed25519PrivateKey:
    raw = _decode(signing_key, SIGNING_PREFIX, 2 * HALF_BYTES)
    key = Ed25519PrivateKey.from_private_bytes(raw[:HALF_BYTES])
    if _public_bytes(key) != raw[HALF_BYTES:]:
        raise BadKey("the two halves of a signing key belong together")
    return key


def _write(key: Ed25519PrivateKey) -> str:
    return SIGNING_PREFIX + base64.b64encode(key.private_bytes_raw() + _public_bytes(key)).decode()


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _decode(text: str, prefix: str, length: int) -> bytes:
    try:
        raw = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey(f"a key is base64 after {prefix}") from error
    if not text.startswith(prefix) or len(raw) != length:
        raise BadKey(f"a key is {prefix} and {length} bytes")
    return raw
