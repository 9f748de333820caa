"""What a machine delivers in an hour, beside what it started: what it can be expected to lose while it stands still."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_FILL = """
UPDATE vend_hour h SET delivered = s.units, delivered_minor = s.amount_minor
FROM (
    SELECT u.merchant_id, coalesce(u.machine_id, '') AS machine_id, date_trunc('hour', o.created_at, 'UTC') AS hour,
        count(*) AS units, sum(u.price_minor) AS amount_minor
    FROM vend_unit u JOIN sale_order o USING (merchant_id, order_id)
    WHERE u.outcome = 'delivered' AND o.created_at > now() - interval '29 days'
    GROUP BY GROUPING SETS ((u.merchant_id, u.machine_id, date_trunc('hour', o.created_at, 'UTC')),
        (u.merchant_id, date_trunc('hour', o.created_at, 'UTC')))
) s
WHERE (h.merchant_id, h.machine_id, h.hour) = (s.merchant_id, s.machine_id, s.hour)
"""


def upgrade() -> None:
    """Hours that were counted before get their sums by the hour in which an order was made: near enough for what is
    only an expectation."""
    op.execute(
        "ALTER TABLE vend_hour ADD COLUMN delivered integer NOT NULL DEFAULT 0 CHECK (delivered >= 0), "
        "ADD COLUMN delivered_minor bigint NOT NULL DEFAULT 0 CHECK (delivered_minor >= 0)"
    )
    op.execute("SET LOCAL ROLE vendomat_hot")
    op.execute(_FILL)
    op.execute("RESET ROLE")
