"""Breaches planted among buyers' claims, each beside a good one of its kind."""

from __future__ import annotations

from tests.audit.estate import MACHINE, MERCHANT
from tests.audit.plants_database import Plant


def _claim(
    order: str, state: str, *, by: str = "opr_1", reason: str = "seen", refund: str = "''", words: int = 1
) -> str:
    decided = "now()" if state in ("granted", "declined", "refused") else "NULL"
    return f"""
    INSERT INTO claim VALUES ('{MERCHANT}', '{order}', '{MACHINE}', '', '{state}', now(), now(), {words}, {refund},
        '{by}', {decided}, '{reason}');
    INSERT INTO claim_word VALUES ('{MERCHANT}', '{order}', 'clw_1', 'other', '{{}}', 'it broke', now());
    """


def _declined(order: str) -> str:
    """Its evidence."""
    return f"""
    INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES ('{MERCHANT}', '{order}', now(),
        'operator', 'claim.declined', '{{"by": "opr_1", "reason": "seen"}}');
    """


def _refund_of(order: str) -> str:
    return f"(SELECT max(refund_id) FROM refund WHERE order_id = '{order}')"


_GOOD = _claim("ord_cart", "granted", refund=_refund_of("ord_cart")) + _claim("ord_good", "declined")
_GOOD += _declined("ord_good") + _claim("ord_code", "opened", by="", reason="")

PLANTS = {
    "claims_in_order": Plant("", _GOOD),
    "claim_granted_with_anothers_money": Plant(
        "I8.claim_granted", _GOOD + _claim("ord_double", "granted", refund=_refund_of("ord_cart"))
    ),
    "claim_granted_with_nothing": Plant("I8.claim_granted", _claim("ord_double", "granted", refund="'rfd_none'")),
    "claim_granted_by_nobody": Plant(
        "I8.claim_granted", _claim("ord_cart", "granted", by=" ", refund=_refund_of("ord_cart"))
    ),
    "claim_declined_by_nobody": Plant(
        "I8.claim_declined", _claim("ord_good", "declined", by=" ") + _declined("ord_good")
    ),
    "claim_declined_without_reason": Plant(
        "I8.claim_declined", _claim("ord_good", "refused", reason=" ") + _declined("ord_good")
    ),
    "claim_declined_without_evidence": Plant("I8.claim_declined", _claim("ord_good", "declined")),
    "claim_word_lost": Plant("I8.claim_words", _claim("ord_good", "opened", by="", reason="", words=2)),
    "claim_of_an_unpaid_order": Plant("I8.claim_words", _claim("ord_unpaid", "opened", by="", reason="")),
}
