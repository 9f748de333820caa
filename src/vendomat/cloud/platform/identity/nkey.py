"""NATS keys (nkeys): Ed25519 keys with a letter for their role and a checksum.

Refuses a public key with a wrong checksum, length or role: a typing error must not become somebody's identity.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

import nkeys

from vendomat.cloud.platform.identity.private_files import kept
from vendomat.kernel import ErrorCode, VendomatError


class NkeyRole(IntEnum):
    """The prefix bytes of the roles in use; the public key starts with O, A or U."""

    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT
    USER = nkeys.PREFIX_BYTE_USER


class Nkey:
    """A key pair. `seed` is the secret; it never leaves the place it was made in."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._pair = nkeys.from_seed(bytearray(seed))
        self.public: str = self._pair.public_key.decode()

    @classmethod
    def new(cls, role: NkeyRole, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Nkey:
        return cls(nkeys.encode_seed(random_bytes(32), role))

    @classmethod
    def kept_in(cls, path: Path, role: NkeyRole, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Nkey:
        """The key whose seed is in `path` (0600); made there when there is none."""
        key = cls(kept(path, lambda: cls.new(role, random_bytes).seed))
        checked_public_nkey(key.public, role)
        return key

    def sign(self, data: bytes) -> bytes:
        signature: bytes = self._pair.sign(data)
        return signature

    def answer(self, nonce: str) -> bytes:
        """The server's connect challenge, signed: fits `nats.connect(signature_cb=...)`."""
        return base64.b64encode(self.sign(nonce.encode()))


def checked_public_nkey(public: str, role: NkeyRole) -> str:
    """`public` if it is a public key of `role`; else raises `VendomatError(INVALID_VALUE)`."""
    _key_bytes(public, role)
    return public


def verifies(public: str, role: NkeyRole, data: bytes, signature: bytes) -> bool:
    """Whether `signature` over `data` is by the key `public`."""
    import nacl.exceptions
    import nacl.signing

    try:
        nacl.signing.VerifyKey(_key_bytes(public, role)).verify(data, signature)
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False
    return True


def _key_bytes(public: str, role: NkeyRole) -> bytes:
    try:
        raw = base64.b32decode(public)
    except (binascii.Error, ValueError):
        raw = b""
    body, checksum = raw[:-2], raw[-2:]
    if len(raw) != 35 or raw[0] != role or nkeys.crc16(body) != int.from_bytes(checksum, "little"):
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            f"This is no public {role.name.lower()} nkey. No identity was issued; send the key the machine shows.",
        )
    return body[1:]
