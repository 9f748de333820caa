"""Sales counted once, as their last words come in: by hour in full detail, and summed by hour, day and month.

A round (`cloud.platform.counting`) adds what each event of the outbox says to the hour in which its order was made, in
the merchant's time zone. Whoever reads adds what is newer than the place, so that no figure waits for a round.

What is added is never taken back: a unit's last word stands for ever, and what is found out or given back weeks later
is one more event, of its own column, in the old hour. A unit is *sold* when it came out for a buyer's money (or a
code's), *failed* when it did not, *unknown* when its deadline passed; *lost* when goods of a failed or unknown unit
turned out to have come out although their money went back. *Refunded* is what really went back of the payment that paid
the order, laid over the units in the order of what was owed: first those that were not delivered, by number, then the
others; what is more than all of them goes to the last.

Not counted: stored money that is topped up, payments that came late or twice (they bought nothing), and visits at
open-door coolers, whose sums the statements have.
"""

from __future__ import annotations

from vendomat.cloud.platform.counting import Counting, Sums
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.locks import Lock

SCHEDULE = "* * * * *"
XACTS_MAX = 50_000

AMOUNTS = ("units_sold", "units_failed", "units_unknown", "units_lost", "gross_minor", "refunded_minor")
PARTS = ("hour", "machine_id", "slot", "product_id", "channel", "currency")
"""What a row of full detail is of, besides its merchant."""
SPANS = ("hour", "day", "month")
_KINDS = "('vend.delivered', 'vend.not_delivered', 'vend.unknown', 'vend.found', 'refund.succeeded')"
_NOTHING = ", ".join("0" for _ in AMOUNTS[:-1])
_SUM_ALL = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in AMOUNTS)
_ADD_UP = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in AMOUNTS)

OF_ALL = f"""
    SELECT x.* FROM merchant m CROSS JOIN LATERAL (
        SELECT o.merchant_id, o.kind, o.subject, o.data FROM outbox o WHERE o.merchant_id = m.merchant_id
            AND o.xact >= CAST(CAST($1::bigint AS text) AS xid8) AND o.xact < CAST(CAST($2::bigint AS text) AS xid8)
            AND o.kind IN {_KINDS}) x
"""
OF_ONE = f"""
    SELECT o.merchant_id, o.kind, o.subject, o.data FROM outbox o WHERE o.merchant_id = :merchant_id
        AND o.xact >= CAST(:place AS xid8) AND o.kind IN {_KINDS}
"""
"""One merchant's events that no round has counted. The place is a value of its own: a cast of a found one would hide it
from the index, since row-level security lets only what cannot leak be asked before its own question."""

