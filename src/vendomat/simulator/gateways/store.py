"""The emulators' memory over a kill: one small SQLite file of records, written before anything is answered.

It keeps records, it does not decide. A SIGKILL loses nothing that was answered, because the operating system keeps
what was handed to it; a power cut of the simulated world's own host is not a case it serves (`synchronous=OFF`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

Kept = TypeVar("Kept")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Change:
    """`record` is now the truth under (`kind`, `key`)."""

    kind: str
    key: str
    record: object


class RecordStore:
    """Records by kind and key. `path` None keeps nothing on disk."""

    def __init__(self, path: Path | None) -> None:
        self._database: apsw.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        database = apsw.Connection(str(path))
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )
        self._database = database

    def save(self, changes: Iterable[Change]) -> None:
        """All `changes` or none."""
        if self._database is None:
            return
        rows = [(change.kind, change.key, _encode(change.record).decode()) for change in changes]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", rows)

    def load(self, kind: str, shape: type[Kept]) -> Iterator[tuple[str, Kept]]:
        """Every record of `kind` as (key, record), by key."""
        if self._database is None:
            return
        decoder = msgspec.json.Decoder(shape)
        for key, body in self._database.execute("SELECT key, body FROM record WHERE kind = ? ORDER BY key", (kind,)):
            yield key, decoder.decode(body)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
