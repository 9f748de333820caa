"""How orders, units and commands are kept: set-based statements over lists, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from vendomat.cloud.orders.model import Command, CommandState, Finding, Unit, UnitOutcome
from vendomat.cloud.platform.rows import Executes, Fetches, execute_rows, fetch_rows

Key = tuple[str, str]
"""(merchant_id, order_id)"""


async def find_by_request(
    connection: asyncpg.Connection, requests: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], str]:
    """Order ids of `(merchant_id, machine_id, request_id)` that are known."""
    rows = await fetch_rows(
        connection,
        "SELECT merchant_id, machine_id, request_id, order_id FROM sale_order JOIN "
        "unnest($1::text[], $2::text[], $3::text[]) AS k(merchant_id, machine_id, request_id) "
        "USING (merchant_id, machine_id, request_id)",
        requests,
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def count_top_ups(
    connection: asyncpg.Connection, merchant_id: str, member_id: str, *, since: datetime
) -> tuple[int, int]:
    """What the member's top-ups may still bring, and what those begun since then have brought or may."""
    row = await connection.fetchrow(
        "SELECT coalesce(sum(total_minor) FILTER (WHERE state = 'awaiting_payment'), 0)::bigint, "
        "coalesce(sum(total_minor) FILTER (WHERE created_at > $3), 0)::bigint FROM sale_order "
        "WHERE merchant_id = $1 AND member_id = $2 AND state NOT IN ('expired', 'cancelled') "
        "AND (created_at > $3 OR state = 'awaiting_payment')",
        merchant_id,
        member_id,
        since,
    )
    return row[0], row[1]


_UNIT = ("unit", "slot", "product_id", "price_minor", "outcome", "is_final", "result", "reason", "finding", "off_minor")
_COMMAND = ("cmd_id", "state", "queued_at", "heard_at", "epoch", "nonce", "nonce_at")
UNITS = (
    f"ARRAY(SELECT ROW({', '.join(f'u.{name}' for name in _UNIT)}, {', '.join(f'c.{name}' for name in _COMMAND)}) "
    "FROM vend_unit u LEFT JOIN command c USING (merchant_id, order_id, unit) "
    "WHERE u.merchant_id = k.merchant_id AND u.order_id = k.order_id ORDER BY u.unit)"
)
"""The units of the order `k` with their commands, in order of their number, for `read_units`."""


def read_units(rows: Sequence[tuple[Any, ...]]) -> tuple[Unit, ...]:
    """What `UNITS` answered for one order."""
    return tuple(_unit(row) for row in rows)


def _unit(row: tuple[Any, ...]) -> Unit:
    of_command = dict(zip(_COMMAND, row[len(_UNIT) :], strict=True))
    command = None
    if of_command["cmd_id"] is not None:
        command = Command(**of_command | {"state": CommandState(of_command["state"])})
    of_unit = dict(zip(_UNIT, row[: len(_UNIT)], strict=True))
    read = {"outcome": UnitOutcome(of_unit["outcome"]), "finding": Finding(of_unit["finding"])}
    return Unit(**of_unit | read, command=command)


async def insert_orders(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, machine_id, request_id, origin, total_minor, currency, lines as JSON text, code_id,
    member_id, created_at, expires_at, discount_minor, price_mark, fares as JSON text)."""
    await execute_rows(
        connection,
        "INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, "
        "currency, lines, code_id, member_id, created_at, expires_at, discount_minor, price_mark, fares) "
        "SELECT m, o, i, r, g, 'awaiting_payment', 1, t, c, l::jsonb, d, b, a, e, f, k, w::jsonb FROM unnest($1::text[], $2::text[], "
        "$3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], "
        "$11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::text[], $15::text[]) "
        "AS n(m, o, i, r, g, t, c, l, d, b, a, e, f, k, w)",
        rows,
    )


async def insert_units(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, off_minor)."""
    await execute_rows(
        connection,
        "INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, off_minor, "
        "outcome) SELECT m, o, u, i, s, p, a, f, 'pending' FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], "
        "$5::text[], $6::text[], $7::bigint[], $8::bigint[]) AS n(m, o, u, i, s, p, a, f)",
        rows,
    )


async def update_orders(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, state, closing, version, ended_at)."""
    await execute_rows(
        connection,
        "UPDATE sale_order o SET state = n.s, closing = n.c, version = n.v, ended_at = n.e "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[]) AS n(m, o, s, c, v, e) "
        "WHERE o.merchant_id = n.m AND o.order_id = n.o",
        rows,
    )


async def reprice_orders(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, total_minor, discount_minor, price_mark): paid another way than the first price."""
    await execute_rows(
        connection,
        "UPDATE sale_order o SET total_minor = n.t, discount_minor = n.d, price_mark = n.k "
        "FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS n(m, o, t, d, k) "
        "WHERE o.merchant_id = n.m AND o.order_id = n.o",
        rows,
    )


async def reprice_units(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, unit, price_minor, off_minor), of the orders that are repriced."""
    await execute_rows(
        connection,
        "UPDATE vend_unit u SET price_minor = n.p, off_minor = n.f "
        "FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS n(m, o, u, p, f) "
        "WHERE u.merchant_id = n.m AND u.order_id = n.o AND u.unit = n.u",
        rows,
    )


async def update_units(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, unit, outcome, is_final, result, reason)."""
    await execute_rows(
        connection,
        "UPDATE vend_unit u SET outcome = n.c, is_final = n.f, result = n.r, reason = n.w "
        "FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bool[], $6::text[], $7::text[]) "
        "AS n(m, o, u, c, f, r, w) WHERE u.merchant_id = n.m AND u.order_id = n.o AND u.unit = n.u",
        rows,
    )


