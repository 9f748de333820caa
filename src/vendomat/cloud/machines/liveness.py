"""Hellos and heartbeats, many at once: one statement per step over arrays, on the hot connection.

A hello of an older run, or of the same epoch by another run, is refused and reported as a possible clone. A heartbeat
counts only for the run that said hello last. Rows are locked in key order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import msgspec

from vendomat.cloud.machines.model import (
    CloneSuspicion,
    Greeted,
    HeartbeatItem,
    HelloItem,
    Run,
    may_speak,
    old_epoch,
)
from vendomat.kernel import ErrorCode, VendomatError

RaiseCloneAlarms = Callable[[asyncpg.Connection, Sequence[CloneSuspicion]], Awaitable[None]]

_LOCK = """
SELECT m.merchant_id, m.machine_id, m.epoch, m.boot_nonce, m.catalogue_version
FROM machine m
WHERE (m.merchant_id, m.machine_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  AND m.state IN ('enrolled', 'quarantined')
ORDER BY m.merchant_id, m.machine_id
FOR NO KEY UPDATE
"""
_TAKE_RUNS = """
UPDATE machine m SET epoch = h.epoch, boot_nonce = h.boot_nonce
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS h(merchant_id, machine_id, epoch, boot_nonce)
WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id)
  AND (m.epoch, m.boot_nonce) <> (h.epoch, h.boot_nonce)
"""
_TAKE_NONCES = """
INSERT INTO machine_live AS l (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons)
SELECT merchant_id, machine_id, epoch, nonce, at, at, false, ARRAY['starting']
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[])
    AS h(merchant_id, machine_id, epoch, nonce, at)
ON CONFLICT (merchant_id, machine_id) DO UPDATE SET
    epoch = excluded.epoch, nonce = excluded.nonce, nonce_at = excluded.nonce_at, seen_at = excluded.seen_at,
    is_ready = l.is_ready AND l.epoch = excluded.epoch,
    reasons = CASE WHEN l.epoch = excluded.epoch THEN l.reasons ELSE excluded.reasons END
WHERE l.epoch <= excluded.epoch
"""
_SUSPECT = """
INSERT INTO security_event (merchant_id, at, kind, source, detail)
SELECT merchant_id, at, 'machine.old_epoch', machine_id,
       jsonb_build_object('epoch', epoch, 'known_epoch', known_epoch)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    AS c(merchant_id, machine_id, epoch, known_epoch, at)
"""
_BEAT = """
WITH beat AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::boolean[], $7::text[],
        $8::double precision[], $9::integer[])
        AS b(merchant_id, machine_id, epoch, nonce, at, is_ready, reasons, temperature_c, facts_waiting)
), heard AS (
    SELECT b.*, m.epoch AS known_epoch, m.catalogue_version
    FROM beat b JOIN machine m ON (m.merchant_id, m.machine_id) = (b.merchant_id, b.machine_id)
    WHERE m.state IN ('enrolled', 'quarantined')
), kept AS (
    INSERT INTO machine_live AS l
        (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons, temperature_c, facts_waiting)
    SELECT merchant_id, machine_id, epoch, nonce, at, at, is_ready,
        ARRAY(SELECT jsonb_array_elements_text(reasons::jsonb)), temperature_c, facts_waiting
    FROM heard WHERE epoch = known_epoch
    ORDER BY merchant_id, machine_id
    ON CONFLICT (merchant_id, machine_id) DO UPDATE SET
        epoch = excluded.epoch, nonce = excluded.nonce, nonce_at = excluded.nonce_at, seen_at = excluded.seen_at,
        is_ready = excluded.is_ready, reasons = excluded.reasons, temperature_c = excluded.temperature_c,
        facts_waiting = excluded.facts_waiting
    WHERE l.epoch < excluded.epoch OR (l.epoch = excluded.epoch AND l.seen_at <= excluded.seen_at)
)
SELECT merchant_id, machine_id, known_epoch, catalogue_version FROM heard
"""


async def apply_hellos(
    connection: asyncpg.Connection, items: Sequence[HelloItem], *, raise_clone_alarms: RaiseCloneAlarms
) -> list[Greeted | VendomatError]:
    """One answer per item, in order; the caller's transaction commits them. Accepted hellos take the run and nonce."""
    rows = await connection.fetch(_LOCK, [i.merchant_id for i in items], [i.machine_id for i in items])
    runs = {(r["merchant_id"], r["machine_id"]): Run(r["epoch"], r["boot_nonce"]) for r in rows}
    versions = {(r["merchant_id"], r["machine_id"]): r["catalogue_version"] for r in rows}
    answers: list[Greeted | VendomatError] = []
    accepted: dict[tuple[str, str], HelloItem] = {}
    suspicions: list[CloneSuspicion] = []
    for item in items:
        known = runs.get(item.key)
        if known is None:
            answers.append(_unknown_machine())
        elif may_speak(known, item.epoch, item.boot_nonce):
            runs[item.key] = Run(item.epoch, item.boot_nonce)
            accepted[item.key] = item
            answers.append(Greeted(versions[item.key]))
        else:
            suspicions.append(CloneSuspicion(item.merchant_id, item.machine_id, item.epoch, known.epoch, item.at))
            answers.append(old_epoch(known.epoch))
    if accepted:
        await _take(connection, [accepted[key] for key in sorted(accepted)])
    if suspicions:
        await _suspect(connection, suspicions)
        await raise_clone_alarms(connection, suspicions)
    return answers


