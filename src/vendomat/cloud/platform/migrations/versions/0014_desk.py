"""What people decide about money that did not fit its order, and refunds they pay outside the platform."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE payment
    ADD COLUMN verdict text NOT NULL DEFAULT 'none'
        CHECK (verdict IN ('none', 'give_asked', 'keep_asked', 'given_back', 'kept')),
    ADD COLUMN verdict_by text NOT NULL DEFAULT '',
    ADD CHECK (is_frozen OR verdict = 'none'), ADD CHECK ((verdict = 'none') = (verdict_by = '')),
    ADD CHECK (NOT (is_frozen AND is_winning));
ALTER TABLE refund
    ADD COLUMN hand_way text NOT NULL DEFAULT '',
    ADD COLUMN hand_reference text NOT NULL DEFAULT '',
    ADD COLUMN recorded_by text NOT NULL DEFAULT '',
    ADD CHECK ((hand_way = '') = (recorded_by = '') AND (hand_way = '') = (hand_reference = '')),
    ADD CHECK (hand_way = '' OR (ordinal > 1 AND asked_by = '' AND next_try_at IS NULL
        AND state IN ('held', 'succeeded', 'failed') AND approved_by <> recorded_by));
CREATE INDEX payment_frozen ON payment (merchant_id, order_id) WHERE is_frozen;
"""

_MISFITS = """
    SELECT p.merchant_id, p.payment_id, p.order_id, p.channel, p.captured_minor, p.paid_at,
        o.currency AS order_currency, e.detail ->> 'account' AS account, e.detail ->> 'currency' AS currency
    FROM payment p JOIN sale_order o USING (merchant_id, order_id) JOIN security_event e
        ON e.merchant_id = p.merchant_id AND e.kind = 'payment_mismatch' AND e.detail ->> 'payment_id' = p.payment_id
    WHERE p.is_frozen AND p.captured_minor > 0
"""
_UNBOOKED = f"SELECT * FROM ({_MISFITS}) m WHERE currency <> order_currency"
_BOOK = f"""
INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at)
    SELECT merchant_id, 'paid:' || payment_id, 'payment_unexplained', order_id, paid_at FROM ({_UNBOOKED}) u;
INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at)
    SELECT merchant_id, 'paid:' || payment_id, l.line, l.account, l.amount_minor, currency, paid_at
    FROM ({_UNBOOKED}) u CROSS JOIN LATERAL (VALUES
        (1, 'asset:clearing:' || u.channel || ':' || u.account, u.captured_minor),
        (2, 'suspense:long:' || u.channel, -u.captured_minor)) AS l (line, account, amount_minor);
UPDATE payment p SET account = m.account, currency = m.currency FROM ({_MISFITS}) m
    WHERE (p.merchant_id, p.payment_id) = (m.merchant_id, m.payment_id);
"""


def upgrade() -> None:
    """A payment that did not fit its order says from now on where and in which currency its money stands. What was
    taken in a foreign currency before was only reported; it is booked now, as the sale's role, which reads the rows."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(_COLUMNS))
    op.execute("SET LOCAL ROLE vendomat_hot")
    await_only(driver.execute(_BOOK))
    op.execute("RESET ROLE")
