"""How visits are kept: the row is the outbox of its door and of its platform, and says when it is due next.

Whatever has to be asked of the platform, or sent to the machine, stands here before it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.coolers.model import OVER, Good, Visit, VisitKey, VisitState
from vendomat.cloud.orders import Command, CommandState
from vendomat.cloud.platform.rows import execute_rows
from vendomat.kernel import ErrorCode, VendomatError

FIRST_AGAIN_S = {VisitState.OFFERED: 3.0, VisitState.COLLECTING: 5.0, VisitState.WRITTEN_OFF: 86_400.0}
"""How long after entering a state it is looked at; at once elsewhere."""
COLLECT_GAP_MAX_S = 21_600.0
_OVER = ", ".join(f"'{state}'" for state in sorted(OVER))
_GAP = (
    "CASE v.state WHEN 'opening' THEN $3 WHEN 'offered' THEN 3 WHEN 'written_off' THEN 86400 "
    f"WHEN 'collecting' THEN least({COLLECT_GAP_MAX_S}, 5 * power(2, least(v.tries, 16))) "
    "ELSE least(300, 2 * power(2, least(v.tries, 8))) END"
)
_FIELDS = (
    "state",
    "version",
    "payer",
    "agreement",
    "reason",
    "door",
    "shut_at",
    "owed_minor",
    "lower_minor",
    "paid_minor",
    "transaction_id",
    "paid_at",
)
_COMMAND_FIELDS = ("cmd_id", "command_state", "queued_at", "heard_at", "epoch", "nonce", "nonce_at")


@dataclass(frozen=True, slots=True)
class Place:
    """A cooler as it stands now. `is_ready`: heard lately, ready and allowed to sell."""

    ceiling_minor: int
    is_active: bool
    is_ready: bool
    is_shopping: bool
    waiting: int


async def find_place(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str, *, now: datetime, fresh_s: float
) -> Place | None:
    """None: this machine is no cooler."""
    row = await connection.fetchrow(
        "SELECT c.ceiling_minor, c.is_active, coalesce(m.state = 'enrolled' AND l.is_ready "
        "AND l.nonce_at > $3::timestamptz - make_interval(secs => $4), false) AS is_ready, "
        "EXISTS (SELECT FROM cooler_visit v WHERE (v.merchant_id, v.machine_id) = (c.merchant_id, c.machine_id) "
        "AND v.state = 'opening') AS is_shopping, "
        "(SELECT count(*) FROM cooler_visit v WHERE (v.merchant_id, v.machine_id) = (c.merchant_id, c.machine_id) "
        "AND v.state IN ('asked', 'offered'))::int AS waiting "
        "FROM cooler c JOIN machine m USING (merchant_id, machine_id) "
        "LEFT JOIN machine_live l USING (merchant_id, machine_id) WHERE c.merchant_id = $1 AND c.machine_id = $2",
        merchant_id,
        machine_id,
        now,
        fresh_s,
    )
    return None if row is None else Place(*row)


async def merchant_of(connection: asyncpg.Connection, machine_id: str) -> str | None:
    """Whose cooler it is."""
    found: str | None = await connection.fetchval("SELECT merchant_id FROM cooler WHERE machine_id = $1", machine_id)
    return found


async def lock_door(connection: asyncpg.Connection, machine_id: str) -> None:
    """Nobody else decides about this cooler's door before the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 23))", machine_id)


async def goods_of(connection: asyncpg.Connection, merchant_id: str, machine_id: str) -> tuple[str, tuple[Good, ...]]:
    """The currency and the goods of a cooler at their prices now.

    Raises `VendomatError(machine_not_ready)` for goods with an age limit: whoever opens the door can take them.
    """
    rows = await connection.fetch(
        "SELECT p.slot, p.product_id, d.name_zh, p.price_minor, p.currency, d.age_min FROM planogram_slot p "
        "JOIN product d USING (merchant_id, product_id) WHERE merchant_id = $1 AND machine_id = $2 ORDER BY p.slot",
        merchant_id,
        machine_id,
    )
    if any(row["age_min"] for row in rows):
        raise VendomatError(
            ErrorCode.MACHINE_NOT_READY,
            "this cooler holds goods with an age limit, which it cannot check; nothing was charged",
        )
    currencies = {row["currency"] for row in rows}
    return (currencies.pop() if len(currencies) == 1 else ""), tuple(Good(*row[:4]) for row in rows)


