"""How payments and refunds are kept: set-based statements over lists, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from vendomat.cloud.payments.model import (
    REVERSE_NOT_BEFORE_S,
    Payment,
    PaymentState,
    PaymentWay,
    Refund,
    RefundStage,
    Verdict,
)
from vendomat.cloud.platform.rows import Executes, execute_rows

Key = tuple[str, str]
SENT_ON_CALL_S = 60
"""No call to a platform lasts so long: what is not known after it is asked for."""
_SHARED_FOR = (
    "coalesce((SELECT r.site_id FROM site_receiver r WHERE (r.merchant_id, r.channel, r.account) = (n.m, n.c, n.a) "
    "AND r.is_sharing AND r.state = 'added' AND n.w = 'qr' AND NOT n.h AND r.site_id = (SELECT s.site_id "
    "FROM site_machine s JOIN merchant t USING (merchant_id) WHERE (s.merchant_id, s.machine_id) = (n.m, n.k) "
    "AND s.first_day <= (n.t AT TIME ZONE t.time_zone)::date ORDER BY s.first_day DESC LIMIT 1)), '')"
)


_PAYMENT = (
    "payment_id",
    "channel",
    "account",
    "amount_minor",
    "state",
    "is_winning",
    "is_frozen",
    "close_wanted",
    "code_url",
    "transaction_id",
    "captured_minor",
    "paid_at",
    "way",
    "said",
    "currency",
    "verdict",
    "verdict_by",
    "payer",
    "is_hold",
    "capture_minor",
    "paid_out_minor",
    "tier",
)
_REFUND = (
    "payment_id",
    "ordinal",
    "refund_id",
    "amount_minor",
    "reason",
    "error",
    "approved_by",
    "asked_by",
    "hand_way",
    "hand_reference",
    "recorded_by",
    "send_to",
    "send_asked_by",
    "came_back",
)
PAYMENTS = (
    f"ARRAY(SELECT ROW(p.created_at, {', '.join(f'p.{name}' for name in _PAYMENT)}) FROM payment p "
    "WHERE p.merchant_id = k.merchant_id AND p.order_id = k.order_id ORDER BY p.created_at, p.payment_id)"
)
"""The payments of the order `k`, oldest first, for `read_payments`."""
REFUNDS = (
    f"ARRAY(SELECT ROW(r.state, {', '.join(f'r.{name}' for name in _REFUND)}) FROM refund r "
    "WHERE r.merchant_id = k.merchant_id AND r.order_id = k.order_id ORDER BY r.payment_id, r.ordinal)"
)
"""The refunds of the order `k`, in a fixed order, for `read_refunds`."""


def read_payments(rows: Sequence[tuple[Any, ...]]) -> tuple[Payment, ...]:
    """What `PAYMENTS` answered for one order."""
    return tuple(_payment(created_at, dict(zip(_PAYMENT, of_payment, strict=True))) for created_at, *of_payment in rows)


def _payment(created_at: datetime, of: dict[str, Any]) -> Payment:
    way = PaymentWay(of["way"])
    began_at = created_at if way is PaymentWay.CODE_SCAN else None
    read = {"state": PaymentState(of["state"]), "way": way, "verdict": Verdict(of["verdict"])}
    return Payment(**of | read, began_at=began_at)


def read_refunds(rows: Sequence[tuple[Any, ...]]) -> tuple[Refund, ...]:
    """What `REFUNDS` answered for one order."""
    return tuple(
        Refund(**dict(zip(_REFUND, of_refund, strict=True)), stage=RefundStage(stage)) for stage, *of_refund in rows
    )


async def insert_payments(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, created_at, expires_at,
    next_try_at, way, is_hold, machine_id, tier). A code to scan at a machine of a site whose owner is paid by the platform is
    marked for that site, whatever becomes of it: its money is frozen until it was shared or set free."""
    await execute_rows(
        connection,
        "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
        "created_at, expires_at, next_try_at, way, is_hold, tier, shared_for) SELECT m, p, o, c, a, n, u, 'created', t, e, x, w, h, i, "
        f"{_SHARED_FOR} FROM unnest($1::text[], "
        "$2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::timestamptz[], "
        "$10::timestamptz[], $11::text[], $12::bool[], $13::text[], $14::text[]) AS n(m, p, o, c, a, n, u, t, e, x, w, h, k, i)",
        rows,
    )


