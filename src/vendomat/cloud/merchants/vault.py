"""The master key of an installation: seals secrets that the database keeps, and gives keys to features.

One file of 32 random bytes in the data folder, readable by its owner only, never in the database and never in a
back-up of it. Refuses a key file that others may read, and a sealed value that was moved to another purpose.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vendomat.kernel import ErrorCode, VendomatError

KEY_FILE = "master.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class MasterKey:
    """`purpose` names where a value belongs (table, merchant, row): sealed for one, it opens for no other."""

    def __init__(self, key: bytes, randomness: Callable[[int], bytes] = secrets.token_bytes) -> None:
        assert len(key) == _KEY_BYTES, "a master key has 32 bytes"
        self._key = key
        self._randomness = randomness
        self._sealing = AESGCM(self.derive("seal"))

    @classmethod
    def load_or_create(cls, folder: Path, randomness: Callable[[int], bytes] = secrets.token_bytes) -> MasterKey:
        """The key of the installation in `folder`, made on first use. Raises `VendomatError` for an unsafe file."""
        path = folder / KEY_FILE
        if not path.exists():
            _write_once(path, randomness(_KEY_BYTES))
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise VendomatError(
                ErrorCode.FORBIDDEN,
                f"others may read the master key {path} (mode {mode:o}); nothing was opened. "
                "Run chmod 600 on it and replace the payment platforms' keys",
            )
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{path} is not a master key; restore it from its back-up")
        return cls(key, randomness)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for `purpose`; says nothing about the key of any other purpose."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"vendomat/{purpose}".encode()).derive(self._key)

    def seal(self, value: Mapping[str, object], *, purpose: str) -> bytes:
        nonce = self._randomness(_NONCE_BYTES)
        return _VERSION + nonce + self._sealing.encrypt(nonce, msgspec.json.encode(value), purpose.encode())

    def unseal(self, sealed: bytes, *, purpose: str) -> dict[str, object]:
        """Raises `VendomatError(bad_signature)` when the value was changed, moved, or sealed by another key."""
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION or len(content) < 16:
                raise InvalidTag  # noqa: TRY301 - one answer for everything that does not open
            return msgspec.json.decode(self._sealing.decrypt(nonce, content, purpose.encode()), type=dict[str, object])
        except InvalidTag as error:
            raise VendomatError(
                ErrorCode.BAD_SIGNATURE,
                f"the sealed value of {purpose} does not open with this master key; nothing was used of it",
            ) from error


def _write_once(path: Path, key: bytes) -> None:
    """Write beside and link into place: of two processes that start at once, one key wins and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{KEY_FILE}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                return  # another process made it first; its key is the one
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
