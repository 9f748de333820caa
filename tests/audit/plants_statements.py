"""Breaches planted in sums by day and in statements to site owners, and the checks that must cry.

What is planted is in order first, so that a check which cries at what is right is found, too.
"""

from __future__ import annotations

import hashlib

from tests.audit.estate import MERCHANT
from tests.audit.plants_database import Plant


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _content(total: int, spaces: str = " ") -> str:
    return (
        f'{{"position": 1,{spaces}"month": "2026-01", "site_id": "sit_1", "currency": "CNY", "total_minor": {total}, '
        '"previous": ""}'
    )


def _link(content: str) -> str:
    return _sha256("\n".join(["", _sha256(content), *[_FILE] * 3]))


_FILE = _sha256("file")
_RIGHT = _content(70)
_KEY = f"rent:sit_1:1:{_link(_RIGHT)}"
STATED = f"""
    INSERT INTO site VALUES ('{MERCHANT}', 'sit_1', 'Lobby', 'Wang', now());
    INSERT INTO site_statement VALUES ('{MERCHANT}', 'sit_1', 1, '2026-01', 'CNY', 70, '{_RIGHT}', '{_sha256(_RIGHT)}',
        '{_FILE}', '{_FILE}', '{_FILE}', '', '{_link(_RIGHT)}', now(), 'opr_1');
    INSERT INTO site_statement_file SELECT '{MERCHANT}', 'sit_1', 1, form, '{_FILE}', 'file'
        FROM unnest(ARRAY['csv', 'pdf_en', 'pdf_zh']) AS form;
    INSERT INTO ledger_transaction VALUES ('{MERCHANT}', '{_KEY}', 'site_rent_stated', '', now());
    INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) VALUES
        ('{MERCHANT}', '{_KEY}', 1, 'expense:site_rent:sit_1', 70, 'CNY', now()),
        ('{MERCHANT}', '{_KEY}', 2, 'liab:site_rent:sit_1', -70, 'CNY', now());
"""
"""A statement to a site's owner that is in order."""

_DAY = "(posted_at AT TIME ZONE 'Asia/Shanghai')::date"
_SUMMED = f"""
    INSERT INTO day_sums_place VALUES (true, 9000000000000000);
    INSERT INTO ledger_day SELECT merchant_id, {_DAY},
        CASE WHEN account ~ '^(income:sales|liab:[^:]+|expense:site_rent):'
            THEN split_part(account, ':', 1) || ':' || split_part(account, ':', 2) ELSE account END,
        currency, '', sum(greatest(amount_minor, 0)), sum(greatest(-amount_minor, 0)), count(*)
    FROM ledger_line GROUP BY 1, 2, 3, 4;
    INSERT INTO sales_day SELECT merchant_id, {_DAY}, 'm', 'p', currency, kind, 1, sum(sign * amount_minor)
    FROM ledger_line JOIN (VALUES ('income:%', 'sold', -1), ('expense:goodwill', 'goodwill', 1)
        ) AS k (pattern, kind, sign) ON account LIKE pattern GROUP BY 1, 2, 5, 6;
    INSERT INTO sales_month SELECT merchant_id, date_trunc('month', day)::date, machine_id, product_id, currency, kind,
        sum(units), sum(amount_minor) FROM sales_day GROUP BY 1, 2, 3, 4, 5, 6;
"""
"""Sums by day and month that are in order, far ahead of everything booked."""


def _rewrite(content: str) -> str:
    """Another content with hash and link that fit it."""
    return (
        f"UPDATE site_statement SET content = '{content}', content_sha256 = '{_sha256(content)}', "
        f"link = '{_link(content)}'"
    )


PLANTS = {
    "statements_and_sums_in_order": Plant("", STATED + _SUMMED),
    "site_statement_changed": Plant("I4.site_chain", f"{STATED} UPDATE site_statement SET content = '{_content(60)}'"),
    "site_statement_no_longer_readable": Plant("I4.site_chain I4.site_rent", f"{STATED} {_rewrite('nothing')}"),
    "site_statement_exchanged_with_its_whole_chain": Plant("I4.site_rent", f"{STATED} {_rewrite(_content(70, '  '))}"),
    "site_statement_before_it_gone": Plant(
        "I4.site_chain I4.site_rent I4.site_files",
        f"{STATED} UPDATE site_statement SET position = 2, previous = link",
    ),
    "site_file_and_day_sum_changed": Plant(
        "I4.site_files I4.day_sums",
        f"{STATED} {_SUMMED} UPDATE site_statement_file SET content = 'other' WHERE form = 'csv'; "
        "UPDATE ledger_day SET debit_minor = debit_minor + 1 WHERE account LIKE 'asset:%'",
    ),
    "month_of_sales_changed": Plant("I4.day_sums", f"{STATED} {_SUMMED} UPDATE sales_month SET units = units + 1"),
    "site_paid_unbooked_sales_forgotten_guard_off": Plant(
        "I4.site_rent I4.day_sums I4.guards",
        f"{STATED} {_SUMMED} DELETE FROM sales_day; "
        f"INSERT INTO site_payout VALUES ('{MERCHANT}', 'spo_1', 'sit_1', 'r', 'CNY', 70, '2026-02-05', now(), 'o'); "
        "ALTER TABLE site_statement DISABLE TRIGGER site_statement_append_only",
    ),
}