async def apply_heartbeats(
    connection: asyncpg.Connection, items: Sequence[HeartbeatItem]
) -> list[Greeted | VendomatError]:
    """One answer per item, in order. A heartbeat of an older run changes nothing."""
    newest: dict[tuple[str, str], HeartbeatItem] = {}
    for item in items:
        kept = newest.get(item.key)
        if kept is None or (item.epoch, item.at) >= (kept.epoch, kept.at):
            newest[item.key] = item
    beats = list(newest.values())
    rows = await connection.fetch(
        _BEAT,
        [b.merchant_id for b in beats],
        [b.machine_id for b in beats],
        [b.epoch for b in beats],
        [b.nonce for b in beats],
        [b.at for b in beats],
        [b.is_ready for b in beats],
        [msgspec.json.encode(b.reasons).decode() for b in beats],
        [b.temperature_c for b in beats],
        [b.facts_waiting for b in beats],
    )
    known = {(r["merchant_id"], r["machine_id"]): r for r in rows}
    return [_heard(item, known.get(item.key)) for item in items]


def _heard(item: HeartbeatItem, row: asyncpg.Record | None) -> Greeted | VendomatError:
    if row is None:
        return _unknown_machine()
    if item.epoch < row["known_epoch"]:
        return old_epoch(row["known_epoch"])
    if item.epoch > row["known_epoch"]:
        return VendomatError(ErrorCode.CONFLICT, "this run has not said hello yet; nothing was accepted")
    return Greeted(row["catalogue_version"])


async def _take(connection: asyncpg.Connection, hellos: Sequence[HelloItem]) -> None:
    merchants, machines = [h.merchant_id for h in hellos], [h.machine_id for h in hellos]
    epochs = [h.epoch for h in hellos]
    await connection.execute(_TAKE_RUNS, merchants, machines, epochs, [h.boot_nonce for h in hellos])
    await connection.execute(
        _TAKE_NONCES, merchants, machines, epochs, [h.nonce for h in hellos], [h.at for h in hellos]
    )


async def _suspect(connection: asyncpg.Connection, suspicions: Sequence[CloneSuspicion]) -> None:
    await connection.execute(
        _SUSPECT,
        [s.merchant_id for s in suspicions],
        [s.machine_id for s in suspicions],
        [s.epoch for s in suspicions],
        [s.known_epoch for s in suspicions],
        [s.at for s in suspicions],
    )


def _unknown_machine() -> VendomatError:
    return VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")
