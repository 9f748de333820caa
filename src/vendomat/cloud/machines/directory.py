"""Which key belongs to which machine: every worker's own memory of it, so that any worker can open any envelope.

Filled on first need, refreshed in the background within 30 s, and re-read at once when a signature does not fit (the
machine may have enrolled anew), at most once a second per machine. Decides nothing about what the message asks: whoever
acts on it asks the rows once more, with the `Sender`, in the transaction that acts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from vendomat.cloud.machines.model import MachineState, Sender, unknown_machine
from vendomat.cloud.platform.database import QUERY_FAILURES
from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import Envelope, unseal

UNKNOWN_KEPT_MAX = 10_000
_log = structlog.get_logger("directory")
_LOAD = (
    "SELECT merchant_id, machine_id, state, public_key FROM machine "
    "WHERE machine_id = ANY($1) AND public_key IS NOT NULL AND state IN ('enrolled', 'quarantined')"
)


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A machine that may speak. `is_selling` is false in quarantine: it may report, not sell."""

    machine_id: str
    merchant_id: str
    public_key: str
    state: MachineState
    verify_key: VerifyKey

    @property
    def is_selling(self) -> bool:
        return self.state is MachineState.ENROLLED

    def sender(self, envelope: Envelope) -> Sender:
        """Who says `envelope`, as the rows are asked about it."""
        return Sender(self.merchant_id, self.machine_id, self.public_key, envelope.epoch, envelope.seq)

    def verify(self, key_id: str, data: bytes, signature: bytes) -> bool:
        """Fits `protocol.unseal`: only the machine's own key counts, named by itself."""
        if key_id != self.public_key:
            return False
        try:
            self.verify_key.verify(data, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


class MachineDirectory:
    """`open(machine_id, data)` is what a worker calls for each message."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, refresh_s: float = 30.0, retry_s: float = 1.0) -> None:
        self._pool = pool
        self._clock = clock
        self._refresh_s = refresh_s
        self._retry_s = retry_s
        self._entries: dict[str, DirectoryEntry] = {}
        self._loaded_at: dict[str, float] = {}
        self._unknown_at: dict[str, float] = {}

    async def open(self, machine_id: str, data: bytes, *, kind: str | None = None) -> tuple[DirectoryEntry, Envelope]:
        """The sender and its message, which must be of `kind` when one is given.

        Raises `VendomatError` (forbidden, bad_signature, malformed, too_large).
        """
        entry = await self.find(machine_id)
        if entry is None:
            raise unknown_machine()
        try:
            return entry, unseal(data, verify=entry.verify, machine=machine_id, kind=kind)
        except VendomatError as error:
            is_fresh = self._clock.elapsed() - self._loaded_at.get(machine_id, 0.0) < self._retry_s
            if error.code is not ErrorCode.BAD_SIGNATURE or is_fresh:
                raise
        await self._load([machine_id])
        newer = self._entries.get(machine_id)
        if newer is None:
            raise unknown_machine()
        return newer, unseal(data, verify=newer.verify, machine=machine_id, kind=kind)

    async def find(self, machine_id: str) -> DirectoryEntry | None:
        """The machine, from memory or the database; None when it may not speak."""
        entry = self._entries.get(machine_id)
        if entry is not None:
            return entry
        unknown_at = self._unknown_at.get(machine_id)
        if unknown_at is not None and self._clock.elapsed() - unknown_at < self._retry_s:
            return None
        await self._load([machine_id])
        return self._entries.get(machine_id)

    async def keep_fresh(self) -> None:
        """Forever: re-read what was read more than `refresh_s` ago. A database that is away is asked again."""
        while True:
            await self._clock.sleep(1.0)
            try:
                await self.refresh()
            except QUERY_FAILURES as error:
                _log.warning("the directory could not be refreshed; trying again", error=repr(error))

    async def refresh(self) -> None:
        """Re-read every entry older than `refresh_s`; a machine that may no longer speak is forgotten."""
        oldest = self._clock.elapsed() - self._refresh_s
        stale = [machine_id for machine_id, at in self._loaded_at.items() if at <= oldest]
        for start in range(0, len(stale), 2_000):
            await self._load(stale[start : start + 2_000])

    async def _load(self, machine_ids: Sequence[str]) -> None:
        rows = await self._pool.fetch(_LOAD, machine_ids)
        now = self._clock.elapsed()
        found = {row["machine_id"]: row for row in rows}
        for machine_id in machine_ids:
            row = found.get(machine_id)
            if row is None:
                self._entries.pop(machine_id, None)
                self._loaded_at.pop(machine_id, None)
                self._remember_unknown(machine_id, now)
                continue
            self._unknown_at.pop(machine_id, None)
            self._loaded_at[machine_id] = now
            known = self._entries.get(machine_id)
            if known is None or (known.public_key, known.state) != (row["public_key"], row["state"]):
                self._entries[machine_id] = _entry(row)

    def _remember_unknown(self, machine_id: str, now: float) -> None:
        if len(self._unknown_at) >= UNKNOWN_KEPT_MAX:
            self._unknown_at.clear()
        self._unknown_at[machine_id] = now


def _entry(row: asyncpg.Record) -> DirectoryEntry:
    return DirectoryEntry(
        machine_id=row["machine_id"],
        merchant_id=row["merchant_id"],
        public_key=row["public_key"],
        state=MachineState(row["state"]),
        verify_key=VerifyKey(base64.b32decode(row["public_key"])[1:33]),
    )
