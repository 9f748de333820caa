"""Whether a journal is what this machine wrote: the whole of a small one at each start, of a large one what decides.

A start must not take longer because the machine was offline for a month. Of a large journal the start checks settings,
the pages of the commands (they say what may never start again, and there are only so many), open and newest commands,
and both ends of the facts; every other row is checked before it is used, and the facts by `Patrol` in small portions
meanwhile. A journal in which an earlier run met damage is checked whole.
"""

from __future__ import annotations

from typing import Any

import apsw

from vendomat.terminal.journal.rows import COUNT_KEY, DamageError, RowMac

SMALL_PAGES_MAX = 512
ENDS_ROWS = 200
NEWEST_COMMANDS = 500
_FIELDS = {
    "meta": "key, value, mac",
    "commands": "cmd_id, is_open, facts, mac",
    "facts": "epoch, seq, kind, at, trusted, body, digest, mac",
}


def one(db: apsw.Connection, sql: str) -> Any:
    """The first value of the first row."""
    return db.execute(sql).fetchall()[0][0]


def check(db: apsw.Connection, mac: RowMac, *, is_suspect: bool) -> None:
    """Raises `DamageError` or `apsw.Error`."""
    if is_suspect or one(db, "PRAGMA page_count") <= SMALL_PAGES_MAX:
        _sound(db, "1")
        _verify_all(db, mac, "meta")
        _verify_all(db, mac, "commands")
        if _verify_all(db, mac, "facts") != _count_kept(db):
            raise DamageError("facts are missing, or there are more than were written")
        return
    _sound(db, "meta")
    _sound(db, "commands")
    _verify_all(db, mac, "meta")
    _verify_all(db, mac, "commands", "WHERE is_open = 1")
    _verify_all(db, mac, "commands", f"ORDER BY ordinal DESC LIMIT {NEWEST_COMMANDS}")
    for order in ("epoch, seq", "epoch DESC, seq DESC"):
        _verify_all(db, mac, "facts", f"ORDER BY {order} LIMIT {ENDS_ROWS}")


def _sound(db: apsw.Connection, what: str) -> None:
    """SQLite's own verdict on the pages of the whole file (`1`: up to the first error) or of one table."""
    verdict = one(db, f"PRAGMA integrity_check({what})")
    if verdict != "ok":
        raise DamageError(str(verdict))


def _verify_all(db: apsw.Connection, mac: RowMac, table: str, more: str = "") -> int:
    count = 0
    for *values, found in db.execute(f"SELECT {_FIELDS[table]} FROM {table} {more}"):
        mac.verify(found, table, *values)
        count += 1
    return count


def _count_kept(db: apsw.Connection) -> int:
    rows = db.execute("SELECT value FROM meta WHERE key = ?", (COUNT_KEY,)).fetchall()
    if not rows:
        raise DamageError("the number of facts is gone")
    return int(rows[0][0])  # type: ignore[arg-type]


class Patrol:
    """Goes through all facts, some at a time, once."""

    def __init__(self) -> None:
        self._at = (0, 0)
        self.is_done = False

    def step(self, db: apsw.Connection, mac: RowMac, limit: int) -> None:
        """Verify the next `limit` facts. Raises `DamageError` or `apsw.Error`."""
        rows: list[Any] = db.execute(
            f"SELECT {_FIELDS['facts']} FROM facts WHERE (epoch, seq) > (?, ?) ORDER BY epoch, seq LIMIT ?",
            (*self._at, limit),
        ).fetchall()
        for *values, found in rows:
            mac.verify(found, "facts", *values)
        self.is_done = len(rows) < limit
        if rows:
            self._at = rows[-1][:2]
