"""I8: what buyers claimed. Who said no or yes is known, money that was promised has its refund, and no word is lost."""

from __future__ import annotations

from vendomat.audit.model import Check

CHECKS: tuple[Check, ...] = (
    Check(
        "I8.claim_granted",
        "A claim was granted without a refund of its order, or without a person",
        "A buyer was told that money comes, and none does.",
        """
        SELECT c.merchant_id, c.order_id, c.refund_id, c.decided_by, r.order_id AS refund_of FROM claim c
        LEFT JOIN refund r ON (r.merchant_id, r.refund_id) = (c.merchant_id, c.refund_id)
        WHERE c.state = 'granted' AND (r.order_id IS DISTINCT FROM c.order_id OR btrim(c.decided_by) = ''
            OR c.decided_at IS NULL)
        """,
    ),
    Check(
        "I8.claim_declined",
        "A claim was declined without a person or without a reason, or that stands in no evidence of its order",
        "A buyer was sent away and nobody answers for it.",
        """
        SELECT c.merchant_id, c.order_id, c.state, c.decided_by, c.reason FROM claim c
        WHERE c.state IN ('declined', 'refused') AND (btrim(c.decided_by) = '' OR btrim(c.reason) = ''
            OR NOT EXISTS (SELECT FROM evidence e WHERE (e.merchant_id, e.order_id) = (c.merchant_id, c.order_id)
                AND e.source = 'operator' AND e.kind = 'claim.declined' AND e.data ->> 'by' = c.decided_by
                AND e.data ->> 'reason' = c.reason))
        """,
    ),
    Check(
        "I8.claim_words",
        "A claim does not have the words that its buyer said, or is about an order that nobody paid",
        "What a buyer told us is lost, or somebody else said it.",
        """
        SELECT c.merchant_id, c.order_id, c.words, w.words AS kept FROM claim c
        CROSS JOIN LATERAL (SELECT count(*) AS words FROM claim_word k
            WHERE (k.merchant_id, k.order_id) = (c.merchant_id, c.order_id)) w
        WHERE c.words <> w.words OR NOT EXISTS (SELECT FROM payment p
            WHERE (p.merchant_id, p.order_id) = (c.merchant_id, c.order_id) AND p.captured_minor > 0)
        """,
    ),
)
