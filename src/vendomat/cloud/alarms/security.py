"""What was refused as not genuine: events for whoever looks into it, and an alarm that names the machine.

Written down as counts: a kind and machine is told at once and then at most once a minute, machines that we do not know
are told together, and memory is bounded, so that an attacker cannot fill the database or a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from vendomat.cloud.alarms.hot import raise_alarms
from vendomat.cloud.alarms.model import AlarmRow, Severity
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.rows import execute_rows
from vendomat.kernel import Clock, Ids

TOLD_EVERY_S = 60.0
KEYS_MAX = 1_000
ALARM_KIND = "machine.security"
WITHOUT_ALARM = frozenset({"wire.replayed", "wire.old_run"})
"""A poor link and a restart can cause these too; a double of a machine has an alarm of its own."""

_log = structlog.get_logger("security")


@dataclass(frozen=True, slots=True)
class SecurityNote:
    """`count` refusals of one kind. `machine_id` as it was claimed; `merchant_id` empty when no machine has that id."""

    merchant_id: str
    machine_id: str
    kind: str
    count: int
    at: datetime
    source: str = ""  # where it came from when that is no machine
    reason: str = ""


async def note_security(connection: asyncpg.Connection, notes: Sequence[SecurityNote], *, ids: Ids) -> None:
    """Write `notes` down and raise the machines' alarms, in the caller's transaction."""
    if not notes:
        return
    await execute_rows(
        connection,
        "INSERT INTO security_event (merchant_id, at, kind, source, detail) SELECT * FROM "
        "unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[])",
        [(n.merchant_id, n.at, n.kind, n.source or n.machine_id, _detail(n)) for n in notes],
    )
    await raise_alarms(
        connection,
        [
            AlarmRow(
                merchant_id=note.merchant_id,
                machine_id=note.machine_id,
                kind=ALARM_KIND,
                severity=Severity.WARNING,
                at=note.at,
                detail=f"{note.kind}: {note.count} refused, nothing was done",
            )
            for note in notes
            if note.merchant_id and note.machine_id and note.kind not in WITHOUT_ALARM
        ],
        ids=ids,
    )


def _detail(note: SecurityNote) -> dict[str, object]:
    said: dict[str, object] = {"count": note.count}
    return said | {"reason": note.reason} if note.reason else said


class SecurityWatch:
    """One per worker: `note` counts in memory at once, `run` writes down."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock
        self._counts: dict[tuple[str, str], int] = {}
        self._told_at: dict[tuple[str, str], float] = {}
        self._places: dict[tuple[str, str], tuple[str, str]] = {}
        self._reasons: dict[tuple[str, str], str] = {}

    def note(self, kind: str, machine_id: str) -> None:
        """Something in the name of `machine_id` was refused."""
        key = (kind, machine_id)
        if key not in self._counts and len(self._counts) >= KEYS_MAX:
            key = (kind, "")
        self._counts[key] = self._counts.get(key, 0) + 1

    def note_of_merchant(self, kind: str, merchant_id: str, source: str, reason: str) -> None:
        """Something that came to a merchant's `source` (one of its channels) was refused; the last reason is kept."""
        key = (f"{kind} {source}", merchant_id)
        if key not in self._places and len(self._places) >= KEYS_MAX:
            key = (f"{kind} ", "")
        self._places[key] = (kind, source)
        self._reasons[key] = reason[:200]
        self._counts[key] = self._counts.get(key, 0) + 1

    async def run(self) -> None:
        """Until cancelled. What could not be written stays counted."""
        while True:
            await self._clock.sleep(1.0)
            try:
                await self.flush()
            except QUERY_FAILURES as error:
                _log.warning("security events could not be written; trying again", error=repr(error))

    async def flush(self) -> None:
        """Write down what may be told now."""
        now_s = self._clock.elapsed()
        self._told_at = {key: at for key, at in self._told_at.items() if now_s - at < TOLD_EVERY_S}
        due = {key: count for key, count in self._counts.items() if key not in self._told_at}
        if not due:
            return

        async def write(connection: asyncpg.Connection) -> None:
            await note_security(connection, await self._notes_of(connection, due), ids=self._ids)

        await self._database.write(write)
        self._told_at |= dict.fromkeys(due, now_s)
        for key, count in due.items():
            self._counts[key] -= count
            if not self._counts[key]:
                del self._counts[key]
                self._places.pop(key, None)
                self._reasons.pop(key, None)

    async def _notes_of(self, connection: asyncpg.Connection, due: dict[tuple[str, str], int]) -> list[SecurityNote]:
        at = self._clock.now()
        placed = [
            SecurityNote(key[1], "", self._places[key][0], count, at, self._places[key][1], self._reasons.get(key, ""))
            for key, count in sorted(due.items())
            if key in self._places
        ]
        due = {key: count for key, count in due.items() if key not in self._places}
        rows = await connection.fetch(
            "SELECT machine_id, merchant_id FROM machine WHERE machine_id = ANY($1)",
            sorted({machine_id for _, machine_id in due}),
        )
        merchants = {row["machine_id"]: row["merchant_id"] for row in rows}
        counts: dict[tuple[str, str], int] = {}
        for (kind, machine_id), count in due.items():
            key = (kind, machine_id if machine_id in merchants else "")
            counts[key] = counts.get(key, 0) + count
        named = [SecurityNote(merchants.get(m, ""), m, kind, counts[kind, m], at) for kind, m in sorted(counts)]
        return named + placed
