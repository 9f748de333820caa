"""How the change log is kept and read. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes.model import Change, Entry, Head, Kept, entry_after

_TAKE_HEAD = """
INSERT INTO change_head (merchant_id, seq, link) VALUES ($1, 0, '')
ON CONFLICT (merchant_id) DO UPDATE SET seq = change_head.seq
RETURNING seq, link
"""
_ADD = """
WITH moved AS (UPDATE change_head SET seq = $2, link = $8 WHERE merchant_id = $1)
INSERT INTO change_entry (merchant_id, seq, at, actor, action, subject, content, previous, link)
VALUES ($1, $2, $3, $4, $5, $6, $7, $9, $8)
"""
_FIND = """
SELECT e.seq, e.at, e.actor, coalesce(o.name, '') AS actor_name, e.action, e.subject, e.content, e.link,
    coalesce(p.name_zh, s.name, w.name, '') AS subject_zh, coalesce(p.name_en, s.name, w.name, '') AS subject_en
FROM (
    SELECT * FROM change_entry e
    WHERE e.merchant_id = $1 AND ($2::text = '' OR e.actor = $2)
        AND ($3::text = '' OR split_part(e.action, '.', 1) = $3)
        AND ($4::text = '' OR e.subject = $4) AND ($5::timestamptz IS NULL OR e.at >= $5)
        AND ($6::timestamptz IS NULL OR e.at < $6) AND ($7::bigint IS NULL OR e.seq < $7)
    ORDER BY e.seq DESC LIMIT $8
) e
LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (e.merchant_id, e.actor)
LEFT JOIN product p ON (p.merchant_id, p.product_id) = (e.merchant_id, e.subject)
LEFT JOIN site s ON (s.merchant_id, s.site_id) = (e.merchant_id, e.subject)
LEFT JOIN operator w ON (w.merchant_id, w.operator_id) = (e.merchant_id, e.subject)
ORDER BY e.seq DESC
"""

Connection: TypeAlias = asyncpg.Connection | AsyncConnection


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """`what` is the first word of the action. `before_seq`: only entries older than that one."""

    actor: str = ""
    what: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before_seq: int | None = None


async def note_change(connection: Connection, change: Change) -> Entry:
    """Write `change` in the transaction that makes it. Do it last: the merchant's other changes wait for its end."""
    return (await note_changes(connection, [change]))[0]


async def note_changes(connection: Connection, changes: Sequence[Change]) -> list[Entry]:
    """As `note_change`, for several; merchants are taken in the order of their ids, so that two never wait in a ring."""
    driver = await _driver_of(connection)
    entries: list[Entry] = []
    for merchant_id in sorted({change.merchant_id for change in changes}):
        row = await driver.fetchrow(_TAKE_HEAD, merchant_id)
        head = Head(row["seq"], row["link"])
        for change in (one for one in changes if one.merchant_id == merchant_id):
            entry = entry_after(head, change)
            await _add(driver, entry)
            entries.append(entry)
            head = Head(entry.seq, entry.link)
    return entries


async def head_of(connection: Connection, merchant_id: str) -> Head:
    driver = await _driver_of(connection)
    row = await driver.fetchrow("SELECT seq, link FROM change_head WHERE merchant_id = $1", merchant_id)
    return Head(0, "") if row is None else Head(row["seq"], row["link"])


async def kept_after(connection: Connection, merchant_id: str, seq: int, *, limit: int) -> list[Kept]:
    """In order, for checking the chain."""
    driver = await _driver_of(connection)
    rows = await driver.fetch(
        "SELECT seq, content, previous, link FROM change_entry WHERE merchant_id = $1 AND seq > $2 "
        "ORDER BY seq LIMIT $3",
        merchant_id,
        seq,
        limit,
    )
    return [Kept(row["seq"], row["content"], row["previous"], row["link"]) for row in rows]


async def find_changes(
    connection: Connection, merchant_id: str, wanted: ChangeFilter, *, limit: int
) -> list[asyncpg.Record]:
    """Newest first, with the present names of whoever made the change, and of the product, site or person changed."""
    driver = await _driver_of(connection)
    rows: list[asyncpg.Record] = await driver.fetch(
        _FIND,
        merchant_id,
        wanted.actor,
        wanted.what,
        wanted.subject,
        wanted.since,
        wanted.until,
        wanted.before_seq,
        limit,
    )
    return rows


async def _add(driver: asyncpg.Connection, entry: Entry) -> None:
    change = entry.change
    await driver.execute(
        _ADD,
        change.merchant_id,
        entry.seq,
        change.at,
        change.actor,
        change.action,
        change.subject,
        entry.content,
        entry.link,
        entry.previous,
    )


async def _driver_of(connection: Connection) -> asyncpg.Connection:
    """The one connection below: a change is noted the same way on the hot path and in a merchant's transaction."""
    if isinstance(connection, AsyncConnection):
        return (await connection.get_raw_connection()).driver_connection
    return connection
