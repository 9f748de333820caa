"""I13: who acted. The change log is a chain that nobody changed, and no word of a person is missing in it."""

from __future__ import annotations

from vendomat.audit.model import Check

_LINK = "encode(sha256(convert_to(previous || E'\\n' || content, 'UTF8')), 'hex')"
_SAYS = (
    "(content::jsonb ->> 'seq', content::jsonb ->> 'actor', content::jsonb ->> 'action', "
    "content::jsonb ->> 'subject', (content::jsonb ->> 'at')::timestamptz)"
)

CHECKS: tuple[Check, ...] = (
    Check(
        "I13.change_chain",
        "An entry of the change log was changed, taken away, or does not follow from the one before",
        "Somebody changed something and hid it.",
        f"""
        SELECT merchant_id, seq, action, subject, link FROM (
            SELECT *, lag(link, 1, '') OVER w AS before, lag(seq, 1, 0::bigint) OVER w AS place FROM change_entry
            WINDOW w AS (PARTITION BY merchant_id ORDER BY seq)) e
        WHERE seq <> place + 1 OR previous <> before OR link <> {_LINK}
            OR CASE WHEN content IS JSON THEN {_SAYS} IS DISTINCT FROM (seq::text, actor, action, subject, at)
                ELSE true END
        """,
    ),
    Check(
        "I13.change_head",
        "The newest entries of a merchant's change log are missing",
        "The log was cut off, or an older copy was put in its place.",
        """
        SELECT merchant_id, h.seq AS head_seq, e.seq AS newest_seq FROM change_head h
        FULL JOIN (SELECT DISTINCT ON (merchant_id) merchant_id, seq, link FROM change_entry
            ORDER BY merchant_id, seq DESC) e USING (merchant_id)
        WHERE (coalesce(h.seq, 0), coalesce(h.link, '')) IS DISTINCT FROM (coalesce(e.seq, 0), coalesce(e.link, ''))
        """,
    ),
    Check(
        "I13.said",
        "A person's word stands in the evidence of an order and not in the change log",
        "Who acted cannot be proved.",
        """
        SELECT v.merchant_id, v.order_id, v.kind, v.at FROM evidence v
        JOIN (SELECT merchant_id, min(at) AS began_at FROM change_entry GROUP BY merchant_id) b USING (merchant_id)
        CROSS JOIN LATERAL (SELECT coalesce(v.data ->> 'by', v.data ->> 'operator_id', '') AS actor) a
        WHERE v.source = 'operator' AND a.actor <> '' AND v.at >= b.began_at
            AND NOT EXISTS (SELECT FROM change_entry e WHERE (e.merchant_id, e.actor, e.action, e.at)
                = (v.merchant_id, a.actor, v.kind, v.at))
        """,
    ),
)
