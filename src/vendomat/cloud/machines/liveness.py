"""Hellos and heartbeats, many at once: one statement per step over arrays, on the hot connection.

A hello of an older run, or of the same epoch by another run, is refused and reported as a possible clone. A heartbeat
counts only for the run that said hello last. A message that an older one of the same run overtook is refused, so that
nobody can make the cloud quote a nonce from before. Rows are locked in key order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import asyncpg
import msgspec

from vendomat.cloud.machines.model import (
    CloneSuspicion,
    Greeted,
    HeartbeatItem,
    HelloItem,
    KnownMachine,
    MachineState,
    Run,
    key_replaced,
    may_speak,
    old_epoch,
    replayed,
    unknown_machine,
)
from vendomat.cloud.platform.rows import fetch_rows
from vendomat.kernel import ErrorCode, VendomatError

RaiseCloneAlarms = Callable[[asyncpg.Connection, Sequence[CloneSuspicion]], Awaitable[None]]

_LOCK = """
SELECT m.merchant_id, m.machine_id, m.epoch, m.boot_nonce, m.catalogue_version, m.public_key, l.epoch AS live_epoch,
    l.seq AS live_seq
FROM machine m LEFT JOIN machine_live l USING (merchant_id, machine_id)
WHERE (m.merchant_id, m.machine_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  AND m.state IN ('enrolled', 'quarantined')
ORDER BY m.merchant_id, m.machine_id
FOR NO KEY UPDATE OF m
"""
_TAKE_RUNS = """
UPDATE machine m SET epoch = h.epoch, boot_nonce = h.boot_nonce, trusted_keys = h.trusted_keys
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
    AS h(merchant_id, machine_id, epoch, boot_nonce, trusted_keys)
WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id)
  AND (m.epoch, m.boot_nonce, m.trusted_keys) <> (h.epoch, h.boot_nonce, h.trusted_keys)
"""
_TAKE_NONCES = """
INSERT INTO machine_live AS l (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons, seq)
SELECT merchant_id, machine_id, epoch, nonce, at, at, false, ARRAY['starting'], seq
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[])
    AS h(merchant_id, machine_id, epoch, nonce, at, seq)
ON CONFLICT (merchant_id, machine_id) DO UPDATE SET
    beat_seq = CASE WHEN l.epoch = excluded.epoch THEN l.beat_seq ELSE 0 END,
    overtaken_seq = CASE WHEN l.epoch = excluded.epoch THEN l.overtaken_seq ELSE 0 END,
    seq = excluded.seq, epoch = excluded.epoch, nonce = excluded.nonce, nonce_at = excluded.nonce_at,
    seen_at = excluded.seen_at,
    is_ready = l.is_ready AND l.epoch = excluded.epoch,
    reasons = CASE WHEN l.epoch = excluded.epoch THEN l.reasons ELSE excluded.reasons END
WHERE (l.epoch, l.seq) < (excluded.epoch, excluded.seq)
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
        $8::double precision[], $9::integer[], $10::bigint[], $11::text[], $12::integer[])
        AS b(merchant_id, machine_id, epoch, nonce, at, is_ready, reasons, temperature_c, facts_waiting, seq,
        public_key, shown_version)
), heard AS (
    SELECT b.*, m.epoch AS known_epoch, m.catalogue_version, m.public_key = b.public_key AS is_own_key,
        CASE WHEN m.temperature_high_c IS NOT NULL AND (b.temperature_c IS NULL
            OR b.temperature_c NOT BETWEEN m.temperature_low_c AND m.temperature_high_c) THEN b.at END AS off_band_since
    FROM beat b JOIN machine m ON (m.merchant_id, m.machine_id) = (b.merchant_id, b.machine_id)
    WHERE m.state IN ('enrolled', 'quarantined')
), kept AS (
    INSERT INTO machine_live AS l
        (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons, temperature_c, facts_waiting,
         seq, beat_seq, shown_version, off_band_since, beats)
    SELECT merchant_id, machine_id, epoch, nonce, at, at, is_ready,
        ARRAY(SELECT jsonb_array_elements_text(reasons::jsonb)), temperature_c, facts_waiting, seq, seq,
        shown_version, off_band_since, 1
    FROM heard WHERE epoch = known_epoch AND is_own_key
    ORDER BY merchant_id, machine_id
    ON CONFLICT (merchant_id, machine_id) DO UPDATE SET
        epoch = excluded.epoch, nonce = excluded.nonce, nonce_at = excluded.nonce_at, seen_at = excluded.seen_at,
        is_ready = excluded.is_ready, reasons = excluded.reasons, temperature_c = excluded.temperature_c,
        facts_waiting = excluded.facts_waiting, seq = excluded.seq, beat_seq = excluded.beat_seq,
        shown_version = excluded.shown_version, beats = l.beats + 1,
        off_band_since = CASE WHEN excluded.off_band_since IS NOT NULL
            THEN coalesce(l.off_band_since, excluded.off_band_since) END,
        overtaken_seq = CASE WHEN l.epoch = excluded.epoch THEN l.beat_seq ELSE 0 END
    WHERE (l.epoch, l.seq) < (excluded.epoch, excluded.seq)
    RETURNING merchant_id, machine_id
)
SELECT h.merchant_id, h.machine_id, h.known_epoch, h.catalogue_version, h.is_own_key, h.seq,
    k.machine_id IS NOT NULL AS is_kept