DELTAS = """
told AS MATERIALIZED (
    SELECT merchant_id, kind, subject AS order_id, CAST(data ->> 'unit' AS integer) AS unit,
        coalesce(data ->> 'finding', '') AS finding, data ->> 'refund_id' AS refund_id FROM ({source}) o
), returned AS MATERIALIZED (
    SELECT t.merchant_id, t.order_id, CAST(sum(r.amount_minor) AS bigint) AS minor
    FROM told t JOIN refund r ON r.merchant_id = t.merchant_id AND r.refund_id = t.refund_id
    JOIN payment p ON p.merchant_id = r.merchant_id AND p.payment_id = r.payment_id AND p.is_winning
    JOIN sale_order o ON o.merchant_id = t.merchant_id AND o.order_id = t.order_id AND o.origin <> 'top_up'
    WHERE t.kind = 'refund.succeeded' GROUP BY 1, 2
), axis AS (
    SELECT r.merchant_id, r.order_id, u.unit, coalesce(c.refunded_minor, 0) AS before,
        coalesce(c.refunded_minor, 0) + r.minor AS after,
        CAST(sum(u.price_minor) OVER w AS bigint) - u.price_minor AS starts,
        CAST(sum(u.price_minor) OVER w AS bigint) AS ends, lead(u.unit) OVER w IS NULL AS is_last
    FROM returned r JOIN vend_unit u ON u.merchant_id = r.merchant_id AND u.order_id = r.order_id
    LEFT JOIN sale_refunded c ON c.merchant_id = r.merchant_id AND c.order_id = r.order_id
    WINDOW w AS (PARTITION BY r.merchant_id, r.order_id ORDER BY u.outcome = 'delivered', u.unit)
), said AS (
    SELECT merchant_id, order_id, unit, CAST(kind = 'vend.delivered' AS integer) AS units_sold,
        CAST(kind = 'vend.not_delivered' AS integer) AS units_failed,
        CAST(kind = 'vend.unknown' AS integer) AS units_unknown,
        CAST(kind = 'vend.found' AND finding = 'came_out' AS integer) AS units_lost, 0 AS refunded_minor
    FROM told WHERE kind <> 'refund.succeeded'
    UNION ALL
    SELECT merchant_id, order_id, unit, 0, 0, 0, 0,
        greatest(0, CASE WHEN is_last THEN after ELSE least(ends, after) END - greatest(starts, before)) FROM axis
), deltas AS MATERIALIZED (
    SELECT s.merchant_id, date_trunc('hour', o.created_at AT TIME ZONE m.time_zone) AS hour, u.machine_id, u.slot,
        u.product_id, p.channel, o.currency, CAST(sum(s.units_sold) AS bigint) AS units_sold,
        CAST(sum(s.units_failed) AS bigint) AS units_failed, CAST(sum(s.units_unknown) AS bigint) AS units_unknown,
        CAST(sum(s.units_lost) AS bigint) AS units_lost,
        CAST(sum(s.units_sold * u.price_minor) AS bigint) AS gross_minor,
        CAST(sum(s.refunded_minor) AS bigint) AS refunded_minor
    FROM said s
    JOIN vend_unit u ON u.merchant_id = s.merchant_id AND u.order_id = s.order_id AND u.unit = s.unit
    JOIN sale_order o ON o.merchant_id = s.merchant_id AND o.order_id = s.order_id AND o.origin <> 'top_up'
    JOIN payment p ON p.merchant_id = s.merchant_id AND p.order_id = s.order_id AND p.is_winning
    JOIN merchant m ON m.merchant_id = s.merchant_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)
"""
SPREAD = """
    CROSS JOIN LATERAL (VALUES ('hour', 'all', ''),
        ('day', 'all', ''), ('day', 'machine', d.machine_id), ('day', 'product', d.product_id),
        ('day', 'channel', d.channel), ('month', 'all', ''), ('month', 'machine', d.machine_id),
        ('month', 'product', d.product_id), ('month', 'channel', d.channel),
        ('month', 'machine_product', d.machine_id || '/' || d.product_id)) AS g (span, by, key)
"""
"""Into which sums a row of full detail goes; by machine, product or channel there are no hours: the detail has them."""
CLOSED_BYS = ("all", "machine", "product", "channel")
"""By what a month is closed: what each machine sold of each product would be most of it, and the detail has it."""

_COLUMNS = ", ".join(("merchant_id", *PARTS, *AMOUNTS))
_ADD = f"""
WITH {DELTAS.format(source=OF_ALL)}, hours AS (
    INSERT INTO sale_hour AS s ({_COLUMNS}) SELECT {_COLUMNS} FROM deltas
    ON CONFLICT (merchant_id, {", ".join(PARTS)}) DO UPDATE SET {_ADD_UP}
), sums AS (
    INSERT INTO sale_sum AS s (merchant_id, span, by, starts_at, key, currency, {", ".join(AMOUNTS)})
    SELECT d.merchant_id, g.span, g.by, date_trunc(g.span, d.hour), g.key, d.currency, {_SUM_ALL}
    FROM deltas d {SPREAD} GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (merchant_id, span, by, starts_at, key, currency) DO UPDATE SET {_ADD_UP}
)
INSERT INTO sale_refunded AS s (merchant_id, order_id, refunded_minor) SELECT merchant_id, order_id, minor FROM returned
ON CONFLICT (merchant_id, order_id) DO UPDATE SET refunded_minor = s.refunded_minor + excluded.refunded_minor
"""
_SUMS = Sums(
    lock=Lock.SALE_SUMS,
    rows="outbox",
    place="sale_sums_place",
    tables=("sale_hour", "sale_sum", "sale_refunded"),
    additions=(_ADD,),
)


class SaleSums(Counting):
    """The rounds that count the outbox."""

    def __init__(self, database: Database, *, xacts_max: int = XACTS_MAX) -> None:
        super().__init__(database, _SUMS, xacts_max=xacts_max)
