"""Outbox and inbox: what happened, written in the deciding transaction; what arrived, applied once.

A lower feature speaks upward by an event here. Events are read in the order of (transaction, id) and only once every older
transaction has ended, so a reader that remembers its last place misses none; by id alone it would miss late commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.rows import Executes, execute_rows

_OUTBOX = sa.table("outbox", *map(sa.column, ("merchant_id", "kind", "subject", "at")), sa.column("data", sa.JSON))


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """`kind` is the public event name (`order.paid`), `subject` the id it is about."""

    merchant_id: str
    kind: str
    subject: str
    data: dict[str, object]
    at: datetime


async def append_events(connection: Executes, events: Sequence[OutboxEvent]) -> None:
    """Append `events` in order, in the caller's transaction."""
    await execute_rows(
        connection,
        "INSERT INTO outbox (merchant_id, kind, subject, data, at) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])",
        [(e.merchant_id, e.kind, e.subject, e.data, e.at) for e in events],
    )


async def append_event(connection: AsyncConnection, event: OutboxEvent) -> None:
    """Append what one of the merchant's people did, in their transaction."""
    row = {"merchant_id": event.merchant_id, "kind": event.kind, "subject": event.subject, "at": event.at}
    await connection.execute(sa.insert(_OUTBOX).values(**row, data=event.data))


@dataclass(frozen=True, slots=True)
class InboxFact:
    """A machine's fact under its origin."""

    merchant_id: str
    machine_id: str
    epoch: int
    seq: int
    digest: str
    kind: str
    at: datetime

    @property
    def key(self) -> tuple[str, str, int, int]:
        return (self.merchant_id, self.machine_id, self.epoch, self.seq)


async def accept_facts(connection: asyncpg.Connection, facts: Sequence[InboxFact]) -> tuple[list[int], list[bool]]:
    """Insert `facts`; returns the indexes of those to apply (new here, each origin once) and, per fact, whether it may
    be acknowledged. A fact whose origin is known with another digest is neither applied nor acknowledged.
    """
    new = {
        tuple(row)
        for row in await connection.fetch(
            "INSERT INTO machine_fact (merchant_id, machine_id, epoch, seq, digest, kind, received_at) "
            "SELECT DISTINCT ON (m, i, e, s) m, i, e, s, d, k, t FROM unnest($1::text[], $2::text[], $3::bigint[], "
            "$4::bigint[], $5::text[], $6::text[], $7::timestamptz[]) WITH ORDINALITY AS f(m, i, e, s, d, k, t, n) "
            "ORDER BY m, i, e, s, n ON CONFLICT DO NOTHING RETURNING merchant_id, machine_id, epoch, seq",
            [f.merchant_id for f in facts],
            [f.machine_id for f in facts],
            [f.epoch for f in facts],
            [f.seq for f in facts],
            [f.digest for f in facts],
            [f.kind for f in facts],
            [f.at for f in facts],
        )
    }
    if len(new) == len(facts):
        return list(range(len(facts))), [True] * len(facts)
    stored = await connection.fetch(
        "SELECT k.m, k.i, k.e, k.s, f.digest FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS k(m, i, e, s) "
        "JOIN machine_fact f ON (f.merchant_id, f.machine_id, f.epoch, f.seq) = (k.m, k.i, k.e, k.s)",
        [f.merchant_id for f in facts],
        [f.machine_id for f in facts],
        [f.epoch for f in facts],
        [f.seq for f in facts],
    )
    digests = {(row[0], row[1], row[2], row[3]): row[4] for row in stored}
    is_accepted = [digests.get(f.key) == f.digest for f in facts]
    to_apply = []
    for index, fact in enumerate(facts):
        if fact.key in new and is_accepted[index]:
            new.discard(fact.key)
            to_apply.append(index)
    return to_apply, is_accepted


async def remember_notices(connection: Executes, notices: Sequence[tuple[str, str, str, datetime]]) -> None:
    """Remember `(merchant_id, channel, notice_id, at)`; what is known stays as it is."""
    await execute_rows(
        connection,
        "INSERT INTO notice_inbox (merchant_id, channel, notice_id, received_at) "
        "SELECT DISTINCT ON (m, c, n) m, c, n, t FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) "
        "AS f(m, c, n, t) ON CONFLICT DO NOTHING",
        notices,
    )
