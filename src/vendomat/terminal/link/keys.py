"""Keys on the machine: its own, made here and never leaving, and the cloud's public ones, pinned at enrolment."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import nkeys
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from vendomat.kernel import ErrorCode, VendomatError

SEED_BYTES = 32
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class MachineKey:
    """An nkey of role "user". Its public text names it (`key_id`) on the wire and in every envelope."""

    def __init__(self, seed: bytes) -> None:
        self._seed = bytes(seed)
        self._pair = nkeys.from_seed(bytearray(seed))
        self.key_id: str = self._pair.public_key.decode()

    @classmethod
    def load_or_create(cls, path: Path, random_bytes: Callable[[int], bytes]) -> MachineKey:
        """The key whose seed is in `path` (0600); made there, durably, when there is none. Raises `OSError`."""
        if not path.exists():
            seed: bytes = nkeys.encode_seed(random_bytes(SEED_BYTES), nkeys.PREFIX_BYTE_USER)
            write_private(path, seed)
        return cls(path.read_bytes().strip())

    def sign(self, data: bytes) -> bytes:
        signature: bytes = self._pair.sign(data)
        return signature

    def answer(self, nonce: str) -> bytes:
        """The wire server's challenge, signed. Raises `VendomatError(forbidden)` for what is no challenge.

        The server chooses this text, and the same key signs our messages: a captured server must not get one signed.
        All we sign elsewhere has several lines, a challenge is one short word, so no text is both.
        """
        if _CHALLENGE.fullmatch(nonce) is None:
            raise VendomatError(ErrorCode.FORBIDDEN, "the wire's server asked us to sign something else; we did not")
        return base64.b64encode(self.sign(nonce.encode()))

    def derive(self, purpose: str) -> bytes:
        """A secret of 32 bytes for `purpose` that only this machine can make."""
        return hashlib.blake2b(purpose.encode(), key=self._seed, digest_size=32).digest()


class CloudKeys:
    """The cloud's Ed25519 keys by id; anything signed by another key is not the cloud's word."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys: dict[str, VerifyKey] = {}
        self.replace(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the keys that count, sorted."""
        return tuple(sorted(self._keys))

    def replace(self, keys: Mapping[str, str]) -> None:
        """`keys` are base64 by id. Raises `ValueError` for what is no key; the old ones stay then."""
        try:
            self._keys = {key_id: VerifyKey(base64.b64decode(text, validate=True)) for key_id, text in keys.items()}
        except binascii.Error as error:
            raise ValueError("a key is not base64") from error

    def verify(self, key_id: str, data: bytes, signature: bytes) -> bool:
        """Fits `protocol.unseal`."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(data, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, readable by its owner only, whole and durable. Raises `OSError`."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
