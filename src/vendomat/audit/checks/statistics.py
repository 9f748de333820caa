"""I4 for figures of sales and for closed months: the sums are counted anew from orders, units, payments and refunds.

What is newer than the place up to which the sums count is left out on both sides, so a living system can be asked.
"""

from __future__ import annotations

from vendomat.audit.model import Check

_SHA256 = "encode(sha256(convert_to({0}, 'UTF8')), 'hex')"
_PLACE = "(SELECT CAST(CAST(coalesce((SELECT xact FROM sale_sums_place), 0) AS text) AS xid8))"
_COLUMNS = ("units_sold", "units_failed", "units_unknown", "units_lost", "gross_minor", "refunded_minor")
_FIGURES = "concat_ws('/', " + ", ".join(f"sum({name})::bigint" for name in _COLUMNS) + ")"
_NEWER = f"""
    SELECT merchant_id, subject AS order_id, kind, (data ->> 'unit')::int AS unit, data ->> 'refund_id' AS refund_id
    FROM outbox WHERE xact >= {_PLACE} AND kind IN ('vend.delivered', 'vend.not_delivered', 'vend.unknown',
        'vend.found', 'refund.succeeded')
"""
_WENT_BACK = """
    SELECT r.merchant_id, r.payment_id, sum(r.amount_minor) AS minor FROM refund r WHERE r.state = 'succeeded'
        AND NOT EXISTS (SELECT FROM newer n WHERE n.merchant_id = r.merchant_id AND n.refund_id = r.refund_id
            AND n.kind = 'refund.succeeded') GROUP BY 1, 2
"""
_UNITS = f"""
    SELECT u.merchant_id, date_trunc('hour', o.created_at AT TIME ZONE m.time_zone) AS starts_at, u.machine_id, u.slot,
        u.product_id, p.channel, o.currency, u.outcome, u.price_minor,
        NOT EXISTS (SELECT FROM newer n WHERE (n.merchant_id, n.order_id, n.unit) = (u.merchant_id, u.order_id, u.unit)
            AND n.kind LIKE 'vend.%' AND n.kind <> 'vend.found') AS is_told,
        u.finding = 'came_out' AND NOT EXISTS (SELECT FROM newer n WHERE n.kind = 'vend.found'
            AND (n.merchant_id, n.order_id, n.unit) = (u.merchant_id, u.order_id, u.unit)) AS is_lost,
        coalesce(b.minor, 0) AS back,
        sum(u.price_minor) OVER w - u.price_minor AS low, sum(u.price_minor) OVER w AS high,
        row_number() OVER w = count(*) OVER (PARTITION BY u.merchant_id, u.order_id) AS is_last
    FROM vend_unit u JOIN sale_order o USING (merchant_id, order_id)
    JOIN payment p ON p.merchant_id = u.merchant_id AND p.order_id = u.order_id AND p.is_winning
    JOIN merchant m ON m.merchant_id = u.merchant_id
    LEFT JOIN ({_WENT_BACK}) b ON b.merchant_id = p.merchant_id AND b.payment_id = p.payment_id
    WHERE o.origin <> 'top_up' AND u.is_final AND {_PLACE} > '0'::xid8
    WINDOW w AS (PARTITION BY u.merchant_id, u.order_id ORDER BY (u.outcome = 'delivered')::int, u.unit)
"""
_COUNTED = f"""
    SELECT merchant_id, starts_at, machine_id, slot, product_id, channel, currency,
        (is_told AND outcome = 'delivered')::int AS units_sold,
        (is_told AND outcome = 'not_delivered')::int AS units_failed,
        (is_told AND outcome = 'unknown')::int AS units_unknown, is_lost::int AS units_lost,
        CASE WHEN is_told AND outcome = 'delivered' THEN price_minor ELSE 0 END AS gross_minor,
        greatest(0, CASE WHEN is_last THEN back ELSE least(back, high) END - low) AS refunded_minor FROM ({_UNITS}) u
"""
_DETAIL = (
    "merchant_id, 'detail' AS sums, starts_at, concat_ws('/', machine_id, slot, product_id, channel) AS key, currency"
)
_EXPECTED = f"""
    SELECT {_DETAIL}, {_FIGURES} AS figures FROM ({_COUNTED}) c GROUP BY 1, 2, 3, 4, 5
        HAVING sum(units_sold + units_failed + units_unknown + units_lost + refunded_minor) > 0
    UNION ALL
    SELECT h.merchant_id, g.span || ' by ' || g.by, date_trunc(g.span, h.hour), g.key, h.currency, {_FIGURES}
    FROM sale_hour h CROSS JOIN LATERAL (VALUES ('hour', 'all', ''), ('day', 'all', ''), ('month', 'all', ''),
        ('day', 'machine', machine_id), ('day', 'product', product_id), ('day', 'channel', channel),
        ('month', 'machine', machine_id), ('month', 'product', product_id), ('month', 'channel', channel),
        ('month', 'machine_product', machine_id || '/' || product_id)
    ) AS g (span, by, key) GROUP BY 1, 2, 3, 4, 5
"""
_KEPT = f"""
    SELECT {_DETAIL.replace("starts_at", "hour AS starts_at")}, {_FIGURES} AS figures FROM sale_hour
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT merchant_id, span || ' by ' || by, starts_at, key, currency, {_FIGURES} FROM sale_sum GROUP BY 1, 2, 3, 4, 5
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.sale_sums",
        "The figures of sales are not what the orders say",
        "Reports, rankings and the close of a month show sales that were not made, or leave out some that were.",
        f"""
        SELECT merchant_id, sums, starts_at, key, currency, e.figures AS expected, k.figures AS kept FROM (
            WITH newer AS MATERIALIZED ({_NEWER}) {_EXPECTED}) e
        FULL JOIN ({_KEPT}) k USING (merchant_id, sums, starts_at, key, currency)
        WHERE e.figures IS DISTINCT FROM k.figures
        """,
    ),
    Check(
        "I4.month_chain",
        "A closed month was changed, or does not follow from the one before",
        "The figures of a month are no longer those that were said when it was closed.",
        f"""
        SELECT merchant_id, position, month, link FROM (
            SELECT *, lag(link, 1, '') OVER w AS before, lag(position, 1, 0) OVER w AS place,
                lag(month) OVER w AS month_before FROM month_close
            WINDOW w AS (PARTITION BY merchant_id ORDER BY position)) c
        WHERE position <> place + 1 OR previous <> before OR content_sha256 <> {_SHA256.format("content")}
            OR link <> {_SHA256.format("previous || chr(10) || content_sha256")}
            OR (month_before || '-01')::date + interval '1 month' <> (month || '-01')::date
            OR CASE WHEN content IS JSON THEN (content::jsonb ->> 'month', content::jsonb ->> 'previous')
                IS DISTINCT FROM (month, previous) ELSE true END
        """,
    ),
)
