"""The machine's side of codes, on the hot connection and in the caller's transaction.

`enter_code` is the whole rule of an entry: take turns at the machine, look at the lock, find, count. It answers with a
value and never raises for a wrong code, so that the counted failure is committed with the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.codes.model import (
    TRIES_PER_MACHINE,
    TRIES_PER_MERCHANT,
    TRIES_WINDOW,
    CodeKind,
    CodeState,
    Failures,
    PickupCode,
    code_hash,
    code_locked,
    code_refused,
)
from vendomat.kernel import Ids, Money, VendomatError

_COLUMNS = (
    "merchant_id, code_id, machine_id, kind, product_id, value_minor, currency, state, order_id, issued_at, expires_at"
)


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """Digits typed at a machine."""

    merchant_id: str
    machine_id: str
    digits: str
    at: datetime


async def enter_code(
    connection: asyncpg.Connection, entry: CodeEntry, *, key: bytes, ids: Ids
) -> PickupCode | VendomatError:
    """The good code, locked and still to be marked redeemed, or the refusal (code_refused, code_locked) as a value.

    `key` is the installation's key for codes: `codes_key(master_key)`.
    """
    turn = await take_turn(connection, entry)
    if isinstance(turn, VendomatError):
        return turn
    try:
        hashed = code_hash(key, entry.merchant_id, entry.machine_id, entry.digits)
    except VendomatError as refusal:
        found, answer = None, refusal
    else:
        found, answer = await find_code(connection, entry.merchant_id, entry.machine_id, hashed), code_refused()
    if found is not None and found.is_good(entry.at):
        return found
    await count_wrong(connection, entry, turn, ids)
    return answer


async def take_turn(connection: asyncpg.Connection, entry: CodeEntry) -> Failures | VendomatError:
    """The machine's turn to have a code of any kind looked at: the wrong ones so far, or code_locked as a value."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", f"codes {entry.merchant_id} {entry.machine_id}"
    )
    failures = await count_recent_failures(
        connection, entry.merchant_id, entry.machine_id, since=entry.at - TRIES_WINDOW
    )
    return code_locked(failures, entry.at) if failures.is_locked else failures


async def count_wrong(connection: asyncpg.Connection, entry: CodeEntry, failures: Failures, ids: Ids) -> None:
    """One more wrong code after `failures`; the merchant is told when it closes the entry."""
    await note_failure(connection, entry.merchant_id, entry.machine_id, at=entry.at)
    await _alarm_at_limit(connection, entry, failures, ids)


async def find_code(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str, hashed: bytes
) -> PickupCode | None:
    """The code by its hash, whatever its state; the row is locked."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM pickup_code WHERE merchant_id = $1 AND machine_id = $2 AND code_hash = $3 FOR UPDATE",
        merchant_id,
        machine_id,
        hashed,
    )
    return None if row is None else _code(row)


async def count_recent_failures(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str, *, since: datetime
) -> Failures:
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE machine_id = $2) AS machine, count(*) AS merchant, "
        "min(at) FILTER (WHERE machine_id = $2) AS oldest FROM code_attempt WHERE merchant_id = $1 AND at > $3",
        merchant_id,
        machine_id,
        since,
    )
    return Failures(row["machine"], row["merchant"], row["oldest"])


async def note_failure(connection: asyncpg.Connection, merchant_id: str, machine_id: str, *, at: datetime) -> None:
    await connection.execute(
        "INSERT INTO code_attempt (merchant_id, machine_id, at) VALUES ($1, $2, $3)", merchant_id, machine_id, at
    )


async def mark_redeemed(connection: asyncpg.Connection, code: PickupCode, order_id: str, *, now: datetime) -> bool:
    """Use the code for `order_id`; false when it is no longer good (somebody was faster)."""
    done = await connection.fetchval(
        "UPDATE pickup_code SET state = 'redeemed', order_id = $3 "
        "WHERE merchant_id = $1 AND code_id = $2 AND state = 'issued' AND expires_at > $4 RETURNING true",
        code.merchant_id,
        code.code_id,
        order_id,
        now,
    )
    return bool(done)


async def restore(connection: asyncpg.Connection, codes: Sequence[tuple[str, str]]) -> list[str]:
    """Make redeemed `(merchant_id, code_id)` good again, whose order delivered nothing; the ids that were."""
    keys = sorted(set(codes))
    if not keys:
        return []
    rows = await connection.fetch(
        "WITH held AS (SELECT p.merchant_id, p.code_id FROM pickup_code p "
        "JOIN unnest($1::text[], $2::text[]) AS k(merchant_id, code_id) USING (merchant_id, code_id) "
        "WHERE p.state = 'redeemed' ORDER BY p.merchant_id, p.code_id FOR UPDATE OF p) "
        "UPDATE pickup_code p SET state = 'issued', order_id = '' FROM held h "
        "WHERE (p.merchant_id, p.code_id) = (h.merchant_id, h.code_id) RETURNING p.code_id",
        [k[0] for k in keys],
        [k[1] for k in keys],
    )
    return [row["code_id"] for row in rows]


async def forget_failures(connection: asyncpg.Connection, *, before: datetime) -> None:
    """Drop tries that no rule looks at any more; for a job."""
    await connection.execute("DELETE FROM code_attempt WHERE at < $1", before)


async def _alarm_at_limit(connection: asyncpg.Connection, entry: CodeEntry, failures: Failures, ids: Ids) -> None:
    """This failure makes one more than `failures`: tell the merchant when it closes the entry."""
    kinds = []
    if failures.machine + 1 == TRIES_PER_MACHINE:
        kinds.append(("code.locked", Severity.WARNING, f"{TRIES_PER_MACHINE} wrong codes at this machine"))
    if failures.merchant + 1 == TRIES_PER_MERCHANT:
        kinds.append(("code.guessing", Severity.CRITICAL, f"{TRIES_PER_MERCHANT} wrong codes over all machines"))
    await raise_alarms(
        connection,
        [
            AlarmRow(
                merchant_id=entry.merchant_id,
                machine_id=entry.machine_id,
                kind=kind,
                severity=severity,
                at=entry.at,
                detail=detail,
            )
            for kind, severity, detail in kinds
        ],
        ids=ids,
    )


def _code(row: asyncpg.Record) -> PickupCode:
    return PickupCode(
        merchant_id=row["merchant_id"],
        code_id=row["code_id"],
        machine_id=row["machine_id"],
        kind=CodeKind(row["kind"]),
        product_id=row["product_id"],
        value=Money(row["value_minor"], row["currency"]),
        state=CodeState(row["state"]),
        order_id=row["order_id"],
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
    )
