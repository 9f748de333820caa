"""The change log as people read it: found by person, by thing, by time; and whether its chain is whole."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from vendomat.cloud.changes import store
from vendomat.cloud.changes.model import Head, broken_after
from vendomat.cloud.changes.store import ChangeFilter
from vendomat.cloud.platform.database import Database

CHECKED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest entry's number and link. `broken_at` is the first entry that does not fit; None for a whole chain."""

    head: Head
    broken_at: int | None


class ChangeLog:
    """Reads; `note_change` is what writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, merchant_id: str, wanted: ChangeFilter, *, limit: int) -> list[asyncpg.Record]:
        async with self._database.merchant(merchant_id) as connection:
            return await store.find_changes(connection, merchant_id, wanted, limit=limit)

    async def seal(self, merchant_id: str) -> Seal:
        """Recomputes every link of the merchant's chain."""
        at, broken_at = Head(0, ""), None
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            head = await store.head_of(connection, merchant_id)
            while broken_at is None:
                rows = await store.kept_after(connection, merchant_id, at.seq, limit=CHECKED_AT_ONCE)
                if not rows:
                    break
                at, broken_at = broken_after(at, rows)
        if broken_at is None and at != head:
            broken_at = at.seq + 1
        return Seal(head, broken_at)
