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
from vendomat.terminal.journal.checking import Patrol, check, one
from vendomat.terminal.journal.epoch_file import EpochFile
from vendomat.terminal.journal.files import REAL_FILES, Files
from vendomat.terminal.journal.rows import (
    COUNT_KEY,
    EPOCH_KEY,
    HALTED_KEY,
    SCHEMA,
    SCHEMA_VERSION,
    STARTS_KEY,
    DamageError,
    RowMac,
)

COMMANDS_MAX = 10_000
EPOCH_JUMP_AFTER_LOSS = 1_000
ROOM_BYTES_MIN = 8 * 1024 * 1024
_FACTS = msgspec.json.Decoder(list[Fact])


class JournalError(VendomatError):
    """The journal could not be read or written. Nothing may be started on what it would have said.

    `is_damage`: it is not what this machine wrote; the next start checks the whole and puts it aside.
    """

    def __init__(self, message: str, *, is_damage: bool = False, **detail: object) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message, **detail)
        self.is_damage = is_damage


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
        self._suspicion = path.with_name(path.name + ".suspect")
        self._seq = 0
        self._is_unsure = False
        self._patrol = Patrol()
        self.damage = ""
        try:
            self._db = self._opened()
        except OSError as error:
            raise JournalError(f"the journal's files cannot be used: {error}") from error
        try:
            self._count = int(self.get(COUNT_KEY) or b"0")
            self.epoch, self.starts = self._raise_epoch(epoch_min)
        except OSError as error:
            self.close()
            raise JournalError(f"the epoch cannot be kept: {error}") from error
        except JournalError:
            self.close()
            raise

    # --- opening -----------------------------------------------------------------------------------------------------

    def _opened(self) -> apsw.Connection:
        epoch_known, is_suspect = self._epoch_file.read(), self._files.exists(self._suspicion)
        try:
            return self._open(epoch_known, is_suspect=is_suspect)
        except DamageError as found:
            self.damage = str(found)
        self._quarantine()
        try:
            return self._open(0, is_suspect=False)
        except DamageError as again:
            raise JournalError(f"a new journal cannot be made: {again}") from again

    def _open(self, epoch_known: int, *, is_suspect: bool) -> apsw.Connection:
        db: apsw.Connection | None = None
        try:
            db = apsw.Connection(str(self._path), vfs=self._vfs)
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                db.execute(f"PRAGMA {pragma}").fetchall()
            self._prepare(db, epoch_known, is_suspect=is_suspect)
        except (apsw.CorruptError, apsw.NotADBError, DamageError) as error:
            if db is not None:
                _close(db)
            raise DamageError(str(error)) from error
        except apsw.Error as error:
            if db is not None:
                _close(db)
            raise JournalError(f"the journal cannot be opened: {error}") from error
        except JournalError:
            if db is not None:
                _close(db)
            raise
        return db

    def _prepare(self, db: apsw.Connection, epoch_known: int, *, is_suspect: bool) -> None:
        version = one(db, "PRAGMA user_version")
        if version > SCHEMA_VERSION:
            raise JournalError(f"the journal is of a newer program (schema {version}); it is left as it is")
        if version == 0:
            if epoch_known:
                raise DamageError("the journal is gone, yet this machine has kept one")
            with db:
                db.execute(SCHEMA)
                self._number_facts(db)
            return
        if version == 1:
            with db:
                self._number_facts(db)
        check(db, self._mac, is_suspect=is_suspect)
        stored = db.execute("SELECT value FROM meta WHERE key = ?", (EPOCH_KEY,)).fetchall()
        if epoch_known > (int(cast(bytes, stored[0][0])) if stored else 0):
            raise DamageError("the journal is older than the last epoch: an earlier state was put back")

    def _number_facts(self, db: apsw.Connection) -> None:
        """What this schema has more than the one before. The rows are checked after it as they would have been."""
        count = str(one(db, "SELECT count(*) FROM facts")).encode()
        mac = self._mac.of("meta", COUNT_KEY, count)
        db.execute("INSERT OR REPLACE INTO meta VALUES (?,?,?)", (COUNT_KEY, count, mac))
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _quarantine(self) -> None:
        """Rename the damaged files; keep every earlier one.

        The database goes first: should the power go before the rest went, it is missed, and nothing is read as empty.
        """
        files, number = self._files, 1
        while files.exists(target := self._path.with_name(f"{self._path.name}.damaged-{number}")):
            number += 1
        for suffix in ("", "-wal", "-shm", "-journal"):
            part = self._path.with_name(self._path.name + suffix)
            if files.exists(part):
                files.rename(part, target.with_name(target.name + suffix))
        if not files.exists(target):
            files.write(target, b"")
        files.sync(target.parent)

    def _raise_epoch(self, epoch_min: int) -> tuple[int, int]:
        """The epoch of this run, and how many starts there were since the last quiet one, durable.

        Raises `JournalError` or `OSError`.
        """
        known = max(int(self.get(EPOCH_KEY) or b"0"), self._epoch_file.read(), epoch_min - 1)
        epoch = known + (EPOCH_JUMP_AFTER_LOSS if self.damage else 1)
        starts = int(self.get(STARTS_KEY) or b"0") + 1
        with self._transaction():
            self._put(EPOCH_KEY, str(epoch).encode())
            self._put(STARTS_KEY, str(starts).encode())
            if self.damage:
                self._put(HALTED_KEY, self.damage.encode())
        self._epoch_file.write(epoch)
        self._files.remove(self._suspicion)
        return epoch, starts

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Everything written within is one commit; only its end makes any of it durable. Not for a vend."""
        with self._transaction():
            yield

    # --- facts -------------------------------------------------------------------------------------------------------

    def append(self, kind: FactKind, body: bytes, at: str, *, is_time_trusted: bool, cmd_id: str = "") -> Fact:
        """Write one fact (and the command's record) in one commit; durable when this returns."""
        self._be_sure()
        seq = self._seq + 1
        fact = Fact(
            epoch=self.epoch, seq=seq, kind=kind, at=at, is_time_trusted=is_time_trusted, body=msgspec.Raw(body)
        )
        row = (fact.epoch, seq, kind.value, at, int(is_time_trusted), body, fact.digest())
        with self._transaction():
            self._db.execute("INSERT INTO facts VALUES (?,?,?,?,?,?,?,?)", (*row, self._mac.of("facts", *row)))
            self._put(COUNT_KEY, str(self._count + 1).encode())
            if cmd_id:
                self._record(cmd_id, fact)
        self._seq, self._count = seq, self._count + 1
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
                self._mac.verify(mac, "commands", cmd_id, is_open, facts)
                found.append(KnownCommand(cmd_id, tuple(_FACTS.decode(facts))))
            return found

    def unacked(self, limit: int) -> list[Fact]:
        """The oldest facts that the cloud has not acknowledged, by origin."""
        with self._reading():
            rows = self._db.execute("SELECT * FROM facts ORDER BY epoch, seq LIMIT ?", (limit,)).fetchall()
            return [self._fact(row) for row in rows]

    def _fact(self, row: tuple[Any, ...]) -> Fact:
        epoch, seq, kind, at, trusted, body, digest, mac = row
        self._mac.verify(mac, "facts", epoch, seq, kind, at, trusted, body, digest)
        return Fact(
            epoch=epoch,
            seq=seq,
            kind=FactKind(kind),
            at=at,
            is_time_trusted=bool(trusted),
            body=msgspec.Raw(body),
        )

    def count_unacked(self) -> int:
        """Known without counting."""
        return self._count

    def prune(self, acks: list[tuple[int, int, str]]) -> None:
        """Forget acknowledged facts, each as `(epoch, seq, digest)`; another digest than ours forgets nothing."""
        self._be_sure()
        with self._transaction():
            before = self._db.total_changes()
            self._db.executemany("DELETE FROM facts WHERE epoch = ? AND seq = ? AND digest = ?", acks)
            count = self._count - (self._db.total_changes() - before)
            self._put(COUNT_KEY, str(count).encode())
        self._count = count

    def patrol(self, limit: int) -> bool:
        """Check the next `limit` facts that the start left unchecked; False once all were."""
        if not self._patrol.is_done:
            with self._reading():
                self._patrol.step(self._db, self._mac, limit)
        return not self._patrol.is_done

    # --- care --------------------------------------------------------------------------------------------------------

    def forget_starts(self, count: int = 0) -> None:
        """This run was quiet long enough, somebody looked after the machine, or (with a count) it ended on purpose."""
        self.put(STARTS_KEY, str(count).encode())

    def note_newer_run(self, epoch: int, reason: str) -> None:
        """The cloud knows a newer run than this memory: the next start is above it, and knows that it forgot."""
        with self._transaction():
            self._put(EPOCH_KEY, str(max(epoch, self.epoch) + EPOCH_JUMP_AFTER_LOSS - 1).encode())
            self._put(HALTED_KEY, reason.encode())

    def has_room(self) -> bool:
        """Whether what is sold now can be recorded to its end."""
        try:
            return self._files.free_bytes(self._path.parent) >= ROOM_BYTES_MIN
        except OSError as error:
            raise JournalError(f"the disk does not say how full it is: {error}") from error

    # --- settings ----------------------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        with self._reading():
            for value, mac in self._db.execute("SELECT value, mac FROM meta WHERE key = ?", (key,)):
                self._mac.verify(mac, "meta", key, value)
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
        except (apsw.Error, DamageError) as error:
            raise self._failed("read", error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except (apsw.Error, DamageError) as error:
            self._is_unsure = True
            raise self._failed("written", error) from error

    def _be_sure(self) -> None:
        """After a write that failed: it may be there all the same, so ask before a number is used again."""
        if self._is_unsure:
            count = int(self.get(COUNT_KEY) or b"0")
            with self._reading():
                newest = self._db.execute("SELECT max(seq) FROM facts WHERE epoch = ?", (self.epoch,)).fetchall()[0][0]
            self._seq, self._count = max(self._seq, cast(int, newest or 0)), count
            self._is_unsure = False

    def _failed(self, what: str, error: Exception) -> JournalError:
        """Damage is noted beside the journal for the next start."""
        is_damage = isinstance(error, apsw.CorruptError | apsw.NotADBError | DamageError)
        if is_damage:
            with suppress(OSError):  # a disk that cannot take the note: the next start finds what this run found
                self._files.write(self._suspicion, str(error).encode())
                self._files.sync(self._suspicion.parent)
        return JournalError(f"the journal cannot be {what}: {error}", is_damage=is_damage)


def _close(db: apsw.Connection) -> None:
    with suppress(apsw.Error):
        db.close()