async def insert_visit(connection: asyncpg.Connection, visit: Visit) -> bool:
    """False: the request has a visit already."""
    made = await connection.fetchval(
        "INSERT INTO cooler_visit (merchant_id, visit_id, machine_id, request_id, channel, account, currency, "
        "ceiling_minor, created_at, agree_by, state, payer, next_try_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'asked', $11, $9) "
        "ON CONFLICT (merchant_id, machine_id, request_id) DO NOTHING RETURNING visit_id",
        visit.merchant_id,
        visit.visit_id,
        visit.machine_id,
        visit.request_id,
        visit.channel,
        visit.account,
        visit.currency,
        visit.ceiling_minor,
        visit.created_at,
        visit.agree_by,
        visit.payer,
    )
    if made is None:
        return False
    await execute_rows(
        connection,
        "INSERT INTO cooler_good (merchant_id, visit_id, slot, product_id, name, price_minor) SELECT * FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])",
        [(visit.merchant_id, visit.visit_id, g.slot, g.product_id, g.name, g.price_minor) for g in visit.goods],
    )
    return True


async def find_request(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str, request_id: str
) -> VisitKey | None:
    found = await connection.fetchval(
        "SELECT visit_id FROM cooler_visit WHERE merchant_id = $1 AND machine_id = $2 AND request_id = $3",
        merchant_id,
        machine_id,
        request_id,
    )
    return None if found is None else (merchant_id, found)


async def load_visit(connection: asyncpg.Connection, key: VisitKey, *, is_locking: bool) -> Visit | None:
    row = await connection.fetchrow(
        f"SELECT * FROM cooler_visit WHERE merchant_id = $1 AND visit_id = $2{' FOR UPDATE' if is_locking else ''}",
        *key,
    )
    if row is None:
        return None
    goods = await connection.fetch(
        "SELECT slot, product_id, name, price_minor, taken, given, evidence FROM cooler_good "
        "WHERE merchant_id = $1 AND visit_id = $2 ORDER BY slot",
        *key,
    )
    return _visit(row, tuple(Good(*good) for good in goods))


def _visit(row: asyncpg.Record, goods: tuple[Good, ...]) -> Visit:
    command = None
    if row["cmd_id"]:
        command = command_of_row(row)
    return Visit(
        **{name: row[name] for name in ("merchant_id", "visit_id", "machine_id", "request_id", "channel", "account")},
        **{name: row[name] for name in ("currency", "ceiling_minor", "created_at", "agree_by")},
        **{name: row[name] for name in _FIELDS if name != "state"},
        state=VisitState(row["state"]),
        goods=goods,
        command=command,
    )


def command_of_row(row: asyncpg.Record) -> Command:
    return Command(
        row["cmd_id"],
        CommandState(row["command_state"]),
        row["queued_at"],
        row["heard_at"],
        epoch=row["epoch"],
        nonce=row["nonce"],
        nonce_at=row["nonce_at"],
    )


async def save_visit(connection: asyncpg.Connection, before: Visit, after: Visit, at: datetime) -> None:
    """Write what changed. A visit that entered another state, or whose command did, begins to be due anew."""
    command = after.command
    values: dict[str, object] = {name: getattr(after, name) for name in _FIELDS}
    if command is not None:
        state = command.state.value
        known = (command.cmd_id, state, command.queued_at, command.heard_at, command.epoch, command.nonce)
        values |= dict(zip(_COMMAND_FIELDS, (*known, command.nonce_at), strict=True))
    was = before.command.state if before.command else None
    if (before.state, was) != (after.state, command.state if command else None):
        values |= {"tries": 0, "next_try_at": at + timedelta(seconds=FIRST_AGAIN_S.get(after.state, 0.0))}
    names = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, start=3))
    await connection.execute(
        f"UPDATE cooler_visit SET {names} WHERE merchant_id = $1 AND visit_id = $2", *after.key, *values.values()
    )
    await execute_rows(
        connection,
        "UPDATE cooler_good g SET taken = n.t, given = n.g, evidence = n.e FROM unnest($1::text[], $2::text[], "
        "$3::text[], $4::int[], $5::int[], $6::text[]) AS n(m, v, s, t, g, e) "
        "WHERE g.merchant_id = n.m AND g.visit_id = n.v AND g.slot = n.s",
        [
            (*after.key, new.slot, new.taken, new.given, new.evidence)
            for old, new in zip(before.goods, after.goods, strict=True)
            if old != new
        ],
    )


