"""Ambiguous units as rows of their own, what was found out about a unit after its last word, a slot's last vends."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_AMBIGUITY = """
CREATE TABLE ambiguity (
    merchant_id text NOT NULL,
    order_id    text NOT NULL,
    unit        integer NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL,
    product_id  text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency    text NOT NULL,
    declared_at timestamptz NOT NULL,
    finding     text NOT NULL DEFAULT 'none' CHECK (finding IN ('none', 'came_out', 'stayed_in', 'not_knowable')),
    found_at    timestamptz,
    PRIMARY KEY (merchant_id, order_id, unit),
    FOREIGN KEY (merchant_id, order_id, unit) REFERENCES vend_unit,
    CHECK ((finding = 'none') = (found_at IS NULL))
)
"""


def upgrade() -> None:
    """`vend_unit` gets no index, so that its updates stay in place. Goods that came late are a finding from now on.

    The statements that move rows run as the sale's role: the owner itself reads none.
    """
    op.execute(
        "ALTER TABLE vend_unit ADD COLUMN finding text NOT NULL DEFAULT 'none' "
        "CHECK (finding IN ('none', 'came_out', 'stayed_in', 'not_knowable')), ADD CHECK (finding = 'none' OR is_final)"
    )
    op.execute("SET LOCAL ROLE vendomat_hot")
    op.execute("UPDATE vend_unit SET finding = 'came_out' WHERE came_out_late")
    op.execute("RESET ROLE")
    op.execute("ALTER TABLE vend_unit DROP COLUMN came_out_late")
    op.execute("ALTER TABLE stock_slot ADD COLUMN vend_record integer NOT NULL DEFAULT 0")
    op.execute(_AMBIGUITY)
    op.execute("CREATE INDEX ambiguity_newest ON ambiguity (merchant_id, declared_at DESC, order_id DESC, unit DESC)")
    op.execute("CREATE INDEX ambiguity_machine ON ambiguity (merchant_id, machine_id)")
    op.execute("ALTER TABLE ambiguity ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE ambiguity FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_merchant ON ambiguity TO vendomat_merchant "
        "USING (merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')) "
        "WITH CHECK (merchant_id = nullif(current_setting('vendomat.merchant_id', true), ''))"
    )
    op.execute("CREATE POLICY hot_path ON ambiguity TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON ambiguity TO vendomat_merchant")
    op.execute("GRANT SELECT, INSERT, UPDATE ON ambiguity TO vendomat_hot")
    op.execute("SET LOCAL ROLE vendomat_hot")
    op.execute(
        "INSERT INTO ambiguity SELECT u.merchant_id, u.order_id, u.unit, u.machine_id, u.slot, u.product_id, "
        "u.price_minor, o.currency, e.declared_at, u.finding, CASE WHEN u.finding <> 'none' THEN e.declared_at END "
        "FROM vend_unit u JOIN sale_order o USING (merchant_id, order_id) JOIN (SELECT merchant_id, order_id, "
        "(data ->> 'unit')::int AS unit, min(at) AS declared_at FROM evidence WHERE kind = 'vend.declared_ambiguous' "
        "GROUP BY 1, 2, 3) e USING (merchant_id, order_id, unit) WHERE u.outcome = 'unknown' AND u.is_final"
    )
    op.execute("RESET ROLE")
