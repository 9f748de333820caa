"""The journal's database: SQLite in WAL mode with `synchronous=FULL`, so that a commit survives the loss of power.

What it keeps: the epoch, facts until the cloud has acknowledged them, each command with its facts for deduplication,
and small settings. A damaged database is renamed and replaced by a new one with a higher epoch and the mark "halted":
it is never read as "nothing happened". Of commands the newest `COMMANDS_MAX` are kept; a forgotten one is thousands of
vends old, the nonce it quoted died with its lease, and the cloud stops resending after its ttl.

Refuses a database of a newer program, and a second program on the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import Fact, FactKind
from vendomat.terminal.journal.epoch_file import EpochFile
from vendomat.terminal.journal.files import REAL_FILES, Files
from vendomat.terminal.journal.rows import SCHEMA, SCHEMA_VERSION, RowMac

COMMANDS_MAX = 10_000
EPOCH_JUMP_AFTER_LOSS = 1_000
_FACTS = msgspec.json.Decoder(list[Fact])


class JournalError(VendomatError):
    """The journal could not be read or written. Nothing may be started on what it would have said."""

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message, **detail)


class _DamageError(Exception):
    """The file is not what this program wrote."""


@dataclass(frozen=True, slots=True)
class KnownCommand:
    cmd_id: str
    facts: tuple[Fact, ...]


class Journal:
    """One connection, used from one thread. Every public call raises `JournalError` when the disk says no."""

    def __init__(
        self, path: Path, key: bytes, *, epoch_min: int = 1, vfs: str | None = None, files: Files = REAL_FILES
    ) -> None:
        """Open, check and, when damaged, quarantine. Raises the epoch durably before it returns.

        `vfs` and `files` are the disk: SQLite's, and that of the files beside the database.
        """
        self._path, self._vfs, self._files = path, vfs, files
        self._mac = RowMac(key)
        self._epoch_file = EpochFile(path.with_name(path.name + ".epoch"), files)
        self._seq = 0
        self.damage = ""
        try:
            self._db = self._open()
        except _DamageError as found:
            self.damage = str(found)
            self._quarantine()
            self._db = self._open(is_new=True)
        except OSError as error:
            raise JournalError(f"the epoch cannot be read: {error}") from error
        try:
            self.epoch = self._raise_epoch(epoch_min)
        except JournalError:
            self.close()
            raise

    # --- opening -----------------------------------------------------------------------------------------------------

    def _open(self, *, is_new: bool = False) -> apsw.Connection:
        epoch_known = 0 if is_new else self._epoch_file.read()
        db: apsw.Connection | None = None
        try:
            db = apsw.Connection(str(self._path), vfs=self._vfs)
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                db.execute(f"PRAGMA {pragma}").fetchall()
            self._check(db, epoch_known)
        except (apsw.CorruptError, apsw.NotADBError, _DamageError) as error:
            if db is not None:
                _close(db)
            raise _DamageError(str(error)) from error
        except apsw.Error as error:
            if db is not None:
                _close(db)
            raise JournalError(f"the journal cannot be opened: {error}") from error
        return db

    def _check(self, db: apsw.Connection, epoch_known: int) -> None:
        version = _one(db, "PRAGMA user_version")
        if version == 0:
            if epoch_known:
                raise _DamageError("the journal is gone, yet this machine has kept one")
            with db:
                db.execute(SCHEMA)
                db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            return
        if version > SCHEMA_VERSION:
            raise JournalError(f"the journal is of a newer program (schema {version}); it is left as it is")
        verdict = _one(db, "PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise _DamageError(str(verdict))
        for table, fields in (
            ("meta", "key, value"),
            ("facts", "epoch, seq, kind, at, trusted, body, digest"),
            ("commands", "cmd_id, is_open, facts"),
        ):
            for *values, mac in db.execute(f"SELECT {fields}, mac FROM {table}"):
                self._verify(cast(bytes, mac), table, *values)
        stored = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchall()
        if epoch_known > (int(cast(bytes, stored[0][0])) if stored else 0):
            raise _DamageError("the journal is older than the last epoch: an earlier state was put back")

    def _verify(self, mac: bytes, table: str, *fields: object) -> None:
        if not self._mac.fits(mac, table, *fields):
            raise _DamageError(f"a row of {table} does not carry this machine's mark")

    def _quarantine(self) -> None:
        """Rename the damaged files; keep every earlier one."""
        files, number = self._files, 1
        while files.exists(target := self._path.with_name(f"{self._path.name}.damaged-{number}")):
            number += 1
        for suffix in ("-wal", "-shm", "-journal", ""):
            part = self._path.with_name(self._path.name + suffix)
            if files.exists(part):
                files.rename(part, target.with_name(target.name + suffix))
        if not files.exists(target):
            files.write(target, b"")
        files.sync(target.parent)

    def _raise_epoch(self, epoch_min: int) -> int:
        stored = int(self.get("epoch") or b"0")
        known = max(stored, self._epoch_file.read(), epoch_min - 1)
        epoch = known + (EPOCH_JUMP_AFTER_LOSS if self.damage else 1)
        with self._transaction():
            self._put("epoch", str(epoch).encode())
            if self.damage:
                self._put("halted", self.damage.encode())
        try:
            self._epoch_file.write(epoch)
        except OSError as error:
            raise JournalError(f"the epoch cannot be written: {error}") from error
        return epoch

    # --- facts -------------------------------------------------------------------------------------------------------

    def append(self, kind: FactKind, body: bytes, at: str, *, is_time_trusted: bool, cmd_id: str = "") -> Fact:
        """Write one fact (and the command's record) in one commit; durable when this returns."""
        seq = self._seq + 1
        fact = Fact(
            epoch=self.epoch, seq=seq, kind=kind, at=at, is_time_trusted=is_time_trusted, body=msgspec.Raw(body)
        )
        row = (fact.epoch, seq, kind.value, at, int(is_time_trusted), body, fact.digest())
        with self._transaction():
            self._db.execute("INSERT INTO facts VALUES (?,?,?,?,?,?,?,?)", (*row, self._mac.of("facts", *row)))
            if cmd_id:
                self._record(cmd_id, fact)
        self._seq = seq
        return fact

    def _record(self, cmd_id: str, fact: Fact) -> None:
        known = self.find(cmd_id)
        facts = msgspec.json.encode([*(known.facts if known else ()), fact])
        is_open = int(fact.kind is FactKind.INTENT)
        row = (cmd_id, is_open, facts)
        self._db.execute(
            "INSERT INTO commands (cmd_id, is_open, facts, mac) VALUES (?,?,?,?)"
            " ON CONFLICT (cmd_id) DO UPDATE SET is_open=excluded.is_open, facts=excluded.facts, mac=excluded.mac",
            (*row, self._mac.of("commands", *row)),
        )
        self._db.execute(
            "DELETE FROM commands WHERE is_open = 0 AND ordinal <= (SELECT max(ordinal) FROM commands) - ?",
            (COMMANDS_MAX,),
        )

    def find(self, cmd_id: str) -> KnownCommand | None:
        """The facts of a command, whether acknowledged or not; None when it was never heard of."""
        return next(iter(self._commands("cmd_id = ?", cmd_id)), None)

    def open_commands(self) -> list[KnownCommand]:
        """Commands with an INTENT and nothing after it."""
        return self._commands("is_open = ?", 1)

    def _commands(self, where: str, value: str | int) -> list[KnownCommand]:
        with self._reading():
            found = []
            rows: list[Any] = self._db.execute(
                f"SELECT cmd_id, is_open, facts, mac FROM commands WHERE {where} ORDER BY ordinal", (value,)
            ).fetchall()
            for cmd_id, is_open, facts, mac in rows:
                self._verify(mac, "commands", cmd_id, is_open, facts)
                found.append(KnownCommand(cmd_id, tuple(_FACTS.decode(facts))))
            return found

    def unacked(self, limit: int) -> list[Fact]:
        """The oldest facts that the cloud has not acknowledged, by origin."""
        with self._reading():
            rows = self._db.execute("SELECT * FROM facts ORDER BY epoch, seq LIMIT ?", (limit,)).fetchall()
            return [self._fact(row) for row in rows]

    def _fact(self, row: tuple[Any, ...]) -> Fact:
        epoch, seq, kind, at, trusted, body, digest, mac = row
        self._verify(mac, "facts", epoch, seq, kind, at, trusted, body, digest)
        return Fact(
            epoch=epoch,
            seq=seq,
            kind=FactKind(kind),
            at=at,
            is_time_trusted=bool(trusted),
            body=msgspec.Raw(body),
        )

    def count_unacked(self) -> int:
        with self._reading():
            return int(_one(self._db, "SELECT count(*) FROM facts"))

    def prune(self, acks: list[tuple[int, int, str]]) -> None:
        """Forget acknowledged facts, each as `(epoch, seq, digest)`; another digest than ours forgets nothing."""
        with self._transaction():
            self._db.executemany("DELETE FROM facts WHERE epoch = ? AND seq = ? AND digest = ?", acks)

    # --- settings ----------------------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        with self._reading():
            for value, mac in self._db.execute("SELECT value, mac FROM meta WHERE key = ?", (key,)):
                self._verify(mac, "meta", key, value)
                return bytes(value)
        return None

    def put(self, key: str, value: bytes | None) -> None:
        """Set, or remove with None; durable when this returns."""
        with self._transaction():
            self._put(key, value)

    def _put(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._db.execute("DELETE FROM meta WHERE key = ?", (key,))
        else:
            mac = self._mac.of("meta", key, value)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?,?)", (key, value, mac))

    def close(self) -> None:
        """Let go of the files. What a sick disk refuses now is only tidying: every commit is safe in the log."""
        _close(self._db)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, _DamageError) as error:
            raise JournalError(f"the journal cannot be read: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except (apsw.Error, _DamageError) as error:
            raise JournalError(f"the journal cannot be written: {error}") from error


def _close(db: apsw.Connection) -> None:
    with suppress(apsw.Error):
        db.close()


def _one(db: apsw.Connection, sql: str) -> Any:
    return db.execute(sql).fetchall()[0][0]
