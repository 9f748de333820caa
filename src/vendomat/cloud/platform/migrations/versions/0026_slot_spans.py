"""In which state each slot was, from when until when: in stock, empty, closed, or its machine away."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_SPAN = """
CREATE TABLE slot_span (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz CHECK (until >= since),
    product_id  text NOT NULL,
    state       text NOT NULL CHECK (state IN ('selling', 'empty', 'closed', 'away')),
    PRIMARY KEY (merchant_id, machine_id, slot, since)
) WITH (fillfactor = 90)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """Nothing is known of the time before: it is no time in stock, and no time without stock either."""
    op.execute(_SPAN)
    op.execute("ALTER TABLE slot_span ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE slot_span FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON slot_span TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON slot_span TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON slot_span TO vendomat_hot")
    op.execute("GRANT SELECT ON slot_span TO vendomat_merchant")
    op.execute("CREATE UNIQUE INDEX slot_span_open ON slot_span (merchant_id, machine_id, slot) WHERE until IS NULL")
    op.execute("CREATE INDEX slot_span_until ON slot_span (merchant_id, until)")
    op.execute("CREATE TABLE slot_watch (is_one boolean PRIMARY KEY CHECK (is_one), at timestamptz NOT NULL)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON slot_watch TO vendomat_hot")
    op.execute("GRANT SELECT ON slot_watch TO vendomat_merchant")
