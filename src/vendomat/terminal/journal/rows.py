"""The journal's tables and the keyed MAC of their rows.

A row whose MAC does not fit was changed by something that is not this program (or by a dying flash chip). How many
facts there are is a row of its own, so that none can get lost unseen; a lost file is noticed by the epoch file.
"""

from __future__ import annotations

import hashlib
import hmac

SCHEMA_VERSION = 2
"""2: the number of facts is kept under `COUNT_KEY`; before, it was counted at each start."""

EPOCH_KEY, COUNT_KEY, STARTS_KEY, HALTED_KEY = "epoch", "facts", "starts", "halted"

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL, trusted INTEGER NOT NULL,
    body BLOB NOT NULL, digest TEXT NOT NULL, mac BLOB NOT NULL, PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE TABLE commands (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT, cmd_id TEXT NOT NULL UNIQUE, is_open INTEGER NOT NULL,
    facts BLOB NOT NULL, mac BLOB NOT NULL
);
CREATE INDEX commands_open ON commands (is_open) WHERE is_open = 1;
"""


class DamageError(Exception):
    """The file is not what this program wrote."""


class RowMac:
    """`blake2b` keyed with a key derived from the machine's seed, over a table's name and a row's fields."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"vendomat-journal").digest()

    def of(self, table: str, *fields: object) -> bytes:
        mac = hashlib.blake2b(key=self._key, digest_size=16)
        for field in (table, *fields):
            data = field if isinstance(field, bytes) else str(field).encode()
            mac.update(len(data).to_bytes(8, "big") + data)
        return mac.digest()

    def fits(self, mac: bytes, table: str, *fields: object) -> bool:
        return hmac.compare_digest(mac, self.of(table, *fields))

    def verify(self, mac: bytes, table: str, *fields: object) -> None:
        """Raises `DamageError`."""
        if not self.fits(mac, table, *fields):
            raise DamageError(f"a row of {table} does not carry this machine's mark")