async def insert_ambiguities(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, currency, declared_at)."""
    await execute_rows(
        connection,
        "INSERT INTO ambiguity (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, currency, "
        "declared_at) SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], "
        "$7::bigint[], $8::text[], $9::timestamptz[])",
        rows,
    )


async def set_findings(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, unit, finding, found_at): rare, so statements of their own."""
    keys = "$1::text[], $2::text[], $3::int[], $4::text[]"
    of_unit = "(u.merchant_id, u.order_id, u.unit) = (n.m, n.o, n.u)"
    await execute_rows(
        connection,
        f"UPDATE vend_unit u SET finding = n.f FROM unnest({keys}) AS n(m, o, u, f) WHERE {of_unit}",
        [row[:4] for row in rows],
    )
    await execute_rows(
        connection,
        f"UPDATE ambiguity u SET finding = n.f, found_at = n.a FROM unnest({keys}, $5::timestamptz[]) "
        f"AS n(m, o, u, f, a) WHERE {of_unit}",
        rows,
    )


async def insert_commands(
    connection: Fetches, rows: Sequence[tuple[object, ...]], *, fresh_s: float, resend_s: float
) -> list[asyncpg.Record]:
    """Queue commands (merchant_id, cmd_id, order_id, unit, machine_id, slot, product_id, queued_at, state, heard_at,
    next_try_at or None for "as fits what is quoted"), quoting the machine's newest nonce when it is younger than `fresh_s`
    and the machine may sell; else the row waits unsent. Returns the rows."""
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    return await connection.fetch(
        "INSERT INTO command (merchant_id, cmd_id, order_id, unit, machine_id, slot, product_id, state, epoch, nonce, "
        "nonce_at, queued_at, heard_at, next_try_at) "
        "SELECT n.m, n.c, n.o, n.u, n.i, n.s, n.p, n.e, l.epoch, l.nonce, l.nonce_at, n.a, n.h, "
        "coalesce(n.t, n.a + make_interval(secs => CASE WHEN l.nonce IS NULL THEN 0.5 ELSE $13 END)) "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], "
        "$8::timestamptz[], $9::text[], $10::timestamptz[], $11::timestamptz[]) AS n(m, c, o, u, i, s, p, a, e, h, t) "
        "LEFT JOIN (machine_live l JOIN machine USING (merchant_id, machine_id)) "
        "ON merchant_id = n.m AND machine_id = n.i AND l.nonce_at > n.a - make_interval(secs => $12) "
        "AND machine.state = 'enrolled' "
        "RETURNING merchant_id, cmd_id, order_id, unit, machine_id, slot, product_id, epoch, nonce",
        *columns,
        fresh_s,
        resend_s,
    )


async def update_commands(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, cmd_id, state, heard_at, next_try_at)."""
    await execute_rows(
        connection,
        "UPDATE command c SET state = n.s, heard_at = n.h, next_try_at = n.t FROM unnest($1::text[], $2::text[], "
        "$3::text[], $4::timestamptz[], $5::timestamptz[]) AS n(m, c, s, h, t) "
        "WHERE c.merchant_id = n.m AND c.cmd_id = n.c",
        rows,
    )


async def append_evidence(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, order_id, at, source, kind, data)."""
    await execute_rows(
        connection,
        "INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) SELECT * FROM unnest($1::text[], "
        "$2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::jsonb[])",
        rows,
    )


async def claim_due_commands(
    connection: asyncpg.Connection, now: datetime, *, fresh_s: float, resend_s: float, limit: int
) -> list[asyncpg.Record]:
    """Take due commands for this worker: quote the newest fresh nonce (queued ones only) and set the next try.

    Committed before anything is sent, so a crash after sending never leaves a command that looks unsent. The order's
    row is locked with it: whoever decides about the order sees every nonce that was ever quoted.
    """
    answer: list[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT c.merchant_id, c.cmd_id FROM command c JOIN sale_order o USING (merchant_id, order_id) "
        "WHERE c.state <> 'done' AND c.next_try_at <= $1 ORDER BY c.next_try_at LIMIT $4 "
        "FOR NO KEY UPDATE OF c, o SKIP LOCKED), "
        "quoted AS (SELECT c.merchant_id, c.cmd_id, l.epoch, l.nonce, l.nonce_at FROM due JOIN command c "
        "USING (merchant_id, cmd_id) JOIN machine_live l ON (l.merchant_id, l.machine_id) = (c.merchant_id, c.machine_id) "
        "JOIN machine m ON (m.merchant_id, m.machine_id) = (c.merchant_id, c.machine_id) AND m.state = 'enrolled' "
        "WHERE c.state = 'queued' AND l.nonce_at > $1 - make_interval(secs => $2)) "
        "UPDATE command c SET tries = c.tries + 1, next_try_at = $1 + make_interval(secs => $3), "
        "epoch = coalesce(q.epoch, c.epoch), nonce = coalesce(q.nonce, c.nonce), nonce_at = coalesce(q.nonce_at, c.nonce_at) "
        "FROM due LEFT JOIN quoted q USING (merchant_id, cmd_id) "
        "WHERE c.merchant_id = due.merchant_id AND c.cmd_id = due.cmd_id "
        "RETURNING c.*, q.nonce IS NOT NULL AS is_quoted_now",
        now,
        fresh_s,
        resend_s,
        limit,
    )
    return answer


async def find_expired(connection: asyncpg.Connection, now: datetime, limit: int) -> list[Key]:
    """Open orders whose time is over and that nobody has begun to close."""
    rows = await connection.fetch(
        "SELECT merchant_id, order_id FROM sale_order WHERE state = 'awaiting_payment' AND closing = '' "
        "AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        now,
        limit,
    )
    return [(row[0], row[1]) for row in rows]
