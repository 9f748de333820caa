"""How requests for bills are kept. Each function runs in the caller's transaction, under the hot role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.payments import BillKind
from vendomat.cloud.reconciliation.model import AccountDay
from vendomat.cloud.reconciliation.request import REQUEST_MOVES, Progress, RequestMove, RequestProblem, RequestState

SILENT_MAX = timedelta(seconds=60)
"""A request whose worker has said nothing for so long is begun anew by another."""
TRIES_MAX = 3
_COLUMNS = "merchant_id, channel, account, day, request_id, kind, tries"


@dataclass(frozen=True, slots=True)
class BillRequest:
    """`kind` is of the file that was given; None: the platform is asked for all that is missing."""

    place: AccountDay
    request_id: str
    kind: BillKind | None
    tries: int = 0


async def insert_request(
    connection: asyncpg.Connection, request: BillRequest, *, file_name: str, by: str, at: datetime
) -> bool:
    """Keep it; False when another one of the day is under way."""
    kept = await connection.fetchval(
        "INSERT INTO bill_request (merchant_id, channel, account, day, request_id, kind, file_name, state, asked_by, "
        "asked_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) "
        "ON CONFLICT (merchant_id, channel, account, day) WHERE ended_at IS NULL DO NOTHING RETURNING true",
        *request.place.key,
        request.request_id,
        "" if request.kind is None else request.kind.value,
        file_name,
        RequestState.WAITING.value,
        by,
        at,
    )
    return bool(kept)


async def waiting_ids(connection: asyncpg.Connection, now: datetime) -> list[str]:
    """Requests that nobody works on."""
    rows = await connection.fetch(
        "SELECT request_id FROM bill_request WHERE ended_at IS NULL AND (state = 'waiting' OR seen_at < $1) "
        "ORDER BY asked_at",
        now - SILENT_MAX,
    )
    return [row["request_id"] for row in rows]


async def claim_request(connection: asyncpg.Connection, request_id: str, now: datetime) -> BillRequest | None:
    """Take the request, if nobody works on it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, state FROM bill_request WHERE request_id = $1 AND ended_at IS NULL "
        "AND (state = 'waiting' OR seen_at < $2) FOR UPDATE SKIP LOCKED",
        request_id,
        now - SILENT_MAX,
    )
    if row is None:
        return None
    state = REQUEST_MOVES.next(RequestState(row["state"]), RequestMove.BEGIN)
    place = AccountDay(*(row[name] for name in ("merchant_id", "channel", "account", "day")))
    claimed = BillRequest(place, request_id, BillKind(row["kind"]) if row["kind"] else None, row["tries"] + 1)
    await connection.execute(
        "UPDATE bill_request SET state = $3, tries = $4, seen_at = $5, rows_read = 0, rows_matched = 0 "
        "WHERE (merchant_id, request_id) = ($1, $2)",
        place.merchant_id,
        request_id,
        state.value,
        claimed.tries,
        now,
    )
    return claimed


async def keep_progress(
    connection: asyncpg.Connection, request: BillRequest, progress: Progress, now: datetime
) -> None:
    """How far it has come; nothing when another worker has taken it over meanwhile."""
    await connection.execute(
        "UPDATE bill_request SET state = $4, rows_read = $5, rows_matched = $6, seen_at = $7 "
        "WHERE (merchant_id, request_id, tries) = ($1, $2, $3) AND ended_at IS NULL",
        request.place.merchant_id,
        request.request_id,
        request.tries,
        progress.state.value,
        progress.rows_read,
        progress.rows_matched,
        now,
    )


async def end_request(
    connection: asyncpg.Connection,
    request: BillRequest,
    progress: Progress,
    *,
    problem: RequestProblem | None,
    detail: str,
    now: datetime,
) -> None:
    """Done, or refused for `problem`; nothing when another worker has taken it over meanwhile."""
    move = RequestMove.END if problem is None else RequestMove.REFUSE
    await connection.execute(
        "UPDATE bill_request SET state = $4, rows_read = $5, rows_matched = $6, seen_at = $7, ended_at = $7, "
        "problem = $8, detail = $9 WHERE (merchant_id, request_id, tries) = ($1, $2, $3) AND ended_at IS NULL",
        request.place.merchant_id,
        request.request_id,
        request.tries,
        REQUEST_MOVES.next(progress.state, move).value,
        progress.rows_read,
        progress.rows_matched,
        now,
        "" if problem is None else problem.value,
        detail[:500],
    )
