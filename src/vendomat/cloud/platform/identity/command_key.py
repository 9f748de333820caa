"""One key by which the cloud signs commands and every answer, so that a captured broker cannot."""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class CommandKey:
    """An Ed25519 key; `key_id` follows from the public key, so one id never means two keys."""

    def __init__(self, seed: bytes) -> None:
        assert len(seed) == 32
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self.key_id = key_id_of(self.public_key)

    @property
    def public_base64(self) -> str:
        """The public key as machines are told it."""
        return base64.b64encode(self.public_key).decode()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


def key_id_of(public_key: bytes) -> str:
    """`c_` and 16 hexadecimal digits of the key's SHA-256."""
    return "c_" + hashlib.sha256(public_key).hexdigest()[:16]


def signed_by(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether `signature` over `data` is by the Ed25519 key `public_key` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
