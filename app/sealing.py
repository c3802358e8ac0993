"""Seals small secrets for storage (AES-256-GCM), each bound to its place. It knows nothing of what it seals.

Layout of a sealed value: version (1 byte) · key id (4) · nonce (12) · ciphertext and tag. The key id lets several
keys live side by side while a key is being replaced. Source: RFC 5869 (HKDF), NIST SP 800-38D (GCM).
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.problems import AppError

VERSION = b"\x01"
KEY_ID_BYTES = 4
NONCE_BYTES = 12
PREFIX_BYTES = len(VERSION) + KEY_ID_BYTES


class SealBroken(AppError):
    """A stored secret cannot be opened: another key sealed it, it was changed, or it belongs elsewhere."""

    status, code = 503, "seal_broken"
    title_zh, title_en = "存储的密文无法解开", "A stored secret cannot be opened"

    def __init__(self) -> None:
        super().__init__(
            "存储的密文无法解开。请核对 YILONG_SECRET_KEY 是否与写入时一致，更换过的请把旧密钥列入 "
            "YILONG_FORMER_SECRET_KEYS；密钥已遗失的，请重新登记该地址。",
            "A stored secret cannot be opened. Check that YILONG_SECRET_KEY is the one it was written with, and list "
            "one that was replaced in YILONG_FORMER_SECRET_KEYS; if that key is lost, register the address again.",
        )


def _derive(secret_key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"yilong/sealing/1/" + purpose).derive(secret_key)


class Sealer:
    """Seals with a key derived from the deployment's secret key; opens what that key or a former one has sealed.

    Args:
        secret_key: the deployment's secret, any length above zero; raises ValueError where it is empty.
        former: secrets that came before it, while what they sealed is still being sealed anew.
    """

    def __init__(self, secret_key: bytes, former: Sequence[bytes] = ()) -> None:
        if not secret_key or not all(former):
            raise ValueError("the secret key is empty")
        self._prefix, self._blinding = _prefix_of(secret_key), _derive(secret_key, b"blind", 32)
        # The present key last: a former one that is the same changes nothing.
        self._ciphers = {_prefix_of(key): AESGCM(_derive(key, b"key", 32)) for key in (*former, secret_key)}

    def seal(self, plaintext: bytes, place: str) -> bytes:
        """Encrypt for one place, such as `endpoint:<id>`: only `open` with the same place gives it back."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._prefix].encrypt(nonce, plaintext, _bind(self._prefix, place))
        return self._prefix + nonce + sealed

    def open(self, ciphertext: bytes, place: str) -> bytes:
        """Decrypt; raises SealBroken whatever the cause."""
        prefix, rest = ciphertext[:PREFIX_BYTES], ciphertext[PREFIX_BYTES:]
        cipher = self._ciphers.get(prefix)
        if cipher is None:
            raise SealBroken
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bind(prefix, place))
        except (InvalidTag, ValueError) as error:
            raise SealBroken from error

    def blind(self, text: str) -> str:
        """What stands for a text that must not be stored: 64 hex digits, the same for the same secret key only."""
        return hmac.new(self._blinding, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    @property
    def prefix(self) -> bytes:
        """What everything begins with that the present key has sealed."""
        return self._prefix

    def is_present(self, ciphertext: bytes) -> bool:
        """Whether the present key sealed it."""
        return ciphertext[:PREFIX_BYTES] == self._prefix


def _prefix_of(secret_key: bytes) -> bytes:
    return VERSION + _derive(secret_key, b"id", KEY_ID_BYTES)


def _bind(prefix: bytes, place: str) -> bytes:
    # The prefix is authenticated too: nobody can relabel a value as sealed by another key.
    return prefix + place.encode()