async def update_payments(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, state, is_winning, is_frozen, close_wanted, transaction_id, captured_minor,
    paid_at, said, at, payer, capture_minor). An ended payment is looked up no more, nor a hold while its goods are given;
    one that is to be closed or captured is due at once, but a charge is not reversed before its time."""
    await execute_rows(
        connection,
        "UPDATE payment p SET state = n.s, is_winning = n.w, is_frozen = n.f, close_wanted = n.c, transaction_id = n.t, "
        "captured_minor = n.a, paid_at = n.d, said = n.q, payer = n.y, capture_minor = n.z, next_try_at = CASE "
        "WHEN n.s IN ('paid', 'closed') OR (n.s = 'held' AND NOT n.c AND n.z = 0) THEN NULL "
        "WHEN n.c AND NOT p.close_wanted AND p.way = 'code_scan' "
        f"THEN greatest(n.x, p.created_at + make_interval(secs => {REVERSE_NOT_BEFORE_S})) "
        "WHEN (n.c AND NOT p.close_wanted) OR n.z <> p.capture_minor THEN n.x "
        "ELSE p.next_try_at END, "
        "tries = CASE WHEN (n.c AND NOT p.close_wanted) OR n.z <> p.capture_minor THEN 0 ELSE p.tries END "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::bool[], $6::bool[], $7::text[], $8::bigint[], "
        "$9::timestamptz[], $10::text[], $11::timestamptz[], $12::text[], $13::bigint[]) "
        "AS n(m, p, s, w, f, c, t, a, d, q, x, y, z) "
        "WHERE p.merchant_id = n.m AND p.payment_id = n.p",
        rows,
    )


async def judge_payments(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, account, currency, verdict, verdict_by): where money that did not fit its order
    stands, and what people decided about it. A currency that is empty stays what it was."""
    await execute_rows(
        connection,
        "UPDATE payment p SET account = n.a, currency = coalesce(nullif(n.u, ''), p.currency), verdict = n.v, "
        "verdict_by = n.b FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) "
        "AS n(m, p, a, u, v, b) WHERE p.merchant_id = n.m AND p.payment_id = n.p",
        rows,
    )


async def pay_out(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, paid_out_minor): top-ups whose money leaves the wallet again."""
    await execute_rows(
        connection,
        "UPDATE payment p SET paid_out_minor = n.a FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n(m, p, a) "
        "WHERE p.merchant_id = n.m AND p.payment_id = n.p",
        rows,
    )


async def find_topped_up(
    connection: asyncpg.Connection, merchant_id: str, member_id: str, *, since: datetime
) -> list[asyncpg.Record]:
    """The member's top-ups paid since, of which nothing went back, the newest first: order, payment, channel, sum."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT p.order_id, p.payment_id, p.channel, p.captured_minor FROM sale_order o JOIN payment p "
        "USING (merchant_id, order_id) WHERE o.merchant_id = $1 AND o.member_id = $2 AND o.state = 'settled' "
        "AND p.is_winning AND p.paid_at > $3 AND p.paid_out_minor = 0 AND NOT EXISTS (SELECT FROM refund r "
        "WHERE (r.merchant_id, r.payment_id) = (p.merchant_id, p.payment_id)) ORDER BY p.paid_at DESC, p.payment_id",
        merchant_id,
        member_id,
        since,
    )
    return rows


async def set_code_urls(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, code_url)."""
    await execute_rows(
        connection,
        "UPDATE payment p SET code_url = n.u FROM unnest($1::text[], $2::text[], $3::text[]) AS n(m, p, u) "
        "WHERE p.merchant_id = n.m AND p.payment_id = n.p",
        rows,
    )


async def insert_refunds(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, approved_by,
    asked_by, at, ended_at, hand_way, hand_reference, recorded_by, payer). One that is held is not asked for yet."""
    await execute_rows(
        connection,
        "INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, "
        "approved_by, asked_by, requested_at, ended_at, next_try_at, hand_way, hand_reference, recorded_by, payer) "
        "SELECT m, p, n, r, o, a, w, s, b, k, t, e, CASE WHEN e IS NULL AND s <> 'held' THEN t END, h, f, d, y "
        "FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], "
        "$9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[], $15::text[], "
        "$16::text[]) AS n(m, p, n, r, o, a, w, s, b, k, t, e, h, f, d, y)",
        rows,
    )