async def claim_due(
    connection: asyncpg.Connection, now: datetime, *, fresh_s: float, resend_s: float, limit: int, visit_id: str = ""
) -> list[asyncpg.Record]:
    """Take due visits for this worker, and set their next try. A door's command quotes the newest fresh nonce.

    Committed before anything is asked or sent, so a crash afterwards never leaves what looks unasked.
    """
    answer: list[asyncpg.Record] = await connection.fetch(
        f"WITH due AS (SELECT merchant_id, visit_id FROM cooler_visit WHERE state NOT IN ({_OVER}) "
        "AND next_try_at <= $1 AND ($5 = '' OR visit_id = $5) ORDER BY next_try_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED), "
        "quoted AS (SELECT v.merchant_id, v.visit_id, l.epoch, l.nonce, l.nonce_at FROM due "
        "JOIN cooler_visit v USING (merchant_id, visit_id) "
        "JOIN machine_live l ON (l.merchant_id, l.machine_id) = (v.merchant_id, v.machine_id) "
        "JOIN machine m ON (m.merchant_id, m.machine_id) = (v.merchant_id, v.machine_id) AND m.state = 'enrolled' "
        "WHERE v.state = 'opening' AND v.command_state = 'queued' "
        "AND l.nonce_at > $1 - make_interval(secs => $2)) "
        f"UPDATE cooler_visit v SET tries = v.tries + 1, next_try_at = $1 + make_interval(secs => {_GAP}), "
        "epoch = coalesce(q.epoch, v.epoch), nonce = coalesce(q.nonce, v.nonce), "
        "nonce_at = coalesce(q.nonce_at, v.nonce_at) FROM due LEFT JOIN quoted q USING (merchant_id, visit_id) "
        "WHERE v.merchant_id = due.merchant_id AND v.visit_id = due.visit_id "
        "RETURNING v.*, q.nonce IS NOT NULL AS is_quoted_now",
        now,
        fresh_s,
        resend_s,
        limit,
        visit_id,
    )
    return answer


async def put_cooler(
    connection: asyncpg.Connection, key: tuple[str, str], *, ceiling_minor: int, is_active: bool
) -> None:
    """Say that a machine is an open-door cooler, and what a buyer agrees to at most."""
    await connection.execute(
        "INSERT INTO cooler (merchant_id, machine_id, ceiling_minor, is_active) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (merchant_id, machine_id) DO UPDATE SET ceiling_minor = excluded.ceiling_minor, "
        "is_active = excluded.is_active",
        *key,
        ceiling_minor,
        is_active,
    )


_LISTED = (
    "SELECT v.*, m.number AS machine_number, (SELECT coalesce(sum(g.taken + g.given), 0) FROM cooler_good g "
    "WHERE (g.merchant_id, g.visit_id) = (v.merchant_id, v.visit_id))::int AS pieces FROM cooler_visit v "
    "JOIN machine m USING (merchant_id, machine_id) WHERE v.merchant_id = $1 "
)


async def list_visits(
    connection: asyncpg.Connection,
    merchant_id: str,
    limit: int,
    *,
    machine_id: str = "",
    state: str = "",
    after: tuple[datetime, str] | None = None,
) -> Sequence[asyncpg.Record]:
    """A merchant's visits, the newest first; those `after` (created at, visit) when it is given."""
    rows: list[asyncpg.Record] = await connection.fetch(
        _LISTED + "AND ($3 = '' OR v.machine_id = $3) AND ($4 = '' OR v.state = $4) "
        "AND ($5::timestamptz IS NULL OR (v.created_at, v.visit_id) < ($5, $6::text)) "
        "ORDER BY v.created_at DESC, v.visit_id DESC LIMIT $2",
        merchant_id,
        limit,
        machine_id,
        state,
        *(after or (None, None)),
    )
    return rows


async def find_row(connection: asyncpg.Connection, key: VisitKey) -> asyncpg.Record | None:
    """As a row of `list_visits`."""
    return await connection.fetchrow(_LISTED + "AND v.visit_id = $2", *key)


async def timeline_of(connection: asyncpg.Connection, key: VisitKey) -> Sequence[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT at, source, kind, data FROM evidence WHERE merchant_id = $1 AND order_id = $2 ORDER BY entry LIMIT 500",
        *key,
    )
    return rows
