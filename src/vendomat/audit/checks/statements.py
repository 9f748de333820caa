"""I4 once more: sums by day against the ledger, and the statements to site owners, which nobody may have changed."""

from __future__ import annotations

from vendomat.audit.model import Check

_SHA256 = "encode(sha256(convert_to({0}, 'UTF8')), 'hex')"
_LINK = _SHA256.format("concat_ws(E'\\n', previous, content_sha256, csv_sha256, pdf_en_sha256, pdf_zh_sha256)")
_SAYS = (
    "(content::jsonb ->> 'position', content::jsonb ->> 'month', content::jsonb ->> 'site_id', "
    "content::jsonb ->> 'currency', content::jsonb ->> 'total_minor', content::jsonb ->> 'previous')"
)

_RENT = """
    SELECT s.merchant_id, 'rent:' || s.site_id || ':' || s.position || ':' || s.link AS txn_key, l.account,
        s.currency, l.amount_minor
    FROM site_statement s CROSS JOIN LATERAL (VALUES ('expense:site_rent:' || s.site_id, s.total_minor),
        ('liab:site_rent:' || s.site_id, -s.total_minor)) AS l (account, amount_minor)
    WHERE s.total_minor <> 0
    UNION ALL
    SELECT p.merchant_id, 'rent_paid:' || p.payout_id, l.account, p.currency, l.amount_minor
    FROM site_payout p CROSS JOIN LATERAL (VALUES ('liab:site_rent:' || p.site_id, p.amount_minor),
        ('asset:bank', -p.amount_minor)) AS l (account, amount_minor)
"""

_OF_MANY = "^(liab:|asset:cash:|income:sales:|expense:site_rent:)"
"""Accounts of many people or machines, which are summed as one."""
_COUNTED = """
    SELECT l.merchant_id, (l.posted_at AT TIME ZONE m.time_zone)::date AS day, l.account, l.currency, l.amount_minor
    FROM ledger_line l JOIN merchant m USING (merchant_id)
    WHERE l.xact < coalesce((SELECT xact FROM day_sums_place), 0)
"""
_BY_KIND = """
    SELECT merchant_id, day, CASE WHEN account LIKE 'income:%' THEN 'income' ELSE 'goodwill' END AS what, currency,
        sum(CASE WHEN account LIKE 'income:%' THEN -amount_minor ELSE amount_minor END) AS minor
    FROM ({counted}) c WHERE account LIKE 'income:%' OR account = 'expense:goodwill' GROUP BY 1, 2, 3, 4
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.day_sums",
        "The sums by day are not what the ledger says",
        "A merchant's statement would show other figures than the books.",
        f"""
        SELECT merchant_id, day, account, currency, e.minor AS expected_minor, s.minor AS summed_minor FROM (
            SELECT merchant_id, day, CASE WHEN account ~ '{_OF_MANY}' THEN split_part(account, ':', 1) || ':'
                || split_part(account, ':', 2) ELSE account END AS account, currency, sum(amount_minor) AS minor
            FROM ({_COUNTED}) c GROUP BY 1, 2, 3, 4) e
        FULL JOIN (SELECT merchant_id, day, account, currency, sum(debit_minor - credit_minor) AS minor
            FROM ledger_day GROUP BY 1, 2, 3, 4) s USING (merchant_id, day, account, currency)
        WHERE coalesce(e.minor, 0) <> coalesce(s.minor, 0)
        UNION ALL
        SELECT merchant_id, day, what, currency, e.minor, s.minor FROM ({_BY_KIND.format(counted=_COUNTED)}) e
        FULL JOIN (SELECT merchant_id, day, CASE kind WHEN 'goodwill' THEN 'goodwill' ELSE 'income' END AS what,
            currency, sum(amount_minor) AS minor FROM sales_day GROUP BY 1, 2, 3, 4) s
            USING (merchant_id, day, what, currency)
        WHERE coalesce(e.minor, 0) <> coalesce(s.minor, 0)
        UNION ALL
        SELECT merchant_id, month, concat_ws('/', machine_id, product_id, kind), currency, d.minor, s.minor FROM (
            SELECT merchant_id, date_trunc('month', day)::date AS month, machine_id, product_id, kind, currency,
                sum(amount_minor) AS minor, sum(units) AS units FROM sales_day GROUP BY 1, 2, 3, 4, 5, 6) d
        FULL JOIN sales_month m USING (merchant_id, month, machine_id, product_id, kind, currency)
        CROSS JOIN LATERAL (SELECT m.amount_minor AS minor, m.units) s
        WHERE (d.minor, d.units) IS DISTINCT FROM (s.minor, s.units)
        """,
    ),
    Check(
        "I4.site_chain",
        "A statement to a site's owner was changed, or does not follow from the one before",
        "The owner holds another statement than we do.",
        f"""
        SELECT merchant_id, site_id, position, month, link FROM (
            SELECT *, lag(link, 1, '') OVER w AS before, lag(position, 1, 0) OVER w AS place FROM site_statement
            WINDOW w AS (PARTITION BY merchant_id, site_id ORDER BY position)) s
        WHERE position <> place + 1 OR previous <> before OR content_sha256 <> {_SHA256.format("content")}
            OR link <> {_LINK} OR CASE WHEN content IS JSON THEN {_SAYS} IS DISTINCT FROM
                (position::text, month, site_id, currency, total_minor::text, previous) ELSE true END
        """,
    ),
    Check(
        "I4.site_files",
        "A file of a statement to a site's owner is missing or was changed",
        "What can be downloaded is not what was issued.",
        """
        SELECT s.merchant_id, s.site_id, s.position, k.form, k.sha256 AS stated_sha256, f.sha256
        FROM site_statement s CROSS JOIN LATERAL (VALUES ('csv', s.csv_sha256), ('pdf_en', s.pdf_en_sha256),
            ('pdf_zh', s.pdf_zh_sha256)) AS k (form, sha256)
        LEFT JOIN site_statement_file f ON (f.merchant_id, f.site_id, f.position, f.form)
            = (s.merchant_id, s.site_id, s.position, k.form)
        WHERE f.sha256 IS DISTINCT FROM k.sha256 OR encode(sha256(f.content), 'hex') IS DISTINCT FROM k.sha256
        """,
    ),
    Check(
        "I4.site_rent",
        "The ledger does not say what was stated to site owners and paid to them",
        "A statement or payout is booked twice, not at all, with another amount, or was exchanged for another.",
        f"""
        SELECT merchant_id, txn_key, account, currency, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor
        FROM ({_RENT}) e FULL JOIN (
            SELECT l.merchant_id, l.txn_key, l.account, l.currency, sum(l.amount_minor) AS amount_minor
            FROM ledger_line l WHERE l.txn_key ~ '^rent(_paid)?:' OR (l.account ~ '^(liab|expense):site_rent:'
                AND l.txn_key !~ '^share_[a-z]+:')
            GROUP BY 1, 2, 3, 4) b USING (merchant_id, txn_key, account, currency)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor
        """,
    ),
)