async def update_refunds(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, refund_id, state, error, approved_by, ended_at, at, send_to, send_asked_by, came_back). One
    that ended or is held is asked for no more; one that was released is due at once; one that is sent on is looked up
    once that call has ended."""
    await execute_rows(
        connection,
        "UPDATE refund r SET state = n.s, error = n.e, approved_by = n.b, ended_at = n.t, next_try_at = CASE "
        "WHEN n.t IS NOT NULL OR n.s = 'held' THEN NULL WHEN r.state = 'held' THEN n.x "
        f"WHEN r.state = 'failed' THEN n.x + make_interval(secs => {SENT_ON_CALL_S}) ELSE r.next_try_at END, "
        "tries = CASE WHEN r.state IN ('held', 'failed') THEN 0 ELSE r.tries END, "
        "send_to = n.o, send_asked_by = n.k, came_back = n.c "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], "
        "$8::text[], $9::text[], $10::text[]) AS n(m, r, s, e, b, t, x, o, k, c) "
        "WHERE r.merchant_id = n.m AND r.refund_id = n.r",
        rows,
    )


async def claim_due_payments(
    connection: asyncpg.Connection, now: datetime, *, poll_s: float, charge_poll_s: float, limit: int
) -> list[asyncpg.Record]:
    """Take payments that are due for a look-up (or a close) and set their next try.

    While a buyer may be looking, every `poll_s` (a charge: `charge_poll_s`); a close or a capture backs off from 0.5 s
    to 30 s.
    """
    answer: list[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT merchant_id, payment_id FROM payment WHERE next_try_at <= $1 ORDER BY next_try_at "
        "LIMIT $3 FOR UPDATE SKIP LOCKED) "
        "UPDATE payment p SET tries = p.tries + 1, next_try_at = $1 + make_interval(secs => CASE "
        "WHEN p.close_wanted OR p.capture_minor > 0 THEN least(30, 0.5 * power(2, least(p.tries, 8))) "
        "WHEN p.way = 'code_scan' THEN $4 ELSE $2 END) FROM due "
        "WHERE p.merchant_id = due.merchant_id AND p.payment_id = due.payment_id RETURNING p.*",
        now,
        poll_s,
        limit,
        charge_poll_s,
    )
    return answer


async def claim_due_refunds(
    connection: asyncpg.Connection, now: datetime, *, limit: int, refund_id: str = ""
) -> list[asyncpg.Record]:
    """Take refunds that are due (or the one named) and set their next try: 1 s doubling to 10 min."""
    answer: list[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT merchant_id, refund_id FROM refund WHERE next_try_at <= $1 "
        "AND ($3 = '' OR refund_id = $3) ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED) "
        "UPDATE refund r SET tries = r.tries + 1, next_try_at = $1 + make_interval(secs => "
        "least(600, power(2, least(r.tries, 12)))) FROM due, payment p "
        "WHERE r.merchant_id = due.merchant_id AND r.refund_id = due.refund_id "
        "AND p.merchant_id = r.merchant_id AND p.payment_id = r.payment_id "
        "RETURNING r.*, p.channel, p.account, p.captured_minor, p.currency, p.transaction_id, p.paid_at, p.is_winning",
        now,
        limit,
        refund_id,
    )
    return answer


async def find_payment(connection: asyncpg.Connection, merchant_id: str, payment_id: str) -> asyncpg.Record | None:
    """One payment, in the shape of a claimed one."""
    return await connection.fetchrow(
        "SELECT * FROM payment WHERE merchant_id = $1 AND payment_id = $2", merchant_id, payment_id
    )


async def find_refund(connection: asyncpg.Connection, merchant_id: str, refund_id: str) -> asyncpg.Record | None:
    """One refund with what its platform must be told of it, in the shape of a claimed one."""
    return await connection.fetchrow(
        "SELECT r.*, p.channel, p.account, p.captured_minor, p.currency, p.transaction_id, p.paid_at, p.is_winning FROM refund r "
        "JOIN payment p USING (merchant_id, payment_id) WHERE r.merchant_id = $1 AND r.refund_id = $2",
        merchant_id,
        refund_id,
    )


async def count_refunds_before(connection: asyncpg.Connection, row: asyncpg.Record, *, within_s: float) -> int:
    """How many refunds of undelivered goods, or as goodwill, were asked for at the refund `row`'s machine before it.

    It follows from the rows alone: whoever counts, and whenever, finds the same number.
    """
    count: int = await connection.fetchval(
        "SELECT count(*) FROM refund r JOIN payment p USING (merchant_id, payment_id) JOIN sale_order o "
        "ON (o.merchant_id, o.order_id) = (r.merchant_id, r.order_id) WHERE r.merchant_id = $1 "
        "AND (r.ordinal = 1 OR r.asked_by <> '') AND p.is_winning AND p.channel <> 'code' AND (r.requested_at, r.refund_id) < ($3, $4) "
        "AND r.requested_at > $3::timestamptz - make_interval(secs => $5) AND o.machine_id = "
        "(SELECT machine_id FROM sale_order WHERE merchant_id = $1 AND order_id = $2)",
        row["merchant_id"],
        row["order_id"],
        row["requested_at"],
        row["refund_id"],
        within_s,
    )
    return count


async def count_payer_refunds_before(connection: asyncpg.Connection, row: asyncpg.Record, *, within_s: float) -> int:
    """As `count_refunds_before`, of the payer of the refund `row`, whichever machines they paid at."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM refund r JOIN payment p USING (merchant_id, payment_id) WHERE r.merchant_id = $1 "
        "AND r.payer = $2 AND (r.ordinal = 1 OR r.asked_by <> '') AND p.is_winning "
        "AND (r.requested_at, r.refund_id) < ($3, $4) "
        "AND r.requested_at > $3::timestamptz - make_interval(secs => $5)",
        row["merchant_id"],
        row["payer"],
        row["requested_at"],
        row["refund_id"],
        within_s,
    )
    return count


async def find_refund_order(connection: asyncpg.Connection, merchant_id: str, refund_id: str) -> str | None:
    """The order a refund number belongs to."""
    order_id: str | None = await connection.fetchval(
        "SELECT order_id FROM refund WHERE merchant_id = $1 AND refund_id = $2", merchant_id, refund_id
    )
    return order_id


async def find_shared_for(connection: asyncpg.Connection, merchant_id: str, payment_id: str) -> str:
    """The site for whose owner the payment's money is frozen; empty for all others."""
    found: str | None = await connection.fetchval(
        "SELECT shared_for FROM payment WHERE merchant_id = $1 AND payment_id = $2", merchant_id, payment_id
    )
    return found or ""