FROM heard h LEFT JOIN kept k USING (merchant_id, machine_id)
"""


async def known_machines(
    connection: asyncpg.Connection, machines: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], KnownMachine]:
    """What the rows say now of each `(merchant_id, machine_id)`: whose word counts, and of which run."""
    rows = await fetch_rows(
        connection,
        "SELECT merchant_id, machine_id, m.state, m.public_key, m.epoch, l.epoch AS live_epoch, l.overtaken_seq "
        "FROM machine m JOIN unnest($1::text[], $2::text[]) AS k(merchant_id, machine_id) "
        "USING (merchant_id, machine_id) LEFT JOIN machine_live l USING (merchant_id, machine_id)",
        sorted(set(machines)),
    )
    return {
        (r["merchant_id"], r["machine_id"]): KnownMachine(
            MachineState(r["state"]),
            r["public_key"] or "",
            r["epoch"],
            r["live_epoch"] or 0,
            r["overtaken_seq"] or 0,
        )
        for r in rows
    }


async def apply_hellos(
    connection: asyncpg.Connection, items: Sequence[HelloItem], *, raise_clone_alarms: RaiseCloneAlarms
) -> list[Greeted | VendomatError]:
    """One answer per item, in order; the caller's transaction commits them. Accepted hellos take the run and nonce."""
    rows = await connection.fetch(_LOCK, [i.merchant_id for i in items], [i.machine_id for i in items])
    found = {(r["merchant_id"], r["machine_id"]): r for r in rows}
    runs = {key: Run(r["epoch"], r["boot_nonce"]) for key, r in found.items()}
    heard = {key: (r["live_epoch"] or 0, r["live_seq"] or 0) for key, r in found.items()}
    answers: list[Greeted | VendomatError] = []
    accepted: dict[tuple[str, str], HelloItem] = {}
    suspicions: list[CloneSuspicion] = []
    for item in items:
        known = runs.get(item.key)
        if known is None:
            answers.append(unknown_machine())
        elif found[item.key]["public_key"] != item.public_key:
            answers.append(key_replaced())
        elif may_speak(known, item.epoch, item.boot_nonce):
            if (item.epoch, item.seq) <= heard[item.key]:
                answers.append(replayed())
                continue
            runs[item.key], heard[item.key] = Run(item.epoch, item.boot_nonce), (item.epoch, item.seq)
            accepted[item.key] = item
            answers.append(Greeted(found[item.key]["catalogue_version"]))
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
        if kept is None or (item.epoch, item.seq) >= (kept.epoch, kept.seq):
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
        [b.seq for b in beats],
        [b.public_key for b in beats],
        [b.catalogue_version for b in beats],
    )
    known = {(r["merchant_id"], r["machine_id"]): r for r in rows}
    return [_heard(item, known.get(item.key)) for item in items]


def _heard(item: HeartbeatItem, row: asyncpg.Record | None) -> Greeted | VendomatError:
    if row is None:
        return unknown_machine()
    if not row["is_own_key"]:
        return key_replaced()
    if item.epoch < row["known_epoch"]:
        return old_epoch(row["known_epoch"])
    if item.epoch > row["known_epoch"]:
        return VendomatError(ErrorCode.CONFLICT, "this run has not said hello yet; nothing was accepted")
    if not row["is_kept"] or item.seq != row["seq"]:
        return replayed()
    return Greeted(row["catalogue_version"])


async def _take(connection: asyncpg.Connection, hellos: Sequence[HelloItem]) -> None:
    merchants, machines = [h.merchant_id for h in hellos], [h.machine_id for h in hellos]
    epochs = [h.epoch for h in hellos]
    trusted = [" ".join(sorted(h.key_ids)) for h in hellos]
    await connection.execute(_TAKE_RUNS, merchants, machines, epochs, [h.boot_nonce for h in hellos], trusted)
    nonces, moments, seqs = [h.nonce for h in hellos], [h.at for h in hellos], [h.seq for h in hellos]
    await connection.execute(_TAKE_NONCES, merchants, machines, epochs, nonces, moments, seqs)


async def _suspect(connection: asyncpg.Connection, suspicions: Sequence[CloneSuspicion]) -> None:
    await connection.execute(
        _SUSPECT,
        [s.merchant_id for s in suspicions],
        [s.machine_id for s in suspicions],
        [s.epoch for s in suspicions],
        [s.known_epoch for s in suspicions],
        [s.at for s in suspicions],
    )
