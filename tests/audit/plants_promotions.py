"""Breaches planted around a discount: each begins with one as it should be, and spoils one thing."""

from __future__ import annotations

from tests.audit.estate import MERCHANT
from tests.audit.plants_database import Plant, _order

_AN_ORDER = (
    "(SELECT order_id FROM sale_order JOIN vend_unit USING (merchant_id, order_id) "
    "WHERE state = 'settled' AND unit = 1 AND outcome = 'delivered' ORDER BY order_id LIMIT 1)"
)
GOOD = f"""
INSERT INTO promotion (merchant_id, promotion_id, name, rule, state, money_max, taken_minor, taken_uses, created_at,
    changed_at, changed_by)
VALUES ('{MERCHANT}', 'prm_1', 'happy hour', '{{}}', 'active', 100, 20, 1, now(), now(), 'opr_1');
INSERT INTO promotion_use VALUES ('{MERCHANT}', {_AN_ORDER}, 'prm_1', 20, '[[1, 20]]', 'confirmed', now());
UPDATE sale_order SET discount_minor = 20 WHERE order_id = {_AN_ORDER};
UPDATE vend_unit SET off_minor = 20 WHERE order_id = {_AN_ORDER} AND unit = 1;
"""
"""A settled order whose first unit cost 20 less: no check cries."""

COUPON = (
    GOOD
    + f"""
UPDATE promotion SET rule = '{{"coupon": "prm_1"}}';
INSERT INTO coupon_batch (merchant_id, batch_id, promotion_id, count, uses_each, created_at, created_by)
VALUES ('{MERCHANT}', 'cpb_1', 'prm_1', 1, 2, now(), 'opr_1');
INSERT INTO coupon (merchant_id, coupon_id, batch_id, uses_max, taken) VALUES ('{MERCHANT}', 'cpn_1', 'cpb_1', 2, 1);
UPDATE promotion_use SET coupon_id = 'cpn_1';
"""
)
"""The same, by a coupon for two orders."""
_ANOTHER = f"""
INSERT INTO promotion (merchant_id, promotion_id, name, rule, state, created_at, changed_at, changed_by)
VALUES ('{MERCHANT}', 'prm_2', 'other', '{{"coupon": "prm_2"}}', 'active', now(), now(), 'opr_1');
UPDATE coupon_batch SET promotion_id = 'prm_2';
"""

PLANTS = {
    "discount_of_a_unit_that_nobody_gave": Plant(
        "I4.discount", GOOD + "UPDATE vend_unit SET off_minor = off_minor + 1"
    ),
    "discount_without_a_promotion": Plant(
        "I4.discount", f"UPDATE sale_order SET discount_minor = 5 WHERE order_id = {_AN_ORDER}"
    ),
    "discount_of_another_unit": Plant("I4.discount", GOOD + "UPDATE promotion_use SET units = '[[2, 20]]'"),
    "discount_that_its_units_do_not_add_up_to": Plant(
        "I4.discount I4.promotion_budget", GOOD + "UPDATE promotion_use SET off_minor = 21"
    ),
    "discount_held_for_a_paid_order": Plant("I4.promotion_use", GOOD + "UPDATE promotion_use SET state = 'reserved'"),
    "discount_given_back_though_paid": Plant(
        "I4.promotion_use I4.promotion_budget", GOOD + "UPDATE promotion_use SET state = 'released'"
    ),
    "discount_of_another_way_held_though_paid": Plant(
        "I4.promotion_use",
        GOOD + "UPDATE promotion_use SET more_minor = 5; UPDATE promotion SET taken_minor = 25",
    ),
    "discount_of_another_way_that_the_budget_does_not_count": Plant(
        "I4.promotion_use I4.promotion_budget", GOOD + "UPDATE promotion_use SET more_minor = 5"
    ),
    "budget_that_counts_less": Plant("I4.promotion_budget", GOOD + "UPDATE promotion SET taken_minor = 19"),
    "budget_that_counts_an_order_more": Plant("I4.promotion_budget", GOOD + "UPDATE promotion SET taken_uses = 2"),
    "coupon_that_counts_an_order_more": Plant("I4.coupon", COUPON + "UPDATE coupon SET taken = 2"),
    "coupon_that_counts_an_order_less": Plant("I4.coupon", COUPON + "UPDATE coupon SET taken = 0"),
    "coupons_price_without_a_coupon": Plant(
        "I4.coupon I4.coupon_use", COUPON + "UPDATE promotion_use SET coupon_id = NULL"
    ),
    "coupon_where_none_is_wanted": Plant("I4.coupon_use", COUPON + "UPDATE promotion SET rule = '{}'"),
    "coupon_of_another_promotion": Plant("I4.coupon_use", COUPON + _ANOTHER),
    "coupon_kept_by_an_order_that_ended_unpaid": Plant(
        "I4.coupon_use I8.order_state",
        COUPON
        + _order("ord_over", "expired")
        + f"""
        INSERT INTO promotion_use VALUES ('{MERCHANT}', 'ord_over', 'prm_1', 5, '[[1, 5]]', 'released', now(), 'cpn_1');
        UPDATE coupon SET taken = 2;
        UPDATE sale_order SET discount_minor = 5 WHERE order_id = 'ord_over';
        UPDATE vend_unit SET off_minor = 5 WHERE order_id = 'ord_over'""",
    ),
    "coupon_given_back_though_goods_came": Plant(
        "I4.coupon_use", COUPON + "UPDATE promotion_use SET is_coupon_back = true; UPDATE coupon SET taken = 0"
    ),
}
