"""Breaches planted in the figures of sales and in closed months, and the checks that must cry.

The sums that are in order are written from the orders by a way of their own, so that a check which cries at what is
right is found, too.
"""

from __future__ import annotations

import hashlib

from tests.audit.estate import MERCHANT
from tests.audit.plants_database import Plant

_HOUR = "date_trunc('hour', o.created_at AT TIME ZONE 'Asia/Shanghai')"
_BACK = """coalesce((SELECT sum(r.amount_minor) FROM refund r JOIN payment p USING (merchant_id, payment_id)
    WHERE r.order_id = o.order_id AND r.state = 'succeeded' AND p.is_winning), 0)"""
_SUMMED = f"""
    INSERT INTO sale_sums_place VALUES (true, 9000000000000000);
    INSERT INTO sale_hour SELECT merchant_id, hour, machine_id, slot, product_id, channel, currency, sum(sold),
        sum(failed), sum(unknown), sum(lost), sum(sold * price_minor), sum(back) FROM (
        SELECT o.merchant_id, {_HOUR} AS hour, o.machine_id, 'A1' AS slot, 'prd_1' AS product_id, p.channel, o.currency,
            350 AS price_minor, n.sold, n.failed, n.unknown, n.lost, {_BACK} AS back
        FROM sale_order o JOIN payment p ON p.order_id = o.order_id AND p.is_winning
        JOIN (SELECT order_id, count(*) FILTER (WHERE outcome = 'delivered') AS sold,
            count(*) FILTER (WHERE outcome = 'not_delivered') AS failed,
            count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
            count(*) FILTER (WHERE finding = 'came_out') AS lost
            FROM vend_unit WHERE is_final GROUP BY 1) n ON n.order_id = o.order_id
        WHERE o.origin <> 'top_up') s GROUP BY 1, 2, 3, 4, 5, 6, 7;
    INSERT INTO sale_sum SELECT merchant_id, span, by, date_trunc(span, hour), CASE by WHEN 'machine' THEN machine_id
        WHEN 'product' THEN product_id WHEN 'channel' THEN channel
        WHEN 'machine_product' THEN machine_id || '/' || product_id ELSE '' END, currency, sum(units_sold),
        sum(units_failed), sum(units_unknown), sum(units_lost), sum(gross_minor), sum(refunded_minor)
    FROM sale_hour, unnest(ARRAY['hour', 'day', 'month']) AS span,
        unnest(ARRAY['all', 'machine', 'product', 'channel', 'machine_product']) AS by
    WHERE by = 'all' OR span = 'month' OR (span = 'day' AND by <> 'machine_product') GROUP BY 1, 2, 3, 4, 5, 6;
"""
"""Sums that are in order, far ahead of every event. Every unit of the estate is of one product at one price."""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _closed(position: int, month: str, previous: str) -> tuple[str, str]:
    """A closed month that is in order, and its link."""
    content = f'{{"month": "{month}", "previous": "{previous}", "lines": []}}'
    link = _sha256(f"{previous}\n{_sha256(content)}")
    values = f"{position}, '{month}', '{content}', '{_sha256(content)}', '{previous}', '{link}', now(), 'opr_1'"
    return f"INSERT INTO month_close VALUES ('{MERCHANT}', {values});", link


_MAY, _LINK = _closed(1, "2026-05", "")
_TWO_MONTHS = _MAY + _closed(2, "2026-06", _LINK)[0]

PLANTS = {
    "months_in_order": Plant("", _TWO_MONTHS),
    "month_changed": Plant(
        "I4.month_chain", f"{_TWO_MONTHS} UPDATE month_close SET content = '{{}}' WHERE position = 1"
    ),
    "month_taken_out": Plant("I4.month_chain", f"{_TWO_MONTHS} DELETE FROM month_close WHERE position = 1"),
    "month_left_out": Plant("I4.month_chain", _MAY + _closed(2, "2026-07", _LINK)[0]),
    "month_guard_off": Plant("I4.guards", "ALTER TABLE month_close DISABLE TRIGGER month_close_append_only"),
    "sale_sums_in_order": Plant("", _SUMMED),
    "sale_sum_of_a_month_changed": Plant(
        "I4.sale_sums",
        f"{_SUMMED} UPDATE sale_sum SET gross_minor = gross_minor + 1 WHERE span = 'month' AND by = 'product'",
    ),
    "sale_counted_twice_everywhere": Plant(
        "I4.sale_sums",
        f"{_SUMMED} UPDATE sale_hour SET units_sold = units_sold + 1; UPDATE sale_sum SET units_sold = units_sold + 1",
    ),
    "sale_forgotten": Plant("I4.sale_sums", f"{_SUMMED} DELETE FROM sale_hour; DELETE FROM sale_sum"),
    "sale_refund_forgotten": Plant(
        "I4.sale_sums", f"{_SUMMED} UPDATE sale_hour SET refunded_minor = 0; UPDATE sale_sum SET refunded_minor = 0"
    ),
}
