"""Reads a terminal's journal from a copy: SQLite may write into whatever it opens, and evidence is not written into.

A journal that is being written is copied again until it held still. Digests are computed anew from the stored bytes.
Row marks (MACs) are not checked: that needs the machine's key, which an audit has no business with.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import msgspec

from vendomat.kernel import ErrorCode, VendomatError

COPIES_MAX = 20
COMMANDS_MAX = 10_000
"""A journal keeps this many of its newest commands."""


class _Fact(msgspec.Struct, frozen=True):
    epoch: int
    seq: int
    kind: str
    at: datetime
    body: msgspec.Raw
    is_time_trusted: bool = True


class _Body(msgspec.Struct, frozen=True):
    cmd_id: str = ""
    result: str | None = None


_FACTS = msgspec.json.Decoder(list[_Fact])
_STAMP = msgspec.json.Decoder(datetime)
FACT_COLUMNS = (
    "machine_id",
    "epoch",
    "seq",
    "kind",
    "at",
    "is_time_trusted",
    "cmd_id",
    "result",
    "digest",
    "stored_digest",
    "is_kept",
)
JOURNAL_COLUMNS = ("machine_id", "epoch", "commands", "open_commands", "is_complete")


@dataclass(frozen=True, slots=True)
class JournalContent:
    """Rows of `FACT_COLUMNS` and the one row of `JOURNAL_COLUMNS`."""

    facts: list[tuple[object, ...]]
    journal: tuple[object, ...]


def read_journal(machine_id: str, path: Path) -> JournalContent:
    """The facts and commands of the journal at `path`. Raises `VendomatError` when it cannot be read."""
    try:
        with tempfile.TemporaryDirectory(prefix="audit-") as folder:
            copy = _copy_still(path, Path(folder))
            database = apsw.Connection(str(copy))
            try:
                return _read(machine_id, database)
            finally:
                database.close()
    except (OSError, apsw.Error, msgspec.MsgspecError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> VendomatError:
    return VendomatError(ErrorCode.UNAVAILABLE, f"the journal {path} cannot be read: {why}; nothing was audited")


def _copy_still(path: Path, folder: Path) -> Path:
    """A copy of the database and its write-ahead log taken while neither changed."""
    parts = [path, path.with_name(path.name + "-wal")]
    for _ in range(COPIES_MAX):
        before = [_stamp(part) for part in parts]
        for part in parts:
            target = folder / part.name
            target.unlink(missing_ok=True)
            if part.exists():
                shutil.copyfile(part, target)
        if before == [_stamp(part) for part in parts]:
            return folder / path.name
    raise _unreadable(path, "it changes faster than it can be copied")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _read(machine_id: str, database: apsw.Connection) -> JournalContent:
    known: dict[tuple[int, int], tuple[object, ...]] = {}
    for fact in _facts_of_commands(database):
        known[fact.epoch, fact.seq] = _row(machine_id, fact, None)
    for epoch, seq, kind, at, is_trusted, body, digest in database.execute(
        "SELECT epoch, seq, kind, at, trusted, body, digest FROM facts"
    ):
        stamp = _STAMP.decode(msgspec.json.encode(at))
        fact = _Fact(int(epoch), int(seq), str(kind), stamp, msgspec.Raw(bytes(body)), bool(is_trusted))
        known[fact.epoch, fact.seq] = _row(machine_id, fact, str(digest))
    epochs: list[Any] = database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchall()
    counts: Any = database.execute("SELECT count(*), coalesce(sum(is_open), 0) FROM commands").fetchall()[0]
    epoch = int(bytes(epochs[0][0])) if epochs else 0
    journal = (machine_id, epoch, int(counts[0]), int(counts[1]), int(counts[0]) < COMMANDS_MAX)
    return JournalContent(list(known.values()), journal)


def _facts_of_commands(database: apsw.Connection) -> Iterator[_Fact]:
    for (facts,) in database.execute("SELECT facts FROM commands"):
        yield from _FACTS.decode(bytes(facts))


def _row(machine_id: str, fact: _Fact, stored_digest: str | None) -> tuple[object, ...]:
    body = bytes(fact.body)
    text = f"{fact.epoch}\n{fact.seq}\n{fact.kind}\n".encode() + body
    digest = hashlib.sha256(text).hexdigest()[:32]
    said = _Body()
    if fact.kind in ("intent", "outcome", "refused", "fenced"):
        said = msgspec.json.decode(body, type=_Body)
    origin = (machine_id, fact.epoch, fact.seq, fact.kind, fact.at, fact.is_time_trusted)
    return (*origin, said.cmd_id, said.result or "", digest, stored_digest, stored_digest is not None)
